"""$process-message: a Bundle of type message enters the channels that take its event, and is answered once it is durable.

Source: https://hl7.org/fhir/R4/messageheader-operation-process-message.html.
"""

from __future__ import annotations

from typing import Any

from engine.fault import Fault, Kind
from engine.types import Arrival, Envelope, Site
from fhir import encode
from fhir.rest.answer import Answer, refused
from fhir.rest.call import Call, resource
from fhir.source import REGISTRY, Tap
from fhir.validate import validate

JSON = dict[str, Any]


async def process(site: Site, call: Call) -> Answer:
    """POST $process-message, or a message posted to the base address."""
    for name, value in call.params:
        if (name == "async" and value != "false") or name == "response-url":
            return refused(
                Fault(Kind.UNSUPPORTED, "E536", "messages are answered at once, to their sender", name, "leave it out")
            )
    bundle = resource(call)
    if not isinstance(bundle, Fault) and bundle.get("resourceType") == "Parameters":
        rows = bundle.get("parameter", [])
        held = (
            [row.get("resource") for row in rows if isinstance(row, dict) and row.get("name") == "content"]
            if isinstance(rows, list)
            else []
        )
        bundle = held[0] if held and isinstance(held[0], dict) else bundle
    if isinstance(bundle, Fault):
        return refused(bundle)
    header = header_of(bundle)
    if isinstance(header, Fault):
        return refused(header)
    faults = validate(bundle)
    if faults:
        return refused(faults)
    event = str(header.get("eventUri") or header.get("eventCoding", {}).get("code", ""))
    taps: list[Tap] = [tap for tap in site.settings.get(REGISTRY, ()) if tap.takes(event)]
    if not taps or site.intake is None:
        return refused(
            Fault(
                Kind.NOT_FOUND, "E531", "no channel takes messages of this event", "MessageHeader.event", "give a channel `event`"
            )
        )
    name = str(header.get("id") or bundle.get("id") or site.new_id())
    told = Envelope(event, header["source"].get("endpoint", ""), name, about(bundle) or name)
    body = call.body or encode.dumps(bundle)
    receipts = await site.intake.accept([Arrival(site.new_id(), tap.channel, "fhir", body, site.now(), told) for tap in taps])
    wrong = next((one for one in receipts if isinstance(one, Fault)), None)
    return refused(wrong) if wrong is not None else Answer(200, response(site, call, header, name))


def header_of(bundle: JSON) -> JSON | Fault:
    """The MessageHeader, which is a message's first entry."""
    rows = bundle.get("entry")
    first = rows[0].get("resource") if isinstance(rows, list) and rows and isinstance(rows[0], dict) else None
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "message" or not isinstance(first, dict):
        return Fault(Kind.INCORRECT, "E532", "not a Bundle of type message", "Bundle.type", "its first entry is a MessageHeader")
    if first.get("resourceType") != "MessageHeader":
        return Fault(Kind.INCORRECT, "E532", "a message without its MessageHeader", "Bundle.entry[0]", "it is the first entry")
    return first


def about(bundle: JSON) -> str:
    """The patient a message is about: its order goes by it."""
    for row in bundle.get("entry", ()):
        held = row.get("resource", {})
        if held.get("resourceType") == "Patient":
            return str(row.get("fullUrl") or f"Patient/{held.get('id', '')}")
    return ""


def response(site: Site, call: Call, header: JSON, name: str) -> bytes:
    """The message that says it was taken."""
    id = str(site.new_id())
    event = {key: value for key, value in header.items() if key in ("eventUri", "eventCoding")}
    told = {"identifier": name if len(name) <= 64 else name[:64], "code": "ok"}
    answer = {"resourceType": "MessageHeader", "id": id, **event, "source": {"endpoint": call.base}, "response": told}
    stamp = site.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    entry = {"fullUrl": f"urn:uuid:{id}", "resource": answer}
    return encode.dumps(
        {"resourceType": "Bundle", "id": str(site.new_id()), "type": "message", "timestamp": stamp, "entry": [entry]}
    )
