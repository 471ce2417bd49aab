"""What is no request is answered with an OperationOutcome that says so."""

from __future__ import annotations

import httpx
import pytest

from tests.integration.fhir.calls import codes


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
