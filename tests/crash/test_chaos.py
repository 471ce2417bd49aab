"""Under a minute of chaos over the real engine (R2, R4-R13, R30): random kill -9 under load over MLLP, a receiver that hangs, lies
and disconnects, a dead destination among live ones. It also fails when what it is meant to survive did not happen.

ISTHMUS_CHAOS_SEED gives other moments and moods, ISTHMUS_CHAOS_KILLS a longer run.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.postgres import Server, start
from tests.acceptance.running import Engine, start_engine
from tests.crash.far import Far
from tests.crash.senders import Sender, pour
from tests.crash.verdict import Seen, ask, missing, wrongs

SEED = int(os.environ.get("ISTHMUS_CHAOS_SEED", "1"))
KILLS = int(os.environ.get("ISTHMUS_CHAOS_KILLS", "3"))
PATIENTS = 6
FLOOD = 150  # messages poured at once; more than the 20 that may be pending
MOODS = ("honest",) * 6 + ("twice", "hang", "lie", "garble", "disconnect", "busy")
DESTINATIONS = """
  record: {{ fhir_store: {{}} }}
  good: {{ map: fhir_to_oru_r01, mllp: {{ connect: "tcp:127.0.0.1:{good}", timeout: 5s }}, retry: "every 200ms, doubling to 1s, for 1h" }}
  liar: {{ map: fhir_to_oru_r01, mllp: {{ connect: "tcp:127.0.0.1:{liar}", timeout: 1s }}, retry: "every 100ms, doubling to 500ms, for 1h" }}
  dead: {{ map: fhir_to_oru_r01, mllp: {{ connect: "tcp:127.0.0.1:{dead}", timeout: 1s }}, retry: "every 200ms, doubling to 2s, for 1h" }}
"""


class Victim:
    """An engine on a folder of its own that is killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.engine = folder, start_engine(folder)

    def restart(self) -> None:
        """kill -9, then another on the same folder; its PostgreSQL has gone on alone."""
        self.engine.process.kill()
        self.engine.process.wait()
        self.engine = start_engine(self.folder)

    def port(self) -> int:
        return self.engine.port("hospital")


@pytest.fixture
def victim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Victim]:
    monkeypatch.setenv("ISTHMUS_PENDING", "20")
    folder = Path(tempfile.mkdtemp(prefix="isthmus-chaos-"))
    folder.chmod(0o755)
    try:
        one = Victim(folder)
        yield one
        one.engine.process.kill()
        one.engine.process.wait()
    finally:
        left = start(folder / "data")
        if isinstance(left, Server):
            left.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def fars() -> Iterator[tuple[Far, Far, Far]]:
    """One that accepts, one that does whatever comes to its mind, one that takes everything and never answers."""
    made = Far(("honest",), SEED), Far(MOODS, SEED), Far(("silent",), SEED)
    yield made
    for one in made:
        one.close()


def until(check: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def deploy(engine: Engine, good: Far, liar: Far, dead: Far) -> None:
    """The shipped channel, sending to the three."""
    channel = engine.channels / "hospital.yaml"
    text = channel.read_text()
    assert "\n  record: { fhir_store: {} }\n" in text
    more = DESTINATIONS.format(good=good.port, liar=liar.port, dead=dead.port)
    channel.write_text(text.replace("\n  record: { fhir_store: {} }\n", more))
    done = engine.command("deploy")
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(500)
def test_chaos_loses_doubles_and_reorders_nothing(victim: Victim, fars: tuple[Far, Far, Far]) -> None:
    print(f"ISTHMUS_CHAOS_SEED={SEED}")
    good, liar, dead = fars
    chance, seen, began = random.Random(SEED), Seen(), time.monotonic()
    deploy(victim.engine, good, liar, dead)
    ended = threading.Event()
    senders = [Sender(f"P{n}", n * 100_000, victim.port, SEED + n, ended) for n in range(1, PATIENTS + 1)]
    for sender in senders:
        sender.start()
    for turn in range(KILLS):
        time.sleep(chance.uniform(1.0, 2.0))
        pour(victim.port(), "FLOOD", turn * FLOOD, FLOOD)
        time.sleep(chance.uniform(0.0, 1.0))
        seen.look(victim.engine)
        came = time.monotonic()
        victim.restart()
        seen.restarts.append(round(time.monotonic() - came, 1))
    until(lambda: liar.moods_had == set(MOODS), 60, "the liar has not been everything it can be")
    ended.set()
    for sender in senders:
        sender.join()
    liar.moods = ("honest",)
    dsn = str(victim.engine.note["dsn"])
    until(lambda: not ask(dsn, "select 1 from journal.pending limit 1"), 90, "messages are still waiting")
    left = "select 1 from journal.outbox where destination <> 'hospital.dead' limit 1"
    until(lambda: not ask(dsn, left), 180, "parcels for live destinations are still waiting")
    seen.look(victim.engine)
    tries = time.monotonic() - began + 2 * (KILLS + 1)  # one in flight, a second each
    wrong = wrongs(dsn, senders, good, liar, dead, tries, sum(seen.restarts)) + missing(dsn, senders, good, liar, seen)
    far = f"good {len(good.got)}, liar {len(liar.got)} of which {len(liar.acked)} accepted, dead {len(dead.got)}"
    print(f"{time.monotonic() - began:.0f} s, acknowledged {sum(len(s.acked) for s in senders)}, {far}; {seen}")
    assert wrong == [], f"seed {SEED}"
