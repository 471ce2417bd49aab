"""Resource ids that follow from a key: the same parts always give the same id, so working a message twice changes nothing."""

from __future__ import annotations

from uuid import UUID, uuid5

NAMESPACE = UUID("0f4d6c1e-6f0b-5d0a-9a5e-1f6b7c0e4a11")
SEPARATOR = "\x1f"  # stands in no HL7 value, so ("a", "bc") and ("ab", "c") differ


def resource_id(type: str, *parts: str) -> str:
    """The UUIDv5 of a resource type and the parts of its key, as text."""
    return str(uuid5(NAMESPACE, SEPARATOR.join((type, *parts))))
