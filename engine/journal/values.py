"""The journal's own values: what a worker hands back, and what a message's keys are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from uuid import UUID

import psycopg

from engine.fault import Fault, Kind
from engine.record import record
from engine.types import Event, Message, Outcome, Parcel, State

LANES = 64
QUICK = 56  # the lanes below are for quick work; those from here on for what takes a processor for long
KINDS = ("lane", "slow")  # of leases: over quick lanes, over slow ones
SLOW_FLAG = 2  # of a message's flags
REPLAY_LOCK = 0x15748E91  # held by who queues old messages again, and by who deletes them
LONGEST = 1000  # characters of a name kept; the body keeps all of it
MOST_BYTES = 2000  # of them: an index of PostgreSQL takes 2704


class Fenced(psycopg.OperationalError):
    """Another process has taken these messages over: the transaction must be undone."""


@record
class Settlement:
    """What became of a claimed message, and what leaves with it; settled in the transaction that writes its resources."""

    message: Message
    state: State
    faults: tuple[Fault, ...] = ()
    parcels: tuple[Parcel, ...] = ()
    events: tuple[Event, ...] = ()
    plan: str = ""  # the version of the channel that did it
    resources: tuple[str, ...] = ()
    stop: bool = False  # held, and later messages of its key wait until it is replayed or skipped

    @property
    def outcome(self) -> Outcome:
        """As the one who waits for it hears it."""
        return Outcome(self.state, self.faults, self.resources)


def order_hash(channel: str, key: str, id: UUID, slow: bool = False) -> int:
    """A signed 64-bit number that messages of one key share; a message without a key shares it with none.

    Its last six bits are the lane: quick and slow work have lanes of their own.
    """
    text = f"{clean(channel)}\0{clean(key)}".encode() if key else id.bytes
    whole = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big", signed=True)
    lane = QUICK + whole % (LANES - QUICK) if slow else whole % QUICK
    return whole - whole % LANES + lane


def source_hash(channel: str, sender: str, control_id: str) -> int | None:
    """A signed 64-bit number of where a message comes from; None without a control id: then nothing is a duplicate."""
    if not control_id:
        return None
    text = f"{clean(channel)}\0{clean(sender)}\0{clean(control_id)}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big", signed=True)


def mark(digest: bytes) -> int:
    """The first 64 bits of a digest as PostgreSQL keeps them."""
    return int.from_bytes(digest[:8], "big", signed=True)


def clean(text: str) -> str:
    """Text as PostgreSQL can keep it: no NUL, no lone surrogate, not endless."""
    if len(text) > LONGEST:
        text = text[:LONGEST]
    if text.isascii():
        return text.replace("\0", "�") if "\0" in text else text
    return text.replace("\0", "�").encode("utf-8", "replace")[:MOST_BYTES].decode("utf-8", "ignore")


def faults_json(faults: Sequence[Fault]) -> str | None:
    """Faults as they are kept; None when there are none."""
    if not faults:
        return None
    return json.dumps([fault.as_dict() for fault in faults]).replace("\\u0000", "\\ufffd")


def faults_from(rows: Sequence[dict[str, str]] | None) -> tuple[Fault, ...]:
    """Faults as they were kept."""
    return tuple(Fault(Kind(row["kind"]), row["code"], row["text"], row.get("at", ""), row.get("help", "")) for row in rows or ())


def pack(resources: Sequence[str]) -> str | None:
    """Names of resources with each type said once: `Observation/a b Patient/c`."""
    if not resources:
        return None
    parts, last = [], ""
    for name in resources:
        type, slash, id = name.partition("/")
        parts.append(id if slash and type == last else name)
        last = type
    return " ".join(parts)


def unpack(text: str | None) -> tuple[str, ...]:
    """The names that `pack` made one text of."""
    names, last = [], ""
    for part in (text or "").split():
        type, slash, _ = part.partition("/")
        last = type if slash else last
        names.append(part if slash else f"{last}/{part}")
    return tuple(names)
