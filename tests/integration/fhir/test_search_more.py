"""Searches by text, by an identifier's type, and summaries as the definitions mark them."""

from __future__ import annotations

from typing import Any

import httpx

from tests.integration.fhir.calls import PATIENT, codes, created, ids, observation

V2 = "http://terminology.hl7.org/CodeSystem/v2-0203"


def identified(code: str, value: str) -> dict[str, Any]:
    return {**PATIENT, "identifier": [{"type": {"coding": [{"system": V2, "code": code}]}, "system": "urn:x", "value": value}]}


def test_a_token_is_found_by_the_beginning_of_its_text_or_display(api: httpx.Client) -> None:
    first = created(api, observation(code={"text": "Serum potassium (high)"}))
    second = created(
        api, observation(code={"coding": [{"system": "http://loinc.org", "code": "1", "display": "SERUM POTASSIUM"}]})
    )
    created(api, observation(code={"text": "Potassium"}))
    assert sorted(ids(api.get("Observation", params={"code:text": "serum pot"}))) == sorted([first, second])
    assert ids(api.get("Observation", params={"code:text": "serum potassium (h"})) == [first]
    assert ids(api.get("Observation", params={"code:text": ".*"})) == []
    assert ids(api.get("Observation", params={"code:text": 'a" || true || "'})) == []
    api.delete(f"Observation/{first}")
    assert ids(api.get("Observation", params={"code:text": "serum"})) == [second]


def test_an_identifier_is_found_by_its_type(api: httpx.Client) -> None:
    mine, other = created(api, identified("MR", "1")), created(api, identified("SS", "1"))
    assert ids(api.get("Patient", params={"identifier:of-type": f"{V2}|MR|1"})) == [mine]
    assert ids(api.get("Patient", params={"identifier:of-type": f"{V2}|SS|1"})) == [other]
    assert ids(api.get("Patient", params={"identifier:of-type": f"{V2}|MR|2"})) == []
    assert codes(api.get("Patient", params={"identifier:of-type": "MR|1"})) == ["E562"]
    assert codes(api.get("Patient", params={"gender:of-type": "a|b|c"})) == ["E563"]


def test_a_summary_holds_what_the_definitions_mark(api: httpx.Client) -> None:
    created(api, observation(note=[{"text": "x"}], valueString="y", referenceRange=[{"text": "z"}]))
    held = api.get("Observation?_summary=true").json()["entry"][0]["resource"]
    assert set(held) == {"resourceType", "id", "meta", "status", "code", "valueString"}
    assert held["meta"]["tag"][0]["code"] == "SUBSETTED"


def test_a_history_tells_which_version_was_there_at_a_time(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    first = api.get(f"Patient/{id}").json()["meta"]["lastUpdated"]
    api.put(f"Patient/{id}", json={**PATIENT, "id": id, "active": True})
    second = api.get(f"Patient/{id}").json()["meta"]["lastUpdated"]

    def at(time: str) -> list[str]:
        found = api.get(f"Patient/{id}/_history", params={"_at": time}).json()
        return [entry["resource"]["meta"]["versionId"] for entry in found.get("entry", [])]

    assert second > first
    assert at(first)[-1:] == ["1"]
    assert at(second)[:1] == ["2"]
    assert at("2999-01-01T00:00:00Z") == ["2"]
    assert at("1999-01-01T00:00:00Z") == []
    assert at("2999") == ["2"]
