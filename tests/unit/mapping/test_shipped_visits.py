"""Admissions as senders of every version write them: events without MSH-9.2, and what OBX segments tell of the patient."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.mapping.installed import installed
from engine.mapping.library import Library, load_folder
from tests.unit.mapping.test_shipped_results import message, resources

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
