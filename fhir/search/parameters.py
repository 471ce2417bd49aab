"""The search parameters of the R4 definitions, by resource type."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir import model
from fhir.tables import table

# Codes that most resources of a type share are no use in an index; they are compared on the rows that a walk or the rest finds.
USUAL: dict[str, frozenset[str]] = {
    name: frozenset(codes.split())
    for name, codes in {
        "Observation.status": "final", "DiagnosticReport.status": "final", "Encounter.status": "finished in-progress",
        "Patient.gender": "male female", "Patient.active": "true", "ServiceRequest.status": "active completed",
        "ServiceRequest.intent": "order", "Specimen.status": "available", "AuditEvent.action": "R C U E",
        "AuditEvent.type": "rest", "AuditEvent.outcome": "0", "Provenance.agent.type": "assembler author",
    }.items()
}  # fmt: skip
DATES = (
    "date", "period", "performed", "effective", "authoredon", "authored", "onset-date", "recorded-date", "issued", "collected",
    "birthdate", "created", "occurrence", "recorded", "sent", "start-date", "timestamp", "whenhandedover",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Path:
    """Where a parameter's values stand: names below the resource, the type at their end, what narrows them."""

    names: tuple[str, ...]
    type: str
    marker: str  # "", "exists", "first", or "1:system=phone": of the element after the second name
    target: str  # the one resource type a reference must point to
    id: str  # how index entries are told apart: Observation.code

    @property
    def usual(self) -> frozenset[str]:
        """The codes that are kept out of the index."""
        return USUAL.get(self.id, frozenset())


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a composite parameter."""

    name: str
    kind: str
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter of one resource type."""

    name: str
    kind: str  # token, reference, string, date, number, quantity, uri, composite
    paths: tuple[Path, ...]
    targets: tuple[str, ...]
    components: tuple[Component, ...] = ()


@cache
def parameters(type: str) -> dict[str, Parameter]:
    """A type's own parameters and those of every resource, by name."""
    tables = table("search")
    rows = {**tables["Resource"], **tables.get(type, {})}
    return {name: parameter(type, row) for name, row in rows.items()}


def parameter(type: str, row: list[Any]) -> Parameter:
    """One row of the table."""
    name, kind, paths, targets = row[:4]
    parts = row[4] if len(row) > 4 else []
    return Parameter(
        name,
        kind,
        tuple(path(type, one) for one in paths),
        tuple(targets),
        tuple(Component(c[0], c[1], tuple(path(type, one) for one in c[2])) for c in parts),
    )


def path(type: str, row: list[Any]) -> Path:
    """One path of the table."""
    names, kind, marker, target = row
    text = ".".join((type, *names)) if names else type
    return Path(tuple(names), kind, marker, target, f"{text}?{marker}" if marker else text)


@cache
def patient_path(type: str) -> Path | None:
    """The single reference that says whose a resource is; None where there is none or where there may be several."""
    for name in ("patient", "subject"):
        found = parameters(type).get(name)
        if found is None or found.kind != "reference":
            continue
        for one in found.paths:
            single = all((model.element(".".join((type, *one.names[: n + 1]))) or NONE).max == 1 for n in range(len(one.names)))
            if single and not one.marker and one.type == "Reference" and (one.target == "Patient" or "Patient" in found.targets):
                return Path(one.names, one.type, "", "", one.id)
    return None


NONE = model.Element("", "", 0, None)


@cache
def date_path(type: str) -> tuple[str, ...]:
    """The ids of the paths that say when a resource was: one parameter's, kept in columns of their own."""
    known = parameters(type)
    for name in DATES:
        found = known.get(name)
        if found is not None and found.kind == "date":
            return tuple(one.id for one in found.paths)
    return ()


@cache
def lone_date(type: str, name: str) -> bool:
    """Whether a parameter's only value stands in the columns of the main date, never beside them."""
    found = parameters(type)[name]
    main = date_path(type)
    elements = [model.element(f"{type}.{'.'.join(one.names)}") or NONE for one in found.paths]
    single = all(len(one.names) == 1 and not one.marker and one.id in main for one in found.paths)
    return single and all(one.max == 1 for one in elements) and len({one.choice or one.name for one in elements}) == 1
