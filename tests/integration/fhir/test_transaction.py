"""Transactions and batches to the letter: what entries read, whose ids they mean, how they name each other."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.integration.fhir.calls import PATIENT, codes, created, observation

JSON = dict[str, Any]


def asked(method: str, url: str, resource: JSON | None = None, full_url: str = "", **request: str) -> JSON:
    return {
        "request": {"method": method, "url": url, **request},
        **({"resource": resource} if resource else {}),
        **({"fullUrl": full_url} if full_url else {}),
    }


def posted(api: httpx.Client, *entries: JSON, kind: str = "transaction", prefer: str = "") -> httpx.Response:
    return api.post("", json={"resourceType": "Bundle", "type": kind, "entry": list(entries)}, headers={"prefer": prefer})


def answers(response: httpx.Response) -> list[JSON]:
    assert response.status_code == 200, response.text
    return list(response.json()["entry"])


def test_a_transaction_reads_versions_and_compartments(api: httpx.Client) -> None:
    id, other = created(api, PATIENT), created(api, PATIENT)
    api.put(f"Patient/{id}", json={**PATIENT, "id": id, "gender": "other"})
    result = created(api, observation(subject={"reference": f"Patient/{id}"}))
    created(api, observation(subject={"reference": f"Patient/{other}"}))
    old, inside = answers(
        posted(api, asked("GET", f"Patient/{id}/_history/1"), asked("GET", f"Patient/{id}/Observation?code=2823-3"))
    )
    assert (old["resource"]["id"], old["resource"]["gender"], old["response"]["etag"]) == (id, "male", 'W/"1"')
    assert [entry["resource"]["id"] for entry in inside["resource"]["entry"]] == [result]


@pytest.mark.parametrize("url", ["Patient/1/_history", "Patient/1/$everything", "metadata", "_history", "Patient/$validate"])
def test_what_a_transaction_cannot_read_is_refused_and_not_answered_with_something_else(api: httpx.Client, url: str) -> None:
    response = posted(api, asked("PUT", "Patient/1", {**PATIENT, "id": "1"}), asked("GET", url))
    assert (response.status_code, codes(response)) == (400, ["E575"])
    assert api.get("Patient/1").status_code == 404


def test_an_operation_is_no_creation(api: httpx.Client) -> None:
    for kind in ("$validate", "_search"):
        response = posted(api, asked("POST", f"Patient/{kind}", PATIENT))
        assert (response.status_code, codes(response)) == (400, ["E575"])


def test_one_bad_entry_of_a_batch_leaves_the_others(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    found = answers(
        posted(
            api, asked("GET", "metadata"), asked("GET", "http://elsewhere.example/Patient/1"), {"resource": PATIENT},
            asked("GET", f"Patient/{id}/_history"), asked("GET", f"Patient/{id}"), kind="batch",
        )
    )  # fmt: skip
    assert [one["response"]["status"] for one in found] == ["200", "400", "400", "200", "200"]
    assert found[0]["resource"]["resourceType"] == "CapabilityStatement"
    assert found[1]["response"]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[1].request"]


def test_a_batch_is_strict_where_its_client_is(api: httpx.Client) -> None:
    strict, lenient = (
        answers(posted(api, asked("GET", "Patient?unknown=1"), kind="batch", prefer=prefer))[0]["response"]["status"]
        for prefer in ("handling=strict", "")
    )
    assert (strict, lenient) == ("400", "200")


@pytest.mark.parametrize("url", ["Patient?identifier=urn:mrn|M1", "Patient/{}"])
def test_an_entry_does_not_write_another_id_than_it_says(api: httpx.Client, url: str) -> None:
    id = created(api, PATIENT)
    response = posted(api, asked("PUT", url.format(id), {**PATIENT, "id": "other", "gender": "other"}))
    assert (response.status_code, codes(response)) == (400, ["E559"])
    alone = api.put(url.format(id), json={**PATIENT, "id": "other", "gender": "other"})
    assert (alone.status_code, codes(alone)) == (400, ["E559"])
    assert api.get(f"Patient/{id}").json()["gender"] == "male"


def test_two_entries_with_one_full_url_are_refused(api: httpx.Client) -> None:
    urn = uuid4().urn
    response = posted(api, asked("POST", "Patient", PATIENT, urn), asked("POST", "Patient", PATIENT, urn))
    assert (response.status_code, codes(response)) == (400, ["E575"])
    assert api.get("Patient?_summary=count").json()["total"] == 0


def test_two_entries_that_create_what_is_not_there_create_one(api: httpx.Client) -> None:
    first, second = uuid4().urn, uuid4().urn
    found = answers(
        posted(
            api,
            asked("POST", "Patient", PATIENT, first, ifNoneExist="identifier=urn:mrn|M1"),
            asked("POST", "Patient", PATIENT, second, ifNoneExist="identifier=urn:mrn|M1"),
            asked("POST", "Observation", observation(subject={"reference": second})),
        )
    )
    assert [one["response"]["status"] for one in found] == ["201", "200", "201"]
    assert found[1]["resource"]["id"] == found[0]["resource"]["id"]
    assert found[2]["resource"]["subject"]["reference"] == f"Patient/{found[0]['resource']['id']}"


def test_every_form_of_link_to_an_entry_becomes_literal_and_a_plain_text_does_not(api: httpx.Client) -> None:
    urn = uuid4().urn
    text = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{urn}">the patient</a></div>'
    kinds = ("Uri", "Url", "Canonical", "Uuid")
    plan = {
        "resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": {"reference": urn},
        "text": {"status": "generated", "div": text}, "instantiatesUri": [urn], "instantiatesCanonical": [urn],
        "extension": [{"url": f"urn:x:{kind}", f"value{kind}": urn} for kind in kinds] + [{"url": "urn:x", "valueString": urn}],
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": urn}],
    }  # fmt: skip
    found = answers(posted(api, asked("POST", "CarePlan", plan), asked("POST", "Patient", PATIENT, urn)))
    name, held = f"Patient/{found[1]['resource']['id']}", found[0]["resource"]
    assert held["subject"] == {"reference": name}
    assert (held["instantiatesUri"], held["instantiatesCanonical"]) == ([name], [name])
    assert [next(value for key, value in one.items() if key != "url") for one in held["extension"][:3]] == [name] * 3
    assert f'href="{name}"' in held["text"]["div"]
    assert held["extension"][4]["valueString"] == held["identifier"][0]["value"] == urn


def test_a_relative_reference_means_the_entry_beside_it(api: httpx.Client) -> None:
    there = "http://elsewhere.example/fhir"
    found = answers(
        posted(
            api,
            asked("POST", "Patient", {**PATIENT, "id": "77"}, f"{there}/Patient/77"),
            asked("POST", "Observation", observation(subject={"reference": "Patient/77"}), f"{there}/Observation/1"),
            asked("POST", "Observation", observation(subject={"reference": "Patient/77"}), uuid4().urn),
        )
    )
    assert found[1]["resource"]["subject"]["reference"] == f"Patient/{found[0]['resource']['id']}"
    assert found[2]["resource"]["subject"]["reference"] == "Patient/77"


@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_an_entry_that_has_the_version_is_not_sent_it_again(api: httpx.Client, kind: str) -> None:
    id = created(api, PATIENT)
    found = answers(
        posted(
            api,
            asked("GET", f"Patient/{id}", ifNoneMatch='W/"1"'),
            asked("GET", f"Patient/{id}", ifModifiedSince="2999-01-01T00:00:00Z"),
            asked("GET", f"Patient/{id}", ifNoneMatch='W/"2"'),
            kind=kind,
        )
    )
    assert [(one["response"]["status"], "resource" in one) for one in found] == [("304", False), ("304", False), ("200", True)]


def test_a_transaction_answers_with_outcomes_for_those_who_prefer_them(api: httpx.Client) -> None:
    [one] = answers(posted(api, asked("POST", "Patient", PATIENT), prefer="return=OperationOutcome"))
    assert "resource" not in one
    assert one["response"]["outcome"]["issue"][0]["severity"] == "information"


def test_a_reference_to_this_server_is_kept_relative(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    base = str(api.base_url)
    alone = created(api, observation(subject={"reference": f"{base}Patient/{id}"}))
    [entry] = answers(posted(api, asked("POST", "Observation", observation(subject={"reference": f"{base}Patient/{id}"}))))
    assert api.get(f"Observation/{alone}").json()["subject"] == entry["resource"]["subject"] == {"reference": f"Patient/{id}"}
    found = api.get(f"Observation?patient={id}&_include=Observation:subject").json()["entry"]
    assert {one["resource"]["id"] for one in found} == {alone, entry["resource"]["id"], id}


@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_a_json_patch_in_a_bundle_is_a_binary(api: httpx.Client, kind: str) -> None:
    id = created(api, PATIENT)
    change = b64encode(b'[{"op": "replace", "path": "/gender", "value": "other"}]').decode()
    binary = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": change}
    [done] = answers(posted(api, asked("PATCH", f"Patient/{id}", binary), kind=kind))
    assert (done["response"]["status"], done["resource"]["gender"]) == ("200", "other")
    wrong = posted(api, asked("PATCH", f"Patient/{id}", {**binary, "contentType": "text/plain"}))
    assert (wrong.status_code, codes(wrong)) == (415, ["E555"])


def test_a_document_is_stored_as_it_was_sent(api: httpx.Client) -> None:
    id, urn = created(api, PATIENT), uuid4().urn
    base = str(api.base_url)
    inner = observation(subject={"reference": f"{base}Patient/{id}"}, focus=[{"reference": urn}])
    document = {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": f"{base}Observation/1", "resource": inner}]}
    alone = api.get(f"Bundle/{created(api, document)}").json()
    [entry, _] = answers(posted(api, asked("POST", "Bundle", document), asked("POST", "Patient", PATIENT, urn)))
    assert alone["entry"] == entry["resource"]["entry"] == document["entry"]
