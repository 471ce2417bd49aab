"""A message mapping narrowed to a document writes what the whole one writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.fault import Fault
from engine.mapping.compile import fill
from engine.mapping.compile_value import Kit
from engine.mapping.installed import installed
from engine.mapping.library import load_folder
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
    mapping = load_folder(ROOT / "mappings", installed()).mappings["fhir_to_oru_r01"]
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
