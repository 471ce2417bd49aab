"""The ECG file inside an HL7 message: the ED values of its OBX segments (HL7 v2.5 2.A.24), opened within the message's own size.

Carts send the printed page, a PDF, beside the tracing and often before it, break Base64 into lines, or send XML as plain text.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

ROOT = re.compile(rb"<(?:\w+:)?(AnnotatedECG|rest(?:ing)?ecgdata|RestingECG|ECG|CardiologyXML|wavedata|eventdata)[\s>/]")
STARTS = (b"0       ", b"\xffBIOSEMI")  # of EDF and BDF


def encapsulated(body: bytes) -> bytes:
    """The first ED value of a message that is an ECG, else its first ED value, empty when that is none; else the body itself."""
    start = body.lstrip(b"\x0b")
    if not start.startswith(b"MSH") or len(start) < 10 or start[3:4] + b"ED" + start[3:4] not in start:
        return body
    first: bytes | None = None
    for file in _values(start):
        if holds_ecg(file):
            return file
        first = file if first is None else first
    return body if first is None else first


def holds_ecg(file: bytes) -> bool:
    """Whether a file is an ECG, by its first bytes alone: DICOM, SCP-ECG, EDF, BDF, WFDB in a zip, or XML with the root of an ECG."""
    if file[128:132] == b"DICM" or file[16:22] == b"SCPECG" or file.startswith(STARTS):
        return True
    if file.startswith(b"PK\x03\x04"):
        return b".hea" in file
    return ROOT.search(file[:4096].replace(b"\0", b"")) is not None


def _values(message: bytes) -> Iterator[bytes]:
    """The files of all ED values, in their order; empty where the Base64 is none."""
    field, component, repeat, escape, sub = (message[n : n + 1] for n in range(3, 8))
    for line in message.replace(b"\n", b"\r").split(b"\r"):
        cells = line.split(field, 6)
        if cells[0] == b"OBX" and len(cells) > 5 and cells[2] == b"ED":
            for one in cells[5].split(repeat):
                parts = one.split(component)
                if len(parts) > 4 and parts[3].upper() == b"BASE64":
                    yield _decoded(parts[4], escape)
                elif len(parts) > 4 and parts[3].upper() == b"A":
                    yield _plain(parts[4], escape, {b"F": field, b"S": component, b"R": repeat, b"E": escape, b"T": sub})


def _decoded(text: bytes, escape: bytes) -> bytes:
    """Base64 without the line breaks that senders put into it, as blanks or as escapes."""
    if escape in text:
        text = _plain(text, escape, {})
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        return b""


def _plain(text: bytes, escape: bytes, delimiters: dict[bytes, bytes]) -> bytes:
    """A text without its escapes; those that are none of HL7's stay."""
    parts = text.split(escape)
    for n in range(1, len(parts) - 1, 2):
        parts[n] = delimiters.get(parts[n]) or _bytes(parts[n], escape)
    return b"".join(parts[:-1]) + (escape + parts[-1] if len(parts) % 2 == 0 else parts[-1])


def _bytes(name: bytes, escape: bytes) -> bytes:
    if name.lower() == b".br":
        return b"\n"
    try:
        return bytes.fromhex(name[1:].decode("ascii")) if name[:1] == b"X" else escape + name + escape
    except ValueError:
        return escape + name + escape
