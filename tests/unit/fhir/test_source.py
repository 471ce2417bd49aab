"""The source `fhir`: what it watches, and documents as resources."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.fault import Fault
from engine.types import Site
from fhir.received import puts
from fhir.source import Fhir, Tap


def started(source: Fhir) -> Any:
    site = Site({}, {}, {"watches": []}, None, None)  # type: ignore[arg-type]
    return asyncio.run(source.serve("c", site, None))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "code"), [(Fhir(("Nonsense",)), "E530"), (Fhir(), "E530"), (Fhir(("Patient",), "code has"), "E742")]
)
def test_a_watch_of_nothing_or_with_a_condition_that_is_none_does_not_start(source: Fhir, code: str) -> None:
    found = started(source)
    assert isinstance(found, Fault)
    assert found.code == code


def test_a_drained_watch_watches_no_longer() -> None:
    tap = started(Fhir(("Patient",)))
    assert isinstance(tap, Tap)
    assert (tap.address, tap.registry) == ("fhir:Patient", [tap])
    asyncio.run(tap.drain(1))
    assert tap.registry == []


def test_a_reading_that_cannot_be_judged_is_told_and_not_passed_over() -> None:
    tap = started(Fhir(("Observation",), "value > 3", "mmol/L"))
    assert isinstance(
        tap.wants({"resourceType": "Observation", "valueQuantity": {"value": 4, "code": "kg", "unit": "kg"}}), Fault
    )


def test_the_same_document_gives_the_same_ids_and_another_servers_ids_are_not_ours() -> None:
    bundle = {
        "resourceType": "Bundle",
        "entry": [
            {"fullUrl": "http://a.example/Patient/1", "resource": {"resourceType": "Patient", "id": "1"}},
            {"resource": {"resourceType": "Observation", "subject": {"reference": "Patient/1"}}},
        ],
    }
    first, second = puts(bundle), puts(bundle)
    assert first == second
    patient, observation = (one.body for one in first)
    assert patient["id"] != "1"
    assert observation["subject"] == {"reference": f"Patient/{patient['id']}"}
