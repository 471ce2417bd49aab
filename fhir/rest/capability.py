"""The CapabilityStatement, made from what is really there: the types, their parameters, the interactions the handlers have."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from fhir import encode, model
from fhir.search.parameters import parameters

JSON = dict[str, Any]
INTERACTIONS = ("read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type")
SYSTEM = ("transaction", "batch", "history-system")
DEFINITION = "http://hl7.org/fhir/OperationDefinition/"
OPERATIONS = {
    "validate": "Resource-validate",
    "lastn": "Observation-lastn",
    "everything": "Patient-everything",
    "process-message": "MessageHeader-process-message",
    "translate": "ConceptMap-translate",
    "lookup": "CodeSystem-lookup",
    "validate-code": "ValueSet-validate-code",
}
PATCHES = ("application/json-patch+json", "application/merge-patch+json", "application/fhir+json", "application/fhir+xml")


@cache
def statement(base: str, version: str) -> bytes:
    """The statement as JSON; one per address and version."""
    return encode.dumps(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": STARTED,
            "publisher": "Isthmus",
            "kind": "instance",
            "software": {"name": "Isthmus", "version": version or "0"},
            "implementation": {"description": "Isthmus FHIR R4", "url": base},
            "fhirVersion": "4.0.1",
            "format": ["application/fhir+json", "application/fhir+xml", "json", "xml"],
            "patchFormat": list(PATCHES),
            "rest": [
                {
                    "mode": "server",
                    "resource": [described(name) for name in sorted(model.resources())],
                    "interaction": [{"code": code} for code in SYSTEM],
                    "operation": [{"name": name, "definition": DEFINITION + url} for name, url in OPERATIONS.items()],
                }
            ],
        }
    )


STARTED = datetime.now(UTC).date().isoformat()


def described(name: str) -> JSON:
    """What can be done with one type."""
    known = sorted(parameters(name).values(), key=lambda one: one.name)
    references = [f"{name}:{one.name}" for one in known if one.kind == "reference"]
    return {
        "type": name,
        "interaction": [{"code": code} for code in INTERACTIONS],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": True,
        "conditionalCreate": True,
        "conditionalRead": "full-support",
        "conditionalUpdate": True,
        "conditionalDelete": "single",
        "referencePolicy": ["literal", "logical"],
        **({"searchInclude": references} if references else {}),
        "searchRevInclude": ["Provenance:target"],
        "searchParam": [{"name": one.name, "type": one.kind} for one in known],
    }
