"""The REST API, driven over HTTP against a real database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import pytest

from tests.integration.fhir.calls import PATIENT, codes, created


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
