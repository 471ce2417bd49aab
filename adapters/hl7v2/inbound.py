"""From a block to what is stored and what is answered: sans-IO, pure, one message or a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adapters.hl7v2 import ack, batch
from adapters.hl7v2.batch import Batch
from adapters.hl7v2.format import envelope_of
from adapters.hl7v2.header import Header, read_header
from adapters.hl7v2.policy import Policy
from engine.fault import Fault, Kind
from engine.types import Arrival, Envelope, Outcome, Receipt, State

NO_ANSWER: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What one listener does: the channel it feeds, what it takes, and how it answers."""

    channel: str
    policy: Policy
    own: ack.Party
    mode: str = ""  # "", "original" or "enhanced"
    processed: bool = False  # answer after the work, not after storing
    filtered: str = "AA"  # MSA-1 for a message the channel does not want
    batches: str = "all"  # all, errors or none: which messages of a batch are answered
    here: bool = False  # application answers of enhanced mode on this connection, too


@dataclass(frozen=True, slots=True)
class Entry:
    """One message on its way: what is stored, its header as far as it could be read, and the answers it wishes for.

    `silent` for an ACK, which is not acknowledged unless enhanced mode asks for it.
    """

    arrival: Arrival
    header: Header | None
    wish: ack.Wish
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its messages, and the batch they came in if they did."""

    entries: tuple[Entry, ...]
    batch: Batch | None = None


def read(body: bytes, rules: Rules, peer: str, names: tuple[str, ...], now: datetime, new_id: Callable[[], UUID]) -> Block:
    """Takes a block apart; every message in it becomes an arrival, with its fault when it cannot be worked."""
    if batch.is_single(body):
        return Block((_entry(body, rules, peer, names, now, new_id(), None),))
    found = batch.split(body)
    entries = tuple(_entry(message, rules, peer, names, now, new_id(), found.fault) for message in found.messages)
    return Block(entries, found if found.wrapped else None)


def _entry(body: bytes, rules: Rules, peer: str, names: tuple[str, ...], now: datetime, id: UUID, doubt: Fault | None) -> Entry:
    header = read_header(body)
    if isinstance(header, Fault):
        return Entry(
            Arrival(id, rules.channel, "hl7v2", body, now, Envelope(), peer, header), None, ack.wish_of(None, rules.mode)
        )
    fault = doubt or rules.policy.check(header, body, names)
    return entry_of(Arrival(id, rules.channel, "hl7v2", body, now, envelope_of(header, body), peer, fault), header, rules)


def entry_of(arrival: Arrival, header: Header | None, rules: Rules) -> Entry:
    """An arrival with what its header wishes for."""
    wish = ack.wish_of(header, rules.mode)
    return Entry(arrival, header, wish, header is not None and ack.is_acknowledgement(header) and not wish.accept)


def answer_stored(entry: Entry, receipt: Receipt, rules: Rules, now: datetime) -> bytes | None:
    """What is answered once the message is on disk; None when nothing is due, or not yet."""
    fault = receipt.fault or entry.arrival.fault
    if entry.silent:
        return None
    wish = entry.wish
    if wish.enhanced and wish.accept not in ("", "NE"):
        return _build(entry, fault, accept=True, rules=rules, now=now) if ack.is_due(wish.accept, fault is None) else None
    if rules.processed and fault is None:
        return None
    return _build(entry, fault, accept=False, rules=rules, now=now) if ack.is_due(wish.application, fault is None) else None


def waits(entry: Entry, receipt: Receipt, rules: Rules) -> bool:
    """True when an answer is due after the work."""
    if not rules.processed or receipt.fault or entry.arrival.fault or entry.silent:
        return False
    wish = entry.wish
    if wish.enhanced and wish.accept not in ("", "NE"):
        return rules.here and wish.application not in ("", "NE")
    return wish.application not in ("", "NE")


def answer_processed(entry: Entry, outcome: Outcome, rules: Rules, now: datetime) -> bytes | None:
    """What is answered once the work is done: AA, or AE/AR with the faults of a held message."""
    wish = entry.wish
    held = outcome.state is State.HELD
    if not ack.is_due(wish.application, not held):
        return None
    if held:
        faults = outcome.faults or (Fault(Kind.INCORRECT, "E147", "the message was held"),)
        code = ack.code_of(faults[0], False)
        return ack.build(entry.header, code, faults, at=now, own=rules.own, sequence=_sequence(entry))
    code = rules.filtered if outcome.state is State.FILTERED else "AA"
    return ack.build(entry.header, code, at=now, own=rules.own, sequence=_sequence(entry))


def answer_unstored(entry: Entry, fault: Fault, rules: Rules, now: datetime) -> bytes | None:
    """What is answered when nothing was stored: AR or CE, to be sent again; also for what came in too large."""
    if entry.silent:
        return None
    wish = entry.wish
    accept = wish.enhanced and wish.accept not in ("", "NE")
    if not ack.is_due(wish.accept if accept else wish.application, good=False):
        return None
    return _build(entry, fault, accept=accept, rules=rules, now=now)


def gather(block: Block, answers: Sequence[bytes | None], rules: Rules, now: datetime) -> tuple[bytes, ...]:
    """The blocks to send for one that came: an answer each, or a response batch for a batch."""
    found = [one for one in answers if one is not None]
    if block.batch is None:
        return tuple(found)
    if rules.batches == "none":
        return NO_ANSWER
    if rules.batches == "errors":
        found = [one for one in found if b"AA" not in one.split(b"\r")[1][:8] and b"CA" not in one.split(b"\r")[1][:8]]
    return (batch.answer(block.batch, found, at=now, own=rules.own),)


def _build(entry: Entry, fault: Fault | None, *, accept: bool, rules: Rules, now: datetime) -> bytes:
    faults = fault.all() if fault else ()
    code = ack.code_of(fault, accept)
    return ack.build(entry.header, code, faults, at=now, own=rules.own, sequence=_sequence(entry))


def _sequence(entry: Entry) -> str:
    """MSA-4: the sequence number as it came, for senders that use MSH-13; we number nothing ourselves."""
    number = entry.header.value(13) if entry.header else ""
    return "-1" if number in ("0", "-1") else number if number.isdigit() else ""
