"""Resource types as small numbers: their place in R4's alphabetical list, which is closed."""

from __future__ import annotations

from hashlib import blake2b
from uuid import UUID

from fhir.model import resources

CODES: dict[str, int] = {name: code for code, name in enumerate(sorted(resources()), start=1)}
NAMES: dict[int, str] = {code: name for name, code in CODES.items()}


MOST_KEPT = 8192
_kept: dict[str, bytes] = {}


def key_of(type: str, id: str) -> bytes:
    """The sixteen bytes that stand for a resource: the primary key's binary form."""
    return key_named(f"{type}/{id}")


def key_named(name: str) -> bytes:
    """The same of `Patient/a`; the newest are remembered, since who writes a resource asks for it again."""
    key = _kept.get(name)
    if key is None:
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        key = _kept[name] = blake2b(name.encode(), digest_size=16).digest()
    return key


def uuid_of(type: str, id: str) -> UUID:
    """The same as a UUID."""
    return UUID(bytes=key_of(type, id))
