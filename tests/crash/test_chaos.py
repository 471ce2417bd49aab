"""About a minute of chaos over the real engine (R7-R13, R30): random kill -9, a receiver that hangs, lies and disconnects, a dead
destination among live ones. It also fails when what it is meant to survive did not happen. ISTHMUS_CHAOS_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import tempfile
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.reconcile import messages, parcels
from tests.acceptance.running import Engine, start_engine
from tests.crash.far import Far, read
from tests.crash.senders import Sender, pour

KILLS = int(os.environ.get("ISTHMUS_CHAOS_KILLS", "3"))
PATIENTS = 6
MEMORY = 512  # MB
DESTINATIONS = """
  record: {{ fhir_store: {{}} }}
  good: {{ map: fhir_to_oru_r01, mllp: {{ connect: "tcp:127.0.0.1:{good}", timeout: 5s }}, retry: "every 200ms, doubling to 1s, for 1h" }}
  liar: {{ map: fhir_to_oru_r01, mllp: {{ connect: "tcp:127.0.0.1:{liar}", timeout: 1s }}, retry: "every 100ms, doubling to 500ms, for 1h" }}
  dead: {{ map: fhir_to_oru_r01, mllp: {{ connect: "tcp:127.0.0.1:{dead}", timeout: 1s }}, retry: "every 200ms, doubling to 2s, for 1h" }}
"""


@dataclass
class Seen:
    """What was counted while it ran: a process's counters end with it."""

    held_back: float = 0.0
    duplicates: float = 0.0
    retries: float = 0.0
    memory: float = 0.0
    restarts: list[float] = field(default_factory=list)

    def look(self, engine: Engine) -> None:
        """Adds the counters of a process that is about to end."""
        with urllib.request.urlopen(f"{engine.http}/metrics", timeout=20) as answer:
            for family in text_string_to_metric_families(answer.read().decode()):
                for sample in family.samples:
                    self.held_back += sample.value if sample.name == "engine_held_back_total" else 0
                    self.duplicates += sample.value if sample.name == "engine_duplicates_total" else 0
                    self.retries += sample.value if sample.name == "engine_retries_total" else 0
        for line in Path(f"/proc/{engine.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                self.memory = max(self.memory, int(line.split()[1]) / 1024)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("ISTHMUS_PENDING", "20")
    made = Path(tempfile.mkdtemp(prefix="isthmus-chaos-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def ask(dsn: str, text: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(text).fetchall()


def until(check: object, seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():  # type: ignore[operator]
            return
        time.sleep(0.1)
    pytest.fail(what)


@pytest.mark.timeout(400)
def test_a_minute_of_chaos_loses_doubles_and_reorders_nothing(folder: Path) -> None:
    seed = int(os.environ.get("ISTHMUS_CHAOS_SEED", random.randrange(10**6)))
    print(f"ISTHMUS_CHAOS_SEED={seed}")
    chance, seen = random.Random(seed), Seen()
    good, dead = Far(("honest",), seed), Far(("silent",), seed)
    liar = Far(("honest",) * 6 + ("twice", "hang", "lie", "garble", "disconnect", "busy"), seed)
    engine = started(folder, good, liar, dead)
    ended, began = threading.Event(), time.monotonic()
    senders = [Sender(f"P{n}", lambda: engine.port("hospital"), seed + n, ended) for n in range(PATIENTS)]
    for sender in senders:
        sender.start()
    poured = 0
    for _ in range(KILLS):
        time.sleep(chance.uniform(1.0, 3.0))
        pour(engine.port("hospital"), "FLOOD", poured, 150)
        poured += 150
        time.sleep(chance.uniform(0.0, 1.0))
        seen.look(engine)
        engine.process.kill()
        engine.process.wait()
        came = time.monotonic()
        engine = start_engine(folder)
        seen.restarts.append(time.monotonic() - came)
    time.sleep(3)
    ended.set()
    for sender in senders:
        sender.join()
    liar.moods = ("honest",)
    dsn = str(engine.note["dsn"])
    until(lambda: ask(dsn, "select 1 from journal.pending limit 1") == [], 60, "messages are still waiting")
    left = "select 1 from journal.outbox where destination <> 'hospital.dead' limit 1"
    until(lambda: ask(dsn, left) == [], 120, "parcels for live destinations are still waiting")
    seen.look(engine)
    wrong = verdict(dsn, senders, good, liar, dead, time.monotonic() - began)
    wrong += rare(dsn, senders, good, liar, seen)
    far = f"good {len(good.got)}, liar {len(liar.got)} of which {len(liar.acked)} accepted, dead {len(dead.got)}"
    print(f"acknowledged {sum(len(s.acked) for s in senders)}, poured {poured}, {far}; {seen}")
    engine.stop()
    for one in (good, liar, dead):
        one.close()
    assert wrong == [], f"seed {seed}"


def started(folder: Path, good: Far, liar: Far, dead: Far) -> Engine:
    """An engine whose channel sends to the three."""
    engine = start_engine(folder)
    channel = engine.channels / "hospital.yaml"
    more = DESTINATIONS.format(good=good.port, liar=liar.port, dead=dead.port)
    text = channel.read_text()
    assert "\n  record: { fhir_store: {} }\n" in text
    channel.write_text(text.replace("\n  record: { fhir_store: {} }\n", more))
    done = engine.command("deploy")
    assert done.returncode == 0, done.stderr
    return engine


def verdict(dsn: str, senders: list[Sender], good: Far, liar: Far, dead: Far, seconds: float) -> list[str]:
    """What is wrong after all of it."""
    wrong = []
    acked = {name for sender in senders for name in sender.acked}
    stored = [str(row[0]) for row in ask(dsn, "select control_id from journal.message")]
    if lost := acked - set(stored):
        wrong.append(f"R2: {len(lost)} acknowledged messages are not stored")
    if len(stored) != len(set(stored)):
        wrong.append("R5: a message is stored twice")
    with psycopg.connect(dsn, autocommit=True) as connection:
        wrong += [f"lost in {row}" for row in (*messages(connection), *parcels(connection)) if row.lost]
    held = {str(row[0]) for row in ask(dsn, "select control_id from journal.held join journal.message using (id)")}
    poisoned = {name for sender in senders for name in sender.poisoned} & set(stored)
    if held != poisoned:
        wrong.append(f"R11: held {len(held)}, poisoned {len(poisoned)}")
    due = set(stored) - held
    wrong += [f"{name} {text}" for name, far in (("good", good), ("liar", liar)) for text in arrived(far, due)]
    rows = ask(
        dsn, "select body from journal.parcel join journal.delivery using (seq) where parcel.destination = 'hospital.liar'"
    )
    claimed = {read(bytes(row[0])).control_id for row in rows}  # type: ignore[call-overload]
    if claimed - liar.acked:
        wrong.append("R9: a delivery is noted that the receiver never accepted")
    if ask(dsn, "select 1 from journal.parcel join journal.delivery using (seq) where parcel.destination = 'hospital.dead'"):
        wrong.append("R9: something is noted as delivered to the dead destination")
    if len(dead.got) > seconds + 2 * (KILLS + 1):  # one in flight, a second each
        wrong.append(f"R10: the dead destination was sent {len(dead.got)} in {seconds:.0f} s")
    return wrong


def arrived(far: Far, due: set[str]) -> Iterator[str]:
    """What is wrong with what a destination got."""
    got = {f"{one.patient}N{one.number:05d}" for one in far.got}
    if due - got:
        yield f"R7: {len(due - got)} were never sent"
    if got - due:
        yield f"R4: {len(got - due)} were sent that are not due"
    ids = defaultdict(set)
    for one in far.got:
        ids[one.patient, one.number].add(one.control_id)
    if any(len(each) > 1 for each in ids.values()):
        yield "R7: a message left under two control ids"
    order: dict[str, list[int]] = defaultdict(list)
    for one in far.sent():
        before = order[one.patient]
        if before and one.number < before[-1]:
            yield f"R8: {one.patient}: {one.number} came after {before[-3:]}, on connection {one.connection}"
        before.append(one.number)


def rare(dsn: str, senders: list[Sender], good: Far, liar: Far, seen: Seen) -> list[str]:
    """What should have happened and did not (R30), and what it cost."""
    epochs = [int(str(row[0])) for row in ask(dsn, "select epoch from journal.lease where name like 'lane %'")]
    again = [count for far in (good, liar) for count in Counter(one.control_id for one in far.got).values() if count > 1]
    happened = {
        "redelivery": bool(again), "takeover": statistics.fmean(epochs) > 1, "back-pressure": seen.held_back > 0,
        "quarantine": bool(ask(dsn, "select 1 from journal.held limit 1")), "retry": seen.retries > 0,
        "reconnect": sum(sender.repeats for sender in senders) > 0, "every mood": len(liar.moods_had) == 7,
    }  # fmt: skip
    missing = [f"R30: no {name}" for name, did in happened.items() if not did]
    return missing + ([f"R13: {seen.memory:.0f} MB"] if seen.memory > MEMORY else [])
