"""Every access leaves an AuditEvent, kept before its answer; messages leave a Provenance."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import psycopg

from engine.types import Envelope, Message, Origin, Put
from fhir.store import FhirStore
from fhir.validate import validate
from tests.integration.fhir.test_rest import PATIENT, codes, created, observation

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
