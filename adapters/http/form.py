"""Files posted as a form (RFC 7578): the bytes of the one, or a zip archive of several, such as the two or three of a WFDB record.

The same files give the same archive, byte by byte, so that they are known when they come again.
"""

from __future__ import annotations

import io
import re
import zipfile

from engine.fault import Fault, Kind

_BOUNDARY = re.compile(r'boundary=(?:"([^"\r\n]{1,70})"|([^;\s"]{1,70}))', re.I)
_FILE = re.compile(rb"^content-disposition:[^\r\n]*;\s*filename\*?=(?:\"([^\"\r\n]*)\"|([^;\s]*))", re.I | re.M)
_DAY = (1980, 1, 1, 0, 0, 0)  # the first that an archive can state
_MOST = 32  # parts looked at
BROKEN = Fault(Kind.INCORRECT, "E904", "the form holds no file", "body", "send one part with a file, or the file as the body")


def posted(body: bytes, content_type: str) -> bytes | Fault:
    """The body itself, or the file in it where it is a form; several files as one archive."""
    if not content_type.lower().startswith("multipart/form-data"):
        return body
    found = _BOUNDARY.search(content_type)
    mark = b"--" + (found[1] or found[2]).encode("latin-1", "replace") if found else b""
    parts = (b"\r\n" + body).split(b"\r\n" + mark, _MOST + 1) if mark else []
    files: list[tuple[str, bytes]] = []
    for part in parts[1 : _MOST + 1]:
        head, _, content = part.partition(b"\r\n\r\n")
        if content and (named := _FILE.search(head.strip(b"\r\n"))):
            files.append(((named[1] or named[2] or b"").decode("utf-8", "replace"), content))
    if not files:
        return BROKEN
    return files[0][1] if len(files) == 1 else _archive(files)


def _archive(files: list[tuple[str, bytes]]) -> bytes:
    """A zip archive of the files under their own base names, not compressed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for number, (name, content) in enumerate(files, 1):
            base = re.split(r"[/\\]", name.replace("\0", ""))[-1][:200]
            archive.writestr(zipfile.ZipInfo(base or f"file {number}", _DAY), content)
    return out.getvalue()
