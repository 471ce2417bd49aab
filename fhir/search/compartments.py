"""Compartments: what belongs to a patient, an encounter, a practitioner, a device.

Source: https://hl7.org/fhir/R4/compartmentdefinition.html. A patient's resources are found by their own column, the rest by index.
"""

from __future__ import annotations

from fhir.search.find import pointing
from fhir.search.parameters import parameters
from fhir.search.where import OWN, Where, some
from fhir.store.types import uuid_of
from fhir.tables import table


def member(owner: str, id: str, type: str) -> Where | None:
    """The condition that a resource of a type is in a compartment; None when that type never is."""
    names = table("compartments").get(owner, {}).get(type)
    if names is None:
        return Where("r.key = %s", (uuid_of(type, id),), by=OWN) if owner == type else None
    known = parameters(type)
    return some([pointing(type, known[name], [f"{owner}/{id}"]) for name in names if name in known])
