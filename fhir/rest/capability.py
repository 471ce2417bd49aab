"""The CapabilityStatement, made from what is really there: the types, their parameters, the interactions the handlers have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from fhir import encode, model
from fhir.search.parameters import parameters
from fhir.subscribe.asked import IG, PROFILE
from fhir.subscribe.socket import PATH
from fhir.tables import table

JSON = dict[str, Any]
INTERACTIONS = ("read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type")
SYSTEM = ("transaction", "batch", "history-system")
WEBSOCKET = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket"
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/CapabilityStatement/backport-subscription-server-r4"
OPERATION = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/"
DEFINITION = "http://hl7.org/fhir/OperationDefinition/"
SYSTEM_OPERATIONS = {"process-message": "MessageHeader-process-message", "convert": "Resource-convert"}
OPERATIONS = {
    "Patient": {"everything": "Patient-everything"},
    "Encounter": {"everything": "Encounter-everything"},
    "Observation": {"lastn": "Observation-lastn"},
    "ConceptMap": {"translate": "ConceptMap-translate"},
    "CodeSystem": {"lookup": "CodeSystem-lookup", "validate-code": "CodeSystem-validate-code"},
    "ValueSet": {"validate-code": "ValueSet-validate-code"},
}
COMPARTMENT = "http://hl7.org/fhir/CompartmentDefinition/"
HTTP = {"system": "http://terminology.hl7.org/CodeSystem/message-transport", "code": "http"}
PATCHES = ("application/json-patch+json", "application/merge-patch+json", "application/fhir+json", "application/fhir+xml")


@lru_cache(maxsize=64)
def statement(base: str, version: str, topics: tuple[str, ...] = ()) -> bytes:
    """The statement as JSON; one per address, version and set of topics."""
    scheme, _, rest = base.partition("://")
    socket = {"url": WEBSOCKET, "valueUri": f"{'wss' if scheme == 'https' else 'ws'}://{rest}/{PATH}"}
    return encode.dumps(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": STARTED,
            "publisher": "Isthmus",
            "kind": "instance",
            "software": {"name": "Isthmus", **({"version": version} if version else {})},
            **({"instantiates": [BACKPORT]} if topics else {}),
            "implementation": {"description": "Isthmus FHIR R4", "url": base},
            "fhirVersion": "4.0.1",
            "format": ["application/fhir+json", "application/fhir+xml", "json", "xml"],
            "patchFormat": list(PATCHES),
            "rest": [
                {
                    "extension": [socket],
                    "mode": "server",
                    "resource": [
                        {**described(name), **(subscribing(topics) if name == "Subscription" else {})}
                        for name in sorted(model.resources())
                    ],
                    "interaction": [{"code": code} for code in SYSTEM],
                    "operation": operations(SYSTEM_OPERATIONS),
                    "compartment": [f"{COMPARTMENT}{name[0].lower()}{name[1:]}" for name in sorted(table("compartments"))],
                }
            ],
            "messaging": [
                {
                    "endpoint": [{"protocol": HTTP, "address": f"{base}/$process-message"}],
                    "documentation": "A Bundle of type message enters the channels that take its event, and is answered once it is durable.",
                }
            ],
        }
    )


def operations(named: Mapping[str, str]) -> list[JSON]:
    """Operations with where they are defined."""
    return [{"name": name, "definition": DEFINITION + url} for name, url in named.items()]


def subscribing(topics: tuple[str, ...]) -> JSON:
    """What else can be done with Subscriptions: the operations on them, and the topics that are served."""
    served = [{"url": f"{IG}capabilitystatement-subscriptiontopic-canonical", "valueCanonical": url} for url in topics]
    return {
        **({"extension": served, "supportedProfile": [PROFILE]} if topics else {}),
        "documentation": "By rest-hook, to hosts on the operator's list, and by websocket. A criteria is a search of one type without"
        " chains, _has, :text and :of-type, or the URL of a topic.",
        "operation": operations({"validate": "Resource-validate"})
        + [
            {"name": name, "definition": f"{OPERATION}backport-subscription-{name}"}
            for name in ("status", "events", "get-ws-binding-token")
        ],
    }


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
        **({"searchInclude": ["*", *references]} if references else {}),
        "searchRevInclude": pointing()[name],
        "searchParam": [{"name": one.name, "type": one.kind} for one in known],
        "operation": operations({"validate": "Resource-validate", **OPERATIONS.get(name, {})}),
    }


@lru_cache(maxsize=1)
def pointing() -> Mapping[str, list[str]]:
    """The reference parameters that lead to a type, of all types."""
    found: dict[str, list[str]] = {name: [] for name in sorted(model.resources())}
    for type in found:
        for one in parameters(type).values():
            for target in one.targets or found if one.kind == "reference" else ():
                if target in found:
                    found[target].append(f"{type}:{one.name}")
    return found
