"""The REST API, driven over HTTP against a real database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest

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


def test_create_read_update_delete(api: httpx.Client) -> None:
    response = api.post("Patient", json=PATIENT)
    assert response.status_code == 201
    id = response.json()["id"]
    assert response.headers["location"] == f"{api.base_url}Patient/{id}/_history/1"
    assert response.headers["etag"] == 'W/"1"'
    read = api.get(f"Patient/{id}")
    assert read.content == response.content
    assert read.headers["content-type"] == "application/fhir+json; charset=utf-8"
    assert read.headers["x-content-type-options"] == "nosniff"
    updated = api.put(f"Patient/{id}", json={**PATIENT, "id": id, "gender": "female"})
    assert (updated.status_code, updated.headers["etag"]) == (200, 'W/"2"')
    same = api.put(f"Patient/{id}", json={**PATIENT, "id": id, "gender": "female"})
    assert (same.status_code, same.headers["etag"]) == (200, 'W/"2"')
    assert api.delete(f"Patient/{id}").status_code == 204
    gone = api.get(f"Patient/{id}")
    assert (gone.status_code, codes(gone)) == (410, ["E552"])
    assert api.get("Patient", params={"_id": id}).json().get("entry", []) == []
    history = api.get(f"Patient/{id}/_history").json()
    assert history["total"] == 3
    assert [entry["request"]["method"] for entry in history["entry"]] == ["DELETE", "PUT", "POST"]
    assert api.get(f"Patient/{id}/_history/1").json()["gender"] == "male"
    assert api.get(f"Patient/{id}/_history/3").status_code == 410
    assert api.get(f"Patient/{id}/_history/4").status_code == 404
    revived = api.put(f"Patient/{id}", json={**PATIENT, "id": id})
    assert (revived.status_code, revived.headers["etag"]) == (201, 'W/"4"')


def test_an_update_of_an_unknown_id_creates_it(api: httpx.Client) -> None:
    response = api.put("Patient/own-id.1", json={**PATIENT, "id": "own-id.1"})
    assert (response.status_code, response.json()["id"]) == (201, "own-id.1")


def test_digits_come_back_as_they_were_sent(api: httpx.Client) -> None:
    sent = b'{"resourceType":"Observation","status":"final","code":{"text":"K"},"valueQuantity":{"value":7.10}}'
    response = api.post("Observation", content=sent, headers={"content-type": "application/fhir+json"})
    assert b'"value":7.10}' in response.content
    assert b'"value":7.10}' in api.get(f"Observation/{response.json()['id']}").content


@pytest.mark.parametrize(
    ("prefer", "kind"), [("return=minimal", None), ("return=OperationOutcome", "OperationOutcome"), ("", "Patient")]
)
def test_the_client_says_how_much_it_wants_back(api: httpx.Client, prefer: str, kind: str | None) -> None:
    response = api.post("Patient", json=PATIENT, headers={"prefer": prefer})
    assert response.status_code == 201
    assert (response.json()["resourceType"] if response.content else None) == kind


def test_an_update_of_another_version_than_expected_is_refused(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    response = api.put(f"Patient/{id}", json={**PATIENT, "id": id, "gender": "other"}, headers={"if-match": 'W/"2"'})
    assert (response.status_code, codes(response)) == (412, ["E571"])
    response = api.put(f"Patient/{id}", json={**PATIENT, "id": id, "gender": "other"}, headers={"if-match": 'W/"1"'})
    assert (response.status_code, response.headers["etag"]) == (200, 'W/"2"')
    assert codes(api.delete(f"Patient/{id}", headers={"if-match": 'W/"1"'})) == ["E571"]
    assert codes(api.delete(f"Patient/{id}", headers={"if-match": "nonsense"})) == ["E556"]


def test_of_fifty_parallel_updates_of_one_version_one_wins(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    for round in range(1, 4):

        def put(n: int, version: int = round, together: Barrier = Barrier(50)) -> int:
            together.wait(60)
            body = {**PATIENT, "id": id, "name": [{"family": f"N{version}-{n}"}]}
            return api.put(f"Patient/{id}", json=body, headers={"if-match": f'W/"{version}"'}).status_code

        with ThreadPoolExecutor(50) as pool:
            found = list(pool.map(put, range(50)))
        assert sorted(found) == [200] + [412] * 49
    history = api.get(f"Patient/{id}/_history").json()
    assert [entry["resource"]["meta"]["versionId"] for entry in history["entry"]] == ["4", "3", "2", "1"]


def test_a_client_that_has_the_version_is_not_sent_it_again(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    assert api.get(f"Patient/{id}", headers={"if-none-match": 'W/"1"'}).status_code == 304
    modified = api.get(f"Patient/{id}").headers["last-modified"]
    assert api.get(f"Patient/{id}", headers={"if-modified-since": modified}).status_code == 304


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


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "Patient", b"{", 400, "E501"),
        ("POST", "Patient", b"", 400, "E557"),
        ("POST", "Patient", b'{"resourceType":"Observation"}', 400, "E558"),
        ("POST", "Patient", b'{"resourceType":"Patient","foo":1}', 422, "E510"),
        ("POST", "Patient", b'{"resourceType":"Patient","gender":"x"}', 422, "E513"),
        ("POST", "Patient", b'{"resourceType":"Patient","gender":"male","gender":"male"}', 400, "E502"),
        ("POST", "Patient", b'{"resourceType":["Patient"]}', 400, "E558"),
        ("PUT", "Patient/a", b'{"resourceType":"Patient","id":"b"}', 400, "E559"),
        ("PUT", "Patient/a", b'{"resourceType":"Patient"}', 400, "E559"),
        ("PUT", "Patient/" + "a" * 65, b'{"resourceType":"Patient"}', 422, "E514"),
        ("GET", "Patient/x/..%2fetc", b"", 404, "E560"),
        ("GET", "Nonsense/1", b"", 404, "E560"),
        ("GET", "Patient/unknown", b"", 404, "E551"),
        ("PATCH", "Patient/unknown", b"[]", 404, "E551"),
        ("POST", "Patient/1", b"{}", 405, "E553"),
        ("POST", "", b'{"resourceType":"Bundle","type":"collection"}', 400, "E575"),
    ],
)
def test_bad_requests_get_outcomes(api: httpx.Client, method: str, path: str, body: bytes, status: int, code: str) -> None:
    response = api.request(method, path, content=body, headers={"content-type": "application/json"})
    assert (response.status_code, codes(response)[0]) == (status, code)


def test_other_formats_than_json_are_refused_in_words(api: httpx.Client) -> None:
    assert codes(api.get("Patient", headers={"accept": "text/html"})) == ["E554"]
    assert api.get("Patient", headers={"accept": "text/html"}).status_code == 406
    response = api.post("Patient", content=b"x", headers={"content-type": "text/plain"})
    assert (response.status_code, codes(response)) == (415, ["E555"])
    zipped = api.post("Patient", content=b"x", headers={"content-type": "application/json", "content-encoding": "gzip"})
    assert zipped.status_code == 415


def test_json_merge_and_fhirpath_patches(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    steps = [{"op": "test", "path": "/gender", "value": "male"}, {"op": "replace", "path": "/gender", "value": "female"}]
    response = api.patch(f"Patient/{id}", json=steps, headers={"content-type": "application/json-patch+json"})
    assert (response.status_code, response.json()["gender"], response.headers["etag"]) == (200, "female", 'W/"2"')
    failed = api.patch(f"Patient/{id}", json=steps, headers={"content-type": "application/json-patch+json"})
    assert (failed.status_code, codes(failed)) == (422, ["E579"])
    merged = api.patch(f"Patient/{id}", json={"birthDate": None, "active": True})
    assert merged.json()["active"] is True
    assert "birthDate" not in merged.json()
    parameters = {
        "resourceType": "Parameters",
        "parameter": [
            {
                "name": "operation",
                "part": [
                    {"name": "type", "valueCode": "replace"},
                    {"name": "path", "valueString": "Patient.name[0].family"},
                    {"name": "value", "valueString": "Meyer"},
                ],
            },
            {
                "name": "operation",
                "part": [
                    {"name": "type", "valueCode": "add"},
                    {"name": "path", "valueString": "Patient"},
                    {"name": "name", "valueString": "birthDate"},
                    {"name": "value", "valueDate": "1980-01-01"},
                ],
            },
        ],
    }
    patched = api.patch(f"Patient/{id}", json=parameters, headers={"content-type": "application/fhir+json"})
    assert patched.status_code == 200, patched.text
    assert (patched.json()["name"][0]["family"], patched.json()["birthDate"]) == ("Meyer", "1980-01-01")
    wrong = api.patch(f"Patient/{id}", json={"gender": "nonsense"})
    assert (wrong.status_code, codes(wrong)) == (422, ["E513"])
    stale = api.patch(f"Patient/{id}", json={"active": False}, headers={"if-match": 'W/"1"'})
    assert stale.status_code == 412


def test_history_is_paged_without_gap(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    for n in range(6):
        api.put(f"Patient/{id}", json={**PATIENT, "id": id, "name": [{"family": f"F{n}"}]})
    seen: list[str] = []
    url: str | None = f"Patient/{id}/_history?_count=3"
    while url:
        page = api.get(url).json()
        seen += [entry["resource"]["meta"]["versionId"] for entry in page["entry"]]
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    assert seen == ["7", "6", "5", "4", "3", "2", "1"]
    assert len(api.get("Patient/_history").json()["entry"]) == 7
    assert len(api.get("_history").json()["entry"]) == 7


def test_a_transaction_takes_effect_as_a_whole(api: httpx.Client) -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a",
                "resource": PATIENT,
                "request": {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=urn:mrn|M1"},
            },
            {
                "fullUrl": "urn:uuid:88f151c0-a954-468a-88bd-5ae15c08e059",
                "resource": observation(subject={"reference": "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"}),
                "request": {"method": "POST", "url": "Observation"},
            },
            {
                "resource": observation(id="o2", subject={"reference": "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"}),
                "request": {"method": "PUT", "url": "Observation/o2"},
            },
            {"request": {"method": "GET", "url": "Observation?code=2823-3"}},
        ],
    }
    response = api.post("", json=bundle)
    assert response.status_code == 200, response.text
    entries = response.json()["entry"]
    assert [entry["response"]["status"] for entry in entries] == ["201", "201", "201", "200"]
    patient = entries[0]["resource"]["id"]
    assert entries[1]["resource"]["subject"]["reference"] == f"Patient/{patient}"
    assert len(entries[3]["resource"]["entry"]) == 2
    again = api.post("", json=bundle).json()["entry"]
    assert [entry["response"]["status"] for entry in again][:1] == ["200"]
    assert again[0]["resource"]["id"] == patient
    conditional = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "resource": observation(subject={"reference": "Patient?identifier=urn:mrn|M1"}),
                "request": {"method": "POST", "url": "Observation"},
            }
        ],
    }
    assert api.post("", json=conditional).json()["entry"][0]["resource"]["subject"]["reference"] == f"Patient/{patient}"


def test_a_transaction_with_one_bad_entry_changes_nothing(api: httpx.Client) -> None:
    for bad, status, code in (
        ({"resource": {"resourceType": "Patient", "gender": "x"}, "request": {"method": "POST", "url": "Patient"}}, 422, "E513"),
        ({"request": {"method": "DELETE", "url": "http://evil.example/Patient/1"}}, 400, "E575"),
        ({"request": {"method": "DELETE", "url": "../admin"}}, 400, "E575"),
        ({"resource": {**PATIENT, "id": "p1"}, "request": {"method": "PUT", "url": "Patient/p1"}}, 400, "E576"),
        ({"request": {"method": "GET", "url": "Patient/unknown"}}, 404, "E551"),
        (
            {"resource": {**PATIENT, "id": "p2"}, "request": {"method": "PUT", "url": "Patient/p2", "ifMatch": 'W/"7"'}},
            412,
            "E571",
        ),
        (
            {
                "resource": observation(subject={"reference": "Patient?identifier=none"}),
                "request": {"method": "POST", "url": "Observation"},
            },
            412,
            "E582",
        ),
    ):
        good = {"resource": {**PATIENT, "id": "p1"}, "request": {"method": "PUT", "url": "Patient/p1"}}
        response = api.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": [good, bad]})
        assert (response.status_code, codes(response)) == (status, [code])
        assert api.get("Patient/p1").status_code == 404


def test_a_batch_answers_each_entry_for_itself(api: httpx.Client) -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [
            {"resource": {**PATIENT, "id": "p1"}, "request": {"method": "PUT", "url": "Patient/p1"}},
            {"resource": {"resourceType": "Patient", "gender": "x"}, "request": {"method": "POST", "url": "Patient"}},
            {"request": {"method": "GET", "url": "Patient/unknown"}},
        ],
    }
    entries = api.post("", json=bundle).json()["entry"]
    assert [entry["response"]["status"] for entry in entries] == ["201", "422", "404"]
    assert entries[1]["response"]["outcome"]["issue"][0]["expression"] == ["Patient.gender"]
    assert api.get("Patient/p1").status_code == 200


def test_the_capability_statement_is_right_and_says_what_is_there(api: httpx.Client) -> None:
    response = api.get("metadata")
    assert response.json()["fhirVersion"] == "4.0.1"
    assert len(response.json()["rest"][0]["resource"]) == 146
    checked = api.post("CapabilityStatement/$validate", json=response.json())
    assert checked.json()["issue"][0]["severity"] == "information"


def test_validate_tells_without_storing(api: httpx.Client) -> None:
    response = api.post("Patient/$validate", json={**PATIENT, "gender": "x"})
    assert (response.status_code, codes(response)) == (200, ["E513"])
    assert api.get("Patient", params={"_summary": "count"}).json()["total"] == 0
