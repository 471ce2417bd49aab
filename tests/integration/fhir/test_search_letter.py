"""Less usual corners of search: composites of all shapes, canonical references, chains to several types, orders, links, totals."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.integration.fhir.calls import PATIENT, codes, created, ids, observation
from tests.integration.fhir.test_search import coded, quantity

JSON = dict[str, Any]
RESOURCES: list[JSON] = [
    {"resourceType": "Organization", "id": "north", "name": "North"},
    {"resourceType": "Practitioner", "id": "north", "name": [{"family": "North"}]},
    {**PATIENT, "id": "a", "meta": {"profile": ["urn:profile|2.0"]}, "generalPractitioner": [{"reference": "Practitioner/north"}]},
    {**PATIENT, "id": "b", "generalPractitioner": [{"reference": "Organization/north"}]},
    observation(id="whole", subject={"reference": "Patient/a"}, **quantity(5.4, "mmol/L")),
    observation(id="parts", subject={"reference": "Patient/b"}, component=[
        {**coded("8480-6"), **quantity(120, "mm[Hg]")},
        {**coded("8462-4"), "valueCodeableConcept": {"coding": [{"system": "urn:c", "code": "low"}]}}]),
    observation(id="dated", valueDateTime="2020-03-04", **coded("8665-2")),
    observation(id="spanned", valuePeriod={"start": "2019-03-04", "end": "2019-04-04"}, **coded("8665-2")),
    {"resourceType": "Questionnaire", "id": "q1", "status": "active", "url": "urn:q", "version": "1"},
    {"resourceType": "Questionnaire", "id": "q2", "status": "retired", "url": "urn:other"},
    {"resourceType": "QuestionnaireResponse", "id": "with", "status": "completed", "questionnaire": "urn:q|1"},
    {"resourceType": "QuestionnaireResponse", "id": "without", "status": "completed", "questionnaire": "urn:q"},
    {"resourceType": "QuestionnaireResponse", "id": "elsewhere", "status": "stopped", "questionnaire": "urn:other"},
    {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/a"}, "onsetPeriod": {"start": "2018"}},
    {"resourceType": "Condition", "id": "c2", "subject": {"reference": "Patient/a"}, "onsetDateTime": "2019"},
    {"resourceType": "Condition", "id": "c3", "subject": {"reference": "Patient/a"}, "onsetDateTime": "2017"},
    {"resourceType": "MolecularSequence", "id": "m1", "coordinateSystem": 0,
     "referenceSeq": {"chromosome": {"coding": [{"code": "7"}]}, "windowStart": 10, "windowEnd": 90},
     "variant": [{"start": 20, "end": 30}, {"start": 70, "end": 80}]},
]  # fmt: skip


@pytest.fixture
def stored(api: httpx.Client) -> httpx.Client:
    """A server that holds RESOURCES."""
    for one in RESOURCES:
        response = api.put(f"{one['resourceType']}/{one['id']}", json=one)
        assert response.status_code == 201, response.text
    return api


FINDS = [
    ("Observation?combo-code-value-quantity=2823-3$5.4", {"whole"}),
    ("Observation?combo-code-value-quantity=8480-6$gt100", {"parts"}),
    ("Observation?combo-code-value-quantity=8462-4$120", set()),
    ("Observation?combo-code-value-quantity=2823-3$120", set()),
    ("Observation?combo-code-value-concept=8462-4$urn:c|low", {"parts"}),
    ("Observation?component-code-value-concept=8462-4$low", {"parts"}),
    ("Observation?code-value-date=8665-2$2020-03", {"dated"}),
    ("Observation?code-value-date=8665-2$lt2020", {"spanned"}),
    ("MolecularSequence?chromosome-variant-coordinate=7$ge20$le30", {"m1"}),
    ("MolecularSequence?chromosome-variant-coordinate=7$gt30$lt80", set()),
    ("MolecularSequence?chromosome-variant-coordinate=8$ge20$le30", set()),
    ("MolecularSequence?chromosome-window-coordinate=7$10$90", {"m1"}),
    ("MolecularSequence?chromosome-window-coordinate=7$11$90", set()),
    ("Patient?general-practitioner.name=north", {"a", "b"}),
    ("Patient?general-practitioner:Organization.name=north", {"b"}),
    ("Observation?patient._has:Condition:patient:onset-date=2017", {"whole"}),
    ("Patient?_profile=urn:profile", {"a"}),
    ("Patient?_profile=urn:profile|2.0", {"a"}),
    ("QuestionnaireResponse?questionnaire=urn:q", {"with", "without"}),
    ("QuestionnaireResponse?questionnaire=urn:q|1", {"with"}),
    ("QuestionnaireResponse?questionnaire.status=active", {"with", "without"}),
    ("Questionnaire?_has:QuestionnaireResponse:questionnaire:status=stopped", {"q2"}),
]


@pytest.mark.parametrize(("url", "found"), FINDS)
def test_less_usual_searches_find_what_they_should(stored: httpx.Client, url: str, found: set[str]) -> None:
    assert set(ids(stored.get(url))) == found


def included(response: httpx.Response) -> set[str]:
    return {
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for entry in response.json()["entry"]
        if entry["search"]["mode"] == "include"
    }


def test_canonical_references_are_included_both_ways(stored: httpx.Client) -> None:
    forward = stored.get("QuestionnaireResponse?_id=with&_include=QuestionnaireResponse:questionnaire")
    assert included(forward) == {"Questionnaire/q1"}
    back = stored.get("Questionnaire?_id=q1&_revinclude=QuestionnaireResponse:questionnaire")
    assert included(back) == {"QuestionnaireResponse/with", "QuestionnaireResponse/without"}


def test_a_star_includes_all_that_is_pointed_to(stored: httpx.Client) -> None:
    assert included(stored.get("Observation?_id=whole&_include=*")) == {"Patient/a"}
    step = stored.get("Observation?_id=whole&_include=*&_include:iterate=Patient:general-practitioner")
    assert included(step) == {"Patient/a", "Practitioner/north"}


def test_an_order_looks_at_every_form_of_a_choice(stored: httpx.Client) -> None:
    assert ids(stored.get("Condition?_sort=onset-date")) == ["c3", "c1", "c2"]
    assert ids(stored.get("Condition?_sort=-onset-date")) == ["c2", "c1", "c3"]
    assert ids(stored.get("Observation?value-date:missing=false&_sort=value-date")) == ["spanned", "dated"]
    seen: list[str] = []
    url = "Condition?_sort=onset-date&_count=1"
    while url:
        page = stored.get(url)
        seen += ids(page)
        url = next((link["url"] for link in page.json()["link"] if link["relation"] == "next"), "")
    assert seen == ["c3", "c1", "c2"]


@pytest.mark.parametrize("name", ["_contained", "_containedType", "_score", "_text", "_content", "_list", "_filter", "_type"])
def test_what_is_not_done_is_said(stored: httpx.Client, name: str) -> None:
    lenient = stored.get("Patient", params={name: "both"}).json()
    assert lenient["entry"][-1]["resource"]["issue"][0]["expression"] == [name]
    assert name not in lenient["link"][0]["url"]
    assert codes(stored.get("Patient", params={name: "both"}, headers={"prefer": "handling=strict"})) == ["E561"]


def test_contained_resources_are_left_out_as_they_are_where_that_is_asked(stored: httpx.Client) -> None:
    strict = {"prefer": "handling=strict"}
    assert set(ids(stored.get("Patient?_contained=false", headers=strict))) == {"a", "b"}


def links(page: httpx.Response) -> dict[str, str]:
    return {link["relation"]: link["url"] for link in page.json()["link"]}


def test_every_page_names_itself_and_the_first(api: httpx.Client) -> None:
    made = [created(api, PATIENT) for _ in range(3)]
    first = api.get("Patient?_count=1&gender=male")
    second = api.get(links(first)["next"])
    assert set(links(first)) == {"self", "next"}
    assert set(links(second)) == {"self", "first", "next"}
    assert ids(api.get(links(second)["self"])) == ids(second) == [made[1]]
    assert links(second)["first"] == links(first)["self"]
    third = api.get(links(second)["next"])
    assert set(links(third)) == {"self", "first"}
    history = api.get("Patient/_history?_count=1")
    following = api.get(links(history)["next"])
    assert "_page" in parse_qs(urlsplit(links(following)["self"]).query)
    assert links(following)["first"] == links(history)["self"]


def test_a_total_is_told_as_exactly_as_it_is_wanted(api: httpx.Client) -> None:
    for _ in range(3):
        created(api, PATIENT)
    assert api.get("Patient?_count=1&_total=accurate").json()["total"] == 3
    assert api.get("Patient?_count=1&_total=estimate").json()["total"] == 3
    assert "total" not in api.get("Patient?_count=1&_total=none").json()
    assert "total" not in api.get("Patient?_count=1").json()
    assert api.get("Patient?_count=0").json()["total"] == 3
    assert "entry" not in api.get("Patient?_summary=count").json()


@pytest.mark.parametrize("value", ["ap0001", "lt0001-01-01T00:00:00+14:00", "gt9999-12-31", "le9999-12-31T23:59:59-14:00"])
@pytest.mark.parametrize("name", ["_lastUpdated", "birthdate"])
def test_times_before_and_after_all_clocks_are_compared_too(api: httpx.Client, name: str, value: str) -> None:
    id = created(api, PATIENT)
    found = ids(api.get("Patient", params={name: value}))
    assert found in ([id], []) and (value[:2] != "le" or found == [id]) and (value[:2] not in ("gt", "lt") or found == [])
    for url in ("Patient/_history", f"Patient/{id}/$everything"):
        assert api.get(url, params={"_since": value[2:]}).status_code in (200, 400)
