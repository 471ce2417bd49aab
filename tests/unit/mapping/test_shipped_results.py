"""Results as senders of every version write them: nothing is lost, nothing valid is held, all of it is R4.

Data types and their use in OBX-5: HL7 v2.9.1 chapter 2A and section 7.4.2; targets: the guide's OBX[Observation].
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.hl7v2.format import Hl7v2
from engine.mapping.installed import installed
from engine.mapping.library import Library, choose, load_folder
from engine.types import Envelope
from fhir.validate import validate

HL7 = Hl7v2()
PID = "PID|1||100^^^HOSP^MR||Doe^Jane"
OBR = "OBR|1|P1|F1|24323-8^Panel^LN|||20260131110000"


@pytest.fixture(scope="module")
def library(root: Path) -> Library:
    return load_folder(root / "mappings", installed())


def message(*segments: str, type: str = "ORU^R01^ORU_R01", version: str = "2.5.1") -> bytes:
    header = rf"MSH|^~\&|LAB|HOSP|EHR|HOSP|20260131120000+0100||{type}|M1|P|{version}"
    return "\r".join((header, *segments, "")).encode()


def resources(library: Library, body: bytes, kind: str = "") -> list[dict[str, Any]]:
    """What a message becomes, all of it checked to be valid R4."""
    told = HL7.envelope(body)
    assert isinstance(told, Envelope)
    mapping = choose(library, "hl7v2", told.type)
    assert mapping is not None, f"no mapping reads {told.type!r}"
    made = mapping.work(HL7.parse(body))  # type: ignore[arg-type]
    assert not isinstance(made, tuple), made
    assert [fault for put in made.puts for fault in validate(put.body)] == []
    return [put.body for put in made.puts if kind in ("", put.body["resourceType"])]


def value(library: Library, obx: str) -> dict[str, Any]:
    """The value elements of the one Observation of an OBX."""
    (result,) = resources(library, message(PID, OBR, obx), "Observation")
    return {name: made for name, made in result.items() if name.startswith(("value", "component"))}


@pytest.mark.parametrize("type", ["ORU", "ORU^R01", "ORU^R01^ORU_R01", "ORU^^ORU_R01"])
@pytest.mark.parametrize("version", ["2.1", "2.2", "2.3.1", "2.5", "2.8.2", ""])
def test_results_are_read_however_msh_9_is_spelled(library: Library, type: str, version: str) -> None:
    body = message(PID, OBR, "OBX|1|NM|2345-7^Glucose^LN||5.4|mmol/L|||||F", type=type, version=version)
    kinds = {one["resourceType"] for one in resources(library, body)}
    assert kinds >= {"Patient", "Observation", "DiagnosticReport"}


@pytest.mark.parametrize("type", ["SI", "GTS", "RI", "TQ", "FOO", "nm", "ICD", "OG"])
def test_a_value_of_a_type_that_has_no_element_is_kept_as_text(library: Library, type: str) -> None:
    assert value(library, f"OBX|1|{type}|1^A^L||17||||||F") == {"valueString": "17"}
    assert value(library, f"OBX|1|{type}|1^A^L||17~18||||||F") == {"valueString": "17\n18"}


@pytest.mark.parametrize(
    ("type", "sent", "text"),
    [("AD", "1 Main St^^City", "1 Main St, City"), ("CN", "7^Doe^Jane", "Jane Doe"), ("PPN", "7^Doe", "7^Doe")],
)
def test_a_person_or_place_as_a_value_is_text(library: Library, type: str, sent: str, text: str) -> None:
    assert value(library, f"OBX|1|{type}|1^A^L||{sent}||||||F") == {"valueString": text}


def test_a_type_sent_as_a_coded_field_is_the_type(library: Library) -> None:
    made = value(library, "OBX|1|CWE^^HL70125|1^A^L||10828004^Positive^SCT||||||F")
    assert made["valueCodeableConcept"]["coding"][0]["code"] == "10828004"


@pytest.mark.parametrize("type", ["ST", "TX", "FT", "", "FOO"])
def test_a_value_of_blanks_is_none(library: Library, type: str) -> None:
    assert value(library, f"OBX|1|{type}|1^A^L||  ||||||F") == {}


def test_a_note_that_says_nothing_is_none(library: Library) -> None:
    body = message(PID, OBR, "NTE|1||||7^Doe", "OBX|1|NM|1^A^L||5|mg|||||F", "NTE|1||||7^Doe", "NTE|2||said||7^Doe")
    (result,) = resources(library, body, "Observation")
    assert [note["text"] for note in result["note"]] == ["said"]
    assert "note" not in resources(library, body, "ServiceRequest")[0]


@pytest.mark.parametrize("type", ["ST", "FT", ""])
def test_control_characters_in_a_text_are_left_out(library: Library, type: str) -> None:
    assert value(library, f"OBX|1|{type}|1^A^L||a\x00b\x07c||||||F") == {"valueString": "abc"}


def test_repetitions_without_a_type_are_told_once(library: Library) -> None:
    assert value(library, "OBX|1||1^A^L||a~b||||||F") == {"valueString": "a\nb"}


def test_every_repetition_of_an_array_is_kept(library: Library) -> None:
    (na,) = value(library, "OBX|1|NA|1^A^L||1^2~3^^5||||||F").values()
    assert (na["dimensions"], na["data"]) == (1, "1 2 3 E 5")
    (ma,) = value(library, "OBX|1|MA|1^A^L||1^2~3^4~5^6||||||F").values()
    assert (ma["dimensions"], ma["data"]) == (2, "1 2 3 4 5 6")


def test_every_document_of_a_field_is_the_report_s(library: Library) -> None:
    obx = "OBX|1|ED|1^A^L||^text^plain^A^one~^text^plain^A^two||||||F"
    (report,) = resources(library, message(PID, OBR, obx), "DiagnosticReport")
    assert [one["data"] for one in report["presentedForm"]] == ["b25l", "dHdv"]


def test_a_coding_system_named_by_its_oid_is_the_system(library: Library) -> None:
    made = value(library, "OBX|1|CWE|1^A^L||10828004^Positive^2.16.840.1.113883.6.96||||||F")
    assert made["valueCodeableConcept"]["coding"][0]["system"] == "http://snomed.info/sct"


def test_a_report_whose_order_has_no_code_says_that_it_is_unknown(library: Library) -> None:
    body = message(PID, "OBR|1|P1|F1", "OBX|1|NM|1^A^L||5|mg|||||F")
    (report,) = resources(library, body, "DiagnosticReport")
    assert report["code"]["coding"] == [
        {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown", "display": "Unknown"}
    ]
    assert len(report["result"]) == 1


def test_a_value_without_a_code_is_kept_and_says_so(library: Library) -> None:
    (result,) = resources(library, message(PID, OBR, "OBX|1|ST|||HOME||||||F"), "Observation")
    assert (result["code"]["coding"][0]["code"], result["valueString"]) == ("unknown", "HOME")


@pytest.mark.parametrize("before", [[], ["ORC|RE|P1|F1"], ["OBR|1"]])
def test_results_without_an_order_are_kept_without_a_report(library: Library, before: list[str]) -> None:
    made = resources(library, message(PID, *before, "OBX|1|NM|1^A^L||5|mg|||||F"))
    assert {one["resourceType"] for one in made} >= {"Patient", "Observation"}
    assert "DiagnosticReport" not in {one["resourceType"] for one in made}


def test_a_note_between_orc_and_obr_does_not_part_them(library: Library) -> None:
    body = message(PID, "ORC|RE|P7|F7", "NTE|1||of the order", "OBR|1|||1^A^L", "OBX|1|NM|1^A^L||5|mg|||||F")
    (report,) = resources(library, body, "DiagnosticReport")
    assert [one["value"] for one in report["identifier"]] == ["P7", "F7"]
    (order,) = resources(library, body, "ServiceRequest")
    assert order["note"] == [{"text": "of the order"}]


@pytest.mark.parametrize("sent", ["1~2", "a~b"])
def test_several_values_without_a_code_say_so_each(library: Library, sent: str) -> None:
    (made,) = resources(library, message(PID, OBR, f"OBX|1|NM|||{sent}|mg|||||F"), "Observation")
    assert [one["code"]["coding"][0]["code"] for one in made["component"]] == ["unknown", "unknown"]


@pytest.mark.parametrize("time", ["", "last year"])
@pytest.mark.parametrize("vaccine", ["", "08^HepB^CVX"])
def test_a_vaccination_of_which_time_or_vaccine_was_not_sent_says_so(library: Library, time: str, vaccine: str) -> None:
    body = message(PID, "ORC|RE||9", f"RXA|0|1|{time}||{vaccine}|999|||||||||||||||CP", type="VXU^V04")
    (made,) = resources(library, body, "Immunization")
    assert made["occurrenceString"] == "unknown"
    assert made["vaccineCode"]["coding"][0]["code"] == ("08" if vaccine else "unknown")


@pytest.mark.parametrize(
    ("obx", "data"), [((), None), (("OBX|1||1^Note^L||words",), "d29yZHM="), (("OBX|1|CE|1^Note^L||words",), "d29yZHM=")]
)
def test_a_document_without_a_content_or_of_another_type_is_a_document(
    library: Library, obx: tuple[str, ...], data: str | None
) -> None:
    (made,) = resources(library, message(PID, "PV1|1|I", "TXA|1|DS|TX|||||||||D1", *obx, type="MDM^T02"), "DocumentReference")
    (content,) = made["content"]
    assert content["attachment"].get("data") == data


def test_what_is_told_of_the_patient_before_any_order_is_kept_without_a_report(library: Library) -> None:
    weight, glucose = "OBX|1|NM|3141-9^Weight^LN||71|kg|||||F", "OBX|1|NM|2345-7^Glucose^LN||5.4|mmol/L|||||F"
    made = resources(library, message(PID, weight, "PV1|1|I", OBR, glucose, version="2.8"))
    observed = {one["code"]["coding"][0]["code"]: one for one in made if one["resourceType"] == "Observation"}
    (report,) = [one for one in made if one["resourceType"] == "DiagnosticReport"]
    assert set(observed) == {"3141-9", "2345-7"}
    assert report["result"] == [{"reference": f"Observation/{observed['2345-7']['id']}"}]
    assert observed["3141-9"]["subject"] == report["subject"]
