"""A mapping as it is written: frozen nodes, each knowing its place in its file."""

from __future__ import annotations

from dataclasses import dataclass

from engine.diagnostic import NOWHERE, Span
from engine.mapping.nodes import Formula, Key


@dataclass(frozen=True, slots=True)
class Plain:
    """Text that is written as it stands."""

    text: str
    at: Span
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """Elements with their rules. `own` is the `=:` line: the value converted first, to which the elements are added."""

    rules: tuple[Rule, ...]
    own: Formula | None
    at: Span


@dataclass(frozen=True, slots=True)
class Many:
    """A list: each item gives no, one or several values of a repeating element."""

    items: tuple[Value, ...]
    at: Span


Value = Plain | Formula | Body | Many


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: what is written, from what."""

    key: Key
    value: Value


@dataclass(frozen=True, slots=True)
class Clear:
    """Elements that a merged resource loses, `period.end` as one, when the test of the key holds."""

    key: Key
    names: tuple[Plain, ...]


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource (or segment) that is written once, or for each instance of a group."""

    key: Key
    identity: tuple[Formula, ...]
    identity_at: Span
    merge: bool
    body: Body
    clear: tuple[Clear, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """One end of a mapping: `hl7v2 ORU_R01`, `fhir R4`."""

    name: str = ""
    rest: str = ""
    at: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Tree:
    """A whole mapping file, or a part of one when `reads` is not stated."""

    name: str
    file: str
    reads: End = End()
    writes: End = End()
    events: tuple[str, ...] = ()
    include: tuple[Plain, ...] = ()
    resources: tuple[Resource, ...] = ()
    message: Body | None = None  # `segments:`, where one whole message is written
    title: str = ""
