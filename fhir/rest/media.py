"""Which of its forms a client wants, JSON or XML, and which it sends.

Source: https://hl7.org/fhir/R4/http.html#mime-type. `_format` is stronger than Accept; of several accepted the best by `q`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import msgspec

from engine.fault import Fault, Kind
from fhir import encode, xml_read, xml_write
from fhir.rest import binary, convert
from fhir.rest.answer import Answer, refused
from fhir.rest.call import Call, pairs

JSON_TYPE, XML_TYPE = "application/fhir+json", "application/fhir+xml"
JSON = frozenset(
    ("json", "application/json", JSON_TYPE, "application/fhir json", "text/json", "application/json+fhir", "*/*", "application/*")
)
XML = frozenset(("xml", "application/xml", XML_TYPE, "application/fhir xml", "text/xml", "application/xml+fhir"))
READ_JSON = JSON | {"", "application/json-patch+json", "application/merge-patch+json", "application/octet-stream"}
FORMS = (JSON | XML) - {"*/*", "application/*"}
FORM = "application/x-www-form-urlencoded"


@lru_cache(maxsize=512)
def wants_xml(accept: str) -> bool | None:
    """Whether the best of the accepted types is XML; None when none is served here."""
    best, found = -1.0, None
    for part in accept.lower().split(",")[:40]:
        name, *rest = [piece.strip() for piece in part.split(";")]
        weight = quality(rest)
        if (name in JSON or name in XML) and weight > best and weight > 0 and ours(rest):
            best, found = weight, name in XML
    return found


def quality(parameters: list[str]) -> float:
    """The weight a client gives a type."""
    for one in parameters:
        if one.startswith("q="):
            try:
                return min(1.0, max(0.0, float(one[2:6])))
            except ValueError:
                return 0.0
    return 1.0


def ours(parameters: Sequence[str]) -> bool:
    """Whether a type's parameters ask for R4 in UTF-8, or for nothing else."""
    held = {
        name.strip().lower(): value.strip().strip('"').lower() for name, _, value in (one.partition("=") for one in parameters)
    }
    return held.get("fhirversion", "4.0") in ("4.0", "4.0.1") and held.get("charset", "utf-8") in ("utf-8", "utf8")


def answering(query: Any, headers: dict[str, str]) -> bool | Fault:
    """Whether the answer is XML."""
    wanted = (dict(query).get("_format") if query else "") or headers.get("accept", "")
    if not wanted:
        return False
    found = wants_xml(wanted)
    if found is None:
        return Fault(
            Kind.UNSUPPORTED, "E554", f"this server answers in {JSON_TYPE} and {XML_TYPE}", "Accept", "accept one of them"
        )
    return found


def carrying(call: Call, body: bytes) -> Call | Fault:
    """The call with its body; a form's parameters join those of the address."""
    media, _, rest = call.headers.get("content-type", "").partition(";")
    media = media.strip().lower()
    if call.method == "DELETE":
        return call
    if call.path[-1:] == ("_search",):
        return searching(call, media, body)
    if media not in FORMS and binary.written(call, media):
        return replace(call, resource=binary.wrapped(call, media, body))
    if call.path == ("$convert",) and media in convert.MEDIA:
        return replace(call, body=body)
    if rest and media in READ_JSON | XML and not ours(rest.split(";")):
        return Fault(Kind.UNSUPPORTED, "E555", "this server reads FHIR R4 in UTF-8", "Content-Type", "fhirVersion=4.0")
    if media in XML and body:
        resource = xml_read.read(body)
        return resource if isinstance(resource, Fault) else replace(call, resource=resource)
    if body and media not in READ_JSON:
        text = f"this server reads {JSON_TYPE} and {XML_TYPE}"
        return Fault(Kind.UNSUPPORTED, "E555", text, "Content-Type", "send one of them")
    return replace(call, body=body)


def searching(call: Call, media: str, body: bytes) -> Call | Fault:
    """A posted search: the form's parameters join those of the address; criteria in another form would find everything."""
    if body and media != FORM:
        return Fault(Kind.UNSUPPORTED, "E555", "a search is posted as a form", "Content-Type", f"send {FORM}")
    more = pairs(body.decode("utf-8", "replace"))
    if isinstance(more, Fault):
        return more
    params = (*call.params, *more)
    xml = answering(params, dict(call.headers))
    return xml if isinstance(xml, Fault) else replace(call, params=params, xml=xml)


def pretty(call: Call, answer: Answer) -> Answer:
    """The same answer with line breaks, where `_pretty=true` asks for them."""
    if ("_pretty", "true") not in call.params or not answer.body or "Content-Type" in answer.headers:
        return answer
    return replace(answer, body=msgspec.json.format(answer.body, indent=2))


def as_xml(answer: Answer) -> Answer:
    """The same answer in XML."""
    if not answer.body or "Content-Type" in answer.headers:
        return answer
    written = xml_write.write(encode.trusted(answer.body))
    if isinstance(written, Fault):
        return refused(written)
    return replace(answer, body=written, headers={**answer.headers, "Content-Type": f"{XML_TYPE}; charset=utf-8"})
