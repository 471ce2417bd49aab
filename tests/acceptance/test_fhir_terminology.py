"""$translate, $lookup and $validate-code to the letter, on the tables an engine ships."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.acceptance.running import Engine
from tests.acceptance.test_fhir_operations import code, values

JSON = dict[str, Any]
MAP, SET, OWN = (f"urn:isthmus:{kind}:admission_type" for kind in ("conceptmap", "valueset", "codesystem"))
V2 = "http://terminology.hl7.org/CodeSystem/v2-0007"


@pytest.fixture
def fhir(engine: Engine) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{engine.http}/fhir/R4/", timeout=60) as client:
        yield client


def posted(fhir: httpx.Client, path: str, **parts: JSON) -> dict[str, Any]:
    rows = [{"name": name, **value} for name, value in parts.items()]
    return values(fhir.post(path, json={"resourceType": "Parameters", "parameter": rows}))


def asked(fhir: httpx.Client, path: str, **params: str) -> dict[str, Any]:
    return values(fhir.get(path, params=params))


def coding(match: Any) -> JSON:
    return next(part["valueCoding"] for part in match if part["name"] == "concept")


def test_a_code_is_translated_from_its_own_system_to_the_target_that_is_wanted(fhir: httpx.Client) -> None:
    path = "ConceptMap/$translate"
    assert asked(fhir, path, url=MAP, code="E", system=OWN, targetsystem=V2)["result"] is True
    for other in ({"system": "urn:other"}, {"targetsystem": "urn:other"}):
        told = asked(fhir, path, url=MAP, code="E", **other)
        assert (told["result"], "message" in told, "match" in told) == (False, True, False)
    both = {"valueCodeableConcept": {"coding": [{"system": "urn:other", "code": "E"}, {"system": OWN, "code": "U"}]}}
    assert coding(posted(fhir, path, url={"valueUri": MAP}, codeableConcept=both)["match"])["code"] == "U"


def test_a_code_is_translated_back(fhir: httpx.Client) -> None:
    told = asked(fhir, "ConceptMap/$translate", url=MAP, code="E", system=V2, reverse="true")
    assert (told["result"], coding(told["match"])) == (True, {"system": OWN, "code": "E", "display": "Emergency"})
    told = posted(
        fhir, "ConceptMap/admission-type/$translate", reverse={"valueBoolean": True}, coding={"valueCoding": {"code": "?"}}
    )
    assert told["result"] is False


def test_a_look_up_names_the_system(fhir: httpx.Client) -> None:
    assert asked(fhir, "CodeSystem/$lookup", system=OWN, code="E") == {"name": "AdmissionType", "display": "Emergency"}
    assert asked(fhir, "CodeSystem/$lookup", system=V2, code="E") == {"name": "v2-0007", "display": "Emergency"}
    missing = fhir.get("CodeSystem/$lookup?code=E")
    assert (missing.status_code, code(missing)) == (400, "E534")


def test_a_code_of_another_system_or_with_another_display_is_not_valid(fhir: httpx.Client) -> None:
    for path, where in (("CodeSystem/$validate-code", OWN), ("ValueSet/$validate-code", SET)):
        assert asked(fhir, path, url=where, code="E", display="Emergency")["result"] is True
        for wrong in ({"display": "Accident"}, {"code": "Q"}, *([{"system": "urn:other"}] if where == SET else [])):
            told = asked(fhir, path, **{"url": where, "code": "E", **wrong})
            assert (told["result"], bool(told["message"])) == (False, True)
        assert posted(fhir, path, url={"valueUri": where}, coding={"valueCoding": {"system": OWN, "code": "E"}})["result"] is True
        other = {"valueCoding": {"system": "urn:other", "code": "E"}}
        assert posted(fhir, path, url={"valueUri": where}, coding=other)["result"] is False
        both = {"valueCodeableConcept": {"coding": [{"code": "Q", "system": OWN}, {"code": "E", "system": OWN}]}}
        assert posted(fhir, path, url={"valueUri": where}, codeableConcept=both)["result"] is True


def test_a_resource_is_converted_to_the_other_form(fhir: httpx.Client) -> None:
    xml = '<Patient xmlns="http://hl7.org/fhir"><active value="true"/></Patient>'
    found = fhir.post("$convert", content=xml, headers={"content-type": "application/fhir+xml"})
    assert found.json() == {"resourceType": "Patient", "active": True}
    back = fhir.post("$convert", json=found.json(), headers={"accept": "application/fhir+xml"})
    assert back.text.endswith(xml)
    input = {"resourceType": "Parameters", "parameter": [{"name": "input", "resource": found.json()}]}
    assert fhir.post("$convert", json=input).json() == found.json()
    wrong = fhir.post("$convert", json={"resourceType": "Patient", "active": "yes"})
    assert (wrong.status_code, code(wrong)) == (422, "E512")


def test_a_message_is_not_processed_asynchronously(fhir: httpx.Client) -> None:
    bundle = {"resourceType": "Bundle", "type": "message"}
    for query in ("async=true", "response-url=http://a.example/"):
        found = fhir.post(f"$process-message?{query}", json=bundle)
        assert (found.status_code, code(found)) == (422, "E536")
