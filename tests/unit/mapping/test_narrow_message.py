"""A message mapping narrowed to a document writes what the whole one writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.fault import Fault
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
    "more", [{}, {"issued": "2026-01-01T00:00:00Z"}, {"identifier": [{"value": "7", "type": {"coding": [{"code": "FILL"}]}}]}]
)
def test_narrowed_and_whole_write_the_same(value: dict[str, Any], more: dict[str, Any]) -> None:
    mapping = load_folder(ROOT / "mappings", installed()).mappings["fhir_to_oru_r01"]
    scope = next(iter(Fhir().focus([document(value, **more)], "DiagnosticReport")))
    assert not isinstance(scope, Fault)
    assert mapping.whole is not None
    narrow = mapping.whole.choose(scope)
    assert narrow is not mapping.whole._whole
    run, other = Run(), Run()
    made = narrow(scope, run)
    assert made == mapping.whole._whole(scope, other)
    assert made
    assert run.faults == other.faults
