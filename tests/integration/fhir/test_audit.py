"""Every access leaves an AuditEvent, kept before its answer; messages leave a Provenance."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import psycopg
from prometheus_client import REGISTRY

from engine.types import Envelope, Message, Origin, Put
from fhir.store import FhirStore
from fhir.validate import validate
from tests.integration.fhir.calls import PATIENT, codes, created, observation

FHIR_AT = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)


def events(api: httpx.Client, query: str) -> list[dict[str, Any]]:
    found = api.get(f"AuditEvent?{query}")
    assert found.status_code == 200, found.text
    return [entry["resource"] for entry in found.json().get("entry", [])]


def test_an_access_is_an_audit_event_with_who_what_and_whose(api: httpx.Client) -> None:
    patient = created(api, PATIENT)
    id = created(api, observation(subject={"reference": f"Patient/{patient}"}))
    api.get(f"Observation/{id}")
    api.get("Observation", params={"patient": patient, "code": "2823-3"})
    api.get("Observation/unknown")
    read = events(api, f"entity=Observation/{id}&subtype=read")
    assert len(read) == 1
    assert validate(read[0]) == []
    assert (read[0]["action"], read[0]["outcome"]) == ("R", "0")
    assert read[0]["agent"][0]["network"] == {"address": "127.0.0.1", "type": "2"}
    assert [entity["what"]["reference"] for entity in read[0]["entity"]] == [f"Observation/{id}", f"Patient/{patient}"]
    assert api.get(f"AuditEvent/{read[0]['id']}").json() == read[0]
    search = events(api, f"patient={patient}&subtype=search-type")
    assert base64.b64decode(search[0]["entity"][0]["query"]).decode() == f"Observation?patient={patient}&code=2823-3"
    assert [event["outcome"] for event in events(api, "entity=Observation/unknown")] == ["4"]
    assert [event["subtype"][0]["code"] for event in events(api, f"patient={patient}")] == [
        "search-type",
        "read",
        "create",
        "create",
    ]
    assert events(api, "date=lt2020") == []
    assert api.get("AuditEvent?action=C&_summary=count").json()["total"] == 2
    assert len(events(api, f"agent:identifier=urn:isthmus:peer|127.0.0.1&patient={patient}")) == 4
    assert len(events(api, f"address=127.0.0.1&entity=Observation/{id}&action=R")) == 1
    assert events(api, "agent:identifier=10.0.0.1") == []
    assert events(api, f"_id={read[0]['id']}") == read


def test_an_answer_full_of_patients_names_them_all(api: httpx.Client) -> None:
    made = [created(api, PATIENT) for _ in range(3)]
    about = created(api, observation(subject={"type": "Patient", "reference": f"Patient/{made[0]}"}))
    api.get("Patient?family=m")
    api.get("Observation?code=2823-3")
    seen = {
        event["id"]: [one["what"]["reference"] for one in event["entity"] if "what" in one]
        for event in events(api, "subtype=search-type&type=rest&_sort=date")
    }
    first, second = list(seen.values())[:2]
    assert sorted(first) == sorted(f"Patient/{id}" for id in made)
    assert second == [f"Patient/{made[0]}"]
    api.delete(f"Observation/{about}")
    gone = events(api, f"action=D&patient={made[0]}")
    assert [one["what"]["reference"] for one in gone[0]["entity"]] == [f"Observation/{about}", f"Patient/{made[0]}"]


def test_a_transaction_and_each_entry_of_a_batch_are_accesses(api: httpx.Client) -> None:
    entries = [
        {"resource": {**PATIENT, "id": "p1"}, "request": {"method": "PUT", "url": "Patient/p1"}},
        {"resource": observation(id="o1", subject={"reference": "Patient/p1"}), "request": {"method": "PUT", "url": "Observation/o1"}},
        {"request": {"method": "GET", "url": "Patient/p1"}},
    ]  # fmt: skip
    assert api.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries}).status_code == 200
    told = events(api, "entity=Observation/o1")
    assert [event["subtype"][0]["code"] for event in told] == ["transaction"]
    names = [one["what"]["reference"] for one in told[0]["entity"]]
    assert names == ["Patient/p1", "Observation/o1", "Patient/p1"]
    assert api.post("", json={"resourceType": "Bundle", "type": "batch", "entry": entries[1:]}).status_code == 200
    assert {event["subtype"][0]["code"] for event in events(api, "patient=p1")} == {"transaction", "batch", "update", "read"}


def test_a_write_and_its_access_are_one_transaction(api: httpx.Client, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("alter table fhir.access add constraint never check (told not like '%%create%%')")
        before = REGISTRY.get_sample_value("engine_audit_failures_total") or 0.0
        refused = api.post("Patient", json=PATIENT)
        assert (refused.status_code, codes(refused)) == (503, ["E580"])
        assert (REGISTRY.get_sample_value("engine_audit_failures_total") or 0.0) > before
        assert connection.execute("select count(*) from fhir.resource").fetchone() == (0,)
        connection.execute("alter table fhir.access drop constraint never")
        id = created(api, PATIENT)
        rows = connection.execute(
            "select r.xmin = a.xmin from fhir.resource r, fhir.access a where r.id = %s and a.told like %s", (id, f"%{id}%")
        ).fetchall()
        assert rows == [(True,)]


def test_pages_of_accesses_neither_skip_nor_repeat_while_more_are_made(api: httpx.Client) -> None:
    made = [created(api, PATIENT) for _ in range(7)]
    event = events(api, f"entity=Patient/{made[0]}")[0]
    kept = {name: value for name, value in event.items() if name not in ("id", "meta")}
    created(api, kept)
    for query in ("action=C", "action=C&_sort=-date", "action=C&_sort=date", "date=ge2020&action=C"):
        wanted = [one["id"] for one in events(api, f"{query}&_count=100")]
        assert len(wanted) == len(set(wanted)) >= 9
        found: list[str] = []
        url: str | None = f"AuditEvent?{query}&_count=2"
        while url:
            page = api.get(url).json()
            found += [entry["resource"]["id"] for entry in page["entry"]]
            url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
        assert found == wanted, query


def test_an_access_that_cannot_be_kept_is_not_answered(api: httpx.Client, database: str) -> None:
    id = created(api, PATIENT)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("alter table fhir.access rename to away")
        try:
            response = api.get(f"Patient/{id}")
        finally:
            connection.execute("alter table fhir.away rename to access")
    assert (response.status_code, codes(response)) == (503, ["E580"])
    assert "Müller" not in response.text
    assert api.get(f"Patient/{id}").status_code == 200


def test_a_message_is_the_provenance_of_what_it_wrote(api: httpx.Client, database: str) -> None:
    message = Message(uuid4(), 1, "lab", "hl7v2", b"", FHIR_AT, Envelope("ORU^R01", "LAB|SITE", "M1"))
    body = observation(id="converted", subject={"reference": "Patient/p"})
    with psycopg.connect(database) as connection:
        store = FhirStore()
        store.write(connection, [Put(body), Put({**PATIENT, "id": "p"})], FHIR_AT)
        store.record(connection, [Origin(message, "abc123", ("Observation/converted", "Patient/p"))], FHIR_AT)
        store.write(connection, [Put(observation(id="other"))], FHIR_AT)
    found = api.get("Provenance?target=Observation/converted").json()["entry"]
    assert len(found) == 1
    told = found[0]["resource"]
    assert validate(told) == []
    assert {target["reference"] for target in told["target"]} == {"Observation/converted", "Patient/p"}
    assert told["recorded"] == "2026-03-02T12:00:00.123Z"
    assert told["entity"][0]["what"]["identifier"] == {"system": "urn:isthmus:message", "value": str(message.id)}
    assert told["policy"] == ["urn:isthmus:plan:abc123"]
    assert [agent["who"]["display"] for agent in told["agent"]] == ["Isthmus, channel lab", "LAB|SITE"]
    assert api.get(f"Provenance/{told['id']}").json() == told
    assert "entry" not in api.get("Provenance?target=Observation/other").json()
    page = api.get("Observation?_id=converted&_revinclude=Provenance:target").json()["entry"]
    assert [(entry["resource"]["resourceType"], entry["search"]["mode"]) for entry in page] == [
        ("Observation", "match"),
        ("Provenance", "include"),
    ]
    api.put("Observation/converted", json={**body, "status": "amended"})
    assert len(api.get("Provenance?target=Observation/converted").json()["entry"]) == 1
