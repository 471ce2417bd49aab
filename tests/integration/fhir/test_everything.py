"""$everything about a patient: in pages, of a time, of some types, with whom and what it points to; and whole compartments."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.fhir.calls import PATIENT, codes, created, observation

JSON = dict[str, Any]


@pytest.fixture
def ward(api: httpx.Client) -> httpx.Client:
    """Two patients, what was found out about them, and who was there."""
    for body in (
        {"resourceType": "Organization", "id": "house", "name": "House"},
        {"resourceType": "Practitioner", "id": "doctor", "name": [{"family": "Doctor"}]},
        {"resourceType": "PractitionerRole", "id": "role", "practitioner": {"reference": "Practitioner/doctor"}},
        {"resourceType": "Practitioner", "id": "stranger"},
        {**PATIENT, "id": "b"},
        observation(id="early", subject={"reference": "Patient/a"}, effectiveDateTime="2020-01-05",
                    performer=[{"reference": "PractitionerRole/role"}]),
        {**PATIENT, "id": "a", "managingOrganization": {"reference": "Organization/house"},
         "link": [{"other": {"reference": "Patient/b"}, "type": "seealso"}]},
        observation(id="late", subject={"reference": "Patient/a"}, effectivePeriod={"start": "2020-03-01", "end": "2020-03-09"}),
        observation(id="undated", subject={"reference": "Patient/a"}, hasMember=[{"reference": "Observation/other"}]),
        observation(id="other", subject={"reference": "Patient/b"}),
    ):  # fmt: skip
        assert api.put(f"{body['resourceType']}/{body['id']}", json=body).status_code == 201
    return api


def told(page: JSON) -> tuple[list[str], list[str]]:
    """The names of what matches and of what is included."""
    names: dict[str, list[str]] = {"match": [], "include": []}
    for entry in page.get("entry", []):
        names[entry["search"]["mode"]].append(f"{entry['resource']['resourceType']}/{entry['resource']['id']}")
    return names["match"], names["include"]


def everything(api: httpx.Client, query: str = "") -> tuple[set[str], set[str]]:
    response = api.get(f"Patient/a/$everything{query}")
    assert response.status_code == 200, response.text
    matches, included = told(response.json())
    return set(matches), set(included)


ALL = {"Patient/a", "Observation/early", "Observation/late", "Observation/undated"}
AROUND = {"Organization/house", "PractitionerRole/role", "Practitioner/doctor"}


def test_all_about_a_patient_and_none_of_another(ward: httpx.Client) -> None:
    assert everything(ward) == (ALL, AROUND)
    posted = ward.post("Patient/a/$everything", json={"resourceType": "Parameters"}).json()
    assert posted["type"] == "searchset"
    assert set(told(posted)[0]) == ALL
    assert told(posted)[0][0] == "Patient/a"


@pytest.mark.parametrize(
    ("query", "matches", "included"),
    [
        ("?_type=Observation", ALL - {"Patient/a"}, set()),
        ("?_type=Patient,Practitioner", {"Patient/a"}, {"Practitioner/doctor"}),
        ("?start=2020-02-01", ALL - {"Observation/early"}, {"Organization/house"}),
        ("?end=2020-02", ALL - {"Observation/late"}, AROUND),
        ("?start=2020-03-05&end=2020-03-05", ALL - {"Observation/early"}, {"Organization/house"}),
        ("?_since=2999-01-01T00:00:00Z", set(), set()),
        ("?_since=2020-01-01T00:00:00Z", ALL, AROUND),
    ],
)
def test_everything_is_narrowed(ward: httpx.Client, query: str, matches: set[str], included: set[str]) -> None:
    assert everything(ward, query) == (matches, included)


def test_everything_comes_in_pages_while_more_is_written(ward: httpx.Client) -> None:
    page = ward.get("Patient/a/$everything?_count=2").json()
    seen = told(page)[0]
    assert len(seen) == 2
    created(ward, observation(subject={"reference": "Patient/b"}))
    while following := [link["url"] for link in page["link"] if link["relation"] == "next"]:
        page = ward.get(following[0]).json()
        seen += told(page)[0]
    assert (sorted(seen), len(set(seen))) == (sorted(ALL), 4)


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("Patient/nobody/$everything", 404, "E551"),
        ("Patient/nobody/$everything?_type=Observation", 404, "E551"),
        ("Patient/a/$everything?_since=yesterday", 400, "E562"),
        ("Patient/a/$everything?start=now", 400, "E562"),
        ("Patient/a/$everything?_count=x", 400, "E562"),
        ("Patient/a/$everything?_page=x", 400, "E565"),
        ("Patient/a/$everything?_type=Nothing", 400, "E562"),
    ],
)
def test_what_everything_cannot_do_is_told(ward: httpx.Client, url: str, status: int, code: str) -> None:
    response = ward.get(url)
    assert (response.status_code, codes(response)) == (status, [code])


def test_a_whole_compartment_is_searched(ward: httpx.Client) -> None:
    response = ward.get("Patient/a/*?_count=3")
    matches, included = told(response.json())
    following = next(link["url"] for link in response.json()["link"] if link["relation"] == "next")
    assert urlsplit(following).path.endswith("/Patient/a/*")
    more, _ = told(ward.get(following).json())
    assert ({*matches, *more}, included, len(matches), len(more)) == (ALL, [], 3, 1)
    assert set(told(ward.get("Patient/a/*?_type=Observation&_lastUpdated=ge2020").json())[0]) == ALL - {"Patient/a"}
    assert told(ward.get("Patient/a/*?_lastUpdated=lt2020").json()) == ([], [])
    assert codes(ward.get("Patient/a/*?code=x", headers={"prefer": "handling=strict"})) == ["E561"]
    assert ward.get("Patient/nobody/*").json().get("entry", []) == []
