"""Huffman decoding of SCP-ECG (EN 1064, section 5.5 and annex C): the default table, own tables, table switches.

Instead of walking a tree bit by bit, the code at every bit position is looked up at once in a table of 16-bit windows; only the
jumps from code to code are followed one by one.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEFAULT = 19999
WIDTH = 16
Steps = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Code:
    """One code structure: prefix and entire length in bits, whether it is a value (else a table switch), value, bits."""

    prefix: int
    total: int
    value: bool
    base: int
    bits: int  # first bit of the code is the least significant one, as the file has it


@dataclass(frozen=True, slots=True)
class Table:
    """A table ready for look-up: by 16-bit window, the number of the code (-1: none)."""

    codes: tuple[Code, ...]
    number: NDArray[np.int16]


def default() -> Table:
    """The table of EN 1064: 0 to ±8 in 1 to 10 bits, then eight and sixteen plain bits behind a prefix of ten."""
    codes = [Code(1, 1, True, 0, 0)]
    for size in range(1, 9):
        ones = (1 << size) - 1
        codes += [Code(size + 2, size + 2, True, size, ones), Code(size + 2, size + 2, True, -size, ones | 1 << (size + 1))]
    return _ready([*codes, Code(10, 18, True, 0, 511), Code(10, 26, True, 0, 1023)])


def tables(section: bytes) -> list[Table] | str:
    """The tables of section 2, or what is wrong with it."""
    count = struct.unpack_from("<H", section)[0] if len(section) >= 2 else 0
    if count == DEFAULT:
        return [default()]
    out: list[Table] = []
    at = 2
    for _ in range(count):
        size = struct.unpack_from("<H", section, at)[0] if at + 2 <= len(section) else 0
        if not 0 < size <= 1024 or at + 2 + 9 * size > len(section):
            return "a Huffman table is cut off"
        codes = [_code(section, at + 2 + 9 * index) for index in range(size)]
        if any(not 0 < code.prefix <= WIDTH or not 0 <= code.total - code.prefix <= WIDTH for code in codes):
            return "a Huffman code is longer than is read"
        out.append(_ready(codes))
        at += 2 + 9 * size
        if len(out) > 16:
            return "there are more Huffman tables than are read"
    return out or "there is no Huffman table"


def _code(section: bytes, at: int) -> Code:
    prefix, total, mode, base, bits = struct.unpack_from("<BBBhI", section, at)
    return Code(prefix, total, mode != 0, base, bits)


def _ready(codes: list[Code]) -> Table:
    number = np.full(1 << WIDTH, -1, np.int16)
    for index, code in enumerate(codes):
        first = int(format(code.bits & ((1 << code.prefix) - 1), f"0{code.prefix}b")[::-1], 2) << (WIDTH - code.prefix)
        number[first : first + (1 << (WIDTH - code.prefix))] = index
    return Table(tuple(codes), number)


@dataclass(frozen=True, slots=True)
class _Looked:
    """A table looked up at every bit: numbers of codes, their lengths, and those that switch tables."""

    numbers: NDArray[Any]
    jumps: list[int]
    switches: dict[int, int]  # number of the code → number of the new table
    kinds: list[int]


def _looked(windows: NDArray[Any], table: Table) -> _Looked:
    numbers = table.number[windows]
    jumps = np.array([*(code.total for code in table.codes), 0])[numbers].tolist()
    switches = {index: code.base for index, code in enumerate(table.codes) if not code.value}
    return _Looked(numbers, jumps, switches, numbers.tolist() if switches else [])


def decoded(data: bytes, count: int, known: list[Table]) -> Steps | None:
    """`count` values, or None when the data end before, or hold a code of no table."""
    windows = _windows(data)
    seen: dict[int, _Looked] = {}
    places: list[int] = []
    tables: list[int] = []
    table, at = 0, 0
    while len(places) < count:
        if table not in seen:
            seen[table] = _looked(windows, known[table])
        begin = len(places)
        at, turn = _run(seen[table], len(data) * 8, at, count, places)
        tables += [table] * (len(places) - begin) if len(known) > 1 else []
        if len(places) < count:
            if not 0 < turn <= len(known):
                return None
            table = turn - 1
    where, whose = np.array(places, dtype=np.int64), np.array(tables, dtype=np.int64)
    values = np.zeros(count, np.int64)
    for number, looked in seen.items():
        own = whose == number if len(known) > 1 else np.ones(count, bool)
        values[own] = _values(windows, known[number], looked.numbers, where[own])
    return values


def _windows(data: bytes) -> NDArray[Any]:
    """The 16 bits that begin at every bit of the data, zeros behind its end."""
    raw = np.frombuffer(data + b"\0" * 6, np.uint8).astype(np.uint32)
    wide = (raw[:-2] << 16) | (raw[1:-1] << 8) | raw[2:]
    shifts = np.arange(8, 0, -1, dtype=np.uint32)
    windows: NDArray[Any] = (wide[:, None] >> shifts) & 0xFFFF
    return np.ravel(windows)


def _run(looked: _Looked, last: int, at: int, count: int, places: list[int]) -> tuple[int, int]:
    """Adds the places of values from bit `at` on until there are `count`: (next bit, number of the table to go on with, 0: none)."""
    jumps, kinds, switches = looked.jumps, looked.kinds, looked.switches
    while len(places) < count and at < last:
        jump = jumps[at]
        if jump == 0 or at + jump > last:
            return at, 0
        if kinds and kinds[at] in switches:
            return at + jump, switches[kinds[at]]
        places.append(at)
        at += jump
    return at, 0


def _values(windows: NDArray[Any], table: Table, numbers: NDArray[Any], places: Steps) -> Steps:
    kinds = numbers[places] if len(places) else np.zeros(0, np.int64)
    values: Steps = np.array([code.base for code in table.codes], dtype=np.int64)[kinds]
    for index, code in enumerate(table.codes):
        plain = code.total - code.prefix
        if plain:
            here = kinds == index
            raw = windows[places[here] + code.prefix].astype(np.int64) >> (WIDTH - plain)
            values[here] += np.where(raw >> (plain - 1), raw - (1 << plain), raw)
    return values
