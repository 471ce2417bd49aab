"""SCP-ECG records, written from EN 1064's description."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from ecg_tracing import Steps


def default_code(value: int) -> str:
    """EN 1064's default table, from its description: 0, then n as n ones, `0`, sign; then escapes for 8 and 16 bits."""
    if value == 0:
        return "0"
    if abs(value) <= 8:
        return "1" * abs(value) + "0" + ("1" if value < 0 else "0")
    if -128 <= value <= 127:
        return "1" * 9 + "0" + format(value & 0xFF, "08b")
    return "1" * 10 + format(value & 0xFFFF, "016b")


def packed_bits(codes: list[str]) -> bytes:
    bits = "".join(codes)
    bits += "0" * (-len(bits) % 16)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def differences(row: Steps, order: int) -> list[int]:
    if order == 0:
        return [int(v) for v in row]
    if order == 1:
        return [int(row[0]), *(int(v) for v in np.diff(row))]
    return [int(row[0]), int(row[1]), *(int(v) for v in row[2:] - 2 * row[1:-1] + row[:-2])]


CRC = []


for _byte in range(256):
    _value = _byte << 8
    for _ in range(8):
        _value = ((_value << 1) ^ 0x1021 if _value & 0x8000 else _value << 1) & 0xFFFF
    CRC.append(_value)


def crc(data: bytes) -> int:
    """CRC-CCITT by its table."""
    value = 0xFFFF
    for byte in data:
        value = (value << 8 & 0xFFFF) ^ CRC[value >> 8 ^ byte]
    return value


def scp(sections: dict[int, bytes], size: int | None = None) -> bytes:
    def framed(number: int, data: bytes, letters: bytes = bytes(6)) -> bytes:
        rest = struct.pack("<HIBB", number, 16 + len(data), 20, 20) + letters + data
        return struct.pack("<H", crc(rest)) + rest

    at = 7 + 16 + 120
    pointers, bodies = struct.pack("<HII", 0, 136, 7), b""
    for number in range(1, 12):
        section = framed(number, sections[number]) if number in sections else b""
        pointers += struct.pack("<HII", number, len(section), at + len(bodies) if section else 0)
        bodies += section
    record = framed(0, pointers, b"SCPECG") + bodies
    rest = struct.pack("<I", len(record) + 6 if size is None else size) + record
    return struct.pack("<H", crc(rest)) + rest


def scp_leads(count: int, length: int, subtracted: bool = False, first: int = 1) -> bytes:
    numbers = [1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8][:count]
    flags = int(subtracted) | 4 | (min(count, 31) << 3)
    return bytes([count, flags & 255]) + b"".join(struct.pack("<IIB", first, first + length - 1, n) for n in numbers)


def scp_block(
    rows: list[Steps], order: int, coded: bool, avm: int = 2500, interval: int = 2000, flag: int = 0, code: Any = default_code
) -> bytes:
    data = []
    for row in rows:
        values = differences(row, order)
        one = packed_bits([code(v) for v in values]) if coded else np.array(values, "<i2").tobytes()
        data.append(one)
    return (
        struct.pack("<HHBB", avm, interval, order, flag) + b"".join(struct.pack("<H", len(one)) for one in data) + b"".join(data)
    )
