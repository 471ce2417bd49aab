"""FHIR as a source: what is posted to the API raises alerts and reaches channels as HL7 messages do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from engine.journal.look import Filter, Found, connect, find
from tests.acceptance.running import Engine, start_engine

WATCH = """
channel: gateway
title: Potassium from the device gateway
source: { fhir: { watch: Observation, if: "code has http://loinc.org#2823-3" } }
steps:
  - alert: all
"""
MESSAGES = """
channel: messages
title: FHIR messages
source: { fhir: { event: admit } }
steps:
  - validate: fhir R4
destinations:
  record: { fhir_store: {} }
"""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with a channel that watches Observations and one that takes messages."""
    import shutil
    import tempfile

    from tests.acceptance.running import ROOT

    folder = Path(tempfile.mkdtemp(prefix="isthmus-engine-"))
    folder.chmod(0o755)
    shutil.copytree(ROOT / "channels", folder / "channels")
    (folder / "channels" / "gateway.yaml").write_text(WATCH)
    (folder / "channels" / "messages.yaml").write_text(MESSAGES)
    running = start_engine(folder)
    yield running
    running.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def fhir(watched: Engine) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{watched.http}/fhir/R4/", timeout=60) as client:
        yield client


def potassium(value: float, **more: Any) -> dict[str, Any]:
    quantity = {"value": value, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"}
    return {
        "resourceType": "Observation", "status": "final", "subject": {"reference": f"Patient/{more.pop('patient', 'p1')}"},
        "code": {"coding": [{"system": "http://loinc.org", "code": more.pop("code", "2823-3")}]}, "valueQuantity": quantity, **more,
    }  # fmt: skip


def messages(engine: Engine, control_id: str) -> list[Found]:
    with connect(str(engine.note["dsn"])) as connection:
        return find(connection, Filter(control_id=control_id, limit=100))


def settled(engine: Engine, control_id: str, state: str = "processed") -> Found:
    rows: list[Found] = []
    for _ in range(400):
        rows = messages(engine, control_id)
        if rows and rows[0].state == state:
            return rows[0]
        time.sleep(0.05)
    raise AssertionError(rows)


def test_a_posted_observation_raises_an_alert_and_is_not_written_again(watched: Engine, fhir: httpx.Client) -> None:
    made = fhir.post("Observation", json=potassium(7.9, patient="alerted"))
    assert made.status_code == 201, made.text
    name = f"Observation/{made.json()['id']}"
    assert settled(watched, f"{name}/_history/1").channel == "gateway"
    issues = []
    for _ in range(200):
        issues = fhir.get("DetectedIssue?patient=Patient/alerted").json().get("entry", [])
        if issues:
            break
        time.sleep(0.05)
    assert issues[0]["resource"]["implicated"] == [{"reference": name}]
    assert fhir.get(name).headers["etag"] == 'W/"1"'


def test_each_version_enters_once_and_what_the_condition_does_not_want_never_does(watched: Engine, fhir: httpx.Client) -> None:
    other = fhir.post("Observation", json=potassium(4.1, code="2951-2")).json()["id"]
    id = fhir.post("Observation", json=potassium(4.1)).json()["id"]
    fhir.put(f"Observation/{id}", json=potassium(4.2, id=id))
    fhir.put(f"Observation/{id}", json=potassium(4.2, id=id))  # the same: no new version
    fhir.patch(f"Observation/{id}", json={"valueQuantity": {"value": 4.3}})
    settled(watched, f"Observation/{id}/_history/3")
    assert [len(messages(watched, f"Observation/{id}/_history/{version}")) for version in (1, 2, 3, 4)] == [1, 1, 1, 0]
    assert messages(watched, f"Observation/{other}/_history/1") == []


def test_a_transaction_that_fails_journals_nothing_and_one_that_holds_journals_its_observations(
    watched: Engine, fhir: httpx.Client
) -> None:
    first, second = uuid4().hex, uuid4().hex
    entries = [
        {"resource": potassium(4.5, id=id), "request": {"method": "PUT", "url": f"Observation/{id}"}} for id in (first, second)
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    broken = {**bundle, "entry": [entries[0], {**entries[1], "request": {**entries[1]["request"], "ifMatch": 'W/"9"'}}]}
    assert fhir.post("", json=broken).status_code == 412
    assert fhir.post("", json=bundle).status_code == 200
    for id in (first, second):
        settled(watched, f"Observation/{id}/_history/1")
        assert len(messages(watched, f"Observation/{id}/_history/1")) == 1


def message(event: str, header: str) -> dict[str, Any]:
    urn = "urn:uuid:9b2d3f0e-5f0e-4d3a-8f3e-2f0a7c1d1e11"
    return {
        "resourceType": "Bundle", "type": "message", "timestamp": "2026-03-02T12:00:00Z",
        "entry": [
            {
                "fullUrl": "urn:uuid:267b18ce-3d37-4581-9baa-6fada338038b",
                "resource": {
                    "resourceType": "MessageHeader", "id": header, "source": {"endpoint": "http://sender.example"},
                    "eventCoding": {"system": "urn:events", "code": event}, "focus": [{"reference": urn}],
                },
            },
            {"fullUrl": urn, "resource": {"resourceType": "Patient", "name": [{"family": "Sent"}]}},
            {
                "fullUrl": "http://sender.example/fhir/Observation/1",
                "resource": potassium(4.4, id="1") | {"subject": {"reference": urn}},
            },
        ],
    }  # fmt: skip


@pytest.mark.parametrize("path", ["$process-message", ""])
def test_a_message_enters_the_channel_of_its_event_and_its_references_hold(
    watched: Engine, fhir: httpx.Client, path: str
) -> None:
    header = str(uuid4())
    answer = fhir.post(path, json=message("admit", header))
    assert answer.status_code == 200, answer.text
    told = answer.json()["entry"][0]["resource"]
    assert (told["resourceType"], told["response"]) == ("MessageHeader", {"identifier": header, "code": "ok"})
    settled(watched, header)
    patient = fhir.get("Patient/9b2d3f0e-5f0e-4d3a-8f3e-2f0a7c1d1e11").json()
    assert patient["name"] == [{"family": "Sent"}]
    found = fhir.get(f"Observation?patient={patient['id']}").json()["entry"]
    assert len(found) == 1
    assert found[0]["resource"]["id"] != "1"  # another server's id is none of ours


def test_what_is_no_message_or_has_no_channel_is_told(fhir: httpx.Client) -> None:
    for body, status, code in (
        (message("unknown-event", "1"), 404, "E531"),
        ({**message("admit", "1"), "type": "collection"}, 400, "E532"),
        ({"resourceType": "Bundle", "type": "message", "entry": [1]}, 400, "E532"),
        ({"resourceType": "Patient"}, 400, "E532"),
    ):
        answer = fhir.post("$process-message", json=body)
        assert answer.status_code == status, answer.text
        assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == code
