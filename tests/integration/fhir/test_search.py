"""Search over HTTP: each kind of parameter by the rules of its page, paging, includes, chains."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.integration.fhir.calls import codes, ids, observation

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"


def patient(id: str, **extra: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id, **extra}


def quantity(value: float, unit: str) -> dict[str, Any]:
    return {"valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit}}


def coded(code: str, system: str = LOINC) -> dict[str, Any]:
    return {"code": {"coding": [{"system": system, "code": code}]}}


RESOURCES: list[dict[str, Any]] = [
    patient("p1", name=[{"family": "Müller-Lüdenscheidt", "given": ["Jörg", "Ann"]}], birthDate="1970-01-02", gender="male",
            identifier=[{"system": "urn:mrn", "value": "M1"}], telecom=[{"system": "phone", "value": "555"}]),
    patient("p2", name=[{"family": "Muller"}], birthDate="1970", gender="female", deceasedBoolean=True,
            identifier=[{"system": "urn:mrn", "value": "M2"}], telecom=[{"system": "email", "value": "555"}],
            managingOrganization={"reference": "Organization/org"}),
    patient("p3", name=[{"family": "O'Brien, 100%_x"}], birthDate="1980-06", deceasedBoolean=False,
            identifier=[{"value": "M1"}]),
    {"resourceType": "Organization", "id": "org", "name": "General Hospital"},
    observation(id="o1", subject={"reference": "Patient/p1"}, effectiveDateTime="2026-01-02T10:00:00Z", **quantity(5.4, "mmol/L")),
    observation(id="o2", subject={"reference": "Patient/p1"}, effectiveDateTime="2026-01-03", **coded("718-7"),
                **quantity(140, "g/L")),
    observation(id="o3", subject={"reference": "Patient/p2"}, effectivePeriod={"start": "2026-02-01"}, **coded("718-7", "urn:local"),
                **quantity(0.0054, "mol/L")),
    observation(id="o4", subject={"reference": "Patient/p2"}, **coded("85354-9"), component=[
        {**coded("8480-6"), **quantity(120, "mm[Hg]")}, {**coded("8462-4"), **quantity(80, "mm[Hg]")}]),
]  # fmt: skip


@pytest.fixture
def stored(api: httpx.Client) -> httpx.Client:
    """A server that holds RESOURCES."""
    entries = [{"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}} for one in RESOURCES]
    response = api.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert response.status_code == 200, response.text
    return api


FINDS = [
    # tokens
    ("Observation?code=718-7", {"o2", "o3"}),
    ("Observation?code=http://loinc.org|718-7", {"o2"}),
    ("Observation?code=http://loinc.org|", {"o1", "o2", "o4"}),
    ("Observation?code=|718-7", set()),
    ("Observation?code=2823-3,718-7", {"o1", "o2", "o3"}),
    ("Observation?code:not=718-7", {"o1", "o4"}),
    ("Observation?status=final&code=2823-3", {"o1"}),
    ("Observation?status=amended", set()),
    ("Patient?identifier=urn:mrn|M1", {"p1"}),
    ("Patient?identifier=M1", {"p1", "p3"}),
    ("Patient?identifier=|M1", {"p3"}),
    ("Patient?gender=male", {"p1"}),
    ("Patient?phone=555", {"p1"}),
    ("Patient?email=555", {"p2"}),
    ("Patient?telecom=555", {"p1", "p2"}),
    ("Patient?deceased=true", {"p2"}),
    ("Patient?deceased=false", {"p1", "p3"}),
    ("Patient?_id=p1,p3", {"p1", "p3"}),
    # references
    ("Observation?patient=p1", {"o1", "o2"}),
    ("Observation?patient=Patient/p1", {"o1", "o2"}),
    ("Observation?subject=Patient/p1", {"o1", "o2"}),
    ("Observation?subject:Patient=p1", {"o1", "o2"}),
    ("Observation?subject=p1,p2", {"o1", "o2", "o3", "o4"}),
    ("Observation?subject:Device=p1", set()),
    ("Patient?organization=Organization/org", {"p2"}),
    # strings
    ("Patient?name=mull", {"p1", "p2"}),
    ("Patient?name=MÜLL", {"p1", "p2"}),
    ("Patient?family=mullerlud", {"p1"}),
    ("Patient?given=jorg", {"p1"}),
    ("Patient?name=udenscheidt", set()),
    ("Patient?family:contains=denscheidt", {"p1"}),
    ("Patient?family:exact=Muller", {"p2"}),
    ("Patient?family:exact=muller", set()),
    ("Patient?family=o'b", {"p3"}),
    ("Patient?family=%25", None),
    ("Patient?family=x'); drop table fhir.resource; --", set()),
    # dates
    ("Patient?birthdate=1970", {"p1", "p2"}),
    ("Patient?birthdate=1970-01-02", {"p1"}),
    ("Patient?birthdate=ge1980", {"p3"}),
    ("Patient?birthdate=lt1970-01-02", {"p2"}),
    ("Patient?birthdate=sa1970", {"p3"}),
    ("Patient?birthdate=ne1970", {"p3"}),
    ("Observation?date=2026-01-02", {"o1"}),
    ("Observation?date=2026-01", {"o1", "o2"}),
    ("Observation?date=gt2026-01-02T10:00:00Z", {"o2", "o3"}),
    ("Observation?date=ge2026-01-02&date=lt2026-01-03", {"o1"}),
    ("Observation?date=gt2030", {"o3"}),
    # quantities
    ("Observation?value-quantity=5.4", {"o1"}),
    ("Observation?value-quantity=5.4|http://unitsofmeasure.org|mmol/L", {"o1", "o3"}),
    ("Observation?value-quantity=0.0054|http://unitsofmeasure.org|mol/L", {"o1", "o3"}),
    ("Observation?value-quantity=5.4||mmol/L", {"o1"}),
    ("Observation?value-quantity=gt5|http://unitsofmeasure.org|mmol/L", {"o1", "o3"}),
    ("Observation?value-quantity=5|http://unitsofmeasure.org|mmol/L", {"o1", "o3"}),
    ("Observation?value-quantity=5.5|http://unitsofmeasure.org|mmol/L", set()),
    ("Observation?value-quantity=gt5|http://unitsofmeasure.org|g/L", {"o2"}),
    # composites
    ("Observation?code-value-quantity=2823-3$5.4", {"o1"}),
    ("Observation?code-value-quantity=718-7$5.4", set()),
    ("Observation?component-code-value-quantity=8480-6$120", {"o4"}),
    ("Observation?component-code-value-quantity=http://loinc.org|8480-6$gt100", {"o4"}),
    ("Observation?component-code-value-quantity=8480-6$80", set()),
    ("Observation?combo-code=8480-6", {"o4"}),
    # whether it stands, chains, and the other way round
    ("Observation?date:missing=true", {"o4"}),
    ("Patient?organization:missing=false", {"p2"}),
    ("Observation?patient.name=jorg", {"o1", "o2"}),
    ("Observation?subject:Patient.identifier=urn:mrn|M2", {"o3", "o4"}),
    ("Observation?subject:Patient.organization.name=general", {"o3", "o4"}),
    ("Patient?_has:Observation:patient:code=2823-3", {"p1"}),
    ("Organization?_has:Patient:organization:_has:Observation:subject:code=718-7", {"org"}),
    ("Observation?_lastUpdated=gt2020-01-01", {"o1", "o2", "o3", "o4"}),
    ("Observation?_lastUpdated=lt2020-01-01", set()),
]


def test_searches_find_what_the_specification_says(stored: httpx.Client) -> None:
    wrong = {}
    for url, wanted in FINDS:
        response = stored.get(url)
        if wanted is None:
            assert codes(response) == ["E562"], url
            continue
        found = set(ids(response))
        if found != wanted:
            wrong[url] = found
    assert wrong == {}


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("Observation?date=yesterday", "E562"),
        ("Observation?value-quantity=abc", "E562"),
        ("Observation?code:nonsense=1", "E563"),
        ("Observation?code.name=1", "E561"),
        ("Observation?_has:Nonsense:x:y=1", "E561"),
        ("Observation?_count=-1", "E562"),
        ("Observation?_count=abc", "E562"),
        ("Observation?_sort=nonsense", "E561"),
        ("Observation?_include=nonsense", "E562"),
        ("Observation?_include=Observation:nonsense", "E561"),
        ("Observation?_page=forged", "E565"),
        ("Observation?_page=WzEsMiwzXQ", "E565"),
        ("Observation?code=a|b|c", "E562"),
        ("Observation?" + "&".join(["subject:Patient.name=x"] * 51), "E564"),
        ("Observation?subject:Patient.organization.partof.partof.partof.partof.name=x", "E564"),
    ],
)
def test_what_cannot_be_searched_is_told(stored: httpx.Client, url: str, code: str) -> None:
    response = stored.get(url)
    assert (response.status_code, codes(response)) == (400, [code])


def test_unknown_parameters_are_named_or_refused(stored: httpx.Client) -> None:
    response = stored.get("Patient?nonsense=1&gender=male").json()
    assert [entry["search"]["mode"] for entry in response["entry"]] == ["match", "outcome"]
    assert "nonsense" not in response["link"][0]["url"]
    strict = stored.get("Patient?nonsense=1", headers={"prefer": "handling=strict"})
    assert (strict.status_code, codes(strict)) == (400, ["E561"])


def test_a_search_may_be_posted(stored: httpx.Client) -> None:
    assert ids(stored.post("Patient/_search", data={"gender": "male"})) == ["p1"]


def test_includes_follow_references_both_ways(stored: httpx.Client) -> None:
    def modes(url: str) -> set[tuple[str, str]]:
        return {(e["resource"]["id"], e["search"]["mode"]) for e in stored.get(url).json()["entry"]}

    assert modes("Observation?_id=o3&_include=Observation:subject") == {("o3", "match"), ("p2", "include")}
    assert modes("Observation?_id=o3&_include=Observation:subject&_include:iterate=Patient:organization") == {
        ("o3", "match"),
        ("p2", "include"),
        ("org", "include"),
    }
    assert modes("Patient?_id=p1&_revinclude=Observation:patient") == {("p1", "match"), ("o1", "include"), ("o2", "include")}


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("date", ["o1", "o2", "o3", "o4"]),
        ("-date", ["o3", "o2", "o1", "o4"]),
        ("_id", ["o1", "o2", "o3", "o4"]),
        ("-_id", ["o4", "o3", "o2", "o1"]),
        ("code,-_id", ["o1", "o3", "o2", "o4"]),
        ("value-quantity", ["o3", "o1", "o2", "o4"]),
    ],
)
def test_answers_are_sorted_and_paged_in_that_order(stored: httpx.Client, sort: str, order: list[str]) -> None:
    assert ids(stored.get(f"Observation?_sort={sort}")) == order
    seen: list[str] = []
    url: str | None = f"Observation?_sort={sort}&_count=1"
    while url:
        page = stored.get(url)
        seen += ids(page)
        url = next((link["url"] for link in page.json()["link"] if link["relation"] == "next"), None)
    assert seen == order


def test_pages_neither_skip_nor_repeat_while_data_is_written(api: httpx.Client) -> None:
    for n in range(25):
        api.put(f"Patient/p{n}", json=patient(f"p{n}"))
    seen: list[str] = []
    url: str | None = "Patient?_count=5"
    while url:
        page = api.get(url)
        seen += ids(page)
        api.post("Patient", json=patient("x", active=True))
        api.put(f"Patient/p{len(seen) % 25}", json=patient(f"p{len(seen) % 25}", active=True))
        url = next((link["url"] for link in page.json()["link"] if link["relation"] == "next"), None)
    assert sorted(seen) == sorted(f"p{n}" for n in range(25))


def test_totals_summaries_and_elements(stored: httpx.Client) -> None:
    assert stored.get("Observation?_summary=count").json() == {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": 4,
        "link": [{"relation": "self", "url": f"{stored.base_url!s}Observation?_summary=count"}],
    }
    assert stored.get("Observation?_count=0").json()["total"] == 4
    assert stored.get("Observation?_count=1&_total=accurate").json()["total"] == 4
    assert stored.get("Observation?_count=10").json()["total"] == 4
    found = stored.get("Observation?_id=o1&_elements=value").json()["entry"][0]["resource"]
    assert set(found) == {"resourceType", "id", "meta", "status", "code", "valueQuantity"}
    assert found["meta"]["tag"][0]["code"] == "SUBSETTED"


def test_a_patients_compartment_and_everything_in_it(stored: httpx.Client) -> None:
    assert set(ids(stored.get("Patient/p2/Observation"))) == {"o3", "o4"}
    assert set(ids(stored.get("Patient/p2/Observation?code=718-7"))) == {"o3"}
    assert set(ids(stored.get("Patient/p1/$everything"))) == {"p1", "o1", "o2"}
    assert set(ids(stored.get("Patient/p1/$everything?_type=Observation"))) == {"o1", "o2"}
    assert codes(stored.get("Patient/unknown/$everything")) == ["E551"]
    assert codes(stored.get("Patient/p1/Medication")) == ["E560"]


def test_the_newest_of_each_code(stored: httpx.Client) -> None:
    stored.put("Observation/o5", json=observation(id="o5", subject={"reference": "Patient/p1"}, effectiveDateTime="2026-03-01"))
    assert ids(stored.get("Observation/$lastn?patient=p1")) == ["o5", "o2"]
    assert ids(stored.get("Observation/$lastn?patient=p1&max=2")) == ["o5", "o2", "o1"]
    assert codes(stored.get("Observation/$lastn?code=2823-3")) == ["E562"]
