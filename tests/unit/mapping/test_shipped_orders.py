"""Orders in each structure that carries them, and results of the point of care: what is said around an order is the order's.

Sources: HL7 v2.5.1 4.4 and 7.3 (structures), 4.5.1 (ORC), 4.3.1 (TQ before 2.5); the guide's ORM_O01, OML_O21 and ORU_R01.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.mapping.installed import installed
from engine.mapping.library import Library, load_folder
from tests.unit.mapping.test_shipped_results import PID, message, resources

ORC = "ORC|NW|P1||||||||||77^Okafor^Ngozi"
TQ1 = "TQ1|1||||||||S^Stat^HL70485"
OBR = "OBR|1|P1||GLU^Glucose^L"
OBX = "OBX|1|ST|FAST^Fasting^L||yes||||||F"
SPM = "SPM|1|S1||SER^Serum^HL70487"
ORDERS = {
    "ORM^O01^ORM_O01": [ORC, OBR, OBX],
    "OML^O21^OML_O21": [ORC, TQ1, OBR, OBX, SPM],
    "OML^O33^OML_O33": [SPM, ORC, TQ1, OBR, OBX],
    "OML^O35^OML_O35": [SPM, "SAC|1", ORC, TQ1, OBR, OBX],
    "OMG^O19^OMG_O19": [ORC, TQ1, OBR, OBX, SPM],
    "OMI^O23^OMI_O23": [ORC, TQ1, OBR, OBX],
}


@pytest.fixture(scope="module")
def library(root: Path) -> Library:
    return load_folder(root / "mappings", installed())


@pytest.mark.parametrize("type", ORDERS)
def test_an_order_knows_who_placed_it_how_urgent_it_is_and_what_was_said_with_it(library: Library, type: str) -> None:
    made = resources(library, message(PID, *ORDERS[type], type=type))
    (order,) = [one for one in made if one["resourceType"] == "ServiceRequest"]
    names = {f"{one['resourceType']}/{one['id']}": one["resourceType"] for one in made}
    assert (order["status"], order["identifier"][0]["value"]) == ("active", "P1")
    assert names[order["requester"]["reference"]] == "Practitioner"
    assert [names[one["reference"]] for one in order["supportingInfo"]] == ["Observation"]
    if TQ1 in ORDERS[type]:
        assert order["priority"] == "stat"
    if SPM in ORDERS[type]:
        assert [names[one["reference"]] for one in order["specimen"]] == ["Specimen"]


@pytest.mark.parametrize("type", ["OML^O21^OML_O21", "OML^O33^OML_O33"])
def test_of_two_orders_each_keeps_its_own_requester(library: Library, type: str) -> None:
    second = [ORC.replace("P1", "P2").replace("77^Okafor", "78^Brandt"), OBR.replace("P1", "P2").replace("GLU", "NA")]
    made = resources(library, message(PID, SPM, ORC, OBR, *second, type=type))
    people = {f"Practitioner/{one['id']}": one["name"][0]["family"] for one in made if one["resourceType"] == "Practitioner"}
    orders = [one for one in made if one["resourceType"] == "ServiceRequest"]
    assert [(one["identifier"][0]["value"], people[one["requester"]["reference"]]) for one in orders] == [
        ("P1", "Okafor"),
        ("P2", "Brandt"),
    ]


@pytest.mark.parametrize(
    ("orc", "obr", "priority"),
    [("^^^20260203^^S", "", "stat"), ("", "^^^20260203^^A", "asap"), ("^^^20260203^^R", "^^^20260203^^S", "stat")],
)
def test_before_version_2_5_quantity_and_timing_say_when_and_how_urgent(
    library: Library, orc: str, obr: str, priority: str
) -> None:
    segments = (f"ORC|NW|P1|||||{orc}", "|".join([OBR, *[""] * 22, obr]))
    (order,) = resources(library, message(PID, *segments, type="ORM^O01", version="2.3"), "ServiceRequest")
    assert (order["priority"], order["occurrenceDateTime"]) == (priority, "2026-02-03")


@pytest.mark.parametrize("type", ["ORU^R30^ORU_R30", "ORU^R31^ORU_R30", "ORU^R32", "ORU^W01^ORU_W01", "ORU^W01"])
def test_results_of_the_point_of_care_and_waveforms_are_results(library: Library, type: str) -> None:
    segments = ("PV1|1|I", "ORC|NW", "OBR|1||F1|GLU^Glucose^L", "NTE|1||fasting", "OBX|1|NM|2345-7^Glucose^LN||5.4|mmol/L|||||F")
    made = {one["resourceType"]: one for one in resources(library, message(PID, *segments, type=type))}
    assert made["DiagnosticReport"]["result"] == [{"reference": f"Observation/{made['Observation']['id']}"}]
    assert made["Observation"]["encounter"] == {"reference": f"Encounter/{made['Encounter']['id']}"}
    assert made["ServiceRequest"]["note"] == [{"text": "fasting"}]


@pytest.mark.parametrize(("event", "code"), [("T06", "appends"), ("T10", "replaces")])
def test_a_document_that_adds_to_or_replaces_another_says_so(library: Library, event: str, code: str) -> None:
    segments = (PID, "PV1|1|I", "TXA|1|DS|TX|||||||||D2|D1||||AU", "OBX|1|TX|1^Note^L||words||||||F")
    (made,) = resources(library, message(*segments, type=f"MDM^{event}"), "DocumentReference")
    (related,) = made["relatesTo"]
    assert (related["code"], related["target"]["identifier"]["value"]) == (code, "D1")


def test_a_time_inside_a_field_has_the_zone_of_its_message_like_any_other(library: Library) -> None:
    body = message(PID, "OBR|1||F1|GLU", "|".join(["SPM", "1", "S1", "", "SER", *[""] * 12, "20260131080000"]), type="ORU^R01")
    (specimen,) = resources(library, body, "Specimen")
    assert specimen["collection"]["collectedDateTime"] == "2026-01-31T08:00:00+01:00"
    booked = ("SCH|A1|F1" + "|" * 9 + "^^30^20260210090000^20260210093000", PID, "RGS|1", "AIS|1||XR")
    (appointment,) = resources(library, message(*booked, type="SIU^S12"), "Appointment")
    assert (appointment["start"], appointment["end"]) == ("2026-02-10T09:00:00+01:00", "2026-02-10T09:30:00+01:00")


@pytest.mark.parametrize(
    ("sent", "additive"),
    [("BLD^Blood^HL70070", None), ("BLD&Blood&HL70070^EDTA", "EDTA"), ("BLD^Blood^SCT^LA", None), ("BLD&Blood&HL70070", None)],
)
def test_the_parts_of_a_specimen_s_code_are_no_additive(library: Library, sent: str, additive: str | None) -> None:
    body = message(PID, "|".join(["OBR", "1", "", "F1", "GLU", *[""] * 10, sent]), version="2.3")
    (specimen,) = resources(library, body, "Specimen")
    assert specimen["type"]["coding"][0]["display"] == "Blood"
    found = [one["additiveCodeableConcept"]["coding"][0]["code"] for one in specimen.get("container", ())]
    assert found == ([additive] if additive else [])
