"""The HL7 type that carries a FHIR type where a field takes any: OBX-5."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir.convert.registry import converter

CARRIED = {
    "decimal": "NM", "integer": "NM", "positiveInt": "NM", "unsignedInt": "NM", "Quantity": "NM", "string": "ST", "markdown": "ST",
    "code": "ID", "CodeableConcept": "CWE", "Coding": "CWE", "dateTime": "DTM", "instant": "DTM", "date": "DT", "time": "TM",
    "Range": "NR", "Ratio": "SN", "SampledData": "NA", "Attachment": "ED", "Period": "DR", "Identifier": "CX", "boolean": "ID",
}  # fmt: skip


class Varies:
    """The converters to a field whose type the message names: each FHIR type goes as the HL7 type that carries it."""

    def converter(self, source: str, target: str) -> Callable[[Any], Any] | None:
        """The function for (`decimal`, `varies`) and its like."""
        carried = CARRIED.get(source) if target == "varies" else None
        found = converter(carried, source) if carried else None
        return found.to_v2 if found else None


VARIES = Varies()
