"""Resources put together of their pieces: an element that comes again as the same object is neither encoded nor read for searches again.

A piece is an element's text and what it leaves in the index. What comes of it is what the whole ways give (`Content`, `rows.entered`);
where the whole must be seen, this says so.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from fhir import encode
from fhir.recall import Recall
from fhir.search.extract import Entries, Visit, visits
from fhir.search.hashing import digest8
from fhir.store import rows

JSON = dict[str, Any]
Made = tuple[bytes, bytes]  # the text after type and id, without the last brace; the packed columns from `patient` to `strings`
NONE: frozenset[str] = frozenset()
FEW = 1024  # references that say nothing else
LONGEST = 2048  # bytes of a text that is remembered
NAMES = 256  # elements of one type; R4 has fewer


Left = tuple[bytes, bytes, bytes, bytes, bytes, frozenset[str]]  # tokens, exact, ranges, patient, first and last moment, words
Piece = tuple[Any, bytes, Left | None]  # an element's value, its text, and what it leaves in the index, packed


class Element:
    """One element of a resource type."""

    __slots__ = ("_lone", "_name", "_recall", "_visits", "get")

    def __init__(self, name: str, reads: list[Visit]) -> None:
        self._name, self._visits, self._recall = name, reads, Recall()
        self._lone: dict[str, Piece] = {}  # by their text, as each is an object of its own
        self.get: Callable[[int], Any] = self._recall.get

    def made(self, value: Any) -> Piece:
        """The piece of a value that is not remembered as an object."""
        lone = value.get("reference") if value.__class__ is dict and len(value) == 1 else None
        if lone.__class__ is not str:
            piece = self.read(value)
            if len(piece[1]) <= LONGEST:
                self._recall.keep(piece)
            return piece
        found = self._lone.get(lone)
        if found is None:
            if len(self._lone) >= FEW:
                self._lone.clear()
            found = self._lone[lone] = self.read(value)
        return found

    def read(self, value: Any) -> Piece:
        """The piece of a value."""
        text = encode.dumps({self._name: value})[1:-1]
        if not self._visits:
            return value, text, None
        out = Entries()
        for visit in self._visits:
            visit(value, out)
        patient = rows.patient(out.patient) if out.patient is not None else b""
        span = rows.span(out.low, out.high) if out.low is not None else b""
        left = b"".join(set(out.tokens)), b"".join(set(out.exact)), b"".join(out.ranges), patient, span, frozenset(out.strings)
        return value, text, left


class Pieces:
    """The function from a resource of a type to its text and columns; None for one that must be seen as a whole."""

    __slots__ = ("_elements", "_get", "_mine", "_visits")

    def __init__(self, type: str) -> None:
        self._mine, self._visits = type == "Patient", visits(type)
        self._elements: dict[str, Element] = {}
        self._get: dict[str, Callable[[int], Any]] = {}

    def __call__(self, body: JSON) -> Made | None:
        names = iter(body.items())
        if len(body) < 3 or next(names)[0] != "resourceType" or next(names)[0] != "id" or "meta" in body:
            return None
        get = self._get
        texts: list[bytes] = []
        tokens = exact = ranges = patient = span = b""
        words = NONE
        for name, value in names:
            if name not in get and not self._met(name):
                return None
            _, text, left = get[name](id(value)) or self._elements[name].made(value)
            texts.append(text)
            if left is None:
                continue
            tokens += left[0]
            exact += left[1]
            ranges += left[2]
            if left[3]:
                if patient:  # which comes first is told by the whole only
                    return None
                patient = left[3]
            if left[4]:
                if span:
                    return None
                span = left[4]
            if left[5]:
                words |= left[5]
        if self._mine:
            patient = rows.patient(digest8(f"Patient/{body['id']}"))
        return b",".join(texts), rows.columns(patient, span, tokens, exact, ranges, words)

    def _met(self, name: str) -> bool:
        """Makes an element ready when it is seen first."""
        if len(self._get) >= NAMES:  # not R4
            return False
        self._elements[name] = one = Element(name, self._visits.get(name, []))
        self._get[name] = one.get
        return True


@cache
def pieced(type: str) -> Pieces:
    """The pieces of a type."""
    return Pieces(type)
