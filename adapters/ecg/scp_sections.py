"""The container of SCP-ECG (EN 1064, sections 5.2 and 5.3): record header, pointer section, section headers, checksums.

All numbers are little-endian. Pointers count bytes from 1; files that count from 0 or state a wrong total size are read with a
warning as long as every section's own header agrees with its pointer.
"""

from __future__ import annotations

import binascii
import struct

from adapters.ecg.recording import bad
from engine.fault import Fault

HEADER = 16
MOST = 64  # pointers


def sections(body: bytes, warnings: list[str]) -> dict[int, bytes] | Fault:
    """Section number → its data, without header."""
    if len(body) < 6 + HEADER:
        return bad("E158", "the file ends before its first section")
    length = struct.unpack_from("<I", body, 10)[0]
    if struct.unpack_from("<H", body, 8)[0] != 0 or not 0 < (length - HEADER) // 10 <= MOST or 6 + length > len(body):
        return bad("E158", "there is no pointer section")
    if struct.unpack_from("<I", body, 2)[0] != len(body):
        warnings.append("the record's size field is not the size of the file")
    found: dict[int, bytes] = {}
    for index in range((length - HEADER) // 10):
        number, size, at = struct.unpack_from("<HII", body, 6 + HEADER + 10 * index)
        if number == 0 or size <= HEADER or at == 0:
            continue
        data = _section(body, number, size, at, warnings)
        if isinstance(data, Fault):
            return data
        found[number] = data
    return found


def _section(body: bytes, number: int, size: int, at: int, warnings: list[str]) -> bytes | Fault:
    place = f"section {number}"
    if at - 1 + size > len(body):
        return bad("E158", "a section reaches beyond the end of the file", place)
    start = next((start for start in (at - 1, at) if _header(body, start)[0] == number), -1)
    if start < 0 or _header(body, start)[1] != size or start + size > len(body):
        return bad("E158", "a section's header and its pointer disagree", place)
    if start == at:
        warnings.append("section pointers count from 0")
    if binascii.crc_hqx(body[start + 2 : start + size], 0xFFFF) != struct.unpack_from("<H", body, start)[0]:
        warnings.append(f"the checksum of section {number} is wrong")
    return body[start + HEADER : start + size]


def _header(body: bytes, start: int) -> tuple[int, int]:
    """(number, size) stated by the section itself."""
    if start + HEADER > len(body):
        return -1, -1
    number, size = struct.unpack_from("<HI", body, start + 2)
    return number, size


def packed(parts: dict[int, bytes]) -> bytes:
    """A whole record of the given section data, every section's length even, checksums right."""
    numbers = sorted(set(range(12)) | set(parts))
    pointer_size = HEADER + 10 * len(numbers)
    at = 7 + pointer_size
    pointers, bodies = [struct.pack("<HII", 0, pointer_size, 7)], []
    for number in numbers[1:]:
        data = parts.get(number, b"")
        if not data:
            pointers.append(struct.pack("<HII", number, 0, 0))
            continue
        section = _framed(number, data + b"\0" * (len(data) % 2))
        pointers.append(struct.pack("<HII", number, len(section), at))
        bodies.append(section)
        at += len(section)
    record = _framed(0, b"".join(pointers), b"SCPECG") + b"".join(bodies)
    rest = struct.pack("<I", len(record) + 6) + record
    return struct.pack("<H", binascii.crc_hqx(rest, 0xFFFF)) + rest


def _framed(number: int, data: bytes, reserved: bytes = b"\0" * 6) -> bytes:
    rest = struct.pack("<HIBB", number, len(data) + HEADER, 20, 20) + reserved + data
    return struct.pack("<H", binascii.crc_hqx(rest, 0xFFFF)) + rest
