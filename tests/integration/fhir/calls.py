"""Resources that the tests of the REST API send, and what they ask of its answers."""

from __future__ import annotations

from typing import Any

import httpx

PATIENT = {
    "resourceType": "Patient",
    "identifier": [{"system": "urn:mrn", "value": "M1"}],
    "name": [{"family": "Müller", "given": ["Jörg"]}],
    "birthDate": "1970-01-02",
    "gender": "male",
}


def observation(**extra: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
        **extra,
    }


def codes(response: Any) -> list[str]:
    """The fault codes of an OperationOutcome."""
    body = response.json()
    assert body["resourceType"] == "OperationOutcome", body
    return [issue["details"]["coding"][0]["code"] for issue in body["issue"]]


def ids(response: Any) -> list[str]:
    assert response.status_code == 200, response.text
    return [entry["resource"]["id"] for entry in response.json().get("entry", []) if entry["search"]["mode"] == "match"]


def created(api: httpx.Client, resource: dict[str, Any]) -> str:
    response = api.post(resource["resourceType"], json=resource)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])
