"""Whose ECG an HL7 message holds: the same Patient that the mappings make of its PID-3."""

from __future__ import annotations

from typing import Any

from fhir.convert import keys
from fhir.convert.rep import Parts
from fhir.ids import resource_id


class Number(Parts):
    """One repetition of PID-3, and the facility that sent it: a number means nothing without who assigned it."""

    __slots__ = ("facility",)

    def __init__(self, components: list[list[str]], facility: str) -> None:
        super().__init__(components)
        self.facility = facility


def subject(message: bytes) -> dict[str, Any] | None:
    """The reference to the patient of an HL7 message; None for another body, and where PID-3 does not tell one patient."""
    text = message.lstrip(b"\x0b").split(b"OBX", 1)[0].decode("utf-8", "replace").replace("\n", "\r")
    lines = text.split("\r")
    head = lines[0]
    if not head.startswith("MSH") or len(head) < 9:
        return None
    field, component, repeat, escape, sub = tuple(head[3:8])
    person = next((line.split(field) for line in lines if line.startswith(f"PID{field}")), [])
    if len(person) < 4 or escape in person[3] or "\ufffd" in person[3]:
        return None
    sender = [*head.split(field), "", "", "", ""]
    named = [*sender[3].split(component), ""]
    facility = next(filter(None, (*named[:2], sender[2].split(component)[0])), "")
    numbers = [
        Number([part.split(sub) for part in one.split(component)], facility) for one in person[3].split(repeat) if one
    ]  # fmt: skip
    key = keys.patient(numbers)
    if not isinstance(key, str):
        return None
    identifier = {"value": key.rpartition("|")[2]}
    return {"reference": f"Patient/{resource_id('Patient', key)}", "type": "Patient", "identifier": identifier}
