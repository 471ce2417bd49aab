"""Creates, updates and deletes on a condition: of what one search finds."""

from __future__ import annotations

import httpx

from tests.integration.fhir.calls import PATIENT, codes, created


def test_a_conditional_create_finds_what_is_there(api: httpx.Client) -> None:
    condition = {"if-none-exist": "identifier=urn:mrn|M1"}
    first = api.post("Patient", json=PATIENT, headers=condition)
    second = api.post("Patient", json=PATIENT, headers=condition)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    created(api, PATIENT)
    many = api.post("Patient", json=PATIENT, headers=condition)
    assert (many.status_code, codes(many)) == (412, ["E572"])


def test_a_conditional_update_creates_updates_or_refuses(api: httpx.Client) -> None:
    params = {"identifier": "urn:mrn|M1"}
    first = api.put("Patient", params=params, json=PATIENT)
    second = api.put("Patient", params=params, json={**PATIENT, "gender": "other"})
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["id"] == first.json()["id"]
    everything = api.put("Patient", json=PATIENT)
    assert (everything.status_code, codes(everything)) == (412, ["E573"])
    unknown = api.put("Patient", params={"nonsense": "1"}, json=PATIENT)
    assert (unknown.status_code, codes(unknown)) == (400, ["E561"])


def test_a_conditional_delete_deletes_one(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    assert api.delete("Patient", params={"identifier": "urn:mrn|other"}).status_code == 204
    assert api.get(f"Patient/{id}").status_code == 200
    assert api.delete("Patient", params={"identifier": "urn:mrn|M1"}).status_code == 204
    assert api.get(f"Patient/{id}").status_code == 410
    assert codes(api.delete("Patient")) == ["E573"]
