"""Binary as what it holds: a PDF is sent and fetched as a PDF, besides the resource that wraps it in base64.

Source: https://hl7.org/fhir/R4/binary.html#rest. It is served for download only, so no browser runs what somebody stored.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import Any

from engine.fault import Fault, Kind
from fhir import encode
from fhir.rest.answer import Answer, refused
from fhir.rest.call import Call

JSON = dict[str, Any]
MEDIA = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+\-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+\-]{0,80}")
REFERENCE = re.compile(r"[A-Za-z]{1,64}/[A-Za-z0-9\-.]{1,64}")


def written(call: Call, media: str) -> bool:
    """Whether a call creates or updates a Binary by its content."""
    shape = ("POST", 1), ("PUT", 2)
    return call.path[:1] == ("Binary",) and (call.method, len(call.path)) in shape and MEDIA.fullmatch(media) is not None


def wrapped(call: Call, media: str, body: bytes) -> JSON:
    """The resource of a content; `X-Security-Context` names whose rules hold for it."""
    named = {"id": call.path[1]} if len(call.path) == 2 else {}
    context = call.headers.get("x-security-context", "")
    whose = {"securityContext": {"reference": context}} if REFERENCE.fullmatch(context) else {}
    return {"resourceType": "Binary", **named, "contentType": media, **whose, "data": base64.b64encode(body).decode()}


def read(method: str, path: tuple[str, ...]) -> bool:
    """Whether one Binary is asked for."""
    return method in ("GET", "HEAD") and path[:1] == ("Binary",) and len(path) in (2, 4)


def unwrapped(call: Call, answer: Answer) -> Answer:
    """The content itself, for a client that accepts its type and no form of FHIR's."""
    if answer.status != 200 or not call.native or not read(call.method, call.path):
        return answer
    held = encode.trusted(answer.body)
    media = str(held["contentType"]).partition(";")[0].strip().lower()
    media = media if MEDIA.fullmatch(media) else "application/octet-stream"
    accepted = [part.partition(";")[0].strip().lower() for part in call.headers.get("accept", "").split(",")[:40]]
    if media not in accepted and f"{media.partition('/')[0]}/*" not in accepted:
        return refused(
            Fault(Kind.UNSUPPORTED, "E554", "the content is of another type than is accepted", "Accept", f"it is {media}")
        )
    headers = {**answer.headers, "Content-Type": media, "Content-Disposition": "attachment"}
    return replace(answer, body=base64.b64decode(held.get("data", "")), headers=headers)
