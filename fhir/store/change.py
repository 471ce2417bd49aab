"""What may be done to a resource: put, delete, or either only if the newest version is the expected one."""

from __future__ import annotations

from dataclasses import dataclass

from engine.types import Put


@dataclass(frozen=True, slots=True)
class Delete:
    """A resource to delete: its tombstone is a version too."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Expect:
    """A change that takes effect only if the newest version is this one (If-Match)."""

    change: Put | Delete
    version: int


Change = Put | Delete | Expect


def name(change: Change) -> tuple[str, str]:
    """The type and id of what is changed."""
    if isinstance(change, Put):
        return change.body["resourceType"], change.body["id"]
    return name(change.change) if isinstance(change, Expect) else (change.type, change.id)
