"""Hostile requests: each is answered with 4xx and an outcome, at once, without a trace of its data, and the server lives on."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from fhir import model
from fhir.search.parameters import parameters
from tests.integration.fhir.calls import PATIENT, codes, observation

EVIL = [
    "'", "\"", "'; drop table fhir.resource; --", "') or 1=1 --", "a\\b", "\\", "%", "_", "%00", "$1", "{}", "|", "||", "a|b|c|d", ",", "$",
    "&&", "../../etc/passwd", "\u202e", "1e999999", "ge", "9" * 400, "é" * 200, "(select 1)", ":*", "' | 'x",
]  # fmt: skip


@pytest.fixture
def watched(api: httpx.Client) -> Iterator[httpx.Client]:
    """A client of a server that must still answer quickly when the test is over."""
    yield api
    begun = time.perf_counter()
    assert api.get("metadata").status_code == 200
    assert time.perf_counter() - begun < 5


@pytest.mark.parametrize(
    "body",
    [
        b'{"resourceType":"Patient","a":' * 50_000,
        b"[" * 100_000,
        b'{"resourceType":"Patient","x":1e400}',
        b'{"resourceType":"Patient","x":1e999999}',
        b'{"resourceType":"Patient","x":NaN}',
        b'{"resourceType":"Patient","x":' + b"9" * 10_000 + b"}",
        b'{"resourceType":"Patient","language":"\\ud800"}',
        b'{"resourceType":"Patient","name":[{"family":"a\\u0000b"}]}',
        b'{"resourceType":"Patient","extension":' + b'[{"url":"a","extension":' * 90 + b"[]" + b"}]" * 90 + b"}",
        b'{"resourceType":"Patient","contained":' + b'[{"resourceType":"Patient","contained":' * 40 + b"[]" + b"}]" * 40 + b"}",
        b'{"resourceType":"Patient","__proto__":{"a":1}}',
        b'{"resourceType":"Patient","photo":[{"data":"' + b"AAAA  " * 18 + b'!"}]}',
    ],
)
def test_hostile_bodies_are_refused_at_once(watched: httpx.Client, body: bytes) -> None:
    begun = time.perf_counter()
    response = watched.post("Patient", content=body, headers={"content-type": "application/fhir+json"})
    assert response.status_code in (400, 422), response.text
    assert codes(response)
    assert time.perf_counter() - begun < 5


@pytest.mark.parametrize("type", ["Patient", "Observation"])
def test_hostile_values_in_every_parameter_never_break_a_search(watched: httpx.Client, type: str) -> None:
    watched.post(type, json=PATIENT if type == "Patient" else observation())
    for name in parameters(type):
        for evil in EVIL[:: 4 if type == "Observation" else 2]:
            response = watched.get(type, params={name: evil})
            assert response.status_code in (200, 400), (name, evil, response.text)
    for name in (
        "_sort",
        "_include",
        "_revinclude",
        "_elements",
        "_count",
        "_page",
        "_total",
        "_summary",
        "name:contains",
        "_has",
    ):
        for evil in EVIL:
            assert watched.get(type, params={name: evil}).status_code in (200, 400), (name, evil)
    assert watched.get(type, params={"_summary": "count"}).json()["total"] == 1


def test_percent_and_underscore_are_letters_and_not_wildcards(watched: httpx.Client) -> None:
    watched.post("Patient", json={**PATIENT, "name": [{"family": "abc"}]})
    for modifier in ("", ":contains", ":exact"):
        for evil in ("a%c", "a_c", "a.c", "a.*c"):
            response = watched.get("Patient", params={f"family{modifier}": evil})
            assert response.json().get("entry", []) == [], (modifier, evil)


def test_counts_are_capped(watched: httpx.Client) -> None:
    assert watched.get("Patient?_count=1000000000000000000").status_code in (200, 400)
    assert watched.get("Patient?_count=-1").status_code == 400


@pytest.mark.parametrize(
    "path", ["Patient/..%2f..%2fx", "Patient/%0d%0aX-Evil:1", "Patient/\u2024\u2024", "Patient/" + "a" * 65, "Patient/a%00b"]
)
def test_hostile_ids_are_refused_and_never_echoed_in_headers(watched: httpx.Client, path: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        response = watched.request(
            method, path, content=b'{"resourceType":"Patient"}', headers={"content-type": "application/json"}
        )
        assert 400 <= response.status_code < 500
        assert "x-evil" not in response.headers


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "//evil.example/Patient/1",
        "../admin/deploy",
        "Patient/../../admin",
        "Nonsense/1",
    ],
)
def test_a_transaction_reaches_no_other_place(watched: httpx.Client, url: str) -> None:
    entry = {"resource": PATIENT, "request": {"method": "PUT", "url": url}}
    response = watched.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert response.status_code in (400, 422), response.text


def test_a_bundle_with_too_many_entries_is_refused(watched: httpx.Client) -> None:
    entry = {"request": {"method": "GET", "url": "Patient/1"}}
    response = watched.post("", json={"resourceType": "Bundle", "type": "batch", "entry": [entry] * 5001})
    assert (response.status_code, codes(response)) == (400, ["E575"])


def test_entries_that_point_to_each_other_are_both_written(watched: httpx.Client) -> None:
    one, two = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a", "urn:uuid:88f151c0-a954-468a-88bd-5ae15c08e059"
    entries = [
        {
            "fullUrl": url,
            "resource": observation(derivedFrom=[{"reference": other}]),
            "request": {"method": "POST", "url": "Observation"},
        }
        for url, other in ((one, two), (two, one))
    ]
    done = watched.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries}).json()["entry"]
    names = [f"Observation/{entry['resource']['id']}" for entry in done]
    assert [entry["resource"]["derivedFrom"][0]["reference"] for entry in done] == names[::-1]


def test_a_narrative_that_could_act_is_refused(watched: httpx.Client) -> None:
    div = "<div xmlns='http://www.w3.org/1999/xhtml'><a href='javascript:alert(1)'>x</a></div>"
    response = watched.post("Patient", json={**PATIENT, "text": {"status": "generated", "div": div}})
    assert (response.status_code, codes(response)) == (422, ["E521"])


def test_the_host_header_cannot_put_another_place_into_links(watched: httpx.Client) -> None:
    parts = urlsplit(str(watched.base_url))
    assert parts.hostname
    assert parts.port
    with socket.create_connection((parts.hostname, parts.port), 10) as line:
        line.sendall(b'GET /fhir/R4/Patient HTTP/1.1\r\nHost: evil.example/"><x>\r\nConnection: close\r\n\r\n')
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert b"evil" not in answer


def test_no_outcome_repeats_what_was_sent(watched: httpx.Client) -> None:
    canary = "CANARY078051120"
    bodies = [
        {**PATIENT, "gender": canary},
        {**PATIENT, "birthDate": canary},
        {**PATIENT, "name": canary},
        {"resourceType": canary},
    ]
    for body in bodies:
        assert canary not in watched.post("Patient", json=body).text
    for query in (f"birthdate={canary}", f"_count={canary}", f"_page={canary}", f"_sort={canary}"):
        assert canary not in watched.get(f"Patient?{query}", headers={"prefer": "handling=strict"}).text


def test_every_type_can_be_searched_by_every_parameter_name(watched: httpx.Client) -> None:
    for type in sorted(model.resources())[::6]:
        for name, parameter in parameters(type).items():
            value = {"date": "2026", "number": "1", "quantity": "1", "composite": "a$1"}.get(parameter.kind, "a")
            response = watched.get(type, params={name: value})
            assert response.status_code in (200, 400), (type, name, response.text)
