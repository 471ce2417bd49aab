"""Characters that senders write and FHIR R4 allows in no text (datatypes.html#string, #code, #uri)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from engine.types import Envelope, Message, Put, Work
from fhir.repair import repaired
from fhir.step import validated

ID = "0f5c9a6e-5f0a-5b0e-9a53-2d5a3c6f1a11"
MESSAGE = Message(UUID(int=7), 1, "lab", "hl7v2", b"", datetime(2026, 1, 31, tzinfo=UTC), Envelope())


def written(**elements: Any) -> Any:
    return validated(Work(MESSAGE, puts=(Put({"resourceType": "Patient", "id": ID, **elements}),)))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"name": [{"family": "Do\x00e"}]}, {"name": [{"family": "Doe"}]}),
        ({"name": [{"family": "Doe", "given": [" ", "\x1bJane"]}]}, {"name": [{"family": "Doe", "given": ["Jane"]}]}),
        ({"maritalStatus": {"coding": [{"code": "A  B", "display": " "}]}}, {"maritalStatus": {"coding": [{"code": "A B"}]}}),
        ({"identifier": [{"system": "http://x y", "value": "7"}]}, {"identifier": [{"system": "http://x%20y", "value": "7"}]}),
    ],
)
def test_what_no_fhir_text_may_hold_is_left_out_and_told(sent: dict[str, Any], kept: dict[str, Any]) -> None:
    made = written(**sent)
    assert isinstance(made, Work), made
    assert made.puts[0].body == {"resourceType": "Patient", "id": ID, **kept}
    assert {fault.code for fault in made.warnings} == {"E514"}
    assert not any("Do" in fault.text for fault in made.warnings)


def test_what_is_right_is_the_same_object() -> None:
    work = Work(MESSAGE, puts=(Put({"resourceType": "Patient", "id": ID, "active": True}),))
    assert validated(work) is work


def test_what_is_wrong_otherwise_stays_wrong() -> None:
    assert {fault.code for fault in written(name=[{"family": "Do\x00e"}], gender="male?")} == {"E513", "E514"}
    assert {fault.code for fault in written(birthDate="20260131")} == {"E514"}


def test_places_beside_extensions_are_not_moved() -> None:
    given = ["Jane", None, "\x00Q"]
    assert repaired({"given": given}) == {"given": given}
