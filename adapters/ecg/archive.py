"""Zip archives of ECG files, and single files in gzip, opened within bounds: members, sizes, ratio.

Names are base names only, nothing is written.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import PurePosixPath

from adapters.ecg.recording import bad
from engine.fault import Fault

GZIP = b"\x1f\x8b\x08"
MOST_MEMBERS = 64
MOST_BYTES = 64 << 20
MOST_RATIO = 200


def looks(body: bytes) -> bool:
    """Whether the bytes are a zip archive, or a file in gzip."""
    return body.startswith((b"PK\x03\x04", b"PK\x05\x06", GZIP))


def files(body: bytes) -> dict[str, bytes] | Fault:
    """Base name → bytes of every file in the archive."""
    if body.startswith(GZIP):
        return _unpacked(body)
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > MOST_BYTES:
                return _over()
            out: dict[str, bytes] = {}
            left = min(MOST_BYTES, MOST_RATIO * len(body) + 65536)
            for member in members:
                name = PurePosixPath(member.filename.replace("\\", "/")).name
                if member.flag_bits & 1:
                    return bad("E160", "the archive is encrypted")
                if not name or name.startswith(".") or "\0" in name or "__MACOSX" in member.filename:
                    continue
                with archive.open(member) as source:
                    data = source.read(left + 1)
                left -= len(data)
                if left < 0:
                    return _over()
                out.setdefault(name, data)
            return out
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, KeyError):
        return bad("E160", "the archive cannot be opened")


def _unpacked(body: bytes) -> dict[str, bytes] | Fault:
    """The file that gzip packed, without a name."""
    most, stream = min(MOST_BYTES, MOST_RATIO * len(body) + 65536), zlib.decompressobj(31)
    try:
        data = stream.decompress(body, most + 1)
    except zlib.error:
        return bad("E160", "the archive cannot be opened")
    if len(data) > most:
        return _over()
    return {"": data} if stream.eof else bad("E160", "the archive is cut off")


def _over() -> Fault:
    return bad("E160", "the archive holds more than is opened", help=f"at most {MOST_MEMBERS} files and {MOST_BYTES} bytes")
