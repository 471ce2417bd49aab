"""Right by its parts: never a resource that the whole check refuses, and as a rule each that it takes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.types import Envelope, Message, Put, Work
from fhir import encode
from fhir.right import Kind, kind
from fhir.step import validated
from fhir.store.pieces import Pieces
from fhir.validate import validate

SEEN = {
    "resourceType": "Observation",
    "id": "a",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
    "subject": {"reference": "Patient/1"},
    "effectiveDateTime": "2026-03-02T11:55:00+00:00",
    "valueQuantity": {"value": 4, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
    "interpretation": [{"coding": [{"code": "N"}]}],
}
FORMAT = {
    "resourceType": "CapabilityStatement",
    "id": "c",
    "status": "active",
    "date": "2026",
    "kind": "requirements",
    "fhirVersion": "4.0.1",
    "format": ["json"],
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "final", "Patient/1", "Practitioner/1", "2026-02-30", "x" * 70, "\x00"]),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(st.sampled_from(["reference", "coding", "code", "system", "value", "text", "id", "foo"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def seen(*found: dict[str, Any]) -> Kind:
    type = found[0]["resourceType"]
    known = Kind(type, Pieces(type))
    for one in found:
        assert validate(one) == []
        known.was_right(one)
    return known


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([name for name in SEEN if name != "resourceType"]), VALUES)
def test_a_changed_element_is_told_as_the_whole_check_tells_it(name: str, value: Any) -> None:
    known = seen(SEEN)
    body = {**SEEN, name: value}
    for _ in range(2):  # the second time of what is remembered
        assert known.right(body) is (validate(body) == [])


def test_names_that_were_not_seen_together_are_left_to_the_whole_check() -> None:
    known = seen(SEEN)
    for body in ({**SEEN, "valueString": "x"}, {**SEEN, "foo": 1}, {k: v for k, v in SEEN.items() if k != "status"}):
        assert not known.right(body)


def test_an_empty_place_of_a_list_needs_the_sibling_it_does_not_have() -> None:
    known = seen(FORMAT)
    assert known.right({**FORMAT, "format": ["xml"]})
    assert validate({**FORMAT, "format": ["json", None]}) != []
    assert not known.right({**FORMAT, "format": ["json", None]})


def test_names_with_siblings_texts_and_inner_resources_are_never_told_by_parts() -> None:
    for extra in ({"_status": {"id": "x"}}, {"contained": [{"resourceType": "Basic", "code": {"text": "x"}}]}):
        assert not seen({**SEEN, **extra}).right({**SEEN, **extra})
    assert kind("Bundle") is None
    assert kind("Nothing") is None


def test_a_code_that_stands_under_another_name_is_looked_at_anew() -> None:
    shared = {"reference": "Practitioner/1", "display": "Osler"}
    known = seen(
        {**SEEN, "performer": [{"reference": "Practitioner/1"}]},
        {**SEEN, "focus": [shared], "encounter": {"reference": "Encounter/1"}},
    )
    assert known.right({**SEEN, "focus": [shared], "encounter": {"reference": "Encounter/2"}})
    assert not known.right({**SEEN, "focus": [shared], "encounter": shared})


def test_what_was_stored_without_a_check_is_checked_all_the_same() -> None:
    pieces = Pieces("Observation")
    known = Kind("Observation", pieces)
    known.was_right(SEEN)
    wrong = {"coding": "x"}
    odd = {**SEEN, "interpretation": [wrong], "subject": {"reference": "Practitioner/1"}}
    for body in ({**SEEN, "subject": odd["subject"]}, odd):
        element = pieces.elements["subject"]
        element.made(body["subject"])
        assert not known.right(body)


def test_every_official_example_is_told_alike_whole_and_by_parts(r4_examples: list[Path]) -> None:
    told = 0
    for path in r4_examples:
        body = {name: value for name, value in encode.trusted(path.read_bytes()).items() if name != "text"}
        known = kind(body["resourceType"])
        if known is None or validate(body):
            continue
        known.was_right(body)
        fresh = encode.trusted(encode.dumps(body))  # none of it the same object
        apart = any(name[0] == "_" or name == "contained" for name in body) or b'xtension"' in encode.dumps(body)
        apart = apart or "id" not in body
        assert known.right(fresh) is not apart, path.name
        told += not apart
    assert told > 500


@pytest.mark.parametrize("inner", ["Observation", "Nothing"])
def test_a_resource_inside_a_bundle_is_checked_as_well(inner: str) -> None:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {"resourceType": inner}}]}
    message = Message(UUID(int=1), 1, "c", "f", b"", datetime(2026, 1, 1, tzinfo=UTC), Envelope(), 1)
    found = validated(Work(message, None, (Put(bundle),)))
    assert isinstance(found, tuple)
    assert found[0].at.startswith("resource 1: Bundle.entry[0].resource")
