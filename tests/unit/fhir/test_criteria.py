"""Criteria of Subscriptions find in memory what the server's search finds, or are refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from engine.fault import Fault
from fhir import encode
from fhir.subscribe import criteria
from tests.integration.fhir.test_search import FINDS, RESOURCES

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BY_DATABASE = (".", "_has:")  # what stands in the names of conditions that need other resources


def exact(body: dict[str, Any]) -> dict[str, Any]:
    """The resource as the store holds it: decimals exact."""
    return encode.trusted(encode.dumps(body))


def found(url: str) -> set[str] | Fault:
    read = criteria.read(url)
    if isinstance(read, Fault):
        return read
    rows = [criteria.row(exact(body), NOW) for body in RESOURCES if body["resourceType"] == read.type]
    return {row.body["id"] for row in rows if read.holds(row)}


def test_criteria_match_in_memory_what_a_search_finds() -> None:
    wrong = {}
    judged = 0
    for url, wanted in FINDS:
        names = [pair.partition("=")[0] for pair in url.partition("?")[2].split("&")]
        got = found(url)
        if wanted is None:
            assert isinstance(got, Fault) and got.code == "E562", url
        elif any(sign in name for name in names for sign in BY_DATABASE):
            assert isinstance(got, Fault) and got.code == "E590", url
        else:
            judged += 1
            if got != wanted:
                wrong[url] = got
    assert wrong == {}
    assert judged > 60


def test_a_type_alone_matches_all_of_it() -> None:
    assert found("Organization") == found("Organization?") == {"org"}


def test_several_conditions_must_all_hold() -> None:
    assert found("Observation?code=718-7&patient=Patient/p1") == {"o2"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Nonsense?code=1", "E590"),
        ("", "E590"),
        ("http://example.org/topic", "E590"),
        ("Observation?nonsense=1", "E590"),
        ("Observation?code:text=potassium", "E590"),
        ("Patient?identifier:of-type=a|b|c", "E590"),
        ("Observation?date=ap2026", "E590"),
        ("Observation?_count=5", "E590"),
        ("Observation?_include=Observation:subject", "E590"),
        ("Observation?code=", "E590"),
        ("Observation?date=yesterday", "E562"),
        ("Observation?code:nonsense=1", "E563"),
        ("Observation?" + "&".join(["code=1"] * 21), "E590"),
        ("Observation?code=" + "1" * 2000, "E590"),
    ],
)
def test_what_cannot_be_matched_is_refused(text: str, code: str) -> None:
    got = criteria.read(text)
    assert isinstance(got, Fault)
    assert got.code == code
    assert "yesterday" not in repr(got)


def test_an_own_reference_may_be_written_out() -> None:
    read = criteria.read("Observation?subject=" + quote("http://me.example/fhir/R4/Patient/p1"), "http://me.example/fhir/R4")
    assert not isinstance(read, Fault)
    rows = [criteria.row(exact(body), NOW) for body in RESOURCES if body["resourceType"] == "Observation"]
    assert {row.body["id"] for row in rows if read.holds(row)} == {"o1", "o2"}
