"""$convert and terminology on a running engine with its shipped mappings and tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from adapters.hl7v2.traffic import hospital
from fhir.validate import validate
from tests.acceptance.running import Engine


@pytest.fixture
def fhir(engine: Engine) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{engine.http}/fhir/R4/", timeout=60) as client:
        yield client


def code(response: httpx.Response) -> str:
    return str(response.json()["issue"][0]["details"]["coding"][0]["code"])


def test_a_message_becomes_a_bundle_and_nothing_is_stored(fhir: httpx.Client) -> None:
    message = next(each for each in hospital(9, 7) if b"ORU^R01" in each)
    before = fhir.get("Observation?_summary=count").json()["total"]
    for content, media in (
        (message, "x-application/hl7-v2+er7"),
        (message.replace(b"\r", b"\n"), "text/plain"),
    ):
        found = fhir.post("$convert", content=content, headers={"content-type": media})
        assert found.status_code == 200, found.text
        bundle = found.json()
        assert validate(bundle) == []
        assert {"Patient", "Observation", "DiagnosticReport"} <= {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    posted = {"resourceType": "Parameters", "parameter": [{"name": "input", "valueString": message.decode()}]}
    assert fhir.post("$convert", json=posted).json()["entry"] == bundle["entry"]
    assert fhir.get("Observation?_summary=count").json()["total"] == before


@pytest.mark.parametrize(
    ("body", "media", "fault"),
    [
        (b'{"resourceType":"Parameters","parameter":5}', "application/json", "E533"),
        (b'{"resourceType":[]}', "application/json", "E533"),
        (b"hello", "text/plain", "E533"),
        (b"{}", "application/json", "E533"),
        (b"", "text/plain", "E533"),
    ],
)
def test_what_is_no_message_is_told(fhir: httpx.Client, body: bytes, media: str, fault: str) -> None:
    found = fhir.post("$convert", content=body, headers={"content-type": media})
    assert (found.status_code, code(found)) == (400, fault)


def values(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    return {
        row["name"]: next((value for key, value in row.items() if key != "name"), None) for row in response.json()["parameter"]
    }


def test_tables_are_translated_looked_up_and_validated(fhir: httpx.Client) -> None:
    table = "urn:isthmus:conceptmap:admission_type"
    told = values(fhir.get("ConceptMap/$translate", params={"url": table, "code": "E"}))
    assert told["result"] is True
    concept = {part["name"]: part for part in told["match"]}["concept"]["valueCoding"]
    assert concept == {"system": "http://terminology.hl7.org/CodeSystem/v2-0007", "code": "E", "display": "Emergency"}
    coding = {"resourceType": "Parameters", "parameter": [{"name": "coding", "valueCoding": {"code": "A"}}]}
    assert values(fhir.post("ConceptMap/admission-type/$translate", json=coding))["result"] is True
    assert values(fhir.get("ConceptMap/admission-type/$translate?code=unknown"))["result"] is False
    system = "http://terminology.hl7.org/CodeSystem/v2-0007"
    assert values(fhir.get("CodeSystem/$lookup", params={"system": system, "code": "R"}))["display"] == "Routine"
    assert values(fhir.get("CodeSystem/$validate-code", params={"url": system, "code": "R"}))["result"] is True
    assert values(fhir.get("ValueSet/admission-type/$validate-code?code=Q"))["result"] is False
    assert code(fhir.get("CodeSystem/$lookup", params={"system": system, "code": "Q"})) == "E535"
    assert code(fhir.get("ConceptMap/$translate?url=urn:x&code=1")) == "E535"
    assert code(fhir.get("ConceptMap/$translate?url=urn:x")) == "E534"


@pytest.mark.parametrize("type", ["ConceptMap", "CodeSystem", "ValueSet"])
def test_every_table_is_read_and_searched_as_a_valid_resource(fhir: httpx.Client, type: str) -> None:
    found = fhir.get(f"{type}?_count=100").json()
    assert len(found["entry"]) >= 20
    for entry in found["entry"]:
        assert validate(entry["resource"]) == [], entry["resource"]["id"]
    read = fhir.get(f"{type}/admission-type").json()
    assert read == next(entry["resource"] for entry in found["entry"] if entry["resource"]["id"] == "admission-type")
    assert [entry["resource"]["id"] for entry in fhir.get(type, params={"url": read["url"]}).json()["entry"]] == [
        "admission-type"
    ]


def test_a_table_that_is_deployed_is_not_written_by_clients(fhir: httpx.Client) -> None:
    body = {"resourceType": "ConceptMap", "id": "admission-type", "status": "active"}
    entry = {"request": {"method": "PUT", "url": "ConceptMap/admission-type"}, "resource": body}
    for found in (
        fhir.put("ConceptMap/admission-type", json=body),
        fhir.delete("ConceptMap/admission-type"),
        fhir.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": [entry]}),
    ):
        assert (found.status_code, code(found)) == (403, "E581")
    assert fhir.put("ConceptMap/own", json={**body, "id": "own"}).status_code in (200, 201)
    assert fhir.delete("ConceptMap/own").status_code == 204
