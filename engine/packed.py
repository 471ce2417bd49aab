"""Arrays in PostgreSQL's binary form, packed by hand: for statements that carry many of them, half of what lists cost the adapters.

Source: https://www.postgresql.org/docs/current/protocol-overview.html#PROTOCOL-FORMAT-CODES and array_recv: dimensions, whether an
element is null, the elements' type, size and first index, then each element behind its length. Used as parameters `%b`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

HEAD = struct.Struct("!iiIii")
LENGTH = struct.Struct("!i").pack
NULL, SIXTEEN = LENGTH(-1), LENGTH(16)
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Packed:
    """An array as a parameter: its type's number in PostgreSQL, and its bytes."""

    oid: int
    data: bytes


def uuids(values: Iterable[UUID | None]) -> Packed:
    """A uuid[]."""
    return _array(2951, 2950, [None if value is None else value.bytes for value in values])


def keys(values: Sequence[bytes]) -> Packed:
    """A uuid[] of the sixteen bytes of each."""
    return Packed(2951, SIXTEEN.join((_head(2950, len(values)), *values)))


def texts(values: Iterable[str | None]) -> Packed:
    """A text[]; the texts hold no NUL and no lone surrogate."""
    return _array(1009, 25, [None if value is None else value.encode() for value in values])


def blobs(values: Sequence[bytes]) -> Packed:
    """A bytea[]."""
    return _array(1001, 17, values)


def numbers(values: Iterable[int | None]) -> Packed:
    """An int8[]."""
    return _array(1016, 20, [None if value is None else value.to_bytes(8, signed=True) for value in values])


def truths(values: Iterable[bool]) -> Packed:
    """A bool[]."""
    return _array(1000, 16, [b"\x01" if value else b"\x00" for value in values])


def times(values: Iterable[datetime | None]) -> Packed:
    """A timestamptz[]."""
    return _array(1185, 1184, [None if at is None else ((at - EPOCH) // MICROSECOND).to_bytes(8, signed=True) for at in values])


def _array(oid: int, element: int, items: Sequence[bytes | None]) -> Packed:
    parts = [_head(element, len(items), None in items)]
    for item in items:
        if item is None:
            parts.append(NULL)
        else:
            parts += (LENGTH(len(item)), item)
    return Packed(oid, b"".join(parts))


def _head(element: int, size: int, nulls: bool = False) -> bytes:
    return HEAD.pack(1, nulls, element, size, 1) if size else HEAD.pack(0, 0, element, 0, 0)[:12]


class _Dumper(Dumper):
    """Hands the bytes on as they are."""

    format = Format.BINARY

    def get_key(self, obj: Any, format: Any) -> Any:
        return (self.cls, obj.oid)

    def upgrade(self, obj: Any, format: Any) -> Dumper:
        made = _Dumper(self.cls)
        made.oid = obj.oid
        return made

    def dump(self, obj: Any) -> bytes:
        return obj.data  # type: ignore[no-any-return]


psycopg.adapters.register_dumper(Packed, _Dumper)
