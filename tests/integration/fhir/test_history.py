"""Histories of a type and of all: whole on their pages, and told as of a time."""

from __future__ import annotations

import time
from typing import Any

import httpx

from tests.integration.fhir.calls import PATIENT, codes, created, observation

Version = tuple[str, str, str]


def versions(page: dict[str, Any]) -> list[Version]:
    """Type, id and version of each entry; a deletion has only its address."""
    return [
        (*entry["fullUrl"].split("/")[-2:], entry["response"]["etag"].strip('W/"'))  # type: ignore[misc]
        for entry in page.get("entry", [])
    ]


def every(api: httpx.Client, url: str) -> list[Version]:
    """All pages."""
    found: list[Version] = []
    following: str | None = url
    while following:
        response = api.get(following)
        assert response.status_code == 200, response.text
        page = response.json()
        assert page["type"] == "history"
        found += versions(page)
        following = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    return found


def test_a_history_has_all_that_one_transaction_wrote_on_as_many_pages_as_it_takes(api: httpx.Client) -> None:
    entries = [{"resource": {**PATIENT, "id": f"p{n}"}, "request": {"method": "PUT", "url": f"Patient/p{n}"}} for n in range(11)]
    entries += [{"resource": observation(id=f"o{n}"), "request": {"method": "PUT", "url": f"Observation/o{n}"}} for n in range(4)]
    assert api.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries}).status_code == 200
    api.put("Patient/p3", json={**PATIENT, "id": "p3", "gender": "other"})
    api.delete("Observation/o2")
    patients = every(api, "Patient/_history?_count=3")
    assert patients[0] == ("Patient", "p3", "2")
    assert sorted(patients) == sorted([("Patient", f"p{n}", "1") for n in range(11)] + [("Patient", "p3", "2")])
    whole = every(api, "_history?_count=4")
    assert whole[:2] == [("Observation", "o2", "2"), ("Patient", "p3", "2")]
    assert len(whole) == len(set(whole)) == 17
    assert every(api, "_history?_count=100") == whole


def test_the_history_of_a_type_tells_what_was_there_at_a_time(api: httpx.Client) -> None:
    first, second = created(api, PATIENT), created(api, PATIENT)
    between = stamp(api, first)
    api.put(f"Patient/{first}", json={**PATIENT, "id": first, "gender": "other"})
    api.delete(f"Patient/{second}")
    later = stamp(api, first)

    def at(time: str, level: str = "Patient/_history") -> set[Version]:
        return {one for one in every(api, f"{level}?_at={time}&_count=1") if one[0] == "Patient"}

    assert at(between) == {("Patient", first, "1"), ("Patient", second, "1")}
    assert at("2999-01-01T00:00:00Z") == {("Patient", first, "2"), ("Patient", second, "2")}
    assert at("2999-01-01T00:00:00Z", "_history") == {("Patient", first, "2"), ("Patient", second, "2")}
    assert at("1999") == set()
    assert len(at(later[:4])) == 4
    assert codes(api.get("Patient/_history?_at=yesterday")) == ["E562"]


def stamp(api: httpx.Client, id: str) -> str:
    """The present, a little after what was written last and before what is written next."""
    written = api.get(f"Patient/{id}").json()["meta"]["lastUpdated"]
    while True:
        time.sleep(0.003)  # past the millisecond that versions carry
        now = api.put("Basic/clock", json={"resourceType": "Basic", "id": "clock", "code": {"text": str(time.monotonic_ns())}})
        told: str = now.json()["meta"]["lastUpdated"]
        if told > written:
            time.sleep(0.003)
            return told


def test_a_since_with_its_zone_holds_on_every_page(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    for gender in ("female", "other", "unknown"):
        api.put(f"Patient/{id}", json={**PATIENT, "id": id, "gender": gender})
    for level in (f"Patient/{id}/_history", "Patient/_history", "_history"):
        found = every(api, f"{level}?_since=2020-01-01T00:00:00%2B02:00&_count=1")
        assert [version for _, _, version in found] == ["4", "3", "2", "1"], level
        assert every(api, f"{level}?_since=2999-01-01T00:00:00%2B02:00") == []


def test_a_forged_page_of_a_history_is_refused(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    for level in (f"Patient/{id}/_history", "Patient/_history", "_history"):
        for page in ("x", "1-2", "-1", "9" * 19, "1-" + "g" * 32 + "-1"):
            assert codes(api.get(f"{level}?_page={page}")) == ["E565"], (level, page)


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
