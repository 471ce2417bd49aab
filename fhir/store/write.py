"""Writes batches of resources inside the caller's transaction: one look-up, one COPY, and no new version for the same content."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from engine import packed
from engine.fault import Fault
from engine.types import Connection, Put, Written
from fhir.store.again import AGAIN
from fhir.store.batch import Batch, Held
from fhir.store.change import Change, Expect, name
from fhir.store.sql import sql
from fhir.store.types import key_of

OTHER = b""  # the digest of what may change


def apply(connection: Connection, changes: Sequence[Change], at: datetime, shared: bool = False) -> list[Written | Fault]:
    """Writes puts and deletes in order inside the caller's transaction; a Fault E571 where another version was expected.

    `shared` says that elements of the bodies are never changed and may come again as the same objects, so that what was made of
    them is worth remembering.
    """
    if not changes:
        return []
    named = [name(change) for change in changes]
    held = {pair: Held(*pair, key_of(*pair)) for pair in dict.fromkeys(named)}
    with connection.cursor() as cursor:
        look_up(cursor, held, *foreseen(named, changes))
        batch = Batch(at, shared)
        written = [batch.take(cursor, held[pair], change) for pair, change in zip(named, changes, strict=True)]
        batch.store(cursor, held.values())
    return written


def foreseen(
    named: Sequence[tuple[str, str]], changes: Sequence[Change]
) -> tuple[set[tuple[str, str]], dict[tuple[str, str], bytes]]:
    """The resources whose stored body is needed at once, and the digests of those that all of the batch leaves as it left them before."""
    merged: set[tuple[str, str]] = set()
    known: dict[tuple[str, str], bytes] = {}
    for pair, change in zip(named, changes, strict=True):
        digest = AGAIN.digest(change)
        if digest is None or known.setdefault(pair, digest) != digest:
            known[pair] = OTHER
        if digest is None:
            told = change.change if isinstance(change, Expect) else change
            if isinstance(told, Put) and told.merge:
                merged.add(pair)
    return merged, {pair: digest for pair, digest in known.items() if digest != OTHER}


def look_up(
    cursor: Any, held: dict[tuple[str, str], Held], merged: set[tuple[str, str]], known: dict[tuple[str, str], bytes]
) -> None:
    """Reads what is stored of all resources of the batch in one query."""
    by_key = {one.key: one for one in held.values()}
    asked = {
        "keys": packed.keys(sorted(by_key)),
        "merged": packed.keys([held[pair].key for pair in merged]),
        "known": packed.keys([held[pair].key for pair in known]),
        "digests": packed.keys(list(known.values())),
    }
    cursor.execute(sql("lookup"), asked, prepare=True)
    for key, num, version, deleted, digest, same, body in cursor.fetchall():
        one = by_key[key.bytes]
        one.num, one.version, one.stored, one.deleted, one.digest = num, version, version, deleted, digest.bytes
        one.same = same
        if body:
            one.raw = body.encode()
