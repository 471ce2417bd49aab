"""Compartments: what belongs to a patient, an encounter, a practitioner, a device.

Source: https://hl7.org/fhir/R4/compartmentdefinition.html. A patient's resources are found by their own column, the rest by index.
"""

from __future__ import annotations

from collections.abc import Generator

from fhir.search.find import LIST, Found, pointing
from fhir.search.hashing import number
from fhir.search.parameters import parameters, patient_path
from fhir.search.plan import Ask, Rows
from fhir.search.where import OWN, Where, every, some, tokens
from fhir.store.types import CODES, NAMES, uuid_of
from fhir.tables import table

MOST = 5000


def member(owner: str, id: str, type: str) -> Where | None:
    """The condition that a resource of a type is in a compartment; None when that type never is."""
    names = table("compartments").get(owner, {}).get(type)
    if names is None:
        return Where("r.key = %s", (uuid_of(type, id),), by=OWN) if owner == type else None
    known = parameters(type)
    return some([pointing(type, known[name], [f"{owner}/{id}"]) for name in names if name in known])


def everything(owner: str, id: str, types: tuple[str, ...] = ()) -> Generator[Ask, Rows, list[Found]]:
    """The owner and all of its compartment, oldest first."""
    parts = [Where("r.key = %s", (uuid_of(owner, id),), by=OWN)]
    if owner == "Patient":
        parts.append(Where("r.patient = %s", (number(f"Patient/{id}"),), by=OWN))
    numbers = [
        number(f"{path.id}|{owner}/{id}")
        for type, names in table("compartments").get(owner, {}).items()
        for name in names
        if name in parameters(type)
        for path in parameters(type)[name].paths
        if owner != "Patient" or (mine := patient_path(type)) is None or mine.id != path.id
    ]
    where = some([*parts, tokens(numbers)])
    if types:
        where = every([where, Where("r.type = any(%s)", ([CODES[type] for type in types if type in CODES],))])
    rows = yield Ask(
        LIST.replace("TABLE", "fhir.resource").replace("limit", "order by r.num limit").replace("WHERE", where.sql),
        (*where.values, MOST),
    )
    return [Found(NAMES[row[0]], row[1], row[2], row[3]) for row in rows]
