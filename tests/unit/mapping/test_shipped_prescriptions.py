"""Prescriptions, as general orders (RXO) and as the pharmacy encodes them (RXE).

Sources: HL7 v2.5.1 4A.4.1 (RXO), 4A.4.4 (RXE), 4A.4.2 (RXR); the guide's RXO[MedicationRequest] and RXR[MedicationRequest]; FHIR R4.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.mapping.installed import installed
from engine.mapping.library import Library, load_folder
from tests.unit.mapping.test_shipped_results import PID, message, resources

ORC = "ORC|{}|P1|||{}||{}||20260203|||77^Okafor^Ngozi"
DRUG = "197361^Amoxicillin 500 MG^RXNORM"
RXO = f"RXO|{DRUG}|500|{{}}|mg^^UCUM|||^take with food||N||30|CAP|2"
RXE = f"RXE||{DRUG}|500|{{}}|mg^^UCUM||^take with food||N|30|CAP|2"
RXR = "RXR|PO^Oral^HL70162|MTH^Mouth^HL70163"
TQ1 = "TQ1|1||Q6H||||20260203|20260213|S"


@pytest.fixture(scope="module")
def library(root: Path) -> Library:
    return load_folder(root / "mappings", installed())


def one(library: Library, *segments: str, type: str) -> dict[str, Any]:
    made = resources(library, message(PID, *segments, type=type))
    (found,) = [each for each in made if each["resourceType"] == "MedicationRequest"]
    people = {f"Practitioner/{each['id']}": each for each in made if each["resourceType"] == "Practitioner"}
    assert people[found["requester"]["reference"]]["name"][0]["family"] == "Okafor"
    assert not [each for each in made if each["resourceType"] == "ServiceRequest"]
    return found


@pytest.mark.parametrize(
    ("type", "segments"),
    [
        ("ORM^O01", (ORC.format("NW", "", "^Q6H^^20260203^20260213^S"), RXO.format(""), RXR)),
        ("RDE^O11", (ORC.format("NW", "", ""), TQ1, RXE.format(""), RXR)),
        ("RDE^O25^RDE_O11", (ORC.format("NW", "", ""), "RXO|1^Other", RXR, RXE.format(500), TQ1, RXR)),
        ("RDE^O01", (ORC.format("NW", "", ""), RXE.format(500).replace("RXE|", "RXE|^Q6H^^20260203^20260213^S"), RXR)),
    ],
)
def test_a_prescription_says_what_how_much_how_often_and_until_when(
    library: Library, type: str, segments: tuple[str, ...]
) -> None:
    made = one(library, *segments, type=type)
    assert (made["status"], made["intent"], made["authoredOn"]) == ("active", "order", "2026-02-03")
    assert made["medicationCodeableConcept"]["coding"][0]["code"] == "197361"
    (dosage,) = made["dosageInstruction"]
    assert (dosage["text"], dosage["route"]["coding"][0]["code"]) == ("take with food", "PO")
    assert dosage["timing"] == {
        "repeat": {"boundsPeriod": {"start": "2026-02-03", "end": "2026-02-13"}},
        "code": {"text": "Q6H"},
    }
    assert dosage["doseAndRate"][0]["doseQuantity"]["value"] == Decimal("500")
    assert made["dispenseRequest"]["numberOfRepeatsAllowed"] == 2
    assert made["dispenseRequest"]["quantity"]["value"] == Decimal("30")
    assert made["substitution"] == {"allowedBoolean": False}


@pytest.mark.parametrize(("type", "segment"), [("ORM^O01", RXO), ("RDE^O11", RXE)])
def test_a_dose_between_two_amounts_is_a_range(library: Library, type: str, segment: str) -> None:
    (dosage,) = one(library, ORC.format("NW", "", ""), segment.format(1000), type=type)["dosageInstruction"]
    bounds = dosage["doseAndRate"][0]["doseRange"]
    assert (bounds["low"]["value"], bounds["high"]["value"], bounds["low"]["code"]) == (Decimal("500"), Decimal("1000"), "mg")


@pytest.mark.parametrize(
    ("control", "order", "status"),
    [
        ("NW", "", "active"),
        ("DC", "", "stopped"),
        ("OC", "", "cancelled"),
        ("CA", "", "active"),
        ("SC", "CA", "cancelled"),
        ("ZZ", "", "unknown"),
    ],
)
def test_a_prescription_s_status_follows_its_order(library: Library, control: str, order: str, status: str) -> None:
    segments = (ORC.format(control, order, ""), RXO.format(""))
    assert one(library, *segments, type="ORM^O01")["status"] == status
