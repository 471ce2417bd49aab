"""Operating a real engine: live numbers, a masked tap, accounts that balance, pausing, and sending again what was given up."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any

import psycopg
import pytest

from tests.acceptance.running import Engine, Start
from tests.acceptance.test_engine import MESSAGES, talk

REPORT = MESSAGES[4]


class Ehr(threading.Thread):
    """An MLLP receiver that acknowledges, or refuses, what it gets."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.code = b"AA"
        self.got: list[bytes] = []
        self.ended = False

    def run(self) -> None:
        while not self.ended:
            try:
                peer, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer: socket.socket) -> None:
        data = b""
        with peer:
            while got := peer.recv(65536):
                data += got
                while b"\x1c\r" in data:
                    block, _, data = data.partition(b"\x1c\r")
                    control = block.split(b"|")[9]
                    self.got.append(control)
                    answer = b"MSH|^~\\&|E|H|L|H|20260102||ACK|1|P|2.5.1\rMSA|%s|%s\r" % (self.code, control)
                    peer.sendall(b"\x0b" + answer + b"\x1c\r")

    def close(self) -> None:
        self.ended = True
        self.server.close()


@pytest.fixture
def ehr() -> Any:
    made = Ehr()
    made.start()
    yield made
    made.close()


def sending(engine: Engine, port: int, retry: str = "every 100ms, for 1h") -> None:
    """Lets the shipped channel send what it receives to a receiver."""
    channel = engine.channels / "hospital.yaml"
    text = channel.read_text()
    more = f'\n  ehr: {{ map: fhir_to_oru_r01, mllp: {{ connect: "tcp:127.0.0.1:{port}" }}, retry: "{retry}" }}'
    channel.write_text(text.replace("  record: { fhir_store: {} }", "  record: { fhir_store: {} }" + more))
    done = engine.command("deploy")
    assert done.returncode == 0, done.stderr


def report(n: int) -> bytes:
    return REPORT.replace(b"|DEMO", b"|OP%d" % n)


def answer(engine: Engine, *words: str) -> Any:
    return json.loads(engine.command(*words, "--json").stdout)


def until(check: Any, what: str) -> Any:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if found := check():
            return found
        time.sleep(0.1)
    raise AssertionError(what)


def test_deliveries_are_paused_resumed_given_up_revived_and_accounted_for(own_engine: Start, ehr: Ehr) -> None:
    engine = own_engine()
    sending(engine, ehr.port)
    port = engine.port("hospital")
    assert answer(engine, "pause", "hospital.ehr", "--reason", "test") == {"paused": "hospital.ehr"}
    nobody = engine.command("pause", "hospital.nobody")
    assert (nobody.returncode, b"E767" in nobody.stderr) == (1, True)
    talk(port, report(1))
    waiting = until(lambda: answer(engine, "reconcile")["destinations"], "nothing waits")
    assert waiting == [{"destination": "hospital.ehr", "due": 1, "accepted": 0, "rejected": 0, "waiting": 1, "lost": 0}]
    assert ehr.got == []
    assert answer(engine, "resume", "hospital.ehr") == {"resumed": True}
    assert engine.command("resume", "hospital.ehr").returncode == 1
    until(lambda: len(ehr.got) == 1, "it was not sent")
    ehr.code = b"AE"
    talk(port, report(2))
    (dead,) = until(lambda: answer(engine, "dead", "list"), "nothing was given up")
    assert dead["destination"] == "hospital.ehr"
    assert dead["fault"]["code"] == "E138"
    assert "hospital.ehr" in engine.command("top", "--once").stdout.decode()
    top = answer(engine, "top", "--once")
    assert top["channels"]["hospital"]["received"] == 2
    assert top["destinations"]["hospital.ehr"]["dead"] == 1
    ehr.code = b"AA"
    assert answer(engine, "dead", "revive", str(dead["seq"])) == {"revived": 1}
    assert engine.command("dead", "revive").returncode == 2
    account = until(lambda: (a := answer(engine, "reconcile"))["destinations"][0]["accepted"] == 2 and a, "it was not sent again")
    assert ehr.got[1] == ehr.got[2]  # the same MSH-10 on every try
    assert account["channels"] == [
        {"channel": "hospital", "received": 2, "filtered": 0, "held": 0, "processed": 2, "waiting": 0, "lost": 0}
    ]


def test_a_lost_message_is_said(own_engine: Start) -> None:
    engine = own_engine()
    talk(engine.port("hospital"), *MESSAGES[:3], MESSAGES[-1])
    until(lambda: (row := answer(engine, "reconcile")["channels"][0])["processed"] + row["held"] == 4, "not worked off")
    assert engine.command("reconcile").returncode == 0
    with psycopg.connect(str(engine.note["dsn"])) as connection:
        row = connection.execute("select id from journal.message order by id limit 1").fetchone()
        assert row is not None
        connection.execute("delete from journal.message_event where id = %s", row)
    found = engine.command("reconcile", "--json")
    assert found.returncode == 1
    assert json.loads(found.stdout)["channels"][0]["lost"] == 1


def test_a_tap_shows_messages_without_values_and_with_them_only_with_a_warning(own_engine: Start) -> None:
    engine = own_engine()
    talk(engine.port("hospital"), REPORT, *MESSAGES[:3])
    shown = engine.command("tap", "--last", "2", "--count", "2", "--json")
    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [row["channel"] for row in rows] == ["hospital"] * 2
    assert rows[0]["body"].startswith("MSH||<text>")
    name = next(line for line in MESSAGES[2].split(b"\r") if line.startswith(b"PID")).split(b"|")[5].split(b"^")[0]
    assert len(name) > 2
    assert name not in shown.stdout
    only = engine.command("tap", "--channel", "hospital", "--type", "ORU^R01", "--last", "1", "--count", "1", "--json")
    assert "\nOBX|" in json.loads(only.stdout)["body"]
    open_ = engine.command("tap", "--last", "1", "--count", "1", "--unmasked")
    assert name in open_.stdout
    assert b"patients' data" in open_.stderr
