"""The step `validate`: what a channel writes is right R4, or the message is held with the faults that say where not."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.fault import Fault, Kind
from engine.types import Put, Run, Site, Work
from fhir.validate import checker, validate


@dataclass(frozen=True, slots=True)
class Validate:
    """`validate: fhir R4` checks every resource before it is written."""

    against: str = "fhir R4"  # fhir R4

    def compile(self, site: Site) -> Run | Fault:
        """The check as a function of the work."""
        if self.against.strip().lower() not in ("fhir r4", "fhir 4.0.1"):
            return Fault(Kind.UNSUPPORTED, "E525", "resources are validated against fhir R4 only", "validate", "write `fhir R4`")
        return validated


VALID: dict[int, Put] = {}  # Puts that mappings give again and again; kept alive, so that no other can be taken for one
MOST_VALID = 8192


def validated(work: Work) -> Work | tuple[Fault, ...]:
    """The work as it came, or everything that is wrong with its resources."""
    faults: list[Fault] = []
    for index, put in enumerate(work.puts):
        if id(put) in VALID:
            continue
        body = put.body
        test = checker(body.get("resourceType", ""))
        if test is not None and "text" not in body and "contained" not in body and test(body):
            if put.merge:
                if len(VALID) >= MOST_VALID:
                    VALID.clear()
                VALID[id(put)] = put
            continue
        faults += [replace(fault, at=f"resource {index + 1}: {fault.at}") for fault in validate(body)]
    return tuple(faults) if faults else work
