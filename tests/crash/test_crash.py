"""Kill the engine, PostgreSQL, or both, at random moments under load (R2, R3, R5, R8, R16): nothing acknowledged is lost, nothing
takes effect twice, each patient's messages stay in order. The seed is printed and can be set by ISTHMUS_CRASH_SEED.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from engine.fault import Fault
from engine.postgres import Server, process, start

HARNESS = Path(__file__).parent / "engine_harness.py"
KILLS = int(os.environ.get("ISTHMUS_CRASH_KILLS", "20"))


@pytest.fixture
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="isthmus-crash-"))
    yield folder
    server = start(folder)
    if isinstance(server, Server):
        server.stop()
    shutil.rmtree(folder)


class Engine:
    """The engine as a process that is killed and started again."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data, self.options = data, options
        self.port_file = data / "port"

    def start(self, wait: bool = True) -> None:
        self.port_file.unlink(missing_ok=True)
        command = [sys.executable, str(HARNESS), str(self.data), str(self.port_file), *self.options]
        self.process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])})
        while wait and not (self.port_file.exists() and self.port_file.read_text()):
            assert self.process.poll() is None, "the engine did not start"
            time.sleep(0.01)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def port(self) -> int:
        try:
            return int(self.port_file.read_text())
        except (OSError, ValueError):
            return 0


class Patient(threading.Thread):
    """A sender with one message in flight that repeats it until it is acknowledged; notes what was."""

    def __init__(self, name: str, engine: Engine, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self.patient, self.engine, self.ended = name, engine, ended
        self.acked: list[int] = []
        self.repeats = 0

    def run(self) -> None:
        n = 0
        while not self.ended.is_set():
            try:
                with (
                    socket.create_connection(("127.0.0.1", self.engine.port() or 1), timeout=20) as peer,
                    peer.makefile("rb") as answers,
                ):
                    while not self.ended.is_set():
                        peer.sendall(f"{self.patient} {self.patient[1:]}{n:09d}\n".encode())
                        if not answers.readline().endswith(b"\n"):
                            break
                        self.acked.append(int(f"{self.patient[1:]}{n:09d}"))
                        n += 1
            except OSError:
                pass
            self.repeats += 1
            self.ended.wait(0.02)


def crash_server(data: Path, chance: random.Random) -> None:
    """SIGQUIT is `pg_ctl stop -m immediate`; SIGKILL is worse."""
    file = process.read_pid_file(data / "postgres" / "data")
    if file is not None:
        process.send(file.pid, chance.choice([signal.SIGQUIT, signal.SIGQUIT, signal.SIGKILL]))


def torment(engine: Engine, kills: int, chance: random.Random, patients: int = 6) -> list[Patient]:
    """Runs load and kills; ends with the engine killed."""
    ended = threading.Event()
    senders = [Patient(f"p{n + 1}", engine, ended) for n in range(patients)]
    engine.start()
    for sender in senders:
        sender.start()
    for _ in range(kills):
        time.sleep(chance.uniform(0.05, 0.6))
        what = chance.choice(["engine", "postgres", "both"])
        if what in ("postgres", "both"):
            crash_server(engine.data, chance)
        engine.kill()  # without its server an engine is started anew too: its supervisor is its parent
        if chance.random() < 0.3:  # and once more while it recovers (R16)
            engine.start(wait=False)
            time.sleep(chance.uniform(0.0, 1.5))
            engine.kill()
        engine.start()
    until = time.monotonic() + 20
    while time.monotonic() < until and any(len(sender.acked) == 0 for sender in senders):
        time.sleep(0.05)
    ended.set()
    for sender in senders:
        sender.join()
    engine.kill()
    return senders


def verdict(data: Path, acked: set[int]) -> list[str]:
    """What is wrong after the last crash; the backlog is worked off first by an engine that takes nothing in."""
    engine = Engine(data)
    engine.start()
    server = start(data)
    assert isinstance(server, Fault)  # the engine holds the folder
    file = process.read_pid_file(data / "postgres" / "data")
    assert file is not None
    dsn = f"host={file.sockets} port={file.port} user=isthmus dbname=isthmus passfile={data / 'postgres' / 'password'}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        until = time.monotonic() + 60
        while connection.execute("select count(*) from journal.pending").fetchone() != (0,) and time.monotonic() < until:
            time.sleep(0.05)
        stored = [int(row[0]) for row in connection.execute("select control_id from journal.message")]
        effects = connection.execute("select patient, n from effect order by place").fetchall()
    engine.kill()
    wrong = []
    if lost := acked - set(stored):
        wrong.append(f"{len(lost)} acknowledged messages are not stored")
    if len(stored) != len(set(stored)):
        wrong.append("a message is stored twice")
    if any(count > 1 for count in Counter(n for _, n in effects).values()):
        wrong.append("a message took effect twice")
    if {n for _, n in effects} != set(stored):
        wrong.append("what is stored and what took effect differ")
    order = defaultdict(list)
    for patient, n in effects:
        order[patient].append(n)
    if any(numbers != sorted(numbers) for numbers in order.values()):
        wrong.append("a patient's messages were overtaken")
    return wrong


@pytest.mark.timeout(600)
def test_nothing_acknowledged_is_lost_doubled_or_overtaken(data: Path) -> None:
    seed = int(os.environ.get("ISTHMUS_CRASH_SEED", random.randrange(10**6)))
    print(f"ISTHMUS_CRASH_SEED={seed}")
    senders = torment(Engine(data), KILLS, random.Random(seed))
    acked = {n for sender in senders for n in sender.acked}
    assert len(acked) > KILLS, "the engine was never up long enough to say anything"
    assert sum(sender.repeats for sender in senders) > KILLS, "no connection was ever lost"
    assert verdict(data, acked) == [], f"seed {seed}"


@pytest.mark.timeout(600)
def test_the_harness_catches_an_engine_that_acknowledges_before_the_commit(data: Path) -> None:
    for seed in range(5):
        senders = torment(Engine(data, "--hasty"), 3, random.Random(seed))
        wrong = verdict(data, {n for sender in senders for n in sender.acked})
        if any("not stored" in text for text in wrong):
            return
    pytest.fail("an engine that acknowledges too early was not caught")
