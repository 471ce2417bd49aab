"""Rows of the HL7 v2-to-FHIR guide, one a case: a field is sent, and the guide's element holds it.

Expected paths and fixed values are the guide's (HL7/v2-to-fhir, 2025-10-01); `ext:NAME` is the extension of that name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.mapping.installed import installed
from engine.mapping.library import Library, load_folder
from tests.unit.mapping.test_shipped_results import message, resources

SEGMENTS = {
    "PID": "PID|1||100^^^HOSP^MR||Doe^Jane",
    "PD1": "PD1|",
    "NK1": "NK1|1|Doe^John|SPO",
    "PV1": "PV1|1|I|||||||||||||||||V1^^^HOSP^VN",
    "PV2": "PV2|",
    "ORC": "ORC|RE|P1|F1",
    "OBR": "OBR|1|P1|F1|24323-8^Panel^LN",
    "TQ1": "TQ1|1",
    "OBX": "OBX|1|NM|2345-7^Glucose^LN||5.4|mmol/L|||||F",
    "NTE": "NTE|1||a note",
}


@pytest.fixture(scope="module")
def library(root: Path) -> Library:
    return load_folder(root / "mappings", installed())


def sent(**fields: str) -> bytes:
    """A result with these fields: `PID_28="US"`."""
    lines = {name: line.split("|") for name, line in SEGMENTS.items()}
    for place, text in fields.items():
        name, _, number = place.partition("_")
        line = lines[name]
        line += [""] * (int(number) + 1 - len(line))
        line[int(number)] = text
    return message(*("|".join(line) for line in lines.values()))


def at(resource: Any, path: str) -> Any:
    """The value at a path: names and numbers joined by dots, `ext:NAME` for the first extension whose URL ends so."""
    for step in path.split("."):
        if step.startswith("ext:"):
            resource = next(one for one in resource["extension"] if one["url"].endswith(step[4:]))
        else:
            resource = resource[int(step)] if step.isdigit() else resource[step]
    return resource


CASES: list[tuple[str, str, str, str, Any]] = [
    ("PID_7", "197001011230+0100", "Patient", "_birthDate.ext:patient-birthTime.valueDateTime", "1970-01-01T12:30:00+01:00"),
    ("PID_21", "M1^^^HOSP", "RelatedPerson", "identifier.0.value", "M1"),
    ("PID_28", "US^United States", "Patient", "ext:patient-nationality.ext:code.valueCodeableConcept.coding.0.code", "US"),
    ("PID_35", "C^Canine", "Patient", "ext:patient-animal.ext:species.valueCodeableConcept.coding.0.code", "C"),
    ("PID_39", "CHER^Cherokee", "Patient", "ext:patient-citizenship.ext:code.valueCodeableConcept.coding.0.code", "CHER"),
    ("PD1_14", "St. Mary", "Patient", "ext:patient-congregation.valueString", "St. Mary"),
    ("NK1_5", "^PRN^PH^^1^555^1234", "RelatedPerson", "telecom.0.use", "home"),
    ("NK1_6", "^WPN^PH^^1^555^1234", "RelatedPerson", "telecom.0.use", "work"),
    ("NK1_16", "19690203", "RelatedPerson", "birthDate", "1969-02-03"),
    ("NK1_33", "K7^^^HOSP", "RelatedPerson", "identifier.0.value", "K7"),
    ("NK1_3", "SPO", "RelatedPerson", "relationship.0.coding.0.code", "SPS"),
    ("PV1_54", "EP1^^^HOSP", "EpisodeOfCare", "identifier.0.value", "EP1"),
    ("PV2_8", "20260301", "Encounter", "ext:plannedStartDate.valueDateTime", "2026-03-01"),
    ("PV2_9", "20260305", "Encounter", "ext:plannedEndDate.valueDateTime", "2026-03-05"),
    ("PV2_22", "Y", "Encounter", "meta.security.0.code", "Y"),
    ("PV2_38", "A^Ambulance^HL70430", "Encounter", "ext:encounter-modeOfArrival.valueCoding.code", "A"),
    ("ORC_4", "G1", "ServiceRequest", "requisition.value", "G1"),
    ("ORC_14", "^WPN^PH^^1^555^1234", "ServiceRequest", "ext:order-callback-phone-number.valueContactPoint.use", "work"),
    ("OBR_17", "^WPN^PH^^1^555^1234", "ServiceRequest", "ext:order-callback-phone-number.valueContactPoint.use", "work"),
    ("ORC_16", "R^Reason^L", "ServiceRequest", "ext:request-statusReason.valueCodeableConcept.coding.0.code", "R"),
    ("ORC_16", "R^Reason^L", "DiagnosticReport", "ext:event-statusReason.valueCodeableConcept.coding.0.code", "R"),
    ("ORC_28", "R^Restricted^HL70177", "ServiceRequest", "meta.security.0.code", "R"),
    ("ORC_28", "R^Restricted^HL70177", "DiagnosticReport", "meta.security.0.code", "R"),
    ("OBR_13", "F^Fever^L", "ServiceRequest", "ext:supportingInfo.ext:concept.valueCodeableConcept.coding.0.code", "F"),
    ("OBR_29", "PP1^PF1", "ServiceRequest", "basedOn.0.identifier.value", "PP1"),
    ("TQ1_7", "202602010800+0100", "ServiceRequest", "occurrenceDateTime", "2026-02-01T08:00:00+01:00"),
    ("TQ1_9", "S^Stat", "ServiceRequest", "priority", "stat"),
    ("OBX_10", "A", "Observation", "ext:nature-of-abnormal-test.valueCodeableConcept.coding.0.code", "A"),
    (
        "OBX_19",
        "202601311130+0100",
        "Observation",
        "ext:observation-analysis-date-time.valueDateTime",
        "2026-01-31T11:30:00+01:00",
    ),
    ("NTE_5", "7^Doe^Jane", "Observation", "note.0.authorReference.identifier.value", "7"),
    ("NTE_6", "202601311130+0100", "Observation", "note.0.time", "2026-01-31T11:30:00+01:00"),
]


@pytest.mark.parametrize(("field", "text", "kind", "path", "expected"), CASES, ids=[f"{row[0]}-{row[2]}" for row in CASES])
def test_a_row_of_the_guide_is_mapped(library: Library, field: str, text: str, kind: str, path: str, expected: Any) -> None:
    found = resources(library, sent(**{field: text}), kind)
    assert expected in [made for one in found if (made := _there(one, path)) is not None], found


def _there(resource: Any, path: str) -> Any:
    try:
        return at(resource, path)
    except (KeyError, IndexError, StopIteration):
        return None


def test_a_birth_date_alone_has_no_time(library: Library) -> None:
    (patient,) = resources(library, sent(PID_7="19700101"), "Patient")
    assert "_birthDate" not in patient


def test_a_county_told_apart_belongs_to_the_one_address(library: Library) -> None:
    home, work = "1 Main St^^City^^^^H", "2 High St^^City^^^^B"
    (patient,) = resources(library, sent(PID_11=home, PID_12="Kent"), "Patient")
    assert [one.get("district") for one in patient["address"]] == ["Kent"]
    (patient,) = resources(library, sent(PID_11=f"{home}~{work}", PID_12="Kent"), "Patient")
    assert [one.get("district") for one in patient["address"]] == [None, None, "Kent"]
    (patient,) = resources(library, sent(PID_11=home + "^^Essex", PID_12="Kent"), "Patient")
    assert [one.get("district") for one in patient["address"]] == ["Essex", "Kent"]
    (patient,) = resources(library, sent(PID_11=home + "^^Kent", PID_12="Kent"), "Patient")
    assert [one.get("district") for one in patient["address"]] == ["Kent"]


def test_an_employer_is_a_contact_and_no_relative(library: Library) -> None:
    made = resources(library, sent(NK1_3="EMR"))
    assert "RelatedPerson" not in {one["resourceType"] for one in made}
