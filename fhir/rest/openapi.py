"""The API's paths for /openapi.json. One template stands for all resource types: /metadata says what each can do."""

from __future__ import annotations

from typing import Any

from fhir import model

JSON = dict[str, Any]
FHIR = "application/fhir+json"
RULES = "https://hl7.org/fhir/R4/resourcelist.html"
RESOURCE: JSON = {
    "type": "object",
    "description": "A resource of FHIR R4. What stands in each type is the specification's to say and is not repeated here: a body that"
    " fits this schema may still be refused with 422, whose OperationOutcome names each place. `$validate` tells without storing.",
    "externalDocs": {"description": "The resource types of R4", "url": RULES},
    "required": ["resourceType"],
    "properties": {
        "resourceType": {"enum": sorted(model.resources())},
        "id": {"type": "string", "pattern": r"^[A-Za-z0-9\-.]{1,64}$"},
    },
}
OUTCOME: JSON = {
    "type": "object",
    "required": ["resourceType", "issue"],
    "properties": {"resourceType": {"const": "OperationOutcome"}, "issue": {"type": "array", "minItems": 1}},
}
TYPE: JSON = {"name": "type", "in": "path", "required": True, "schema": {"enum": sorted(model.resources())}}
ID: JSON = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": r"^[A-Za-z0-9\-.]{1,64}$"}}
OWNER: JSON = {"name": "type", "in": "path", "required": True, "schema": {"enum": ["Encounter", "Patient"]}}
VERSION: JSON = {"name": "version", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
OTHER: JSON = {"name": "other", "in": "path", "required": True, "schema": {"enum": sorted(model.resources())}}
COUNT: JSON = {"name": "_count", "in": "query", "schema": {"type": "integer", "minimum": 0}}
SEARCH: list[JSON] = [
    COUNT,
    *[{"name": name, "in": "query", "schema": {"type": "string"}} for name in ("_id", "_lastUpdated", "_sort", "_include", "_elements")],
    {"name": "_summary", "in": "query", "schema": {"enum": ["true", "false", "text", "data", "count"]}},
    {"name": "_total", "in": "query", "schema": {"enum": ["none", "estimate", "accurate"]}},
]  # fmt: skip
SINCE: JSON = {"name": "_since", "in": "query", "schema": {"type": "string", "format": "date-time"}}
SUBSCRIPTIONS: JSON = {"name": "id", "in": "query", "schema": {"type": "string"}}
EVENTS: list[JSON] = [
    *[
        {"name": name, "in": "query", "schema": {"type": "integer", "minimum": 0}}
        for name in ("eventsSinceNumber", "eventsUntilNumber")
    ],
    {"name": "content", "in": "query", "schema": {"enum": ["empty", "id-only", "full-resource"]}},
]
AT: JSON = {"name": "_at", "in": "query", "schema": {"type": "string", "format": "date"}}
MATCH: JSON = {"name": "If-Match", "in": "header", "schema": {"type": "string", "pattern": '^W/"[0-9]{1,9}"$'}}
CODE: JSON = {"name": "code", "in": "query", "required": True, "schema": {"type": "string", "minLength": 1}}
SYSTEM: JSON = {"name": "system", "in": "query", "schema": {"type": "string"}}
URL: JSON = {"name": "url", "in": "query", "schema": {"type": "string"}}
ALL: list[JSON] = [
    {"name": "_type", "in": "query", "schema": {"enum": sorted(model.resources())}},
    *[{"name": name, "in": "query", "schema": {"type": "string", "format": "date"}} for name in ("start", "end")],
    {"name": "_since", "in": "query", "schema": {"type": "string", "format": "date-time"}},
    COUNT,
]
HL7 = "x-application/hl7-v2+er7"
PATIENT: JSON = {"name": "patient", "in": "query", "required": True, "schema": ID["schema"]}
BY: JSON = {
    "name": "identifier",
    "in": "query",
    "required": True,
    "schema": {"type": "string", "pattern": r"^[a-z]{1,20}\|[0-9]{1,20}$"},
}
NONE: JSON = {"name": "If-None-Exist", "in": "header", "schema": {"type": "string"}}
PATCHES = ("application/json-patch+json", "application/merge-patch+json", FHIR)


def operation(summary: str, *parameters: JSON, body: tuple[str, ...] = ()) -> JSON:
    """One operation; whatever goes wrong is an OperationOutcome."""
    made: JSON = {
        "summary": summary,
        "tags": ["fhir"],
        "parameters": list(parameters),
        "responses": {
            "204": {"description": "done; nothing to send"},
            "304": {"description": "the client has this version"},
            "default": {"description": "a resource, or an OperationOutcome", "content": {FHIR: {"schema": RESOURCE}}},
        },
    }
    if body:
        outcome = {"description": "not as R4 has it, or a patch that does not fit: an OperationOutcome"}
        made["responses"]["422"] = {**outcome, "content": {FHIR: {"schema": OUTCOME}}}
        made["requestBody"] = {
            "required": True,
            "content": {media: {"schema": RESOURCE if media == FHIR else {}} for media in body},
        }
    return made


def paths(prefix: str) -> JSON:
    """Path items by address."""
    of_type, one = f"{prefix}/{{type}}", f"{prefix}/{{type}}/{{id}}"
    return {
        prefix: {"post": operation("Transaction, batch or message", body=(FHIR,))},
        f"{prefix}/metadata": {"get": operation("CapabilityStatement")},
        f"{prefix}/_history": {"get": operation("What changed", COUNT, SINCE, AT)},
        f"{prefix}/$process-message": {"post": operation("Hand a message to its channel", body=(FHIR,))},
        f"{prefix}/$convert": {
            "post": operation("What an HL7 v2 message becomes, or a resource in its other form", body=(HL7, FHIR))
        },
        f"{prefix}/ConceptMap/$translate": {"get": operation("What a code becomes", URL, CODE, SYSTEM)},
        f"{prefix}/CodeSystem/$lookup": {"get": operation("What is known of a code", SYSTEM, CODE)},
        f"{prefix}/CodeSystem/$validate-code": {"get": operation("Whether a system has a code", URL, CODE)},
        f"{prefix}/ValueSet/$validate-code": {"get": operation("Whether a value set has a code", URL, CODE, SYSTEM)},
        of_type: {
            "get": operation("Search", TYPE, *SEARCH),
            "post": operation("Create", TYPE, NONE, body=(FHIR,)),
            "put": operation("Update by condition", TYPE, BY, MATCH, body=(FHIR,)),
            "patch": operation("Patch by condition", TYPE, BY, MATCH, body=PATCHES),
            "delete": operation("Delete by condition", TYPE, BY),
        },
        f"{of_type}/_search": {"post": operation("Search", TYPE, *SEARCH)},
        f"{of_type}/_history": {"get": operation("What changed of a type", TYPE, COUNT, SINCE, AT)},
        f"{of_type}/$validate": {"post": operation("Validate", TYPE, body=(FHIR,))},
        one: {
            "get": operation("Read", TYPE, ID),
            "put": operation("Update", TYPE, ID, MATCH, body=(FHIR,)),
            "patch": operation("Patch", TYPE, ID, MATCH, body=PATCHES),
            "delete": operation("Delete", TYPE, ID, MATCH),
        },
        f"{one}/_history": {"get": operation("Every version", TYPE, ID, COUNT, SINCE, AT)},
        f"{one}/_history/{{version}}": {"get": operation("One version", TYPE, ID, VERSION)},
        f"{one}/{{other}}": {"get": operation("Search in a compartment", TYPE, ID, OTHER, *SEARCH)},
        f"{one}/$everything": {"get": operation("All about a patient or an encounter", OWNER, ID, *ALL)},
        f"{one}/$validate": {"get": operation("Validate what is stored", TYPE, ID)},
        f"{prefix}/Subscription/$status": {"get": operation("How Subscriptions stand", SUBSCRIPTIONS)},
        f"{prefix}/Subscription/{{id}}/$status": {"get": operation("How a Subscription stands", ID)},
        f"{prefix}/Subscription/{{id}}/$events": {"get": operation("What a Subscription told of", ID, *EVENTS)},
        f"{prefix}/Subscription/$get-ws-binding-token": {"get": operation("A token to bind a socket with", SUBSCRIPTIONS)},
        f"{prefix}/Subscription/{{id}}/$get-ws-binding-token": {"get": operation("A token to bind a socket with", ID)},
        f"{prefix}/Observation/$lastn": {"get": operation("The newest of each code", PATIENT)},
    }
