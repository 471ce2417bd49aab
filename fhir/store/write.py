"""Writes batches of resources inside the caller's transaction: one look-up, one COPY, and no new version for the same content.

A resource that comes several times in a batch yields successive versions, in order. What is replaced goes to the history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from engine import packed
from engine.fault import Fault, Kind
from engine.types import JSON, Connection, Origin, Put, Site, Written
from fhir import encode
from fhir.search.entries import Entries
from fhir.search.extract import extractor
from fhir.store import look, rows
from fhir.store.access import forget
from fhir.store.again import AGAIN
from fhir.store.content import Content, canonical, digested, head, instant
from fhir.store.merge import merge
from fhir.store.origin import record
from fhir.store.pieces import pieced
from fhir.store.sql import sql
from fhir.store.types import CODES, key_of

NOTHING = rows.entered(Entries())
OTHER = b""  # the digest of what may change


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


@dataclass(frozen=True, slots=True)
class FhirStore:
    """The store as the engine asks for it (entry point `isthmus.stores`). `told` is called with what was written, before the commit."""

    told: Callable[[Connection, Sequence[Written]], Any] | None = None  # called with what was written, before the commit

    def attached(self, site: Site) -> FhirStore:
        """The store of a running engine, where Subscriptions are told of what channels write."""
        from fhir.subscribe.desk import desk  # noqa: PLC0415  that room stands above this one

        return FhirStore(desk(site).written)

    def write(self, connection: Connection, puts: Sequence[Put], at: datetime) -> list[Written]:
        """Writes a batch; what became of each, in order."""
        written = [one for one in apply(connection, puts, at, True) if isinstance(one, Written)]
        if self.told is not None:
            self.told(connection, written)
        return written

    def record(self, connection: Connection, origins: Sequence[Origin], at: datetime) -> None:
        """Notes which message wrote what, by which version of its channel: the Provenance that is rendered of it."""
        record(connection, origins, at)

    def forget(self, connection: Connection, before: datetime) -> int:
        """Deletes the accesses before a moment; how many there were."""
        return forget(connection, before)

    def bodies(self, connection: Connection, names: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], JSON]:
        """The current resources of these (type, id); those that are not there are left out."""
        return look.bodies(connection, names)

    def counts(self, connection: Connection) -> dict[str, int]:
        """How many resources of each type there are now."""
        return look.counts(connection)

    def since(self, connection: Connection, type: str, moment: datetime) -> Iterator[tuple[JSON, datetime]]:
        """The resources of a type that are about a time since a moment, each with when it was written."""
        return look.since(connection, type, moment)

    def newest(self, connection: Connection, type: str) -> str | None:
        """The newest resource of a type as it is served."""
        return look.newest(connection, type)


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


def name(change: Change) -> tuple[str, str]:
    """The type and id of what is changed."""
    if isinstance(change, Put):
        return change.body["resourceType"], change.body["id"]
    return name(change.change) if isinstance(change, Expect) else (change.type, change.id)


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
