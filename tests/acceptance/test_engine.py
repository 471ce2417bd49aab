"""The engine as its users meet it: a process, a socket, a command."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from adapters.hl7v2.traffic import hospital
from engine.journal.look import Filter, Found, Shown, connect, find, show
from tests.acceptance.running import Engine, Start

MESSAGES = list(hospital(3, 1))


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def talk(port: int, *messages: bytes) -> list[str]:
    """Sends messages over one connection, each after the last one's acknowledgement; their MSA-1."""
    codes = []
    with socket.create_connection(("127.0.0.1", port), 10) as peer:
        for message in messages:
            peer.sendall(b"\x0b" + message + b"\x1c\r")
            answer = b""
            while not answer.endswith(b"\x1c\r"):
                got = peer.recv(65536)
                assert got, "the engine closed the connection"
                answer += got
            codes.append(answer.split(b"\rMSA|")[1][:2].decode())
    return codes


def found(engine: Engine, control_id: str = "") -> list[Found]:
    with connect(str(engine.note["dsn"])) as connection:
        return find(connection, Filter(control_id=control_id, limit=1000))


def history(engine: Engine, id: UUID) -> Shown:
    with connect(str(engine.note["dsn"])) as connection:
        shown = show(connection, id)
    assert isinstance(shown, Shown)
    return shown


def processed(engine: Engine, control_id: str, state: str = "processed") -> Found:
    """Waits until a message has come to a state."""
    rows: list[Found] = []
    for _ in range(300):
        rows = found(engine, control_id)
        if rows and rows[0].state == state:
            return rows[0]
        time.sleep(0.05)
    raise AssertionError(rows)


def test_it_is_alive_and_ready(engine: Engine) -> None:
    assert get(f"{engine.http}/livez")["status"] == "alive"
    assert get(f"{engine.http}/readyz")["checks"] == {"worker": True, "sources": True, "database": True, "disk": True}


def test_a_message_over_mllp_is_readable_as_fhir_with_its_digits(engine: Engine) -> None:
    report = MESSAGES[4].replace(b"|DEMO", b"|READ")
    assert b"ORU" in report
    assert talk(engine.port("hospital"), report) == ["AA"]
    control_id = report.split(b"|")[9].decode()
    row = processed(engine, control_id)
    names = [name for event in history(engine, row.id).events for name in event.resources]
    observations = [get(f"{engine.http}/fhir/R4/{name}") for name in names if name.startswith("Observation/")]
    sent = [line.split(b"|")[5].decode() for line in report.split(b"\r") if line.startswith(b"OBX")]
    raw = [
        urllib.request.urlopen(f"{engine.http}/fhir/R4/{name}", timeout=10).read().decode()
        for name in names
        if name.startswith("Observation/")
    ]
    assert len(observations) == len(sent)
    for value, text in zip(sent, raw, strict=True):
        assert f'"value":{value}' in text  # 36.0 stays 36.0


def test_the_same_message_again_is_acknowledged_and_has_no_second_effect(engine: Engine) -> None:
    report = MESSAGES[4].replace(b"|DEMO", b"|TWICE")
    control_id = report.split(b"|")[9].decode()
    assert talk(engine.port("hospital"), report, report, report) == ["AA", "AA", "AA"]
    processed(engine, control_id)
    assert len(found(engine, control_id)) == 1


def test_a_message_without_a_patient_is_held_with_its_fault_and_blocks_nobody(engine: Engine) -> None:
    bad = MESSAGES[-1].replace(b"|DEMO", b"|BAD")
    good = MESSAGES[4].replace(b"|DEMO", b"|AFTER")
    assert talk(engine.port("hospital"), bad, good) == ["AA", "AA"]
    processed(engine, good.split(b"|")[9].decode())
    row = processed(engine, bad.split(b"|")[9].decode(), "held")
    assert json.loads(engine.command("find", "--state", "held", "--json").stdout)[0]["id"] == str(row.id)
    shown = engine.command("show", str(row.id))
    assert b"error[E4" in shown.stdout + shown.stderr
    assert engine.command("show", str(row.id), "--raw").stdout == bad


def test_a_replayed_message_changes_nothing_that_is_the_same(engine: Engine) -> None:
    report = MESSAGES[4].replace(b"|DEMO", b"|AGAIN")
    talk(engine.port("hospital"), report)
    row = processed(engine, report.split(b"|")[9].decode())
    name = next(name for name in history(engine, row.id).events[-1].resources if name.startswith("Observation/"))
    before = get(f"{engine.http}/fhir/R4/{name}")["meta"]
    dry = json.loads(engine.command("replay", str(row.id), "--dry-run", "--json").stdout)
    assert dry == {"dry_run": True, "messages": [str(row.id)]}
    assert engine.command("replay", str(row.id)).returncode == 0
    for _ in range(300):
        states = [event.state for event in history(engine, row.id).events]
        if states.count("processed") == 2:
            break
        time.sleep(0.05)
    else:
        raise AssertionError(states)
    assert get(f"{engine.http}/fhir/R4/{name}")["meta"] == before


def test_an_unknown_page_is_a_404_and_an_operators_call_needs_the_token(engine: Engine) -> None:
    for method, path, status in (("GET", "/nothing", 404), ("POST", "/admin/deploy", 403)):
        request = urllib.request.Request(f"{engine.http}{path}", method=method)
        try:
            urllib.request.urlopen(request, timeout=10)
            raise AssertionError(path)
        except urllib.error.HTTPError as error:
            assert error.code == status
            assert error.headers["X-Content-Type-Options"] == "nosniff"
            assert error.headers["Content-Type"] == "application/problem+json"
            assert json.load(error)["code"] == ("E902" if status == 404 else "E905")


def test_a_channel_whose_address_is_taken_is_told_and_the_rest_is_deployed(own_engine: Start) -> None:
    engine = own_engine()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"tcp:127.0.0.1:{taken.getsockname()[1]}"
        (engine.channels / "late.yaml").write_text(f'channel: late\nsource: {{ mllp: {{ listen: "{listen}" }} }}\n')
        deaf = engine.command("deploy")
        assert (deaf.returncode, deaf.stdout.strip()) == (1, b"Deployed, but not every source listens.")
        assert b"the channel late does not listen" in deaf.stderr
        status = httpx.get(f"{engine.http}/readyz")
        assert (status.status_code, status.json()["checks"]["sources"]) == (503, False)
    until = time.monotonic() + 30
    while httpx.get(f"{engine.http}/readyz").status_code != 200:
        assert time.monotonic() < until
        time.sleep(0.2)
    assert talk(int(listen.rpartition(":")[2]), MESSAGES[4]) == ["AA"]
    again = engine.command("deploy")
    assert (again.returncode, again.stdout.strip()) == (0, b"Deployed.")


def test_a_bad_mapping_is_refused_and_the_old_one_keeps_running(own_engine: Start) -> None:
    engine = own_engine()
    mapping = engine.mappings / "oru_r01.yaml"
    good = mapping.read_text()
    mapping.write_text(good.replace("reads: hl7v2", "reads: hl8v2", 1))
    refused = engine.command("deploy")
    assert refused.returncode == 1
    assert b"oru_r01.yaml" in refused.stderr
    report = MESSAGES[4]
    assert talk(engine.port("hospital"), report) == ["AA"]
    first = processed(engine, report.split(b"|")[9].decode())
    channel = engine.channels / "hospital.yaml"
    mapping.write_text(good)
    channel.write_text(channel.read_text() + "\n# a new version\n")
    assert engine.command("deploy").returncode == 0
    other = report.replace(b"|DEMO", b"|NEXT")
    assert talk(engine.port("hospital"), other) == ["AA"]
    second = processed(engine, other.split(b"|")[9].decode())
    plans = [history(engine, row.id).events[-1].plan for row in (first, second)]
    assert all(plans)
    assert plans[0] != plans[1]


def test_a_new_channel_is_known_to_all_before_it_takes_its_first_message(own_engine: Start) -> None:
    engine = own_engine("--workers", "1")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = (engine.channels / "hospital.yaml").read_text().replace("channel: hospital", "channel: fresh")
    (engine.channels / "fresh.yaml").write_text(text.replace("tcp:${ISTHMUS_MLLP:-127.0.0.1:2575}", f"tcp:127.0.0.1:{port}"))
    sent = 0
    with ThreadPoolExecutor(1) as threads:
        deploying = threads.submit(engine.command, "deploy")
        while not deploying.done() or not sent:
            with contextlib.suppress(ConnectionRefusedError):
                assert talk(port, MESSAGES[4].replace(b"|DEMO", b"|N%d" % sent)) == ["AA"]
                sent += 1
        assert deploying.result().returncode == 0
    assert processed(engine, MESSAGES[4].replace(b"|DEMO", b"|N%d" % (sent - 1)).split(b"|")[9].decode()).channel == "fresh"
    assert [row.code for row in found(engine) if row.state == "held"] == []


def test_sigterm_under_load_loses_nothing_that_was_acknowledged(own_engine: Start) -> None:
    engine = own_engine()
    acknowledged = []
    with socket.create_connection(("127.0.0.1", engine.port("hospital")), 10) as peer:
        peer.settimeout(30)
        for number in range(400):
            message = MESSAGES[4].replace(b"|DEMO", b"|L%d" % number)
            if number == 200:
                engine.process.send_signal(signal.SIGTERM)
            try:
                peer.sendall(b"\x0b" + message + b"\x1c\r")
                answer = b""
                while not answer.endswith(b"\x1c\r"):
                    got = peer.recv(65536)
                    if not got:
                        raise ConnectionError
                    answer += got
            except OSError:
                break
            assert b"\rMSA|AA|" in answer
            acknowledged.append(message.split(b"|")[9].decode())
    assert engine.process.wait(60) == 0
    assert 200 <= len(acknowledged) < 400
    again = own_engine(folder=engine.data.parent)
    processed(again, acknowledged[-1])
    stored = {row.control_id for row in found(again)}
    assert set(acknowledged) <= stored


def test_two_engines_run_side_by_side_and_not_on_one_folder(engine: Engine, own_engine: Start) -> None:
    other = own_engine()
    assert get(f"{other.http}/livez")["status"] == "alive"
    second = engine.command("run", "--data", str(other.data), "--http", "127.0.0.1:0", "--mllp", "127.0.0.1:0")
    assert second.returncode == 1
    assert b"E911" in second.stderr


STRICT = """
channel: strict
source:
  mllp: { listen: "tcp:127.0.0.1:0" }
validate: strict
in order by: PID-3.1
steps: [ { map: [oru_r01, adt_a01] } ]
destinations: { record: { fhir_store: {} } }
"""


def test_a_strict_channel_answers_AE_with_the_places_and_keeps_the_message(own_engine: Start) -> None:
    folder = Path(tempfile.mkdtemp(prefix="isthmus-strict-"))
    folder.chmod(0o755)
    (folder / "channels").mkdir()
    (folder / "channels" / "strict.yaml").write_text(STRICT)
    engine = own_engine(folder=folder)
    wrong = MESSAGES[0].replace(b"PID|1||", b"PID|x||").replace(b"|DEMO", b"|STRICT")
    with socket.create_connection(("127.0.0.1", engine.port("strict")), 60) as peer:
        peer.sendall(b"\x0b" + wrong + b"\x1c\r")
        answer = b""
        while not answer.endswith(b"\x1c\r"):
            answer += peer.recv(65536)
    assert b"\rMSA|AE|STRICT" in answer
    assert b"\rERR|" in answer
    assert b"PID" in answer
    held = processed(engine, wrong.split(b"|")[9].decode(), "held")
    assert history(engine, held.id).body == wrong
    assert talk(engine.port("strict"), MESSAGES[0]) == ["AA"]
    shutil.rmtree(folder, ignore_errors=True)
