"""What the server records itself is found like any resource: histories of accesses, Provenances by all they are searched by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg

from engine.types import Envelope, Message, Origin, Put
from fhir.store import FhirStore
from tests.integration.fhir.calls import PATIENT, created, ids, observation

JSON = dict[str, Any]


def entries(page: httpx.Response) -> list[str]:
    assert page.status_code == 200, page.text
    return [entry["resource"]["id"] for entry in page.json().get("entry", [])]


def every(api: httpx.Client, url: str) -> list[str]:
    """The ids on all pages."""
    found: list[str] = []
    while url:
        page = api.get(url)
        found += entries(page)
        url = next((link["url"] for link in page.json()["link"] if link["relation"] == "next"), "")
    return found


def test_the_history_of_accesses_has_those_and_what_clients_recorded(api: httpx.Client) -> None:
    event: JSON = {
        "resourceType": "AuditEvent", "type": {"code": "x"}, "recorded": "2020-01-01T00:00:00Z", "agent": [{"requestor": True}],
        "source": {"observer": {"display": "a gateway"}},
    }  # fmt: skip
    own = created(api, event)
    for _ in range(4):
        api.get("Patient/nobody")
    begun = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    known = {entry["resource"]["id"] for entry in api.get("AuditEvent?_count=100").json()["entry"]}
    assert len(known) == 6  # the create, four reads, and what the client recorded
    paged = every(api, "AuditEvent/_history?_count=2")
    assert known < set(paged)
    assert len(set(paged)) == len(paged)
    assert own in paged
    first = api.get("AuditEvent/_history?_count=1").json()["entry"][0]
    assert first["request"]["method"] == "POST"
    assert first["resource"]["id"].startswith("access-")
    assert api.get(f"AuditEvent/{first['resource']['id']}/_history/1").json() == first["resource"]
    assert set(entries(api.get("AuditEvent/_history", params={"_since": begun, "_count": "100"}))).isdisjoint(known)
    assert entries(api.get("AuditEvent/_history?_at=2020")) == []


def wrote(connection: Any, at: datetime, channel: str, *bodies: JSON) -> UUID:
    """What a message wrote at a time."""
    told = Envelope("ORU^R01", "LAB|SITE", "M1")
    message = Message(uuid4(), 1, channel, "hl7v2", b"", at, told)
    FhirStore().write(connection, [Put(one) for one in bodies], at)
    FhirStore().record(
        connection, [Origin(message, "0123abcd", tuple(f"{one['resourceType']}/{one['id']}" for one in bodies))], at
    )
    return message.id


def test_provenances_are_searched_like_any_resource(api: httpx.Client, database: str) -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    with psycopg.connect(database) as connection:
        wrote(connection, early, "lab", {**PATIENT, "id": "a"}, observation(id="o", subject={"reference": "Patient/a"}))
        wrote(connection, late, "ward", {**PATIENT, "id": "b"})
    own = created(
        api, {"resourceType": "Provenance", "target": [{"reference": "Patient/b"}], "recorded": "2025-01-01T00:00:00Z",
              "agent": [{"who": {"display": "a person"}}]},
    )  # fmt: skip
    [first], second = ids(api.get("Provenance?target=Observation/o")), ids(api.get("Provenance?target=Patient/b"))
    assert len(second) == 2
    assert own in second
    [other] = set(second) - {own}
    assert set(ids(api.get("Provenance"))) == {first, other, own}
    assert ids(api.get("Provenance?_count=1")) != []
    assert ids(api.get(f"Provenance?_id={first},{own}")) in ([first, own], [own, first])
    assert ids(api.get("Provenance?recorded=lt2026-01-15&recorded=ge2026")) == [first]
    assert ids(api.get("Provenance?_lastUpdated=2026-02-01")) == [other]
    assert ids(api.get("Provenance?patient=a")) == [first]
    assert set(ids(api.get("Provenance?patient=Patient/b&_sort=recorded"))) == {own, other}
    assert ids(api.get("Provenance?agent-type=assembler&recorded=2026-02")) == [other]
    assert api.get("Provenance?_summary=count").json()["total"] == 3
    assert api.get("Provenance?recorded=ge2026&_summary=count").json()["total"] == 2
    assert sorted(every(api, "Provenance?_count=1")) == sorted([first, other, own])
    assert first in ids(api.get("Patient/a/Provenance"))
    assert sorted(every(api, "Provenance/_history?_count=1")) == sorted([first, other, own])


def test_accesses_are_sorted_by_what_they_are_searched_by(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    api.get(f"Patient/{id}")
    api.put(f"Patient/{id}", json={**PATIENT, "id": id, "gender": "other"})
    api.get("Observation/nobody")

    def told(name: str) -> list[Any]:
        found = [
            entry["resource"]
            for entry in api.get(f"AuditEvent?entity=Patient/{id},Observation/nobody&_sort={name}").json()["entry"]
        ]
        values = {
            "action": [one["action"] for one in found],
            "outcome": [one["outcome"] for one in found],
            "subtype": [one["subtype"][0]["code"] for one in found],
            "entity": [one["entity"][0]["what"]["reference"] for one in found],
        }
        return values[name.removeprefix("-")]

    assert told("action") == ["C", "R", "R", "U"]
    assert told("-action") == ["U", "R", "R", "C"]
    assert told("outcome") == ["0", "0", "0", "4"]
    assert told("subtype") == ["create", "read", "read", "update"]
    assert told("-entity") == [f"Patient/{id}"] * 3 + ["Observation/nobody"]
    paged: list[str] = []
    url = f"AuditEvent?entity=Patient/{id}&_sort=action&_count=1"
    paged = every(api, url)
    assert len(paged) == len(set(paged)) == 3
