"""Forged pages, broad conditions, bundles that collide. The attacks on the REST API by their numbers, and where each is made:

31 to 33, 39, 42 (nothing is fetched), 46 and 48: test_attacks_http.py, test_attacks.py (33 to 37 in hostile bodies, values and narratives);
36: test_bad_requests.py and here; 38, 40, 41: here, test_attacks.py and test_transaction.py; 42 (rest-hooks): test_attack_42.py;
43: test_rest.py (fifty parallel updates); 47: test_attacks.py (hostile ids).
"""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from tests.integration.fhir.calls import PATIENT, codes, created, observation

JSON = dict[str, Any]


def forged(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "page",
    ["", "x", "%00", forged("[]"), forged('["a"]'), forged("[1,2]"), forged("[1e400]"), forged('[{"a":1}]'), forged("[" * 5000),
     forged("[9223372036854775807]"), "A" * 9000, "'; drop table fhir.resource; --"],
)  # fmt: skip
@pytest.mark.parametrize("url", ["Patient", "Provenance", "Patient/a/$everything", "Patient/a/*", "Patient/_history"])
def test_38_a_forged_page_is_refused_or_no_other_place_than_it_names(api: httpx.Client, url: str, page: str) -> None:
    api.put("Patient/a", json={**PATIENT, "id": "a"})
    response = api.get(url, params={"_page": page} if page != "%00" else {"_page": "\x00"})
    if page and response.status_code != 200:
        assert codes(response) in (["E565"], ["E562"])
    assert response.status_code in (200, 400)


@pytest.mark.parametrize(
    "criteria", ["", "?", "_count=1", "_sort=name", "name=", "_lastUpdated=gt1900", "gender:not=unknown", "name:missing=false"]
)
def test_40_a_condition_that_names_nothing_is_refused(api: httpx.Client, criteria: str) -> None:
    id = created(api, PATIENT)
    conditional = {"if-none-exist": criteria}
    calls = [
        api.post("Patient", json=PATIENT, headers=conditional),
        api.put(f"Patient?{criteria}", json=PATIENT),
        api.delete(f"Patient?{criteria}"),
        api.patch(f"Patient?{criteria}", json=[], headers={"content-type": "application/json-patch+json"}),
    ]
    for response in calls:
        assert (response.status_code, codes(response)) == (412, ["E573"])
    if criteria:
        entry = {"request": {"method": "POST", "url": "Patient", "ifNoneExist": criteria}, "resource": PATIENT}
        inside = api.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
        assert (inside.status_code, codes(inside)) == (412, ["E573"])
    assert api.get(f"Patient/{id}").headers["etag"] == 'W/"1"'
    assert api.get("Patient?_summary=count").json()["total"] == 1


def test_41_a_bundle_that_collides_or_nests_leaves_nothing(api: httpx.Client) -> None:
    urn = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"
    post = {"fullUrl": urn, "resource": PATIENT, "request": {"method": "POST", "url": "Patient"}}
    put = {"resource": {**PATIENT, "id": "a"}, "request": {"method": "PUT", "url": "Patient/a"}}
    inner: JSON = {"resourceType": "Bundle", "type": "transaction", "entry": [put]}
    nested = {"resource": inner, "request": {"method": "POST", "url": ""}}
    for entries in ([post, post], [put, put], [put, {"request": {"method": "DELETE", "url": "Patient/a"}}], [put, nested]):
        response = api.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
        assert response.status_code in (400, 422), response.text
    assert api.get("Patient?_summary=count").json()["total"] == 0


@pytest.mark.parametrize("header", ["", "*", '""', "1", 'W/"x"'])
def test_43_a_lock_that_says_nothing_is_no_lock_left_out(api: httpx.Client, header: str) -> None:
    id = created(api, PATIENT)
    response = api.put(f"Patient/{id}", json={**PATIENT, "id": id, "gender": "other"}, headers={"if-match": header})
    assert (response.status_code, codes(response)) == (400, ["E556"])


def test_36_a_type_is_one_text(api: httpx.Client) -> None:
    for type in (["Patient"], {"a": 1}, 1, None, "__proto__", "patient"):
        response = api.post("Patient", json={**PATIENT, "resourceType": type})
        assert 400 <= response.status_code < 500
    created(api, observation())
