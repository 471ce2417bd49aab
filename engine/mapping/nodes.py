"""What formulas, tests and keys are once they are read: values with their places in the file."""

from __future__ import annotations

from dataclasses import dataclass

from engine.diagnostic import NOWHERE, Span


@dataclass(frozen=True, slots=True)
class Source:
    """A path in the source's own notation."""

    text: str
    at: Span


@dataclass(frozen=True, slots=True)
class Literal:
    """Quoted text or a number."""

    text: str
    at: Span
    number: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function and the words it is given."""

    name: str
    words: tuple[Literal, ...]
    at: Span


Atom = Source | Literal | Call


@dataclass(frozen=True, slots=True)
class Formula:
    """The first valued of `choice`, through `calls`."""

    choice: tuple[Atom, ...]
    calls: tuple[Call, ...]
    at: Span


@dataclass(frozen=True, slots=True)
class Clause:
    """A path and what is asked of it: valued, empty, number, repeats, =, !=, <, >, <=, >=, in, not in, same, not same."""

    source: Source
    sign: str
    words: tuple[Literal, ...]
    at: Span
    other: Source | None = None  # of same


@dataclass(frozen=True, slots=True)
class Both:
    """All parts hold (`and`) or one of them does (`or`)."""

    sign: str
    parts: tuple[Test, ...]


Test = Clause | Both


@dataclass(frozen=True, slots=True)
class Key:
    """The left side of a rule."""

    element: str
    at: Span
    name: str = ""
    name_at: Span = NOWHERE
    each: str = ""
    each_at: Span = NOWHERE
    test: Test | None = None  # asked inside each instance
    before: Test | None = None  # asked outside, before there are instances
