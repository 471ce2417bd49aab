"""Resource types as small numbers: their place in R4's alphabetical list, which is closed."""

from __future__ import annotations

from hashlib import blake2b
from uuid import UUID

from fhir.model import resources

CODES: dict[str, int] = {name: code for code, name in enumerate(sorted(resources()), start=1)}
NAMES: dict[int, str] = {code: name for name, code in CODES.items()}


def key_of(type: str, id: str) -> bytes:
    """The sixteen bytes that stand for a resource: the primary key's binary form."""
    return blake2b(f"{type}/{id}".encode(), digest_size=16).digest()


def uuid_of(type: str, id: str) -> UUID:
    """The same as a UUID."""
    return UUID(bytes=key_of(type, id))
