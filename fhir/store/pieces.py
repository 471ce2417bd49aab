"""Resources put together of their pieces: an element that comes again as the same object is neither encoded nor read for searches again.

A piece is an element's text and what it leaves in the index. What comes of it is what the whole ways give (`Content`, `rows.entered`);
where the whole must be seen, this says so.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

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


class Piece(NamedTuple):
    """An element's value, its text and what it leaves in the index, packed."""

    value: Any
    text: bytes
    tokens: bytes
    exact: bytes
    ranges: bytes
    patient: bytes
    span: bytes  # the first and the last microsecond
    strings: frozenset[str]


class Element:
    """One element of a resource type."""

    __slots__ = ("_lone", "_name", "_recall", "_visits")

    def __init__(self, name: str, reads: list[Visit], recall: Recall) -> None:
        self._name, self._visits, self._recall = name, reads, recall
        self._lone: dict[str, Piece] = {}  # by their text, as each is an object of its own

    def made(self, value: Any) -> Piece:
        """The piece of a value that is not remembered as an object."""
        lone = value.get("reference") if value.__class__ is dict and len(value) == 1 else None
        if lone.__class__ is not str:
            piece = self.read(value)
            if len(piece.text) <= LONGEST:
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
        out = Entries()
        for visit in self._visits:
            visit(value, out)
        return Piece(
            value,
            encode.dumps({self._name: value})[1:-1],
            b"".join(set(out.tokens)),
            b"".join(set(out.exact)),
            b"".join(out.ranges),
            rows.patient(out.patient) if out.patient is not None else b"",
            rows.span(out.low, out.high) if out.low is not None else b"",
            frozenset(out.strings),
        )


class Elements(dict[str, Callable[[int], Any]]):
    """The look-up of remembered pieces of each element of a type; elements are made when they are first seen."""

    __slots__ = ("_known", "_visits")

    def __init__(self, type: str) -> None:
        super().__init__()
        self._visits = visits(type)
        self._known: dict[str, Element] = {}

    def __missing__(self, name: str) -> Callable[[int], Any]:
        if len(self) >= NAMES:  # not R4
            self.clear()
            self._known.clear()
        recall = Recall()
        self._known[name] = Element(name, self._visits.get(name, []), recall)
        self[name] = found = recall.get
        return found

    def made(self, name: str, value: Any) -> Piece:
        """The piece of a value that is not remembered."""
        element = self._known.get(name)
        return (Element(name, self._visits.get(name, []), Recall()) if element is None else element).made(value)


@cache
def pieced(type: str) -> Callable[[JSON], Made | None]:
    """The function from a resource of this type to its text and columns; None for one that must be seen as a whole."""
    elements, mine = Elements(type), type == "Patient"

    def made(body: JSON) -> Made | None:
        names = iter(body.items())
        if len(body) < 3 or next(names)[0] != "resourceType" or next(names)[0] != "id" or "meta" in body:
            return None
        texts: list[bytes] = []
        tokens = exact = ranges = patient = span = b""
        words = NONE
        for name, value in names:
            _, text, its_tokens, its_exact, its_ranges, its_patient, its_span, its_words = elements[name](
                id(value)
            ) or elements.made(name, value)
            texts.append(text)
            if its_tokens:
                tokens += its_tokens
            if its_exact:
                exact += its_exact
            if its_ranges:
                ranges += its_ranges
            if its_patient:
                if patient:  # which comes first is told by the whole only
                    return None
                patient = its_patient
            if its_span:
                if span:
                    return None
                span = its_span
            if its_words:
                words |= its_words
        if mine:
            patient = rows.patient(digest8(f"Patient/{body['id']}"))
        return b",".join(texts), rows.columns(patient, span, tokens, exact, ranges, words)

    return made
