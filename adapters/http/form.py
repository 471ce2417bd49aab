"""A file posted as a form (RFC 7578): the bytes of its first part that is a file."""

from __future__ import annotations

import re

from engine.fault import Fault, Kind

_BOUNDARY = re.compile(r'boundary=(?:"([^"\r\n]{1,70})"|([^;\s"]{1,70}))', re.I)
_FILE = re.compile(rb"^content-disposition:[^\r\n]*;\s*filename\*?=", re.I | re.M)
_MOST = 32  # parts looked at
BROKEN = Fault(Kind.INCORRECT, "E904", "the form holds no file", "body", "send one part with a file, or the file as the body")


def posted(body: bytes, content_type: str) -> bytes | Fault:
    """The body itself, or the file in it where it is a form."""
    if not content_type.lower().startswith("multipart/form-data"):
        return body
    found = _BOUNDARY.search(content_type)
    mark = b"--" + (found[1] or found[2]).encode("latin-1", "replace") if found else b""
    parts = (b"\r\n" + body).split(b"\r\n" + mark, _MOST + 1) if mark else []
    for part in parts[1 : _MOST + 1]:
        head, _, content = part.partition(b"\r\n\r\n")
        if _FILE.search(head.strip(b"\r\n")) and content:
            return content
    return BROKEN
