"""What is posted below /in/ to a running engine is kept, mapped, watched by the alerts, and answered once per key."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psycopg

from adapters.hl7v2.traffic import hospital
from tests.acceptance.running import Engine, Start

READING = {
    "device_id": "m7", "patient_id": "P-7", "heart_rate": 130, "spo2": 90, "temperature_c": 38.5,
    "timestamp": "2026-01-31T08:15:00Z",
}  # fmt: skip


def post(engine: Engine, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    """(status, answer) of a post."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{engine.http}/in/{path}", body, named, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def waited(what: Any) -> Any:
    """What a look gives once it gives something."""
    for _ in range(600):
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


def test_a_devices_reading_becomes_vital_signs_and_raises_the_default_alerts(engine: Engine) -> None:
    status, told = post(engine, "devices", json.dumps(READING).encode(), Idempotency_Key="r-1")
    assert (status, told["state"]) == (200, "processed"), told
    observations = [name for name in told["resources"] if name.startswith("Observation/")]
    assert len(observations) == 3
    raw = [urllib.request.urlopen(f"{engine.http}/fhir/R4/{name}", timeout=10).read().decode() for name in observations]
    assert any('"value":38.5' in body and '"code":"Cel"' in body for body in raw)
    [patient] = [name for name in told["resources"] if name.startswith("Patient/")]
    with psycopg.connect(str(engine.note["dsn"])) as connection:
        rules = connection.execute("select rule from alerts.alert where subject = %s", [patient]).fetchall()
    assert {row[0] for row in rules} >= {"high_heart_rate", "low_spo2", "high_temperature"}
    assert post(engine, "devices", json.dumps(READING).encode(), Idempotency_Key="r-1") == (status, told)


def test_a_reading_without_a_patient_is_held_and_says_why(engine: Engine) -> None:
    status, told = post(engine, "devices", json.dumps({**READING, "patient_id": ""}).encode())
    assert (status, told["state"], told["code"]) == (400, "held", "E406")
    assert told["id"]


def test_an_unknown_path_and_a_body_that_is_no_json_are_problems(engine: Engine) -> None:
    assert post(engine, "nowhere", b"{}")[0] == 404
    status, told = post(engine, "devices", b"{")
    assert (status, told["code"]) == (400, "E194")


CHANNELS = {
    "inbox": "channel: inbox\nsource: { http: { path: lab/results, format: hl7v2 } }\nin order by: PID-3.1\n"
    "destinations:\n  archive: { channel: archive }\n",
    "archive": "channel: archive\nformat: hl7v2\ndestinations:\n  folder: { file: { folder: OUT } }\n",
    "drop": "channel: drop\nsource: { file: { folder: IN, settle: 0.1s, every: 0.1s } }\ndestinations:\n  archive: { channel: archive }\n",
}


def test_channels_feed_each_other_and_paths_come_and_go_with_a_deployment(own_engine: Start, tmp_path: Path) -> None:
    engine = own_engine()
    into, out = engine.data.parent / "in", engine.data.parent / "out"
    into.mkdir()
    out.mkdir()
    message = next(body for body in hospital(2, 1) if b"ORU" in body)
    assert post(engine, "lab/results", message)[0] == 404
    for name, text in CHANNELS.items():
        (engine.channels / f"{name}.yaml").write_text(text.replace("IN", str(into)).replace("OUT", str(out)))
    deployed = engine.command("deploy")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    assert json.loads((engine.data / "engine.json").read_text())["sources"]["inbox"] == "/in/lab/results"
    assert post(engine, "lab/results", message)[0] == 202
    [first] = waited(lambda: list(out.glob("*.hl7")))
    assert first.read_bytes() == message
    other = message.replace(b"|DEMO", b"|FILE")
    (into / "a.hl7").write_bytes(other)
    files = waited(lambda: found if len(found := list(out.glob("*.hl7"))) == 2 else None)
    assert {path.read_bytes() for path in files} == {message, other}
    assert waited((into / "done" / "a.hl7").is_file)
    (engine.channels / "archive.yaml").write_text(CHANNELS["archive"].replace("OUT", str(out)) + "  again: { channel: inbox }\n")
    refused = engine.command("deploy")
    assert refused.returncode != 0
    assert b"E736" in refused.stdout + refused.stderr
    (engine.channels / "archive.yaml").write_text(CHANNELS["archive"].replace("OUT", str(out)))
    (engine.channels / "inbox.yaml").unlink()
    assert engine.command("deploy").returncode == 0
    assert post(engine, "lab/results", message)[1]["code"] == "E739"
