"""Admissions as senders of every version write them: events without MSH-9.2, and what OBX segments tell of the patient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.mapping.installed import installed
from engine.mapping.library import Library, choose, load_folder
from engine.types import Put
from fhir.store.merge import merge
from tests.unit.mapping.test_shipped_results import HL7, message, resources

PID = "PID|1||100^^^HOSP^MR||Doe^Jane"
PV1 = "PV1|1|I|||||||||||||||||V1^^^HOSP^VN"


@pytest.fixture(scope="module")
def library(root: Path) -> Library:
    return load_folder(root / "mappings", installed())


@pytest.mark.parametrize(("type", "version"), [("ADT", "2.1"), ("ADT", "2.2"), ("ADT^A03", "2.4"), ("ADT^A03^ADT_A03", "2.8.2")])
def test_a_discharge_is_read_however_its_event_is_sent(library: Library, type: str, version: str) -> None:
    (visit,) = resources(library, message("EVN|A03|20260131", PID, PV1, type=type, version=version), "Encounter")
    assert visit["status"] == "finished"


@pytest.mark.parametrize(("event", "status"), [("A11", "cancelled"), ("A05", "planned"), ("A01", "in-progress")])
def test_the_event_of_evn_decides_the_visit_s_status(library: Library, event: str, status: str) -> None:
    (visit,) = resources(library, message(f"EVN|{event}|20260131", PID, PV1, type="ADT", version="2.2"), "Encounter")
    assert visit["status"] == status


@pytest.mark.parametrize("event", ["A01", "A03", "A04", "A05", "A06", "A08", "A28", "A31"])
@pytest.mark.parametrize("version", ["2.3", "2.5.1", "2.8.2"])
def test_what_an_admission_measured_is_an_observation_of_the_visit(library: Library, event: str, version: str) -> None:
    obx = ["OBX|1|NM|8302-2^Height^LN||170|cm|||||F|||20260131", "OBX|2|CWE|72166-2^Smoking^LN||8517006^Former^SCT||||||F"]
    body = message("EVN||20260131", PID, PV1, *obx, type=f"ADT^{event}", version=version)
    height, smoking = resources(library, body, "Observation")
    assert (height["valueQuantity"]["code"], height["encounter"]["reference"][:10]) == ("cm", "Encounter/")
    assert smoking["valueCodeableConcept"]["coding"][0]["system"] == "http://snomed.info/sct"
    again = resources(library, body.replace(b"|M1|", b"|M2|"), "Observation")
    assert [one["id"] for one in again] == [height["id"], smoking["id"]]


# What the event says of the visit: HL7 v2.5.1 section 3.3, and the guide's Event[EncounterStatus] where it has the event.
STATUS = {
    "A02": "in-progress", "A12": "in-progress", "A13": "in-progress", "A15": "in-progress", "A16": "in-progress", "A21": "onleave",
    "A22": "in-progress", "A25": "in-progress", "A26": "in-progress", "A27": "cancelled", "A32": "in-progress", "A33": "in-progress",
    "A38": "cancelled", "A52": "in-progress", "A53": "onleave", "A54": "in-progress", "A55": "in-progress", "A61": "in-progress",
    "A62": "in-progress",
}  # fmt: skip


@pytest.mark.parametrize("event", STATUS)
@pytest.mark.parametrize("version", ["2.3", "2.5.1"])
def test_an_event_says_how_the_visit_stands(library: Library, event: str, version: str) -> None:
    (visit,) = resources(library, message(f"EVN|{event}|20260131", PID, PV1, type=f"ADT^{event}", version=version), "Encounter")
    assert (visit["status"], visit["identifier"][0]["value"]) == (STATUS[event], "V1")


@pytest.mark.parametrize("event", ["A28", "A31"])
def test_a_person_s_data_make_no_visit_where_none_applies(library: Library, event: str) -> None:
    assert resources(library, message("EVN||20260131", PID, "PV1|1|N", type=f"ADT^{event}"), "Encounter") == []
    (made,) = resources(library, message("EVN||20260131", PID, PV1.replace("|I|", "|N|"), type=f"ADT^{event}"), "Encounter")
    assert made["class"]["code"] == "N"


def pv1(**fields: str) -> str:
    """A PV1 with these fields: `_3="W1"`."""
    line = PV1.split("|") + [""] * 33
    for name, text in fields.items():
        line[int(name[1:])] = text
    return "|".join(line)


@pytest.mark.parametrize("event", ["A13", "A16", "A25"])
def test_a_discharge_expected_or_taken_back_ends_no_visit(library: Library, event: str) -> None:
    body = message("EVN||20260131", PID, pv1(_36="01", _44="20260101", _45="20260131"), type=f"ADT^{event}")
    (made,) = resources(library, body, "Encounter")
    assert (made["status"], made["period"]) == ("in-progress", {"start": "2026-01-01"})


def test_a_discharge_taken_back_takes_what_it_had_written_from_the_store_and_nothing_else(library: Library) -> None:
    def put(event: str, **fields: str) -> Put:
        body = message("EVN||20260131", PID, pv1(_19="V1", **fields), type=f"ADT^{event}")
        mapping = choose(library, "hl7v2", f"ADT^{event}")
        assert mapping is not None
        made = mapping.run(HL7.parse(body))  # type: ignore[arg-type]
        assert isinstance(made, list)
        return next(one for one in made if one.body["resourceType"] == "Encounter")

    told = put("A01", _14="1", _44="20260101"), put("A03", _14="1", _36="01", _44="20260101", _45="20260131")
    stored = merge(told[0].body, told[1].body, told[1].clear)
    assert stored["period"] == {"start": "2026-01-01", "end": "2026-01-31"}
    for _ in range(3):  # the same visit told by turns: what is remembered of one event is not the other's
        for event in ("A08", "A13"):
            back = put(event)
            after = merge(stored, back.body, back.clear)
            assert ("end" in after["period"]) is (event == "A08") and after["period"]["start"] == "2026-01-01"
            assert ("dischargeDisposition" in after["hospitalization"]) is (event == "A08")
            assert after["hospitalization"]["admitSource"] == stored["hospitalization"]["admitSource"]


def places(made: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The wards of the one visit, with the status of each."""
    wards = {f"Location/{one['id']}": one["name"] for one in made if one["resourceType"] == "Location"}
    (encounter,) = [one for one in made if one["resourceType"] == "Encounter"]
    return [(wards[one["location"]["reference"]], one["status"]) for one in encounter["location"]]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("A02", [("W1", "active"), ("W2", "completed"), ("W3", "reserved")]),
        ("A12", [("W1", "active"), ("W3", "reserved")]),
        ("A15", [("W1", "active"), ("W2", "completed"), ("W3", "reserved")]),
        ("A26", [("W1", "active"), ("W2", "completed")]),
        ("A33", [("W1", "active"), ("W3", "reserved")]),
    ],
)
def test_a_place_the_patient_never_went_to_is_not_told(library: Library, event: str, expected: list[tuple[str, str]]) -> None:
    body = message("EVN||20260131", PID, pv1(_3="W1", _6="W2", _42="W3"), type=f"ADT^{event}")
    assert places(resources(library, body)) == expected


@pytest.mark.parametrize("type", ["ADT^A17", "ADT^A17^ADT_A17", "ADT^A17^ADT_A02", "ADT"])
def test_two_patients_who_exchange_their_beds_keep_their_visits(library: Library, type: str) -> None:
    for _ in range(50):  # until the mapping runs narrowed to what such messages hold
        body = message(
            "EVN|A17|20260131", PID, pv1(_3="W1", _6="W2", _19="V1"), "PID|2||200^^^HOSP^MR||Roe^Ann",
            pv1(_3="W2", _6="W1", _19="V2"), type=type,
        )  # fmt: skip
        made = resources(library, body)
    patients = {one["identifier"][0]["value"]: f"Patient/{one['id']}" for one in made if one["resourceType"] == "Patient"}
    for number, who, ward in (("V1", "100", "W1"), ("V2", "200", "W2")):
        (one,) = [one for one in made if one["resourceType"] == "Encounter" and one["identifier"][0]["value"] == number]
        assert one["subject"]["reference"] == patients[who]
        theirs = [other for other in made if other["resourceType"] != "Encounter" or other is one]
        assert places(theirs)[0] == (ward, "active")


def test_visits_that_do_not_follow_their_patients_are_held(library: Library) -> None:
    body = message("EVN||20260131", PID, "PID|2||200^^^HOSP^MR", pv1(_19="V1"), pv1(_19="V2"), type="ADT^A17")
    mapping = choose(library, "hl7v2", "ADT^A17")
    assert mapping is not None
    made = mapping.run(HL7.parse(body))  # type: ignore[arg-type]
    assert isinstance(made, tuple) and {fault.code for fault in made} == {"E406"}
