"""What the specification says in so many words and clients rely on, each as one exchange."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.integration.fhir.calls import PATIENT, codes, created, ids, observation


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "Patient/1", {"GET", "HEAD", "PUT", "PATCH", "DELETE"}),
        ("GET", "", {"POST"}),
        ("PUT", "metadata", {"GET", "HEAD"}),
        ("DELETE", "Patient/1/_history/1", {"GET", "HEAD"}),
        ("PUT", "Observation/$lastn", {"GET", "HEAD", "POST"}),
        ("GET", "Patient/_search", {"POST"}),
        ("TRACE", "Patient", {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}),
        ("OPTIONS", "Patient/1", {"GET", "HEAD", "PUT", "PATCH", "DELETE"}),
    ],
)
def test_a_method_that_is_not_allowed_is_answered_with_those_that_are(
    api: httpx.Client, method: str, path: str, allowed: set[str]
) -> None:
    response = api.request(method, path)
    assert (response.status_code, codes(response)) == (405, ["E553"])
    assert set(response.headers["allow"].split(", ")) == allowed


def test_the_entries_of_a_transaction_response_say_when_they_were_written(api: httpx.Client) -> None:
    entry = {"resource": PATIENT, "request": {"method": "POST", "url": "Patient"}}
    done = api.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": [entry]}).json()["entry"][0]
    told = datetime.fromisoformat(done["response"]["lastModified"])
    assert told == datetime.fromisoformat(done["resource"]["meta"]["lastUpdated"]).replace(microsecond=0)


@pytest.mark.parametrize("tag", ['W/"1"', '"1"', 'W/"7", W/"1"', "*"])
def test_tags_are_compared_weakly(api: httpx.Client, tag: str) -> None:
    id = created(api, PATIENT)
    assert api.get(f"Patient/{id}", headers={"if-none-match": tag}).status_code == 304
    assert api.get(f"Patient/{id}", headers={"if-none-match": 'W/"11"'}).status_code == 200


def test_a_parameter_without_a_value_says_nothing(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    assert ids(api.get("Patient?_sort=&_count=&_include=&_elements=&_summary=&gender=")) == [id]
    for level in (f"Patient/{id}/_history", "Patient/_history", "_history"):
        assert len(api.get(f"{level}?_since=&_at=&_count=").json()["entry"]) == 1


def parameters(**values: Any) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": [{"name": name, **value} for name, value in values.items()]}


def test_operations_are_called_by_post_as_well(api: httpx.Client) -> None:
    patient = created(api, PATIENT)
    made = [
        created(api, observation(subject={"reference": f"Patient/{patient}"}, effectiveDateTime=f"2026-03-0{n}")) for n in (1, 2)
    ]
    asked = parameters(patient={"valueString": f"Patient/{patient}"}, max={"valueInteger": 1})
    assert ids(api.post("Observation/$lastn", json=asked)) == [made[1]]
    whole = api.post(f"Patient/{patient}/$everything", json=parameters(_type={"valueString": "Observation"}))
    assert sorted(ids(whole)) == sorted(made)
    assert sorted(ids(api.post(f"Patient/{patient}/$everything"))) == sorted([patient, *made])
    wrong = api.post("Observation/$lastn", json=PATIENT)
    assert (wrong.status_code, codes(wrong)) == (400, ["E558"])
    assert ids(api.post(f"Patient/{patient}/Observation/_search", data={"date": "2026-03-01"})) == [made[0]]


def test_the_newest_of_a_code_is_found_behind_many_of_another(api: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from fhir.rest import operations

    monkeypatch.setattr(operations, "MOST_LAST", 3)
    about = {"subject": {"reference": "Patient/p"}}
    first = created(api, observation(effectiveDateTime="2026-01-01", **{**about, "code": {"text": "seldom"}}))
    usual = [created(api, observation(effectiveDateTime=f"2026-02-0{n}", **about)) for n in range(1, 8)]
    assert ids(api.get("Observation/$lastn?patient=p")) == [usual[-1], first]


PDF = b"%PDF-1.4 \x00\xff of no use"


def test_a_binary_is_sent_and_fetched_as_what_it_holds(api: httpx.Client) -> None:
    made = api.post("Binary", content=PDF, headers={"content-type": "application/pdf", "x-security-context": "Patient/p"})
    assert (made.status_code, made.json()["contentType"]) == (201, "application/pdf")
    assert base64.b64decode(made.json()["data"]) == PDF
    assert made.json()["securityContext"] == {"reference": "Patient/p"}
    place = f"Binary/{made.json()['id']}"
    for accept in ("application/pdf", "text/plain, application/*;q=0.5, application/pdf", "application/pdf, image/png"):
        found = api.get(place, headers={"accept": accept})
        if "*" in accept:
            assert found.json()["resourceType"] == "Binary"
            continue
        assert (found.content, found.headers["content-type"]) == (PDF, "application/pdf")
        assert found.headers["content-disposition"] == "attachment"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["etag"] == 'W/"1"'
    assert api.get(place, headers={"accept": "application/fhir+json"}).json() == made.json()
    other = api.get(place, headers={"accept": "text/html"})
    assert (other.status_code, codes(other)) == (406, ["E554"])
    changed = api.put(place, content=b"new", headers={"content-type": "text/plain"})
    assert (changed.status_code, changed.headers["etag"]) == (200, 'W/"2"')
    assert api.get(f"{place}/_history/1", headers={"accept": "application/pdf"}).content == PDF
    assert api.get("Binary/unknown", headers={"accept": "application/pdf"}).status_code == 404
    assert api.get("Patient/unknown", headers={"accept": "application/pdf"}).status_code == 406
