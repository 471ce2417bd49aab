"""A message mapping narrowed to a document writes what the whole one writes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.fault import Fault
from engine.mapping.compile import fill
from engine.mapping.compile_value import Kit
from engine.mapping.installed import installed
from engine.mapping.library import Library, load_folder
from engine.mapping.run import Run
from fhir.format import Fhir

ROOT = Path(__file__).resolve().parents[3]
QUANTITY = {"valueQuantity": {"value": 5, "unit": "mmol/L"}}
CASES: list[dict[str, Any]] = [
    {},
    QUANTITY,
    {"valueQuantity": {"value": 5, "comparator": "<"}},
    {"valueString": "clear"},
    {"valueCodeableConcept": {"coding": [{"code": "P", "system": "urn:oid:1.2"}]}, "note": [{"text": "seen"}]},
    {
        "valueQuantity": {"value": 5, "comparator": ""},
        "status": "no such status",
        "code": {"coding": [{"code": "a"}, {"code": "b"}]},
    },
    {
        "interpretation": [{"coding": []}],
        "referenceRange": [{"text": "1-2"}, {"text": "3-4"}],
        "identifier": [{"value": "1"}, {}],
    },
    {"valueRange": {"low": {"value": 1}, "high": {"value": 2}}, "interpretation": [{"coding": [{"code": "H"}]}]},
]


@cache
def shipped() -> Library:
    return load_folder(ROOT / "mappings", installed())


def document(value: dict[str, Any], **more: Any) -> dict[str, Any]:
    observation = {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "K"}, **value}
    report = {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "code": {"text": "panel"},
        "contained": [observation],
        "result": [{"reference": "#o"}],
        **more,
    }
    return report


TEXT = st.sampled_from(["", "a", "final", "5", "2026-01-02", "x|y^z"])
CODINGS = st.fixed_dictionaries(
    {},
    optional={"coding": st.lists(st.fixed_dictionaries({}, optional={"code": TEXT, "system": TEXT}), max_size=2), "text": TEXT},
)
QUANTITIES = st.fixed_dictionaries(
    {}, optional={"value": st.decimals(0, 9, places=1), "comparator": st.sampled_from(["<", ""]), "unit": TEXT, "code": TEXT}
)
NUMBERS = st.lists(st.fixed_dictionaries({}, optional={"value": TEXT, "system": TEXT, "type": CODINGS}), max_size=2)
RESULTS = st.fixed_dictionaries(
    {},
    optional={
        "valueQuantity": QUANTITIES, "valueString": TEXT, "valueCodeableConcept": CODINGS, "valueInteger": st.integers(0, 9),
        "status": TEXT, "code": CODINGS, "interpretation": st.lists(CODINGS, max_size=2), "identifier": NUMBERS, "method": CODINGS,
        "referenceRange": st.lists(st.fixed_dictionaries({}, optional={"text": TEXT}), max_size=2), "effectiveDateTime": TEXT,
        "note": st.lists(st.fixed_dictionaries({}, optional={"text": TEXT}), max_size=2),
    },
)  # fmt: skip
REPORTS = st.fixed_dictionaries(
    {},
    optional={"status": TEXT, "code": CODINGS, "identifier": NUMBERS, "issued": TEXT, "category": st.lists(CODINGS, max_size=2)},
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["fhir_to_oru_r01", "alert_to_oru_r01"]), RESULTS, REPORTS)
def test_the_written_functions_say_what_the_closures_say(name: str, result: dict[str, Any], report: dict[str, Any]) -> None:
    mapping = shipped().mappings[name]
    assert mapping.whole is not None
    assert mapping.plan.message is not None
    body = document(result, **report)
    if name == "alert_to_oru_r01":
        body |= {
            "resourceType": "DetectedIssue",
            "implicated": body.pop("result"),
            "evidence": [{"detail": [{"reference": "#o"}]}],
        }
    [scope] = Fhir().focus([body], mapping.reads[1])
    ours, theirs = Run(), Run()
    made = mapping.whole.choose(scope)(scope, ours)
    assert made == fill(mapping.plan.message, Kit(mapping.plan.model))(scope, theirs)
    assert ours.faults == theirs.faults


@pytest.mark.parametrize("value", CASES)
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"issued": "2026-01-01T00:00:00Z", "status": "entered-in-error"},
        {"identifier": [{"value": "7", "type": {"coding": [{"code": "FILL"}]}}]},
        {"presentedForm": [{"data": "aGk="}, {"title": "no data"}], "effectivePeriod": {"end": "2026-01-01"}},
    ],
)
def test_narrowed_whole_and_the_closures_write_the_same(value: dict[str, Any], more: dict[str, Any]) -> None:
    mapping = shipped().mappings["fhir_to_oru_r01"]
    scope = next(iter(Fhir().focus([document(value, **more)], "DiagnosticReport")))
    assert not isinstance(scope, Fault)
    assert mapping.whole is not None
    assert mapping.plan.message is not None
    narrow = mapping.whole.choose(scope)
    assert narrow is not mapping.whole.whole
    runs = Run(), Run(), Run()
    made = narrow(scope, runs[0])
    assert made == mapping.whole.whole(scope, runs[1])
    assert made == fill(mapping.plan.message, Kit(mapping.plan.model))(scope, runs[2])
    assert made
    assert runs[0].faults == runs[1].faults == runs[2].faults
