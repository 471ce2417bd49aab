"""Attacks on a whole running engine through its MLLP socket.

For each: the process stays up below 512 MB, answers /livez within a second, serves an honest sender on the same channel, leaves nothing
half done, and its log holds nothing of a patient.
"""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.hl7v2.traffic import hospital
from adapters.safe_tls import Tls, client_context
from tests.acceptance.certificates import Authority
from tests.acceptance.running import ROOT, Engine, start_engine
from tests.acceptance.test_engine import MESSAGES, found, get, history, processed

CANARY = "Canary-Smith-987654321"
REPORT = MESSAGES[4]
numbers = count(1)
SECURE = """
channel: secure
source:
  mllp:
    listen: "tcp:127.0.0.1:0"
    tls: {{ cert: {cert}, key: {key}, ca: {ca} }}
    senders: {{ lab.example: ["LAB|HOSP"] }}
in order by: PID-3.1
steps: [ {{ map: [oru_r01, adt_a01] }} ]
destinations: {{ record: {{ fhir_store: {{}} }} }}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "ca")


@pytest.fixture(scope="module")
def attacked(authority: Authority) -> Iterator[Engine]:
    """One engine for all attacks, with a channel that wants certificates beside the shipped ones."""
    folder = Path(tempfile.mkdtemp(prefix="isthmus-attacked-"))
    folder.chmod(0o755)
    shutil.copytree(ROOT / "channels", folder / "channels")
    cert, key = authority.issue("127.0.0.1")
    (folder / "channels" / "secure.yaml").write_text(SECURE.format(cert=cert, key=key, ca=authority.file))
    engine = start_engine(folder)
    yield engine
    assert engine.stop() == 0
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _unharmed(attacked: Engine) -> Iterator[None]:
    yield
    began = time.monotonic()
    assert get(f"{attacked.http}/livez")["status"] == "alive"
    assert time.monotonic() - began < 1
    assert attacked.process.poll() is None
    status = Path(f"/proc/{attacked.process.pid}/status").read_text()
    assert int(status.partition("VmRSS:")[2].split()[0]) < 512 * 1024
    honest = own(REPORT)
    assert tell(attacked, honest) == "AA"
    processed(attacked, id_of(honest))
    assert CANARY not in attacked.log.read_text(errors="replace")
    assert "Traceback" not in attacked.log.read_text(errors="replace")
    until = time.monotonic() + 30
    while waiting := [row.control_id for row in found(attacked) if row.state == "stored"]:
        assert time.monotonic() < until, waiting
        time.sleep(0.05)


def own(message: bytes) -> bytes:
    """The message with a control id of its own."""
    return message.replace(b"|DEMO", b"|ATT%d-" % next(numbers), 1)


def id_of(message: bytes) -> str:
    return message.split(b"|")[9].decode()


def ask(engine: Engine, body: bytes, channel: str = "hospital", context: Any = None) -> bytes:
    """Sends one block and gives its answer; nothing when the engine hangs up."""
    with ExitStack() as open_:
        peer = open_.enter_context(socket.create_connection(("127.0.0.1", engine.port(channel)), 60))
        if context:
            peer = open_.enter_context(context.wrap_socket(peer, server_hostname="127.0.0.1"))
        peer.sendall(b"\x0b" + body + b"\x1c\r")
        answer = b""
        while not answer.endswith(b"\x1c\r"):
            got = peer.recv(65536)
            if not got:
                return b""
            answer += got
        return answer


def tell(engine: Engine, body: bytes, **more: Any) -> str:
    """MSA-1 of the answer, whose words hold nothing of a patient."""
    answer = ask(engine, body, **more)
    assert CANARY.encode() not in answer
    return answer.split(b"\rMSA|")[1][:2].decode() if b"\rMSA|" in answer else "?"


def kept(engine: Engine, body: bytes) -> list[tuple[str, str]]:
    """(state, fault) of what is in the journal with exactly these bytes."""
    with psycopg.connect(str(engine.note["dsn"])) as connection:
        ids = [row[0] for row in connection.execute("select id from journal.message where body = %s", [body])]
    rows = {row.id: row for row in found(engine)}
    return [(rows[id].state, rows[id].code) for id in ids if id in rows]


def held(engine: Engine, body: bytes) -> str:
    """Waits until these bytes are held, once; the code of their fault."""
    until = time.monotonic() + 30
    while (rows := kept(engine, body)) and rows[0][0] != "held" and time.monotonic() < until:
        time.sleep(0.05)
    [(state, code)] = rows
    assert state == "held"
    return code


@pytest.mark.parametrize(
    "body", [b"MSH|^~", b"MSHAAAAAAAAAAAA", b"MSH|||||||", b"MSHM^~\\&MAM", b"MSH\r^~\\&\rLAB", b"MSH|^^^^|A" + CANARY.encode()]
)
def test_07_a_header_that_cannot_be_is_rejected_and_kept(body: bytes, attacked: Engine) -> None:
    answer = ask(attacked, body)
    assert b"\rMSA|AR" in answer
    assert CANARY.encode() not in answer
    assert held(attacked, body).startswith("E1")


@pytest.mark.parametrize(
    ("declared", "charset"), [("UNICODE UTF-8", "latin-1"), ("", "latin-1"), ("KLINGON", "utf-8"), ("8859/1", "utf-16")]
)
def test_08_bytes_in_another_character_set_are_kept_and_never_replaced(declared: str, charset: str, attacked: Engine) -> None:
    text = own(REPORT).decode().replace("PID|1||", f"PID|1||7{CANARY}é~", 1).split("\r")
    fields = text[0].split("|")
    text[0] = "|".join(
        [*fields, *[""] * (17 - len(fields)), declared] if len(fields) <= 17 else [*fields[:17], declared, *fields[18:]]
    )
    body = "\r".join(text).encode(charset)
    assert tell(attacked, body) in ("AE", "AR")
    assert held(attacked, body) in ("E111", "E113", "E114")


@pytest.mark.parametrize("flood", ["OBX|1|ST|A||x\r" * 50_000, "NTE|1||" + "1~" * 200_000, "NTE|1||" + "1^" * 200_000])
def test_11_floods_are_refused_and_kept(flood: str, attacked: Engine) -> None:
    body = own(REPORT).rstrip(b"\r") + b"\r" + flood.encode()
    began = time.monotonic()
    assert tell(attacked, body) == "AE"
    assert time.monotonic() - began < 10
    assert held(attacked, body) == "E120"


def with_document(data: str) -> bytes:
    return own(REPORT).rstrip(b"\r") + f"\rOBX|90|ED|18842-5^Summary^LN||^application^pdf^Base64^{data}||||||F\r".encode()


def test_12_a_document_that_cannot_be_read_is_held_and_one_that_is_too_large_refused(attacked: Engine) -> None:
    broken = with_document("!" * 1000)
    assert tell(attacked, broken) == "AA"
    assert held(attacked, broken) == "E452"
    huge = with_document("QUJD" * 5_500_000)
    assert tell(attacked, huge) == "AR"
    assert kept(attacked, huge) == []
    bomb = with_document("JVBERi0x" + "AAAA" * 250_000)  # kept as it is: nothing in it is unpacked
    assert tell(attacked, bomb) == "AA"
    processed(attacked, id_of(bomb))


def test_13_a_control_id_used_again_for_other_content_keeps_both_and_says_so(attacked: Engine) -> None:
    first = own(REPORT)
    second = first.replace(b"|F\r", b"|C\r", 1) if b"|F\r" in first else first + b"NTE|1||more\r"
    assert [tell(attacked, first), tell(attacked, second)] == ["AA", "AA"]
    processed(attacked, id_of(first))
    rows = json.loads(attacked.command("find", id_of(first), "--reused", "--json").stdout)
    assert len(rows) == 1
    assert len(found(attacked, id_of(first))) == 2
    assert history(attacked, found(attacked, id_of(first))[0].id).body == second


def test_14_a_certificate_cannot_speak_for_another_facility(attacked: Engine, authority: Authority) -> None:
    context = client_context(Tls(*authority.issue("lab.example"), authority.file))
    stolen, mine = own(REPORT), own(REPORT)
    head = mine.split(b"|")
    mine = b"|".join([*head[:2], b"LAB", b"HOSP", *head[4:]])
    assert tell(attacked, mine, channel="secure", context=context) == "AA"
    assert tell(attacked, stolen, channel="secure", context=context) == "AR"
    assert held(attacked, stolen) == "E146"
    assert "E146" in attacked.log.read_text()  # one security event


@pytest.mark.parametrize("number", ["", '""', "^^^AUTH^MR", f"{CANARY}^^^A^MR~{CANARY}2^^^A^MR"])
def test_15_a_patient_who_cannot_be_told_is_held_and_attached_to_nobody(number: str, attacked: Engine) -> None:
    lines = own(REPORT).split(b"\r")
    fields = lines[1].split(b"|")
    assert fields[0] == b"PID"
    fields[3] = number.encode()
    body = b"\r".join([lines[0], b"|".join(fields), *lines[2:]])
    assert tell(attacked, body) == "AA"
    assert held(attacked, body).startswith("E4")
    [row] = found(attacked, id_of(body))
    assert [event.resources for event in history(attacked, row.id).events if event.resources] == []


def test_15_a_patient_of_two_authorities_is_one_patient(attacked: Engine) -> None:
    lines = own(REPORT).split(b"\r")
    fields = lines[1].split(b"|")
    fields[3] = b"71^^^ALPHA^MR~72^^^BETA^MR"
    body = b"\r".join([lines[0], b"|".join(fields), *lines[2:]])
    assert tell(attacked, body) == "AA"
    row = processed(attacked, id_of(body))
    names = [name for event in history(attacked, row.id).events for name in event.resources if name.startswith("Patient/")]
    assert len(names) == 1
    patient = get(f"{attacked.http}/fhir/R4/{names[0]}")
    assert {one["value"] for one in patient["identifier"]} >= {"71", "72"}


def test_16_yesterdays_message_is_a_duplicate_and_odd_times_turn_no_order(attacked: Engine) -> None:
    first = own(REPORT)
    stamp = first.split(b"|")[6]
    far, none, last = (
        own(REPORT).replace(b"|" + stamp + b"|", b"|" + time_ + b"|", 1) for time_ in (b"20990101000000", b"", stamp)
    )
    assert [tell(attacked, each) for each in (first, far, none, last, first)] == ["AA"] * 5
    rows = [processed(attacked, id_of(each)) for each in (first, far, none, last)]
    assert len(found(attacked, id_of(first))) == 1
    done = [history(attacked, row.id).events[-1].at for row in rows]
    assert done == sorted(done)


@pytest.mark.parametrize("mode", [b"T", b"D", b"X"])
def test_19_test_messages_never_mix_with_production(mode: bytes, attacked: Engine) -> None:
    fields = own(next(iter(hospital(3, 2)))).split(b"|")
    fields[10] = mode
    body = b"|".join(fields).replace(b"PID|1||", b"PID|1||TESTONLY%s^^^TESTERS^MR~" % mode, 1)
    assert tell(attacked, body) == "AR"
    assert held(attacked, body) == "E140"
    url = f"{attacked.http}/fhir/R4/Patient?identifier=TESTONLY{mode.decode()}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert json.load(answer).get("entry", []) == []
