"""What an operator may rely on of a whole engine: ended at any moment (R20), damaged on disk (R22), on a careless database (R29)."""

from __future__ import annotations

import json
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
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from engine.postgres import Server, start
from tests.acceptance.running import ROOT, Engine, Start
from tests.acceptance.test_engine import MESSAGES, found, processed, talk

REPORT = MESSAGES[4]


class Sender(threading.Thread):
    """Sends messages one after the other until the connection ends; keeps the control ids that were acknowledged."""

    def __init__(self, engine: Engine, name: str) -> None:
        super().__init__(daemon=True)
        self.port, self.mark, self.acknowledged = engine.port("hospital"), name.encode(), list[str]()

    def run(self) -> None:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 30) as peer:
                for number in range(100_000):
                    message = REPORT.replace(b"|DEMO", b"|%s-%d-" % (self.mark, number), 1)
                    peer.sendall(b"\x0b" + message + b"\x1c\r")
                    answer = b""
                    while not answer.endswith(b"\x1c\r"):
                        if not (got := peer.recv(65536)):
                            return
                        answer += got
                    if b"\rMSA|AA|" in answer:
                        self.acknowledged.append(message.split(b"|")[9].decode())
        except OSError:
            return


@pytest.mark.timeout(300)
def test_ended_under_load_again_and_again_it_leaves_in_time_and_loses_nothing(own_engine: Start) -> None:
    seed = int(os.environ.get("ISTHMUS_TERM_SEED", str(time.time_ns() % 100_000)))
    print("seed", seed)
    chance, acknowledged, folder = random.Random(seed), set[str](), None
    for round_ in range(int(os.environ.get("ISTHMUS_TERM_ROUNDS", "3"))):
        engine = own_engine(folder=folder) if folder else own_engine()
        folder = engine.data.parent
        senders = [Sender(engine, f"R{round_}S{number}") for number in range(4)]
        for sender in senders:
            sender.start()
        time.sleep(chance.uniform(0.1, 1.0))  # the moment is random on purpose
        asked = time.monotonic()
        engine.process.send_signal(signal.SIGTERM)
        assert engine.process.wait(60) == 0
        assert time.monotonic() - asked < 30
        for sender in senders:
            sender.join(30)
            acknowledged |= set(sender.acknowledged)
    assert acknowledged
    last = own_engine(folder=folder)
    with psycopg.connect(str(last.note["dsn"])) as connection:
        kept = [row[0] for row in connection.execute("select control_id from journal.message")]
        until = time.monotonic() + 60
        while (row := connection.execute("select count(*) from journal.pending").fetchone()) and row[0]:
            assert time.monotonic() < until, "what was left was not worked"
            connection.commit()
            time.sleep(0.1)
    assert acknowledged <= set(kept)
    assert len(kept) == len(set(kept))


def test_a_changed_bit_in_a_stored_message_is_reported_and_never_served(engine: Engine) -> None:
    message = REPORT.replace(b"|DEMO", b"|BITFLIP", 1)
    assert talk(engine.port("hospital"), message) == ["AA"]
    row = processed(engine, message.split(b"|")[9].decode())
    assert engine.command("show", str(row.id), "--raw").stdout == message
    with psycopg.connect(str(engine.note["dsn"]), autocommit=True) as connection:
        flip = "update journal.message set body = set_byte(body, 100, get_byte(body, 100) # 1) where id = %s"
        assert connection.execute(flip, [row.id]).rowcount == 1
    for words in (("show", str(row.id), "--raw"), ("show", str(row.id)), ("show", str(row.id), "--json")):
        done = engine.command(*words)
        assert done.returncode == 3
        assert b"E630" in done.stdout + done.stderr
        assert message[:60] not in done.stdout
    assert engine.command("replay", str(row.id)).returncode == 0
    processed(engine, row.control_id, "held")  # its bytes are not worked either
    assert found(engine, row.control_id)[0].code == "E630"


@pytest.fixture(scope="module")
def careless() -> Iterator[Server]:
    """A server of somebody else's making, with its own ideas of durability."""
    folder = Path(tempfile.mkdtemp(prefix="isthmus-careless-"))
    server = start(folder)
    assert isinstance(server, Server), server
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("setting", ["synchronous_commit", "fsync", "full_page_writes"])
def test_a_database_that_could_lose_what_it_kept_is_refused(setting: str, careless: Server, tmp_path: Path) -> None:
    with psycopg.connect(careless.dsn, autocommit=True) as connection:
        connection.execute(f"alter system set {setting} = off")
        connection.execute("select pg_reload_conf()")
    try:
        until = time.monotonic() + 20
        while _setting(careless, setting) != "off":
            assert time.monotonic() < until
            time.sleep(0.05)
        command = [
            sys.executable,
            "-m",
            "engine",
            "run",
            "--data",
            str(tmp_path),
            "--http",
            "127.0.0.1:0",
            "--mllp",
            "127.0.0.1:0",
        ]
        env = {**os.environ, "DATABASE_URL": careless.dsn, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, capture_output=True, env=env, cwd=ROOT, timeout=100, check=False)
        doctor = subprocess.run(
            [sys.executable, "-m", "engine", "doctor", "--json"], capture_output=True, env=env, cwd=ROOT, timeout=100, check=False
        )
    finally:
        with psycopg.connect(careless.dsn, autocommit=True) as connection:
            connection.execute(f"alter system reset {setting}")
            connection.execute("select pg_reload_conf()")
    assert done.returncode != 0
    assert b"E609" in done.stderr
    assert setting.encode() in done.stderr
    assert b"--i-accept-data-loss" in done.stderr
    assert b"Ready" not in done.stdout
    assert not next(row for row in json.loads(doctor.stdout) if row["check"] == f"durability: {setting}")["fine"]


def _setting(server: Server, name: str) -> str:
    with psycopg.connect(server.dsn) as connection:
        row = connection.execute("select current_setting(%s)", [name]).fetchone()
        assert row is not None
        return str(row[0])
