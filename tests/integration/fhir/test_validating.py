"""$validate in its modes, of what is sent and of what is stored."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.integration.fhir.calls import PATIENT, codes, created, observation

JSON = dict[str, Any]
WRONG = {**PATIENT, "gender": "x"}


def asked(mode: str = "", resource: JSON | None = None, profile: str = "") -> JSON:
    rows: list[JSON] = [{"name": "mode", "valueCode": mode}] if mode else []
    rows += [{"name": "resource", "resource": resource}] if resource else []
    rows += [{"name": "profile", "valueUri": profile}] if profile else []
    return {"resourceType": "Parameters", "parameter": rows}


def verdict(response: httpx.Response) -> list[str]:
    """The faults found; none where all is well."""
    assert response.status_code == 200, response.text
    issues = response.json()["issue"]
    return [] if issues[0]["severity"] == "information" else codes(response)


OWN = "http://hl7.org/fhir/StructureDefinition/"


@pytest.mark.parametrize(
    ("path", "body", "found"),
    [
        ("Patient/$validate", asked("create", PATIENT), []),
        ("Patient/$validate", asked("create", WRONG), ["E513"]),
        ("Patient/$validate", asked("", WRONG), ["E513"]),
        ("Patient/$validate?mode=create", WRONG, ["E513"]),
        ("Patient/$validate", asked("update", {**PATIENT, "id": "a"}), []),
        ("Patient/$validate", asked("update", PATIENT), ["E559"]),
        ("Patient/here/$validate", {**PATIENT, "id": "here"}, []),
        ("Patient/here/$validate", {**PATIENT, "id": "there"}, ["E559"]),
        ("Patient/here/$validate", asked("update", {**WRONG, "id": "there"}), ["E559", "E513"]),
        ("Patient/here/$validate", asked("delete"), []),
        ("Patient/nowhere/$validate", asked("delete"), ["E551"]),
        ("AuditEvent/access-1/$validate", asked("delete"), ["E581"]),
        ("Patient/here/$validate", asked("profile", None, f"{OWN}Patient"), []),
        ("Patient/$validate", asked("", PATIENT, f"{OWN}DomainResource"), []),
        ("Parameters/$validate", {"resourceType": "Parameters", "parameter": [{"name": "a", "valueString": "b"}]}, []),
        ("Parameters/$validate", {"resourceType": "Parameters", "parameter": [{"name": "a"}, {"valueString": "b"}]}, ["E511"]),
    ],
)
def test_a_resource_is_validated_for_what_is_meant_with_it(api: httpx.Client, path: str, body: JSON, found: list[str]) -> None:
    api.put("Patient/here", json={**PATIENT, "id": "here"})
    assert verdict(api.post(path, json=body)) == found


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("Patient/$validate", asked("nonsense", PATIENT), 400, "E562"),
        ("Patient/$validate", asked("create"), 400, "E557"),
        ("Patient/$validate", asked("delete"), 400, "E562"),
        ("Patient/nowhere/$validate", asked("profile", None, f"{OWN}Patient"), 404, "E551"),
        ("Patient/$validate", observation(), 400, "E558"),
        ("Patient/$validate", asked("", PATIENT, "http://example.org/profile"), 422, "E536"),
        ("Patient/$validate", asked("", PATIENT, f"{OWN}Observation"), 422, "E536"),
    ],
)
def test_what_cannot_be_validated_is_told(api: httpx.Client, path: str, body: JSON, status: int, code: str) -> None:
    response = api.post(path, json=body)
    assert (response.status_code, codes(response)) == (status, [code])


def test_what_is_stored_is_validated_by_get(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    assert verdict(api.get(f"Patient/{id}/$validate")) == []
    assert verdict(api.get(f"Patient/{id}/$validate?mode=profile&profile={OWN}Patient")) == []
    assert api.get("Patient/nowhere/$validate").status_code == 404
    assert api.get("Patient/$validate").status_code == 405
    assert api.get("Patient?_summary=count").json()["total"] == 1


def test_validate_tells_without_storing(api: httpx.Client) -> None:
    response = api.post("Patient/$validate", json={**PATIENT, "gender": "x"})
    assert (response.status_code, codes(response)) == (200, ["E513"])
    assert api.get("Patient", params={"_summary": "count"}).json()["total"] == 0
