"""Small reading aids for ECG XML: names without the document's own namespace, texts, numbers and lists of samples."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
from lxml.etree import _Element
from numpy.typing import NDArray

XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
MICRO, MILLI = Decimal(1), Decimal(1000)
TO_UV = {
    "uV": MICRO, "uv": MICRO, "µV": MICRO, "μV": MICRO, "UV": MICRO, "MICROVOLTS": MICRO, "microV": MICRO,
    "mV": MILLI, "mv": MILLI, "MV": MILLI, "nV": Decimal("0.001"), "V": Decimal(1_000_000), "µv": MICRO, "μv": MICRO, "[uV]": MICRO,
    "u[V]": MICRO, "[mV]": MILLI, "m[V]": MILLI,
}  # fmt: skip
for _stem, _size in (("micro", MICRO), ("milli", MILLI), ("nano", Decimal("0.001"))):
    TO_UV |= {shape(f"{_stem}volt{end}"): _size for end in ("", "s") for shape in (str.lower, str.upper, str.capitalize)}
    TO_UV |= {f"{_stem.capitalize()}Volt{end}": _size for end in ("", "s")}
TO_UV |= {f"{_letter}{_word}": TO_UV[f"{_letter}V"] for _letter in "uµμm" for _word in ("Volt", "Volts", "volt", "volts")}


def plain(root: _Element) -> _Element:
    """Takes the root's own namespace off every tag; elements of foreign namespaces keep theirs and so are never mistaken."""
    if "}" in root.tag:
        own = root.tag[: root.tag.index("}") + 1]
        for element in root.iter(own + "*"):
            element.tag = element.tag[len(own) :]
    return root


def text(element: _Element | None, path: str = "") -> str:
    """The trimmed text of an element found by path, '' when it is not there or empty."""
    found = element.find(path) if element is not None and path else element
    return (found.text or "").strip() if found is not None else ""


def attribute(element: _Element | None, path: str, name: str) -> str:
    """An attribute of an element found by path, '' when either is absent."""
    found = element.find(path) if element is not None and path else element
    return found.get(name, "").strip() if found is not None else ""


def number(value: str) -> Decimal | None:
    """A finite decimal of sensible size, or None."""
    if not value or len(value) > 40:
        return None
    try:
        found = Decimal(value)
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found.adjusted()) < 30 else None


def rate(value: str) -> float:
    """A number as float, 0 when it is none (which no recording's rate is)."""
    found = number(value)
    return float(found) if found is not None else 0.0


def numbers(value: str) -> NDArray[Any] | None:
    """Numbers divided by blanks, commas or semicolons as float64, or None when one of them is not a number; beside `;` a comma is decimal."""
    text = value.replace(",", ".").replace(";", " ") if ";" in value else value.replace(",", " ")
    found = _whole(text)
    if found is not None:
        return found
    if "_" in text:  # which Python's own numbers may hold
        return None
    words = text.split()
    try:
        return np.fromiter(map(float, words), np.float64, len(words))
    except ValueError:
        return None


def _whole(text: str) -> NDArray[Any] | None:
    """Whole numbers of up to 15 digits, worked out for all words at once, a digit of each in turn; None for any other text."""
    if not text.isascii():
        return None
    sign = np.frombuffer(text.encode(), np.uint8)
    blank = (sign == 32) | ((sign >= 9) & (sign <= 13))
    edges = np.diff(blank, prepend=True, append=True)
    first, last = np.flatnonzero(edges).reshape(-1, 2).T
    minus = sign[first] == 45
    digit = sign - np.uint8(48)
    length = last - first - (minus | (sign[first] == 43))
    if not len(first) or length.min() < 1 or length.max() > 15:
        return None
    if np.count_nonzero(digit < 10) != int(length.sum()):
        return None
    found, longer = digit[last - 1].astype(np.float64), np.flatnonzero(length > 1)
    for place in range(1, int(length.max())):
        found[longer] += digit[last[longer] - 1 - place] * 10.0**place
        longer = longer[length[longer] > place + 1]
    return np.where(minus, -found, found)


def int16(value: str) -> NDArray[Any] | None:
    """Base64 of little-endian 16-bit integers, or None."""
    raw = decoded(value)
    return None if raw is None else np.frombuffer(raw[: len(raw) & ~1], "<i2")


def decoded(value: str) -> bytes | None:
    """Base64 with white space in it, or None when it is not Base64."""
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def each(element: _Element | None, path: str) -> Iterator[_Element]:
    """The elements found by path."""
    return iter(element.findall(path) if element is not None else ())
