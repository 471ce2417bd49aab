"""A mapping whose names have been looked up: paths, types, converters, tables and functions in place of words.

bind.py makes these from a tree, compile.py turns them into closures, trace and coverage read them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from engine.diagnostic import Span
from engine.mapping.ports import Convert, Model
from engine.types import Format, Path

Act = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Step:
    """A function with its words: `all` takes the list of values and gives one, or a list."""

    name: str
    act: Act
    all: bool


@dataclass(frozen=True, slots=True)
class Read:
    """Values of a path, through functions, converted to the target's type."""

    path: Path
    steps: tuple[Step, ...]
    convert: Convert
    at: Span
    by: Path | None = None  # names the type at run time; then `convert` takes (type, value)
    lenient: bool = False  # `| readable`: what cannot be read is left out, with a warning
    memory: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)  # what was made of which text


@dataclass(frozen=True, slots=True)
class Say:
    """A text of the formula itself, already converted."""

    value: Any
    at: Span


@dataclass(frozen=True, slots=True)
class Refer:
    """A reference to what a resource rule of that name makes."""

    name: str
    at: Span
    must: bool = False  # the message is held when there is none
    own: str = ""  # the resource it stands in, where that may be one of them: it must be another, and one alone


Alternative = Read | Say | Refer


@dataclass(frozen=True, slots=True)
class Value:
    """A formula: the first alternative that gives something. `many` keeps all its values, else the first is taken."""

    choice: tuple[Alternative, ...]
    many: bool
    at: Span

    @property
    def sure(self) -> bool:
        """Whether it gives something whatever is received."""
        return any(isinstance(one, Say) for one in self.choice)


@dataclass(frozen=True, slots=True)
class Fixed:
    """A value that stands in the file."""

    value: Any
    at: Span
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Object:
    """Elements below one element. It is written when something in it that may be empty is not; or when nothing in it may be."""

    entries: tuple[Entry, ...]
    own: Value | None
    at: Span
    many: bool = False

    @property
    def sure(self) -> bool:
        """Whether it is written whatever is received."""
        return self.own is None and all(entry.sure for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way an element gets its value: once or for each instance, under a test or not."""

    value: Value | Fixed | Object
    test: Ask | None
    each: str
    at: Span
    before: Ask | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An element with its variants: a repeating element takes them all, any other the first that gives something."""

    name: str
    variants: tuple[Variant, ...]
    many: bool
    choice: str = ""  # value[x]: of its members only the first that gives something is written

    @property
    def sure(self) -> bool:
        """Whether it has a value whatever is received."""
        return any(one.value.sure and one.test is None and one.before is None and not one.each for one in self.variants)


@dataclass(frozen=True, slots=True)
class Clause:
    """A path and a question about its value as text."""

    path: Path
    text: Callable[[Any], str]
    sign: str
    words: tuple[str, ...]
    at: Span
    other: Clause | None = None  # of same: the other field, to be read as text


@dataclass(frozen=True, slots=True)
class Group:
    """Several questions joined by `and` or `or`."""

    sign: str
    parts: tuple[Ask, ...]


Ask = Clause | Group
ALWAYS = Group("and", ())  # holds whatever is received, and yet makes nothing sure


@dataclass(frozen=True, slots=True)
class Clear:
    """Elements the stored resource loses when the test holds, or always."""

    names: tuple[str, ...]
    test: Ask | None


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource rule."""

    type: str
    name: str
    each: str
    test: Ask | None
    identity: tuple[Value | None, ...]  # None stands for `occurrence`
    merge: bool
    body: Object
    at: Span
    identity_at: Span
    before: Ask | None = None
    constant: bool = False  # the key is of texts only: one resource for all messages
    clear: tuple[Clear, ...] = ()


def plain(part: Value | None) -> bool:
    """Whether a part of a key is a field's or nothing, never a text of the mapping: that tells nothing apart."""
    return part is not None and not part.sure


def read_only(part: Value) -> Value:
    """The part without its texts."""
    return replace(part, choice=tuple(one for one in part.choice if not isinstance(one, Say)))


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole mapping, bound."""

    name: str
    file: str
    format: Format
    structure: str
    events: tuple[str, ...]
    model: Model
    writes: str
    resources: tuple[Resource, ...]
    message: Object | None = None  # one whole message in place of resources
    tables: tuple[str, ...] = ()
    paths: tuple[tuple[Path, str], ...] = field(default=(), compare=False)  # every path read, with the group it is read from
