"""What is wrong with a file a person wrote: code, place, the line with a caret under it, and what to do.

The layout is that of a compiler: `error[E301]: …`, an arrow to file, line and column, the line itself, carets, a help line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a file: line and column from 1, length in characters on that line."""

    file: str = ""
    line: int = 1
    column: int = 1
    length: int = 1

    def part(self, start: int, end: int) -> Span:
        """The part of this span between two offsets, for words inside a formula; at least one character."""
        return replace(self, column=self.column + start, length=max(1, end - start))


NOWHERE = Span()


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding in a file. `severity` is error or warning; only errors stop a file from being used."""

    code: str
    text: str
    at: Span
    help: str = ""
    severity: str = "error"
    source: str = ""  # the line it points to

    def as_dict(self) -> dict[str, str | int]:
        """The finding as plain JSON."""
        at = self.at
        return {
            "code": self.code,
            "severity": self.severity,
            "text": self.text,
            "file": at.file,
            "line": at.line,
            "column": at.column,
            "length": at.length,
            "help": self.help,
        }


def render(found: Diagnostic) -> str:
    """The finding as a terminal shows it, five or six lines without colour."""
    at, number = found.at, str(found.at.line)
    margin = " " * (len(number) + 3)
    lines = [f"{found.severity}[{found.code}]: {found.text}", f"  --> {at.file}:{at.line}:{at.column}"]
    if found.source:
        shown = found.source.expandtabs(1)
        carets = "^" * max(1, min(at.length, len(shown) - at.column + 1))
        lines += [f"{margin}|", f"  {number} | {shown}".rstrip(), f"{margin}| {' ' * (at.column - 1)}{carets}"]
    if found.help:
        lines.append(f"{margin}= help: {found.help}")
    return "\n".join(lines)


def errors(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Those that stop a file from being used."""
    return [one for one in found if one.severity == "error"]


def sourced(found: Iterable[Diagnostic], texts: dict[str, str]) -> list[Diagnostic]:
    """The findings with the line each points to, in the order of the file; each said once."""
    lines = {name: text.splitlines() for name, text in texts.items()}

    def line(at: Span) -> str:
        there = lines.get(at.file, [])
        return there[at.line - 1] if 0 < at.line <= len(there) else ""

    unique = dict.fromkeys(one if one.source else replace(one, source=line(one.at)) for one in found)
    return sorted(unique, key=lambda one: (one.at.file, one.at.line, one.at.column, one.code))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean X?` for the nearest known word; a short list when none is near; empty when nothing is known."""
    names = sorted(set(known))
    lower = {name.lower(): name for name in names}
    near = get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    if near:
        return f"did you mean {lower[near[0]]}?"
    if not names:
        return ""
    if len(names) <= 8:
        return f"one of {', '.join(names)}" if len(names) > 1 else f"only {names[0]} is known here"
    return ""
