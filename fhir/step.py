"""The step `validate`: what a channel writes is right R4, or the message is held with the faults that say where not.

A resource that is wrong only by characters no FHIR text may hold is written without them, and the message says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.fault import Fault, Kind
from engine.types import JSON, Run, Site, Work
from fhir.repair import repaired
from fhir.right import kind
from fhir.validate import validate

FORM = "E514"  # a text that does not have the form of its type


@dataclass(frozen=True, slots=True)
class Validate:
    """`validate: fhir R4` checks every resource before it is written."""

    against: str = "fhir R4"  # fhir R4

    def compile(self, site: Site) -> Run | Fault:
        """The check as a function of the work."""
        if self.against.strip().lower() not in ("fhir r4", "fhir 4.0.1"):
            return Fault(Kind.UNSUPPORTED, "E525", "resources are validated against fhir R4 only", "validate", "write `fhir R4`")
        return validated


def validated(work: Work) -> Work | tuple[Fault, ...]:
    """The work as it came, or everything that is wrong with its resources."""
    faults: list[Fault] = []
    mended: dict[int, JSON] = {}
    told: list[Fault] = []
    for index, put in enumerate(work.puts):
        body = put.body
        known = kind(body.get("resourceType", ""))
        if known is None or not known.right(body):
            found = validate(body)
            if found:
                placed = [replace(fault, at=f"resource {index + 1}: {fault.at}") for fault in found]
                clean = repaired(body) if all(fault.code == FORM for fault in found) else body
                if clean is body or clean is None or validate(clean):
                    faults += placed
                else:
                    mended[index] = clean
                    told += [replace(fault, help="what no FHIR text may hold was left out") for fault in placed]
                continue
            if known is not None:
                known.was_right(body)
    if faults:
        return tuple(faults)
    if not mended:
        return work
    puts = tuple(replace(put, body=mended[at]) if at in mended else put for at, put in enumerate(work.puts))
    return replace(work, puts=puts, warnings=(*work.warnings, *told))
