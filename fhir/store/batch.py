"""The rows of one batch while they are made: each change applied to what is held of its resource, then all sent at once.

A resource that comes several times in a batch yields successive versions, in order. What is replaced goes to the history.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.fault import Fault, Kind
from engine.types import JSON, Put, Written
from fhir import encode
from fhir.search.entries import Entries
from fhir.search.extract import extractor
from fhir.store import rows
from fhir.store.again import AGAIN
from fhir.store.change import Change, Delete, Expect
from fhir.store.content import Content, canonical, digested, head, instant
from fhir.store.merge import merge
from fhir.store.pieces import pieced
from fhir.store.sql import sql
from fhir.store.types import CODES

NOTHING = rows.entered(Entries())


class Held:
    """What is known of one resource while a batch is written."""

    num: int | None = None
    version = 0
    stored = 0  # the version in the database; 0 when there is none
    deleted = False
    same = False  # whether all of the batch leaves it as it is stored; it is not locked then
    digest = b""
    raw = b""  # the newest body's text

    def __init__(self, type: str, id: str, key: bytes) -> None:
        self.type, self.id, self.key = type, id, key


class Batch:
    """The rows of one batch while they are made."""

    def __init__(self, at: datetime, shared: bool = False) -> None:
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)  # as `lastUpdated` tells it
        self.instant, self.micros = instant(at), rows.microseconds(at)
        self.first = b'"meta":{"versionId":"1","lastUpdated":"%b"},' % self.instant
        self.shared = shared  # whether elements are objects that may come again and that nobody changes
        self.rows: dict[bytes, bytes] = {}  # the newest version's row of each changed resource, by key
        self.past: list[bytes] = []  # versions that came and went within the batch

    def take(self, cursor: Any, one: Held, change: Change) -> Written | Fault:
        """Applies one change to what is held."""
        if one.same:
            return Written(one.type, one.id, one.version, "unchanged")
        if self.shared and not one.version and change.__class__ is Put:
            made = pieced(one.type)(change.body)
            if made is not None:
                return self.create(one, change, *made)
        if isinstance(change, Expect):
            if one.version != change.version or one.deleted:
                return Fault(
                    Kind.CONFLICT, "E571", "another version is the newest one", "If-Match", "read it again, then change it"
                )
            change = change.change
        if isinstance(change, Delete):
            return self.delete(one)
        if one.version and not one.deleted and one.digest == AGAIN.digest(change):
            return Written(one.type, one.id, one.version, "unchanged")
        body = change.body
        if change.once and one.version and not one.deleted:
            return Written(one.type, one.id, one.version, "unchanged")
        if change.merge and one.version and not one.deleted:
            if not one.raw:
                self.fetch(cursor, one)
            body = merge(encode.trusted(one.raw), body, change.clear)
        content = Content(body)
        digest = content.digest()
        if one.version and not one.deleted and (digest == one.digest or self.same(cursor, one, body)):
            AGAIN.keep(change, one.digest)
            return Written(one.type, one.id, one.version, "unchanged")
        fresh = one.version == 0 or one.deleted
        self.outdate(one)
        one.raw = content.text(head(one.type, one.id), one.version, self.instant)
        one.digest, one.deleted = digest, False
        self.put(one, rows.entered(extractor(one.type)(body)))
        AGAIN.keep(change, digest)
        return Written(one.type, one.id, one.version, "created" if fresh else "updated")

    def create(self, one: Held, change: Put, text: bytes, columns: bytes) -> Written:
        """The first version of a resource, of its pieces: what `Content` and its row would be."""
        one.version, one.digest = 1, digested(b"\x00{%b}" % text)
        one.raw = b"".join((head(one.type, one.id), self.first, text, b"}"))
        self.put(one, columns)
        if change.merge:
            AGAIN.keep(change, one.digest)
        return Written(one.type, one.id, 1, "created")

    def delete(self, one: Held) -> Written:
        """Leaves a tombstone; deleting what is gone changes nothing."""
        if one.version == 0 or one.deleted:
            return Written(one.type, one.id, one.version, "unchanged")
        self.outdate(one)
        one.raw, one.digest, one.deleted = b"", bytes(16), True
        self.put(one, NOTHING)
        return Written(one.type, one.id, one.version, "deleted")

    def fetch(self, cursor: Any, one: Held) -> None:
        """Reads the newest version's text."""
        cursor.execute(sql("bodies"), {"keys": [UUID(bytes=one.key)]}, prepare=True)
        one.raw = cursor.fetchone()[1].encode()

    def same(self, cursor: Any, one: Held, body: JSON) -> bool:
        """Whether only the order of names differs from the newest version."""
        if not one.raw:
            self.fetch(cursor, one)
        return canonical(encode.trusted(one.raw)) == canonical(body)

    def outdate(self, one: Held) -> None:
        """Counts the version up; one made in this same batch goes to the history from here."""
        if one.version > one.stored:
            self.past.append(rows.past(one.key, one.version, CODES[one.type], one.id, self.micros, one.deleted, one.raw))
        one.version += 1

    def put(self, one: Held, columns: bytes) -> None:
        """Packs the newest version's row."""
        self.rows[one.key] = rows.row(
            one.num, one.key, CODES[one.type], one.id, one.version, self.micros, one.deleted, columns, one.digest, one.raw
        )

    def store(self, cursor: Any, held: Iterable[Held]) -> None:
        """Sends everything: superseded versions out, new rows in."""
        changed = [one for one in held if one.version > one.stored]
        replaced = [one for one in changed if one.stored]
        if replaced:
            cursor.execute(sql("supersede"), {"keys": [UUID(bytes=one.key) for one in replaced]}, prepare=True)
            rows.copy(cursor, f"fhir.resource ({rows.COLUMNS})", [self.rows[one.key] for one in replaced])
        rows.copy(cursor, f"fhir.resource ({rows.FRESH})", [self.rows[one.key] for one in changed if not one.stored])
        rows.copy(cursor, f"fhir.history ({rows.HISTORY})", self.past)
