"""What is wrong after a chaos run: the invariants R2, R4, R5, R7-R13, and what should have happened and did not (R30)."""

from __future__ import annotations

import json
import statistics
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from prometheus_client.parser import text_string_to_metric_families

from engine.reconcile import messages, parcels
from tests.acceptance.running import Engine
from tests.crash.far import Far, Got, read
from tests.crash.senders import Sender, name_of

MEMORY = 512  # MB
PARCELS_HELD = 20
WAITING = "select 1 from journal.outbox where destination = 'hospital.dead'"
OBSERVATIONS = "select version, body from fhir.resources where type = 'Observation'"
PARCELS = "select body from journal.parcel where destination = 'hospital.good' order by seq"
PATIENCE = (
    5.0  # seconds beside the restarts; behind the dead destination, which takes one a second and longer, it would be minutes
)
WAITED = """
    select percentile_cont(0.5) within group (order by extract(epoch from delivery.at - parcel.at))
    from journal.parcel join journal.delivery using (seq) where parcel.destination = 'hospital.good'"""
NOTED = "select body from journal.parcel join journal.delivery using (seq) where parcel.destination = %s"


@dataclass
class Seen:
    """What was counted while it ran: a process's counters end with it."""

    held_back: float = 0.0
    retries: float = 0.0
    memory: float = 0.0
    restarts: list[float] = field(default_factory=list)

    def look(self, engine: Engine) -> None:
        """Adds the counters of a process that is about to end."""
        with urllib.request.urlopen(f"{engine.http}/metrics", timeout=60) as answer:
            for family in text_string_to_metric_families(answer.read().decode()):
                for sample in family.samples:
                    self.held_back += sample.value if sample.name == "engine_held_back_total" else 0
                    self.retries += sample.value if sample.name == "engine_retries_total" else 0
        for line in Path(f"/proc/{engine.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                self.memory = max(self.memory, int(line.split()[1]) / 1024)


def ask(dsn: str, text: str, *values: object) -> list[tuple[object, ...]]:
    """The rows of a question."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(text.encode(), values).fetchall()


def wrongs(dsn: str, senders: list[Sender], good: Far, liar: Far, dead: Far, tries: float, down: float) -> list[str]:
    """Every invariant that does not hold; `tries` is how many the dead destination may have seen, `down` the seconds without an engine."""
    acked = {name for sender in senders for name in sender.acked}
    stored = [str(row[0]) for row in ask(dsn, "select control_id from journal.message")]
    held = {str(row[0]) for row in ask(dsn, "select control_id from journal.held join journal.message using (id)")}
    poisoned = {name for sender in senders for name in sender.poisoned} & set(stored)
    due = set(stored) - held
    wrong = []
    if lost := acked - set(stored):
        wrong.append(f"R2: {len(lost)} acknowledged messages are not stored")
    if len(stored) != len(set(stored)):
        wrong.append("R5: a message is stored twice")
    with psycopg.connect(dsn, autocommit=True) as connection:
        wrong += [f"R2: lost in {row}" for row in (*messages(connection), *parcels(connection)) if row.lost]
    if held != poisoned:
        wrong.append(f"R11: held {len(held)}, poisoned {len(poisoned)}")
    wrong += effects(dsn, due)
    wrong += [f"{name} {text}" for name, far in (("good", good), ("liar", liar)) for text in arrived(far, due)]
    for name, far in (("good", good), ("liar", liar), ("dead", dead)):
        noted = {read(bytes(row[0])).control_id for row in ask(dsn, NOTED, f"hospital.{name}")}  # type: ignore[call-overload]
        if noted - far.acked:
            wrong.append(f"R9: {len(noted - far.acked)} are noted as delivered that {name} never accepted")
    if len(dead.got) > tries:
        wrong.append(f"R10: the dead destination was sent {len(dead.got)}, at most {tries:.0f} are due")
    [[waited]] = ask(dsn, WAITED)
    if float(str(waited or 0)) > PATIENCE + down:
        wrong.append(f"R12: half of what the good destination got waited longer than {waited} s")
    return wrong


def effects(dsn: str, due: set[str]) -> Iterator[str]:
    """What is wrong with what the messages did: each its Observation once, never a second version, in each patient's order."""
    found = Counter[str]()
    for version, body in ask(dsn, OBSERVATIONS):
        resource = body if isinstance(body, dict) else json.loads(str(body))
        found[str(resource["valueQuantity"]["value"])] += 1
        if version != 1:
            yield "R6: an observation was written again"
    if found != Counter(str(int(name.partition("N")[2])) for name in due):
        yield f"R6: {found.total()} observations of {len(due)} messages"
    yield from ordered("worked off", (read(bytes(row[0])) for row in ask(dsn, PARCELS)))  # type: ignore[call-overload]


def arrived(far: Far, due: set[str]) -> Iterator[str]:
    """What is wrong with what a destination got."""
    got = {name_of(one.patient, one.number) for one in far.got}
    if due - got:
        yield f"R7: {len(due - got)} were never sent"
    if got - due:
        yield f"R4: {len(got - due)} were sent that are not due"
    ids = defaultdict(set)
    for one in far.got:
        ids[one.patient, one.number].add(one.control_id)
    if any(len(each) > 1 for each in ids.values()):
        yield "R7: a message left under two control ids"
    yield from ordered("sent", far.sent())


def ordered(what: str, each: Iterable[Got]) -> Iterator[str]:
    """Where a patient's later message came before an earlier one."""
    last: dict[str, Got] = {}
    for one in each:
        before = last.get(one.patient, one)
        if one.number < before.number:
            yield f"R8: {one.patient}: {one.number} was {what} after {before.number} ({before.connection}, {one.connection})"
        last[one.patient] = one


def missing(dsn: str, senders: list[Sender], good: Far, liar: Far, seen: Seen) -> list[str]:
    """What should have happened and did not."""
    epochs = [int(str(row[0])) for row in ask(dsn, "select epoch from journal.lease where name like 'lane %%'")]
    again = [count for far in (good, liar) for count in Counter(one.control_id for one in far.got).values() if count > 1]
    happened = {
        "redelivery": bool(again), "duplicate": any(sender.doubled for sender in senders),
        "takeover": statistics.fmean(epochs) > 1, "back-pressure": seen.held_back > 0,
        "quarantine": bool(ask(dsn, "select 1 from journal.held limit 1")), "retry": seen.retries > 0,
        "destination that holds all of its own back": len(ask(dsn, WAITING)) >= PARCELS_HELD,
        "reconnect": sum(sender.repeats for sender in senders) > 0, "every mood": liar.moods_had == set(liar.all_moods),
    }  # fmt: skip
    too_much = [f"R13: {seen.memory:.0f} MB"] if seen.memory > MEMORY else []
    return [f"R30: no {name}" for name, did in happened.items() if not did] + too_much
