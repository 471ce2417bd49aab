"""A resource's content as text: split from its version, so that the same content can be told, and joined for serving."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any

from fhir import encode

JSON = dict[str, Any]
OWN = ("versionId", "lastUpdated")


class Content:
    """A body's text without type, id and version: `tail` is the rest of the object, `meta` its other metadata."""

    __slots__ = ("meta", "tail")

    def __init__(self, body: JSON) -> None:
        if "meta" not in body:
            whole, start = encode.dumps(body), head(str(body["resourceType"]), str(body["id"]))
            if whole.startswith(start):  # as a rule: type and id come first
                self.tail, self.meta = b"{" + whole[len(start) :], b""
                return
        rest = {name: value for name, value in body.items() if name not in ("resourceType", "id", "meta")}
        self.tail = encode.dumps(rest)
        held = body.get("meta")
        others = {name: value for name, value in held.items() if name not in OWN} if held else None
        self.meta = encode.dumps(others) if others else b""

    def digest(self) -> bytes:
        """Sixteen bytes that change with any of it."""
        return digested(self.meta + b"\x00" + self.tail)

    def text(self, head: bytes, version: int, at: bytes) -> bytes:
        """The body as it is served: type, id, meta, and the rest in the order it came."""
        meta = b'"meta":{"versionId":"%d","lastUpdated":"%s"%s' % (version, at, b"," + self.meta[1:] if self.meta else b"}")
        return head + meta + (b"," + self.tail[1:] if len(self.tail) > 2 else b"}")


def digested(content: bytes) -> bytes:
    """Sixteen bytes of SHA-256, which processors have instructions for."""
    return sha256(content).digest()[:16]


def head(type: str, id: str) -> bytes:
    """The beginning of every body of a resource."""
    return f'{{"resourceType":"{type}","id":"{id}",'.encode()


def instant(at: datetime) -> bytes:
    """A time as FHIR's instant."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z").encode()


def canonical(body: JSON) -> bytes:
    """A body's content whatever the order of its names: how two are compared when their texts differ."""
    held = {name: value for name, value in body.get("meta", {}).items() if name not in OWN}
    rest = {name: value for name, value in body.items() if name != "meta"}
    return encode.SORTED.encode({**rest, "meta": held} if held else rest)
