"""Tests in an analyst's words: each statement can hold and can fail, and a failure points at its line."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.json_format import Json
from engine.mapping.library import Plugins
from engine.mapping.testing import run_file
from fhir.model import Model

MAPPING = """mapping: it
reads: json
writes: fhir R4
resources:
  Patient:
    key: id
    birthDate: =born | readable
    gender: =sex | table(sex)
    identifier:
      value: =id
"""
SEX = "table: sex\nrows: { F: female }\notherwise: refuse\n"
SAMPLES = {
    "ann.json": b'{"id": "7", "born": "1980-01-01", "sex": "F"}',
    "odd.json": b'{"id": "7", "sex": "X"}',
    "warn.json": b'{"id": "7", "born": "never"}',
    "whole.json": b'[{"resourceType": "Patient", "id": "ID", "birthDate": "1980-01-01", "gender": "female", "identifier": [{"value": "7"}]}]',
}
PLUGINS = Plugins({"json": Json()}, {"fhir": Model()})


def outcomes(bench: Any, text: str) -> list[Any]:
    library = bench.library(MAPPING, SEX)
    (put,) = library.mappings["it"].run(bench.scope(SAMPLES["ann.json"]))
    samples = {**SAMPLES, "whole.json": SAMPLES["whole.json"].replace(b"ID", put.body["id"].encode())}
    return run_file(text, "it.test.yaml", library, PLUGINS, samples.get)


def file(statement: str, sample: str = "ann.json") -> str:
    return f"mapping: it\nsample: {sample}\ntests:\n  - name: it holds\n    {statement}\n"


HOLD = [
    ("expect: { Patient[1].birthDate: 1980-01-01 }", "ann.json"),
    ("expect: { Patient.identifier[1].value: '7' }", "ann.json"),
    ("expect: { 'Patient[1].identifier[1]': { value: '7' } }", "ann.json"),
    ("absent: [Patient.name, Observation]", "ann.json"),
    ("count: { Patient: 1, Observation: 0 }", "ann.json"),
    ("refuse: E402", "odd.json"),
    ("refuse: E402\n    at: sex", "odd.json"),
    ("warns: E524", "warn.json"),
    ("equals: whole.json", "ann.json"),
]
FAIL = [
    ("expect: { 'Patient[1].birthDate': 1980-01-02 }", "ann.json", 5, "Patient[1].birthDate is 1980-01-01"),
    ("expect: { 'Patient[2].birthDate': 1980-01-01 }", "ann.json", 5, "Patient[2].birthDate is not there"),
    ("expect: { 'Patient birthDate': x }", "ann.json", 5, "Patient birthDate is no place such as Observation[1].status"),
    ("absent: [Patient.gender]", "ann.json", 5, "Patient.gender is female"),
    ("count: { Patient: 2 }", "ann.json", 5, "there are 1 Patient"),
    ("refuse: E402", "ann.json", 5, "the message is not refused; it gives 1 resources"),
    ("refuse: E402\n    at: born", "odd.json", 6, "it is refused otherwise: E402 at sex: the table sex does not list this code"),
    ("warns: E524", "ann.json", 5, "there is no such warning; there are none"),
    ("equals: warn.json", "ann.json", 5, "Patient (1).id is "),
    (
        "expect: { 'Patient[1].birthDate': x }",
        "odd.json",
        4,
        "the message is refused: E402 at sex: the table sex does not list this code",
    ),
    ("expects: {}", "ann.json", 5, "expects is not known in a test"),
    ("sample: gone.json", "ann.json", 5, "there is no file gone.json"),
]


@pytest.mark.parametrize(("statement", "sample"), HOLD, ids=[case[0] for case in HOLD])
def test_a_statement_holds(bench: Any, statement: str, sample: str) -> None:
    statement = statement.replace("Patient[1].birthDate: 1", "'Patient[1].birthDate': 1").replace(
        "Patient.identifier[1].value: ", "'Patient.identifier[1].value': "
    )
    (one,) = outcomes(bench, file(statement, sample))
    assert one.passed, [why.text for why in one.failed]


@pytest.mark.parametrize(("statement", "sample", "line", "why"), FAIL, ids=[case[0] for case in FAIL])
def test_a_statement_fails_and_points_at_its_line(bench: Any, statement: str, sample: str, line: int, why: str) -> None:
    (one,) = outcomes(bench, file(statement, sample))
    assert [(found.at.line, found.text[: len(why)]) for found in one.failed][:1] == [(line, why)]


def test_a_test_of_no_mapping_fails_with_its_name(bench: Any) -> None:
    (one,) = outcomes(bench, file("absent: []").replace("mapping: it", "mapping: them"))
    assert [found.text for found in one.failed] == ["there is no sound mapping called them"]
