"""$validate: what is wrong with a resource, or that nothing is; 200 either way.

Its modes: create, update, delete, profile. Source: https://hl7.org/fhir/R4/resource-operation-validate.html.
"""

from __future__ import annotations

from typing import Any

from engine.fault import Fault, Kind
from fhir import encode
from fhir.rest import derived
from fhir.rest.answer import Answer, refused
from fhir.rest.call import Call, resource
from fhir.rest.outcome import fine, outcome
from fhir.rest.owned import owned
from fhir.rest.read import absent, gone
from fhir.rest.server import Server
from fhir.validate import validate

JSON = dict[str, Any]
MODES = ("", "create", "update", "delete", "profile")
PROFILES = "http://hl7.org/fhir/StructureDefinition/"
PARTS = frozenset(("resource", "mode", "profile"))


async def validating(server: Server, call: Call) -> Answer:
    """POST Type/$validate, POST or GET Type/id/$validate."""
    asked = told(call)
    if isinstance(asked, Fault):
        return refused(asked)
    body, mode, profile = asked
    id = call.path[1] if len(call.path) == 3 else ""
    if mode not in MODES or (mode == "delete" and not id):
        return refused(
            Fault(Kind.INCORRECT, "E562", "no such mode here", "mode", "create, update, profile, or delete of a resource")
        )
    if profile.partition("|")[0] not in ("", f"{PROFILES}Resource", f"{PROFILES}DomainResource", PROFILES + call.type):
        return refused(Fault(Kind.UNSUPPORTED, "E536", "this server does not know the profile", "profile", "leave it out"))
    if mode == "delete":
        return answer(await deletable(server, call.type, id))
    if body is None:
        found = (
            await stored(server, call.type, id) if id else Fault(Kind.INCORRECT, "E557", "no resource to validate", "resource")
        )
        return refused(found) if isinstance(found, Fault) else answer(validate(found))
    if body.get("resourceType") != call.type:
        help = f"send a {call.type}"
        return refused(Fault(Kind.INCORRECT, "E558", "the body is of another type than the address", "resourceType", help))
    return answer([*named(body, id, mode, call.type), *validate(body)])


def told(call: Call) -> tuple[JSON | None, str, str] | Fault:
    """The resource, the mode and the profile, of the address or of Parameters."""
    query = dict(call.params)
    mode, profile = query.get("mode", ""), query.get("profile", "")
    if not call.body and call.resource is None:
        return None, mode, profile
    body = resource(call)
    if isinstance(body, Fault):
        return body
    rows = body.get("parameter")
    listed = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    if body.get("resourceType") != "Parameters" or not any(row.get("name") in PARTS for row in listed):
        return body, mode, profile
    parts = {str(row.get("name")): row for row in listed}
    held = parts.get("resource", {}).get("resource")
    mode = str(parts.get("mode", {}).get("valueCode", mode))
    profile = str(parts.get("profile", {}).get("valueUri", parts.get("profile", {}).get("valueCanonical", profile)))
    return (held if isinstance(held, dict) else None), mode, profile


def named(body: JSON, id: str, mode: str, type: str) -> list[Fault]:
    """Whether the body's id is the one meant."""
    if (id and mode != "create" and body.get("id", id) != id) or (mode == "update" and not body.get("id")):
        return [Fault(Kind.INCORRECT, "E559", "the body has another id than the address, or none", f"{type}.id", "send the same")]
    return []


async def stored(server: Server, type: str, id: str) -> JSON | Fault:
    """The resource as it is now."""
    rows = await server.newest(type, id)
    if not rows and type in derived.TYPES:
        rows = await derived.one(server, type, id)
    if not rows or rows[0][2]:
        return gone(f"{type}/{id}") if rows else absent(f"{type}/{id}")
    return encode.trusted(rows[0][3])


async def deletable(server: Server, type: str, id: str) -> list[Fault]:
    """Why a resource could not be deleted."""
    own = owned(type, id)
    found = own if own is not None else await stored(server, type, id)
    return [found] if isinstance(found, Fault) else []


def answer(faults: list[Fault]) -> Answer:
    """The verdict."""
    return Answer(200, encode.dumps(outcome(faults) if faults else fine("the resource is right")))
