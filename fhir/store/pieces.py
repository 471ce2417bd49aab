"""Resources put together of their pieces: an element that comes again as the same object is neither encoded nor read for searches again.

A piece is an element's text and what it leaves in the index. What comes of it is what the whole ways give (`Content`, `rows.entered`);
where the whole must be seen, this says so.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any

from fhir import encode
from fhir.recall import Recall
from fhir.search.entries import Entries, Visit
from fhir.search.extract import visits
from fhir.search.hashing import digest8
from fhir.store import rows
from fhir.validate import part

JSON = dict[str, Any]
Made = tuple[bytes, bytes]  # the text after type and id, without the last brace; the packed columns from `patient` to `strings`
NONE: frozenset[str] = frozenset()
FEW = 1024  # references that say nothing else
LONGEST = 2048  # bytes of a text that is remembered
SHORT, SHORTS = 512, 256  # bytes of a text that is known again in another object, and how many of an element
PASSING = 1 << 22  # bytes of longer texts on their way from the check to the write
NAMES = 256  # elements of one type; R4 has fewer


Left = tuple[bytes, bytes, bytes, bytes, bytes, frozenset[str]]  # tokens, exact, ranges, patient, first and last moment, words
Piece = tuple[Any, bytes, Left | None, bool]  # a value, its text, what it leaves in the index, packed; whether it was found right
OWN: Piece = ("", b"", None, True)  # of type and id, which are looked at each time


class Large:
    """Pieces too large to be remembered, from their check until they are written, once: texts of files, tracings and drawings."""

    __slots__ = ("_lock", "_size", "held")

    def __init__(self) -> None:
        self.held: dict[int, Piece] = {}  # the oldest first
        self._size, self._lock = 0, Lock()

    def keep(self, piece: Piece) -> None:
        """Keeps one; the oldest go when all are too large together."""
        with self._lock:
            self._drop(id(piece[0]))
            self.held[id(piece[0])] = piece
            self._size += len(piece[1])
            while self._size > PASSING:
                self._drop(next(iter(self.held)))

    def take(self, value: Any) -> Piece | None:
        """The piece of this very object, which is kept no longer."""
        with self._lock:
            return self._drop(id(value))

    def _drop(self, key: int) -> Piece | None:
        found = self.held.pop(key, None)
        if found is not None:
            self._size -= len(found[1])
        return found


LARGE = Large()


class Element:
    """One element of a resource type."""

    __slots__ = ("_check", "_lone", "_name", "_recall", "_short", "_type", "_visits", "get")

    def __init__(self, type: str, name: str, reads: list[Visit]) -> None:
        self._type, self._name, self._visits, self._recall = type, name, reads, Recall()
        self._lone: dict[str, Piece] = {}  # by their text, as each is an object of its own
        self._short: dict[bytes, Piece] = {}  # short ones, as what other processes made comes as other objects
        self._check: Callable[[Any], bool] | None = None
        self.get: Callable[[int], Any] = self._recall.get

    def made(self, value: Any) -> Piece:
        """The piece of a value that is not remembered as an object."""
        lone = _lone(value)
        found = self._lone.get(lone) if lone is not None else None
        found = LARGE.take(value) if found is None and LARGE.held else found
        if found is not None:
            return found
        text = self._text(value)
        found = self._short.get(text)
        return self._keep(lone, value, self.read(value, text, False) if found is None else found)

    def right(self, value: Any) -> bool:
        """Whether a value may stand here by itself; its piece is made then."""
        lone = _lone(value)
        found = self._lone.get(lone) if lone is not None else None
        if found is not None and found[3]:
            return True
        text = self._text(value)
        found = self._short.get(text)
        if found is None or not found[3]:
            if self._check is None:
                self._check = part(self._type, self._name)
            if not self._check(value):
                return False
            found = self.read(value, text, True)
        self._keep(lone, value, found)
        return True

    def _text(self, value: Any) -> bytes:
        return encode.dumps({self._name: value})[1:-1]

    def _keep(self, lone: str | None, value: Any, piece: Piece) -> Piece:
        if lone is not None:
            if len(self._lone) >= FEW:
                self._lone.clear()
            self._lone[lone] = piece
            return piece
        text = piece[1]
        if len(text) <= SHORT:
            if len(self._short) >= SHORTS:
                self._short.clear()
            self._short[text] = piece
        if len(text) <= LONGEST:
            self._recall.keep((value, *piece[1:]))
        elif piece[3]:
            LARGE.keep(piece)
        return piece

    def read(self, value: Any, text: bytes, right: bool) -> Piece:
        """The piece of a value whose text is known."""
        if not self._visits:
            return value, text, None, right
        out = Entries()
        for visit in self._visits:
            visit(value, out)
        patient = rows.patient(out.patient) if out.patient is not None else b""
        span = rows.span(out.low, out.high) if out.low is not None else b""
        words = frozenset(out.strings) or NONE  # an empty one of its own would take 232 bytes
        left = b"".join(set(out.tokens)), b"".join(set(out.exact)), b"".join(out.ranges), patient, span, words
        return value, text, left, right


def _lone(value: Any) -> str | None:
    """The text of a reference that says nothing else."""
    if value.__class__ is dict and len(value) == 1:
        text = value.get("reference")
        if text.__class__ is str:
            return str(text)
    return None


class Pieces:
    """The function from a resource of a type to its text and columns; None for one that must be seen as a whole."""

    __slots__ = ("_mine", "_type", "_visits", "elements", "get")

    def __init__(self, type: str) -> None:
        self._type, self._mine, self._visits = type, type == "Patient", visits(type)
        self.elements: dict[str, Element] = {}
        self.get: dict[str, Callable[[int], Any]] = {name: lambda _: OWN for name in ("resourceType", "id")}

    def __call__(self, body: JSON) -> Made | None:
        names = iter(body.items())
        if len(body) < 3 or next(names)[0] != "resourceType" or next(names)[0] != "id" or "meta" in body:
            return None
        get = self.get
        texts: list[bytes] = []
        tokens = exact = ranges = patient = span = b""
        words = NONE
        for name, value in names:
            if name not in get and not self.met(name):
                return None
            _, text, left, _ = get[name](id(value)) or self.elements[name].made(value)
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

    def met(self, name: str) -> bool:
        """Makes an element ready; False when there are too many, which R4 does not have."""
        if name not in self.get:
            if len(self.get) >= NAMES:
                return False
            self.elements[name] = one = Element(self._type, name, self._visits.get(name, []))
            self.get[name] = one.get
        return True


@cache
def pieced(type: str) -> Pieces:
    """The pieces of a type."""
    return Pieces(type)
