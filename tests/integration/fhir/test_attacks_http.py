"""Hostile HTTP: lying lengths, smuggled requests, compressed bombs, wrong types, header storms, places that are not to be fetched."""

from __future__ import annotations

import socket
import threading
import time
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.fhir.calls import PATIENT, codes, created, observation


def raw(url: str, *parts: bytes) -> bytes:
    """Sends bytes as they are; what comes back within two seconds or until the server closes."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname or "", place.port or 0), 10) as peer:
        for part in parts:
            try:
                peer.sendall(part)
            except OSError:
                break
        peer.settimeout(2)
        answer = b""
        try:
            while got := peer.recv(65536):
                answer += got
        except (TimeoutError, ConnectionError):
            pass
    return answer


def statuses(answer: bytes) -> list[bytes]:
    return [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]


def test_a_body_of_200_mb_is_refused_by_its_length_and_by_its_bytes(api: httpx.Client, fhir_url: str) -> None:
    head = b"POST /fhir/R4/Patient HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\n"
    begun = time.perf_counter()
    assert statuses(raw(fhir_url, head + b"Content-Length: 209715200\r\n\r\n"))[:1] == [b"413"]
    chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    answer = raw(fhir_url, head + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 80)
    assert statuses(answer)[:1] in ([b"413"], [])  # refused, or closed while it was still sending
    assert time.perf_counter() - begun < 60
    assert api.get("metadata").status_code == 200


@pytest.mark.parametrize(
    "more",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /fhir/R4/metadata HTTP/1.1\r\nHost: x\r\n\r\n",
        b"Content-Length: 4\r\nContent-Length: 60\r\n\r\n{}  GET /fhir/R4/metadata HTTP/1.1\r\nHost: x\r\n\r\n",
        b"Content-Length: -1\r\n\r\n{}",
        b"Content-Length: abc\r\n\r\n{}",
        b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
    ],
)
def test_lying_lengths_create_nothing_and_smuggle_nothing(api: httpx.Client, fhir_url: str, more: bytes) -> None:
    answer = raw(fhir_url, b"POST /fhir/R4/Patient HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\n" + more)
    assert all(status.startswith(b"4") for status in statuses(answer)), answer
    assert b"CapabilityStatement" not in answer
    assert api.get("Patient?_summary=count").json()["total"] == 0


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip"])
def test_a_compressed_body_is_refused_unread(api: httpx.Client, encoding: str) -> None:
    response = api.post(
        "Patient",
        content=b"\x1f\x8b" + b"\x00" * 1000,
        headers={"content-encoding": encoding, "content-type": "application/fhir+json"},
    )
    assert (response.status_code, codes(response)) == (415, ["E907"])


def test_a_search_that_would_cost_too_much_is_refused_or_answered_in_time(api: httpx.Client) -> None:
    for _ in range(3):
        created(api, observation())
    begun = time.perf_counter()
    for url in (
        "Observation?" + "&".join(["subject:Patient.general-practitioner:Practitioner.name=x"] * 50),
        "Observation?" + "&".join(f"code:contains=a{number}" for number in range(60)),
        "Observation?_revinclude:iterate=Observation:*&_include:iterate=*:*&_include=Observation:*",
        "Patient?" + "&".join(["_has:Observation:patient:_has:Provenance:target:agent=x"] * 20),
        "Observation?code=" + ",".join(f"c{number}" for number in range(3000)),
    ):
        response = api.get(url)
        assert response.status_code in (200, 400, 403, 414), (url[:60], response.text)
    assert time.perf_counter() - begun < 40


def test_no_reference_is_ever_fetched(api: httpx.Client) -> None:
    seen: list[bytes] = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        listener.settimeout(0.5)
        port = listener.getsockname()[1]

        def watch() -> None:
            try:
                while True:
                    seen.append(listener.accept()[0].recv(100))
            except OSError:
                pass

        thread = threading.Thread(target=watch)
        thread.start()
        here = f"http://127.0.0.1:{port}"
        for url in (
            f"{here}/Patient/1",
            f"http://2130706433:{port}/Patient/1",
            f"http://[::ffff:127.0.0.1]:{port}/Patient/1",
            f"http://a@127.0.0.1:{port}/Patient/1",
        ):
            id = created(api, observation(subject={"reference": url}))
            api.get(f"Observation?_id={id}&_include=Observation:subject")
            api.get("Observation", params={"subject": url})
        api.post("Patient", json={**PATIENT, "photo": [{"url": f"{here}/x.png"}], "implicitRules": f"{here}/rules"})
        api.post("Patient/$validate", json={**PATIENT, "meta": {"profile": [f"{here}/profile"]}})
        thread.join()
    assert seen == []


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"<html></html>", "text/html", 415),
        (b'{"resourceType":"Patient"}', "application/fhir+xml", 400),
        (b'<Patient xmlns="http://hl7.org/fhir"/>', "application/fhir+json", 400),
        (b"resourceType=Patient", "application/x-www-form-urlencoded", 415),
        (b"--x\r\n\r\n{}\r\n--x--", "multipart/form-data; boundary=x", 415),
    ],
)
def test_a_body_of_another_type_than_it_says_is_refused_and_no_browser_guesses(
    api: httpx.Client, body: bytes, media: str, status: int
) -> None:
    response = api.post("Patient", content=body, headers={"content-type": media})
    assert response.status_code == status
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"].startswith("default-src 'none'")


def test_header_storms_and_overrides_are_refused_or_without_effect(api: httpx.Client, fhir_url: str) -> None:
    id = created(api, PATIENT)
    ranges = api.get(f"Patient/{id}", headers={"range": "bytes=" + ",".join(f"{n}-{n + 1}" for n in range(1000))})
    assert (ranges.status_code, ranges.json()["id"]) == (200, id)
    for name in ("x-http-method-override", "x-method-override", "x-http-method"):
        api.post(f"Patient/{id}", headers={name: "DELETE"})
        assert api.get(f"Patient/{id}", headers={name: "DELETE"}).status_code == 200
    storm = raw(fhir_url, b"GET /fhir/R4/metadata HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 10_000 + b"\r\n")
    assert statuses(storm)[:1] in ([b"414"], [b"400"], [b"431"])
    long = raw(fhir_url, b"GET /fhir/R4/Patient?name=" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert statuses(long)[:1] in ([b"414"], [b"400"], [b"431"], [])
    assert api.get("metadata").status_code == 200
