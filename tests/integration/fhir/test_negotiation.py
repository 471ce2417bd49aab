"""What a client may say about form, version and extent of an answer, and that the server's own records are not written."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.integration.fhir.calls import PATIENT, codes, created, ids, observation

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">Jörg</div>'


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/fhir+json; fhirVersion=4.0", 200),
        ("application/fhir+json;fhirVersion=4.0.1", 200),
        ("application/fhir+json; fhirVersion=5.0", 406),
        ("application/fhir+xml; fhirVersion=3.0, application/fhir+json; fhirVersion=4.0; q=0.5", 200),
        ("text/html, */*;q=0.1", 200),
        ("text/html", 406),
        ("application/fhir+turtle", 406),
    ],
)
def test_the_version_of_fhir_is_negotiated(api: httpx.Client, accept: str, status: int) -> None:
    id = created(api, PATIENT)
    assert api.get(f"Patient/{id}", headers={"accept": accept}).status_code == status


@pytest.mark.parametrize(
    ("media", "status"),
    [
        ("application/fhir+json; fhirVersion=4.0", 201),
        ('application/fhir+json; charset="UTF-8"', 201),
        ("application/fhir+json; fhirVersion=3.0", 415),
        ("application/fhir+json; charset=iso-8859-1", 415),
        ("application/fhir+xml; charset=utf-16", 415),
    ],
)
def test_a_body_of_another_version_or_charset_is_refused(api: httpx.Client, media: str, status: int) -> None:
    response = api.post("Patient", content=json.dumps(PATIENT), headers={"content-type": media})
    assert response.status_code == status
    if status == 415:
        assert codes(response) == ["E555"]


def test_a_search_that_is_not_posted_as_a_form_is_refused_and_never_finds_everything(api: httpx.Client) -> None:
    created(api, PATIENT)
    for body, media in (('{"name":"x"}', "application/json"), ("name=x", "text/plain"), ("name=x", "")):
        response = api.post("Patient/_search", content=body, headers={"content-type": media})
        assert (response.status_code, codes(response)) == (415, ["E555"])
    assert len(ids(api.post("Patient/_search?name=m"))) == 1


def test_a_posted_search_says_its_form_in_the_form(api: httpx.Client) -> None:
    created(api, PATIENT)
    found = api.post("Patient/_search", data={"name": "m", "_format": "xml"})
    assert found.headers["content-type"].startswith("application/fhir+xml")
    assert found.text.count("<family value=") == 1
    assert api.post("Patient/_search", data={"_format": "html"}).status_code == 406


def test_a_read_gives_the_part_that_is_wanted(api: httpx.Client) -> None:
    id = created(api, {**PATIENT, "text": {"status": "generated", "div": DIV}, "photo": [{"title": "x"}]})
    for name in (f"Patient/{id}", f"Patient/{id}/_history/1"):
        assert set(api.get(f"{name}?_elements=gender,birthDate").json()) == {"resourceType", "id", "meta", "gender", "birthDate"}
        assert set(api.get(f"{name}?_summary=text").json()) == {"resourceType", "id", "meta", "text"}
        assert "text" not in api.get(f"{name}?_summary=data").json()
        short = api.get(f"{name}?_summary=true").json()
        assert short["meta"]["tag"][0]["code"] == "SUBSETTED"
        assert "photo" not in short
        assert short["birthDate"] == "1970-01-02"
        assert "photo" in api.get(f"{name}?_summary=false").json()
    assert codes(api.get(f"Patient/{id}?_summary=some")) == ["E562"]


def test_an_answer_is_pretty_for_those_who_look_at_it(api: httpx.Client) -> None:
    id = created(api, observation(valueQuantity={"value": 1.50}))
    plain, pretty = api.get(f"Observation/{id}"), api.get(f"Observation/{id}?_pretty=true")
    assert pretty.json() == plain.json()
    assert '\n  "status": "final"' in pretty.text
    assert "\n" not in plain.text


def event(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "AuditEvent",
        "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"},
        "recorded": "2026-01-02T03:04:05Z",
        "agent": [{"requestor": True}],
        "source": {"observer": {"display": "forged"}},
        **more,
    }


def test_what_the_server_recorded_is_neither_changed_nor_deleted_nor_forged(api: httpx.Client) -> None:
    created(api, PATIENT)
    [found] = [entry["resource"] for entry in api.get("AuditEvent?action=C").json()["entry"]]
    name, id = f"AuditEvent/{found['id']}", found["id"]
    forged = event(id=id)
    entry = {"request": {"method": "PUT", "url": name}, "resource": forged}
    for response in (
        api.put(name, json=forged),
        api.delete(name),
        api.patch(name, json=[{"op": "remove", "path": "/source"}], headers={"content-type": "application/json-patch+json"}),
        api.put(f"AuditEvent?_id={id}", json=event()),
        api.delete(f"AuditEvent?_id={id}"),
        api.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": [entry]}),
        api.put("AuditEvent/access-999999", json=event(id="access-999999")),
        api.delete("Provenance/origin-1"),
    ):
        assert (response.status_code, codes(response)) == (403, ["E581"])
    assert api.get(name).json() == found
    assert api.put("AuditEvent/own", json=event(id="own")).status_code == 201


def test_a_request_that_is_refused_unread_is_an_access_too(api: httpx.Client) -> None:
    api.get("Patient/1", headers={"accept": "text/html"})
    api.request("TRACE", "Patient/2")
    api.get("Patient/3?name=%ff")
    for id, code in (("1", "4"), ("2", "4"), ("3", "4")):
        [entry] = api.get(f"AuditEvent?entity=Patient/{id}").json()["entry"]
        assert entry["resource"]["outcome"] == code


def test_the_next_page_of_a_long_posted_search_can_be_fetched_or_is_refused_at_once(api: httpx.Client) -> None:
    made = [created(api, PATIENT) for _ in range(2)]
    many = [*made, *[f"nobody-{number}" for number in range(3000)]]
    first = api.post("Patient/_search", data={"_id": ",".join(many), "_count": "1"})
    following = next(link["url"] for link in first.json()["link"] if link["relation"] == "next")
    assert {*ids(first), *ids(api.get(following))} == set(made)
    too_long = api.post("Patient/_search", data={"_id": ",".join(many * 3), "_count": "1"})
    assert (too_long.status_code, codes(too_long)) == (414, ["E578"])
    assert set(ids(api.post("Patient/_search", data={"_id": ",".join(many * 3)}))) == set(made)


def test_a_put_that_is_only_to_create_never_replaces(api: httpx.Client) -> None:
    only = {"if-none-match": "*"}
    assert api.put("Patient/once", json={**PATIENT, "id": "once"}, headers=only).status_code == 201
    again = api.put("Patient/once", json={**PATIENT, "id": "once", "gender": "other"}, headers=only)
    assert (again.status_code, codes(again)) == (412, ["E571"])
    entry = {"request": {"method": "PUT", "url": "Patient/once", "ifNoneMatch": "*"}, "resource": {**PATIENT, "id": "once"}}
    inside = api.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert (inside.status_code, codes(inside)) == (412, ["E571"])
    assert api.get("Patient/once").headers["etag"] == 'W/"1"'
