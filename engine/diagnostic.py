"""What is wrong with a file a person wrote: code, place, the line with a caret under it, and what to do.

The layout is that of a compiler: `error[E301]: …`, an arrow to file, line and column, the line itself, carets, a help line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
_DECLARED = re.compile(r"^(mapping|part|table|alert|channel):[ \t]*[\"']?([^\s\"']+)", re.MULTILINE)  # what a file says it is


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
        return there[at.line - 1].encode("utf-8", "replace").decode() if 0 < at.line <= len(there) else ""

    unique = dict.fromkeys(one if one.source else replace(one, source=line(one.at)) for one in found)
    return sorted(unique, key=lambda one: (one.at.file, one.at.line, one.at.column, one.code))


def absent(kind: str, name: str) -> str:
    """The sentence that says that nothing of this kind has this name."""
    return f"there is no {kind} called {name}"


def declared(texts: Mapping[str, str], found: Iterable[Diagnostic]) -> set[str]:
    """The sentences (`absent`) about what is not there only because the file that holds it has an error of its own."""
    gone = set()
    for file in {one.at.file for one in errors(found)}:
        named = _DECLARED.search(texts.get(file, ""))
        kind = named[1] if named else ""
        gone.add(absent("alert rule" if kind == "alert" else kind, named[2] if named else ""))
    return gone


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that a person most likely meant: of those that look alike the one with the fewest slips, the first letter kept
    where several have; '' when none looks alike."""
    lower = {name.lower(): name for name in known}
    alike = get_close_matches(word.lower(), lower, n=10, cutoff=0.6)
    return lower[min(alike, key=lambda name: (_slips(word.lower(), name), name[0] != word[:1].lower()))] if alike else ""


def _slips(word: str, name: str) -> int:
    """Letters too many, missing, wrong or exchanged with the next one (optimal string alignment)."""
    rows = [list(range(len(name) + 1))]
    for i, letter in enumerate(word, 1):
        row = [i]
        for j, other in enumerate(name, 1):
            least = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != other))
            if i > 1 and j > 1 and word[i - 2 : i] == name[j - 1] + name[j - 2]:
                least = min(least, rows[-2][j - 2] + 1)
            row.append(least)
        rows.append(row)
    return rows[-1][-1]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean X?` for the nearest known word; a short list when none is near; empty when nothing is known."""
    names = sorted(set(known))
    near = nearest(word, names)
    if near:
        return f"did you mean {near}?"
    if not names:
        return ""
    if len(names) <= 8:
        return f"one of {', '.join(names)}" if len(names) > 1 else f"only {names[0]} is known here"
    return ""
