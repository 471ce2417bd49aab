"""The CapabilityStatement says what is there, and all of it is."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from engine import __version__
from tests.integration.fhir.calls import PATIENT, codes, created

JSON = dict[str, Any]
STRICT = {"prefer": "handling=strict"}
DEFINED = "http://hl7.org/fhir/OperationDefinition/"


@pytest.fixture
def statement(api: httpx.Client) -> JSON:
    return dict(api.get("metadata").json())


def rows(statement: JSON) -> dict[str, JSON]:
    return {one["type"]: one for one in statement["rest"][0]["resource"]}


def test_it_names_itself_where_messages_go_and_the_compartments(statement: JSON, api: httpx.Client) -> None:
    assert (statement["fhirVersion"], statement["kind"], statement["status"]) == ("4.0.1", "instance", "active")
    assert statement["software"] == {"name": "Isthmus", "version": __version__}
    assert statement["implementation"]["url"] == str(api.base_url).rstrip("/")
    assert statement["messaging"][0]["endpoint"][0]["address"] == f"{api.base_url}$process-message"
    assert {one.rpartition("/")[2] for one in statement["rest"][0]["compartment"]} == {
        "patient", "encounter", "practitioner", "device", "relatedPerson",
    }  # fmt: skip


def test_operations_stand_where_they_are_called(statement: JSON, api: httpx.Client) -> None:
    system = {one["name"]: one["definition"] for one in statement["rest"][0]["operation"]}
    assert system == {"process-message": f"{DEFINED}MessageHeader-process-message", "convert": f"{DEFINED}Resource-convert"}
    named = {(type, one["name"]) for type, row in rows(statement).items() for one in row["operation"]}
    assert {pair for pair in named if pair[1] != "validate"} == {
        ("Patient", "everything"), ("Encounter", "everything"), ("Observation", "lastn"), ("ConceptMap", "translate"),
        ("CodeSystem", "lookup"), ("CodeSystem", "validate-code"), ("ValueSet", "validate-code"),
        ("Subscription", "status"), ("Subscription", "events"), ("Subscription", "get-ws-binding-token"),
    }  # fmt: skip
    id = created(api, PATIENT)
    for type, name in sorted(named)[::12] + [pair for pair in named if pair[1] != "validate"]:
        place = f"{type}/{id}/${name}" if name in ("everything", "events", "get-ws-binding-token") else f"{type}/${name}"
        answer = api.post(place, json={"resourceType": "Parameters"})
        assert answer.status_code != 405 and (answer.status_code != 404 or codes(answer) != ["E560"]), (place, answer.text)
    for name in ("translate", "everything", "lookup"):
        assert api.post(f"${name}", json={}).status_code == 404


def test_every_interaction_that_is_listed_is_taken_and_no_other(statement: JSON, api: httpx.Client) -> None:
    listed = {tuple(one["code"] for one in row["interaction"]) for row in rows(statement).values()}
    assert len(listed) == 1
    assert set(listed.pop()) == {
        "read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type",
    }  # fmt: skip
    assert [one["code"] for one in statement["rest"][0]["interaction"]] == ["transaction", "batch", "history-system"]
    assert api.get("?_type=Patient").status_code == 405  # search-system is not listed


def test_every_include_that_is_listed_is_taken_and_every_one_that_is_taken_is_listed(statement: JSON, api: httpx.Client) -> None:
    for type, row in list(rows(statement).items())[::12]:
        for key, name in (("searchInclude", "_include"), ("searchRevInclude", "_revinclude")):
            listed = row.get(key, [])
            for begin in range(0, len(listed), 40):
                found = api.get(type, params=[(name, value) for value in listed[begin : begin + 40]], headers=STRICT)
                assert found.status_code == 200, (type, key, found.text)
    assert {"Observation:patient", "Provenance:target", "Encounter:subject"} <= set(
        rows(statement)["Patient"]["searchRevInclude"]
    )
    assert {"*", "Observation:subject"} <= set(rows(statement)["Observation"]["searchInclude"])
    assert "Observation:subject" not in rows(statement)["Organization"]["searchRevInclude"]


def test_every_format_that_is_listed_is_written(statement: JSON, api: httpx.Client) -> None:
    for form in statement["format"]:
        assert api.get("metadata", params={"_format": form}).status_code == 200
    assert "application/json-patch+json" in statement["patchFormat"]


def test_the_capability_statement_is_right_and_says_what_is_there(api: httpx.Client) -> None:
    response = api.get("metadata")
    assert response.json()["fhirVersion"] == "4.0.1"
    assert len(response.json()["rest"][0]["resource"]) == 146
    checked = api.post("CapabilityStatement/$validate", json=response.json())
    assert checked.json()["issue"][0]["severity"] == "information"
