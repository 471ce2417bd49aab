"""The other direction: FHIR resources become an HL7 message."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from adapters.hl7v2.format import Hl7v2
from engine.diagnostic import render
from engine.fault import Fault
from engine.mapping.installed import installed
from engine.mapping.library import Library, build
from fhir.format import Fhir, focus

AT = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
MAPPING = """mapping: report_out
reads: fhir DiagnosticReport
writes: hl7v2 ORU_R01
segments:
  MSH:
    MSH-3: ISTHMUS
    MSH-5: EHR
  PID:
    PID-3: =subject.resolve.Patient.identifier
    PID-5: =subject.resolve.Patient.name
    PID-7: =subject.resolve.Patient.birthDate
  ORDER_OBSERVATION:
    OBR:
      OBR-3.1: =identifier.value
      OBR-3.2: LAB
      OBR-4: =code
      OBR-25: =status | table(report_status)
    OBSERVATION each result.resolve:
      OBX:
        OBX-2: NM
        OBX-3: =code
        OBX-5: =valueQuantity.value
        OBX-6.1: =valueQuantity.unit
        OBX-11: F
      NTE each note:
        NTE-3: =text
"""
STATUS = "table: report_status\nrows: { final: F, preliminary: P }\notherwise: refuse\n"
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "identifier": [{"system": "urn:h", "value": "7"}],
    "name": [{"family": "O|Neil", "given": ["Ann"]}],
    "birthDate": "1980-01-01",
}
HB: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "hb",
    "code": {"coding": [{"system": "http://loinc.org", "code": "718-7", "display": "Hb"}]},
    "valueQuantity": {"value": Decimal("13.20"), "unit": "g/dL"},
    "note": [{"text": "one"}, {"text": "two"}],
}
NA: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "na",
    "code": {"text": "Na"},
    "valueQuantity": {"value": Decimal("140")},
}
REPORT: dict[str, Any] = {
    "resourceType": "DiagnosticReport",
    "id": "r",
    "status": "final",
    "identifier": [{"value": "F1"}],
    "code": {"coding": [{"code": "CBC"}]},
    "subject": {"reference": "Patient/p"},
    "result": [{"reference": "Observation/hb"}, {"reference": "Observation/na"}, {"reference": "Observation/gone"}],
}


def library(mapping: str = MAPPING) -> Library:
    return build({"report_out.yaml": mapping, "tables/report_status.yaml": STATUS}, installed())


def written(*resources: dict[str, Any]) -> list[str]:
    made = library()
    assert made.sound, "\n".join(map(render, made.diagnostics))
    (scope,) = focus(resources, "DiagnosticReport")
    body = made.mappings["report_out"].write(scope, AT, "42")
    assert isinstance(body, bytes), body
    return body.decode().rstrip("\r").split("\r")


def test_a_report_with_its_results_becomes_a_message_with_its_groups() -> None:
    lines = written(PATIENT, HB, NA, REPORT)
    assert [line[:3] for line in lines] == ["MSH", "PID", "OBR", "OBX", "NTE", "NTE", "OBX"]
    assert lines[0].startswith("MSH|^~\\&|ISTHMUS||EHR||20260131080000+0000||ORU^R01^ORU_R01|42|P|2.5.1")
    assert lines[3].split("|")[:7] == ["OBX", "1", "NM", "718-7^Hb^LN", "", "13.20", "g/dL"]
    assert lines[4:6] == ["NTE|1||one", "NTE|2||two"]
    assert "Na" in lines[6].split("|")[3]


def test_what_stands_in_a_text_is_escaped_and_components_are_put_together() -> None:
    lines = written(PATIENT, HB, NA, REPORT)
    assert r"O\F\Neil^Ann" in lines[1]
    assert lines[2].split("|")[3] == "F1^LAB"
    assert lines[2].split("|")[25] == "F"


def test_the_message_reads_back_with_the_same_values() -> None:
    body = "\r".join(written(PATIENT, HB, NA, REPORT)).encode()
    scope = Hl7v2().parse(body)
    assert not isinstance(scope, Fault)
    name, value = (Hl7v2().path(text, "ORU_R01", "") for text in ("PID-5.1", "OBX-5"))
    assert not isinstance(name, Fault) and not isinstance(value, Fault)
    assert name.first(scope) == "O|Neil"
    assert [rep[1] for rep in value.all(scope)] == ["13.20", "140"]


def test_a_code_no_table_lists_writes_nothing() -> None:
    (scope,) = focus([PATIENT, {**REPORT, "status": "amended"}], "DiagnosticReport")
    made = library().mappings["report_out"].write(scope, AT, "42")
    assert isinstance(made, tuple)
    assert [(fault.code, fault.at) for fault in made] == [("E402", "status")]


def test_paths_are_typed_by_the_model() -> None:
    path = Fhir().path("subject.resolve.Patient.birthDate", "DiagnosticReport", "")
    assert not isinstance(path, Fault)
    assert (path.type, path.repeats) == ("date", False)
    inner = Fhir().path("status", "DiagnosticReport", "result.resolve")
    outer = Fhir().path("conclusion", "DiagnosticReport", "result.resolve")
    assert not isinstance(inner, Fault) and not isinstance(outer, Fault)
    assert (inner.outer, outer.outer) == (False, True)


def test_a_path_the_model_does_not_have_is_named_with_its_neighbour() -> None:
    fault = Fhir().path("subjekt", "DiagnosticReport", "")
    assert isinstance(fault, Fault)
    assert (fault.code, fault.help) == ("E528", "did you mean subject?")


def test_items_are_taken_by_number_by_value_and_by_url() -> None:
    patient = {
        "resourceType": "Patient",
        "telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "2"}],
        "extension": [{"url": "urn:a", "valueString": "x"}],
    }
    (scope,) = focus([patient], "Patient")
    for text, value in (("telecom[2].value", "2"), ("telecom[system=phone].value", "1"), ("extension[urn:a].valueString", "x")):
        path = Fhir().path(text, "Patient", "")
        assert not isinstance(path, Fault)
        assert path.all(scope) == [value]


def test_a_field_the_standard_lacks_and_a_value_nothing_converts_are_findings() -> None:
    odd = MAPPING.replace("PID-7: =subject.resolve.Patient.birthDate", "PID-99: x\n    PID-8: =subject.resolve.Patient.photo")
    assert [one.code for one in library(odd).diagnostics] == ["E303", "E301"]
