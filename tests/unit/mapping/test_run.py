"""A mapping from a file to resources, with a JSON document as the source."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

MAPPING = """mapping: bedside
reads: json
writes: fhir R4
resources:
  Patient as patient:
    key: patient.id
    identifier:
      system: urn:ward
      value: =patient.id
    gender: =patient.sex | table(sex)
    active: true
  Observation as results each readings if value valued:
    key: patient.id, code, at
    status: final
    code:
      coding: { system: "urn:iso:std:iso:11073:10101", code: =code }
      text: =name
    subject: =ref(patient)
    effectiveDateTime: =at
    valueQuantity:
      value: =value
      unit: =unit else default_unit else "1"
    note each remarks:
      text: =words
  DiagnosticReport:
    key: patient.id, "all"
    status: final
    code: { text: All of them }
    result: =ref(results)
"""
SEX = "table: sex\nrows: { M: male, F: female }\notherwise: refuse\n"


def test_a_document_becomes_the_resources_the_file_shows(bench: Any) -> None:
    patient, first, second, report = (put.body for put in bench.run(MAPPING, SEX))
    assert patient["identifier"] == [{"system": "urn:ward", "value": "77"}]
    assert (patient["gender"], patient["active"]) == ("female", True)
    assert first["subject"] == {"reference": f"Patient/{patient['id']}"}
    assert str(first["valueQuantity"]["value"]) == "71.10"
    assert first["note"] == [{"text": "a"}, {"text": "b"}]
    assert second["valueQuantity"] == {"value": Decimal("120"), "unit": "mm[Hg]"}
    assert "note" not in second
    assert report["result"] == [{"reference": f"Observation/{one['id']}"} for one in (first, second)]


def test_the_same_message_gives_the_same_ids(bench: Any) -> None:
    assert [put.body["id"] for put in bench.run(MAPPING, SEX)] == [put.body["id"] for put in bench.run(MAPPING, SEX)]


def test_a_code_no_table_lists_holds_the_message_and_its_fault_does_not_tell_it(bench: Any) -> None:
    result = bench.run(MAPPING, SEX, body=bench.body.replace(b'"F"', b'"Qx"'))
    assert isinstance(result, tuple)
    assert [(fault.code, fault.at) for fault in result] == [("E402", "patient.sex")]
    assert "Qx" not in result[0].text + result[0].help


def test_the_traced_way_gives_the_same_values_with_their_rules(bench: Any) -> None:
    mapping = bench.library(MAPPING, SEX).mappings["bedside"]
    lineage = {one.target: one for one in mapping.trace(bench.scope())}
    assert lineage["Observation[2].valueQuantity.value"].value == Decimal("71.10")
    assert lineage["Observation[2].note[2].text"].value == "b"
    assert lineage["Patient[1].gender"].rule.line == 10
    assert lineage["Patient[1].gender"].path == "patient.sex"


def test_of_a_choice_only_the_first_member_that_gives_something_is_written(bench: Any) -> None:
    mapping = """mapping: choice
reads: json
writes: fhir R4
resources:
  Observation each readings:
    key: code
    status: final
    code: { text: =code }
    valueQuantity if value number: { value: =value }
    valueString: =code
"""
    first, _, third = (put.body for put in bench.run(mapping))
    assert "valueString" not in first
    assert third["valueString"] == "150022"
