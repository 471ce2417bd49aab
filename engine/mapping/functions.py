"""The functions of a formula: each an entry with a runnable example, which is its documentation and its test.

A plug-in adds one through the entry point group `isthmus.functions`, whose value is a `Function`. `table` and `as` are known to
the binder itself (they need tables and types) and stand here for the reference only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Make = Callable[..., Callable[[Any], Any]]


@dataclass(frozen=True, slots=True)
class Example:
    """A formula's tail, what goes in, and what comes out (None: nothing)."""

    call: str
    given: tuple[str, ...]
    gives: str | None


@dataclass(frozen=True, slots=True)
class Function:
    """`takes` is each (one value at a time) or all (the list of values); `gives` is text or same (the type stays)."""

    name: str
    does: str
    make: Make
    words: tuple[str, ...] = ()  # the names of its words; one ending in ? may be left out
    takes: str = "each"
    gives: str = "text"
    examples: tuple[Example, ...] = ()

    @property
    def least(self) -> int:
        """The least number of words."""
        return sum(not word.endswith("?") for word in self.words)


def text_of(value: Any) -> str:
    """A source value as text: what a person reads in the field."""
    if value.__class__ is str:
        return value
    if value.__class__ is bool:
        return "true" if value else "false"
    text = getattr(value, "text", None)  # a field's repetition
    return text if text.__class__ is str else str(value)


def _join(between: str = ", ") -> Callable[[Sequence[Any]], str]:
    between = between.replace("\\n", "\n")
    return lambda values: between.join(text_of(value) for value in values)


def _before(mark: str) -> Callable[[Any], str | None]:
    return lambda value: text_of(value).partition(mark)[0] or None


def _after(mark: str) -> Callable[[Any], str | None]:
    return lambda value: text_of(value).partition(mark)[2] or None


def _on_text(change: Callable[[str], str]) -> Make:
    return lambda: lambda value: change(text_of(value)) or None


def _prefix(words: str) -> Callable[[Any], str]:
    return lambda value: words + text_of(value)


def _suffix(words: str) -> Callable[[Any], str]:
    return lambda value: text_of(value) + words


def _cut(length: str) -> Callable[[Any], str]:
    most = int(length)
    return lambda value: text_of(value)[:most]


def _timed() -> Callable[[Any], Any]:
    return lambda value: value if text_of(value)[8:9].isdigit() else None


def _nothing() -> Callable[[Any], Any]:
    return lambda value: value


ALL = (
    Function(
        "join",
        "One text of all repetitions, with the given text between them (a comma and a blank unless told).",
        _join,
        ("between?",),
        "all",
        examples=(Example('join("; ")', ("a", "b"), "a; b"), Example("join", ("a", "b"), "a, b")),
    ),
    Function(
        "lines",
        "One text of all repetitions, each on a line of its own.",
        lambda: _join("\n"),
        takes="all",
        examples=(Example("lines", ("first", "second"), "first\nsecond"),),
    ),
    Function(
        "together",
        "All repetitions as one value, for arrays of numbers (NA, MA).",
        lambda: tuple,
        takes="all",
        gives="same",
    ),
    Function(
        "first",
        "The first repetition only.",
        lambda: lambda values: values[:1],
        takes="all",
        gives="same",
        examples=(Example("first", ("a", "b"), "a"),),
    ),
    Function(
        "last",
        "The last repetition only.",
        lambda: lambda values: values[-1:],
        takes="all",
        gives="same",
        examples=(Example("last", ("a", "b"), "b"),),
    ),
    Function("text", "The whole value as one text.", _on_text(str.strip), examples=(Example("text", (" a ",), "a"),)),
    Function("upper", "Capital letters.", _on_text(str.upper), examples=(Example("upper", ("mg/dl",), "MG/DL"),)),
    Function("lower", "Small letters.", _on_text(str.lower), examples=(Example("lower", ("MG",), "mg"),)),
    Function(
        "before",
        "What stands before the first occurrence of a text; the whole when it does not occur.",
        _before,
        ("mark",),
        examples=(Example('before("@")', ("lab@north",), "lab"), Example('before("@")', ("lab",), "lab")),
    ),
    Function(
        "after",
        "What stands after the first occurrence of a text; nothing when it does not occur.",
        _after,
        ("mark",),
        examples=(Example('after("@")', ("lab@north",), "north"), Example('after("@")', ("lab",), None)),
    ),
    Function(
        "prefix",
        "A text put in front.",
        _prefix,
        ("text",),
        examples=(Example('prefix("urn:oid:")', ("1.2.3",), "urn:oid:1.2.3"),),
    ),
    Function("suffix", "A text put behind.", _suffix, ("text",), examples=(Example('suffix("%")', ("98",), "98%"),)),
    Function(
        "cut",
        "The first so many characters.",
        _cut,
        ("length",),
        examples=(Example("cut(8)", ("20260131120000",), "20260131"),),
    ),
    Function(
        "timed",
        "The value when it is an HL7 time with an hour; nothing when it is a day, a month or a year.",
        _timed,
        gives="same",
        examples=(Example("timed", ("202601311200",), "202601311200"), Example("timed", ("20260131",), None)),
    ),
    Function(
        "table",
        "The code a table answers; with reverse, from the table's codes back.",
        _nothing,
        ("name", "reverse?"),
        gives="Coded",
    ),
    Function(
        "readable",
        "Leaves the element out, with a warning on the message, when the value cannot be read; without it the message is held.",
        _nothing,
        gives="same",
    ),
    Function(
        "as",
        "Reads the value as another data type, for Z-segments and misdeclared fields: ZPI-2 | as(CX).",
        _nothing,
        ("type",),
        gives="same",
    ),
)

FUNCTIONS: dict[str, Function] = {one.name: one for one in ALL}
