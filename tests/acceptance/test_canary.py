"""Planted names, numbers and addresses go through a real engine in every way we know; none may be found in what it says about itself."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.running import Engine, Start
from tests.acceptance.test_engine import found

NAME, GIVEN, MRN, PHONE, STREET, SSN = "QUILLFEATHER", "Zebulonia", "MRN90817263", "5550987123", "Canarystrasse", "078-05-1120"
CANARIES = (NAME, GIVEN, MRN, PHONE, STREET, SSN, "19580417", "1958-04-17", "secretnote")
PID = f"PID|1||{MRN}^^^HOSP^MR~{SSN}^^^SSA^SS||{NAME}^{GIVEN}||19580417|F|||{STREET} 77^^Town||{PHONE}"


def oru(
    number: str, *more: str, pid: str = PID, control: str = "", obx: str = "OBX|1|NM|2823-3^Potassium^LN||7.2|mmol/L|||||F"
) -> bytes:
    head = rf"MSH|^~\&|LAB|HOSP|EHR|HOSP|20260102030405||ORU^R01^ORU_R01|{control or number}|P|2.5.1"
    return "\r".join((head, pid, f"OBR|1||{number}|24323-8^Panel^LN|||20260102", obx, *more, "")).encode()


def messages() -> Iterator[bytes]:
    """Good, held and hostile ones."""
    yield oru("C1")
    yield oru("C2", "NTE|1||secretnote about " + NAME)
    yield oru("C3", pid=f"PID|1||||{NAME}^{GIVEN}||19580417")  # no identifier: held
    yield oru("C4", obx=f"OBX|1|NM|2823-3^Potassium^LN||{NAME}|mmol/L|||||{GIVEN}")  # neither number nor status
    yield oru("C5", obx=f"OBX|1|{NAME}|2823-3^Potassium^LN||7.2|mmol/L|||||F")
    yield oru("C6", control=f"../../{NAME}\\{MRN}")
    yield oru("C7", pid=PID + f"\\X41\\F\\\\Q{NAME}\\" + "\x1b[31m")
    yield oru("C8", f"ZZZ|{NAME}|{PHONE}", f"{NAME} {GIVEN} {SSN}")
    yield oru("C9").replace(b"19580417", NAME.encode())
    yield oru("C10").replace(b"ORU^R01^ORU_R01", f"{NAME}^{MRN}".encode())
    yield oru("C11").replace(b"|2.5.1", f"|2.5.1||||||{NAME}".encode())
    yield f"MSH|{NAME}".encode()
    yield f"{NAME} is no message".encode()
    yield oru("C12").replace(NAME.encode(), NAME.encode() + b"\xff\xfe\x00")


def say(engine: Engine, method: str, path: str, body: bytes | None = None, **headers: str) -> str:
    """An answer's status line, headers and body; answers that succeed may hold data, so only refusals are returned."""
    request = urllib.request.Request(f"{engine.http}{path}", body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20):
            return ""
    except urllib.error.HTTPError as error:
        return f"{error.reason}\n{error.headers}\n{error.read().decode('utf-8', 'replace')}"


def refusals(engine: Engine) -> Iterator[str]:
    """What REST, feeds and the rest say to requests that cannot be right."""
    name = urllib.parse.quote(NAME)
    patient = {
        "resourceType": "Patient",
        "id": "1",
        "name": [{"family": NAME, "given": GIVEN}],
        "birthDate": NAME,
        "gender": GIVEN,
    }
    fhir = {"Content-Type": "application/fhir+json"}
    yield say(engine, "POST", "/fhir/R4/Patient", json.dumps(patient).encode(), **fhir)
    yield say(engine, "PUT", "/fhir/R4/Patient/2", json.dumps(patient).encode(), **fhir)
    yield say(engine, "POST", "/fhir/R4/Patient", f'{{"resourceType": "Patient", "{NAME}": '.encode(), **fhir)
    yield say(
        engine, "POST", "/fhir/R4", json.dumps({"resourceType": "Bundle", "type": NAME, "entry": [patient]}).encode(), **fhir
    )
    yield say(engine, "GET", f"/fhir/R4/Observation?date={name}")
    yield say(engine, "GET", f"/fhir/R4/Patient?birthdate={name}")
    yield say(engine, "GET", f"/alerts?limit={name}")
    yield say(engine, "POST", f"/alerts/{name}/acknowledge", b"{}")
    yield say(engine, "POST", "/admin/deploy", None, Authorization=f"Bearer {NAME}")
    yield say(engine, "POST", "/clinical", json.dumps({"signal": NAME}).encode())


def handshakes(engine: Engine) -> Iterator[str]:
    """What the feed says to requests that it refuses, and to a reader that sends names."""
    host, _, port = engine.http.removeprefix("http://").partition(":")
    for query, origin in ((f"patient={NAME}", ""), (f"topic=labs&{NAME}={GIVEN}", ""), (f"topic=labs&token={SSN}", ""),
                          ("topic=labs", f"https://{NAME}.example"), (f"topic={NAME}^{MRN}", "")):  # fmt: skip
        with socket.create_connection((host, int(port)), 10) as peer:
            lines = [f"GET /ws/feed?{query} HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade",
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]  # fmt: skip
            peer.sendall("\r\n".join([*lines, *([f"Origin: {origin}"] if origin else []), "", ""]).encode())
            answer = b""
            while got := peer.recv(65536):
                answer += got
            assert b" 101 " not in answer.split(b"\r\n")[0]
            yield answer.decode("utf-8", "replace")


def errors(engine: Engine, message: bytes) -> str:
    """What the acknowledgement of a message says of errors; its MSA repeats the control id, as it must."""
    with socket.create_connection(("127.0.0.1", engine.port("hospital")), 10) as peer:
        peer.settimeout(20)
        peer.sendall(b"\x0b" + message + b"\x1c\r")
        answer = b""
        while not answer.endswith(b"\x1c\r") and (got := peer.recv(65536)):
            answer += got
    return "\n".join(line for line in answer.decode("utf-8", "replace").split("\r") if line.startswith("ERR"))


def traces(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary.lower() in text.lower()]


@pytest.mark.timeout(240)
def test_no_planted_value_is_found_in_logs_metrics_errors_or_names_of_files(own_engine: Start) -> None:
    engine = own_engine("--log-level", "debug")
    said = [errors(engine, one) for one in messages()]
    said += [*refusals(engine), *handshakes(engine)]
    assert sum(bool(text) for text in said) >= 12, "requests were expected to be refused"
    for _ in range(300):
        rows = found(engine)
        if rows and all(row.state != "stored" for row in rows):
            break
        time.sleep(0.1)
    assert {row.state for row in rows} >= {"processed", "held"}
    with psycopg.connect(str(engine.note["dsn"])) as connection:
        faults = connection.execute("select faults::text from journal.message_event where faults is not null").fetchall()
    assert faults
    said += [str(row[0]) for row in faults]
    for path in ("/metrics", "/readyz", "/livez", "/openapi.json"):
        with urllib.request.urlopen(f"{engine.http}{path}", timeout=20) as answer:
            said.append(answer.read().decode())
    engine.stop()
    assert [found_ for text in said if (found_ := traces(text))] == []
    log = engine.log.read_text("utf-8", "replace")
    assert "the engine is ready" in log
    assert traces(log) == []
    folder = engine.data.parent
    assert traces("\n".join(str(path.relative_to(folder)) for path in folder.rglob("*"))) == []
    assert {path.name: traces(path.read_text("utf-8", "replace")) for path in logs(folder)} == {
        path.name: [] for path in logs(folder)
    }


def logs(folder: Path) -> list[Path]:
    """What the database server says, and the engine's notes."""
    return [path for path in folder.rglob("*") if path.is_file() and ("log" in path.name.lower() or path.suffix == ".json")
            and not {"pg_wal", "base", "pg_logical", "pg_xact", "mappings", "channels"} & set(path.parts)]  # fmt: skip


def test_the_check_itself_finds_what_is_there() -> None:
    assert traces(f"… {NAME.lower()} …") == [NAME]
