"""Transactions take effect as a whole or not at all; each entry of a batch is answered for itself."""

from __future__ import annotations

import httpx

from tests.integration.fhir.calls import PATIENT, codes, observation


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
