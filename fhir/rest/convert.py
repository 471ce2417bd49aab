"""$convert: an HL7 v2 message in, the Bundle it becomes out, by the mappings deployed; a resource changes its form. Nothing is stored.

Source: https://hl7.org/fhir/R4/resource-operation-convert.html.
"""

from __future__ import annotations

import asyncio
from typing import Any

from engine.fault import Fault, Kind
from fhir import encode
from fhir.bundle import collect
from fhir.rest.answer import Answer, refused
from fhir.rest.call import TYPES, Call, resource
from fhir.rest.server import Server
from fhir.validate import validate

JSON = dict[str, Any]
MEDIA = ("x-application/hl7-v2+er7", "application/hl7-v2", "application/edi-hl7", "text/plain", "application/octet-stream", "")


async def convert(server: Server, call: Call) -> Answer:
    """POST $convert: the message itself, or Parameters whose `input` or `content` holds it."""
    held = contained(call)
    if held is not None:
        faults = validate(held)
        return refused(faults) if faults else Answer(200, encode.dumps(held))
    body = message(call)
    if isinstance(body, Fault):
        return refused(body)
    run: Any = server.site.settings.get("convert")
    if run is None:
        return refused(Fault(Kind.UNSUPPORTED, "E533", "this server has no mappings"))
    made = await asyncio.to_thread(run, body, "hl7v2")
    return refused(made) if isinstance(made, tuple) else Answer(200, encode.dumps(collect(made, call.base)))


def contained(call: Call) -> JSON | None:
    """A resource that is only to change its form, XML or JSON; None for a message."""
    media = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media in MEDIA:
        return None
    found = resource(call)
    if isinstance(found, Fault) or not isinstance(found.get("resourceType"), str) or found["resourceType"] not in TYPES:
        return None
    if found["resourceType"] != "Parameters":
        return found
    rows = found.get("parameter")
    inside = [row.get("resource") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return next((one for one in inside if isinstance(one, dict)), None)


def message(call: Call) -> bytes | Fault:
    """The message's bytes; lines that end as in a text file end as HL7's segments do."""
    body = call.body
    media = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in MEDIA:
        held: Any = call.resource or encode.loads(body)
        rows = held.get("parameter", ()) if isinstance(held, dict) else ()
        rows = rows if isinstance(rows, list) else ()
        texts = [row.get("valueString") for row in rows if isinstance(row, dict) and row.get("name") in ("input", "content")]
        if isinstance(held, Fault) or not texts or not isinstance(texts[0], str):
            help = "send the message as x-application/hl7-v2+er7, or Parameters with `input`"
            return (
                held
                if isinstance(held, Fault)
                else Fault(Kind.INCORRECT, "E533", "no HL7 v2 message", "Parameters.parameter", help)
            )
        body = texts[0].encode("utf-8", "replace")
    body = body.replace(b"\r\n", b"\r").replace(b"\n", b"\r")
    return body if body.startswith(b"MSH") else Fault(Kind.INCORRECT, "E533", "no HL7 v2 message", "MSH", "it begins with MSH")
