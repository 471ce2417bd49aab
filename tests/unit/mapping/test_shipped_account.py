"""Accounts, who answers for them, and what old versions say elsewhere: the guide's PID[Account]; FHIR R4, Account; HL7 v2.5.1 6.5.5 (GT1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.mapping.installed import installed
from engine.mapping.library import Library, load_folder
from tests.unit.mapping.test_shipped_results import OBR, PID, message, resources

WITH_ACCOUNT = "|".join([PID, *[""] * 12, "ACCT77^^^HOSP^AN"])
PERSON = "GT1|1|G1^^^HOSP|Doe^John||1 Main St^^City|555-0100|555-0101|19600101|M|P|SPO^Spouse^HL70063||20260101|20261231"
ITSELF = "GT1|1||Doe^Jane||||||||SEL"
COMPANY = "|".join(["GT1", "1", "", "", "", "9 Mill Rd^^City", *[""] * 15, "Acme Corp^^42"])


@pytest.fixture(scope="module")
def library(root: Path) -> Library:
    return load_folder(root / "mappings", installed())


def by_name(made: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {f"{one['resourceType']}/{one['id']}": one for one in made}


@pytest.mark.parametrize("event", ["A01", "A03", "A04", "A05", "A06", "A08"])
def test_an_account_is_the_visit_s_and_has_its_guarantors(library: Library, event: str) -> None:
    made = resources(library, message("EVN||20260131", WITH_ACCOUNT, "PV1|1|I", PERSON, COMPANY, ITSELF, type=f"ADT^{event}"))
    known = by_name(made)
    (account,) = [one for one in made if one["resourceType"] == "Account"]
    (visit,) = [one for one in made if one["resourceType"] == "Encounter"]
    assert visit["account"] == [{"reference": f"Account/{account['id']}"}]
    assert (account["status"], account["identifier"][0]["value"]) == ("active", "ACCT77")
    assert known[account["subject"][0]["reference"]]["resourceType"] == "Patient"
    parties = [known[one["party"]["reference"]] for one in account["guarantor"]]
    assert {one["resourceType"] for one in parties} == {"RelatedPerson", "Organization", "Patient"}
    (person,) = [one for one in parties if one["resourceType"] == "RelatedPerson"]
    assert [one["coding"][0]["code"] for one in person["relationship"]] == ["SPS", "GUAR"]
    assert [(one["value"], one["use"]) for one in person["telecom"]] == [("555-0100", "home"), ("555-0101", "work")]
    assert [one["period"] for one in account["guarantor"] if "period" in one] == [{"start": "2026-01-01", "end": "2026-12-31"}]


@pytest.mark.parametrize("type", ["ORM^O01^ORM_O01", "OML^O21^OML_O21"])
def test_an_order_s_guarantor_is_a_person_beside_the_patient(library: Library, type: str) -> None:
    made = resources(library, message(WITH_ACCOUNT, PERSON, "ORC|NW|P1", OBR, type=type))
    (person,) = [one for one in made if one["resourceType"] == "RelatedPerson"]
    assert person["name"] == [{"family": "Doe", "given": ["John"]}]


def test_a_report_makes_no_account(library: Library) -> None:
    assert resources(library, message(WITH_ACCOUNT, OBR), "Account") == []


@pytest.mark.parametrize(
    ("two", "system"),
    [
        ("I9C", "http://hl7.org/fhir/sid/icd-9-cm"),
        ("I9", "http://hl7.org/fhir/sid/icd-9"),
        ("I10C", "http://hl7.org/fhir/sid/icd-10-cm"),
        ("I10", "http://hl7.org/fhir/sid/icd-10"),
    ],
)
def test_a_diagnosis_whose_code_names_no_system_has_that_of_its_method(library: Library, two: str, system: str) -> None:
    body = message("EVN||20260131", PID, "PV1|1|I", f"DG1|1|{two}|428.0^Failure|CHF", type="ADT^A01", version="2.3")
    (made,) = resources(library, body, "Condition")
    assert made["code"] == {"coding": [{"system": system, "code": "428.0", "display": "Failure"}], "text": "CHF"}


@pytest.mark.parametrize("field", [7, 8, 9, 10, 11, 17, 42, 45, 50])
def test_a_visit_of_which_one_thing_is_known_is_a_visit(library: Library, field: int) -> None:
    visit = "|".join(["PV1", "1", *[""] * (field - 2), "20260131" if field == 45 else "7^Okafor"])
    (made,) = resources(library, message("EVN||20260131", PID, visit, type="ADT^A08"), "Encounter")
    assert made["subject"]
