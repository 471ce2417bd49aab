"""The entries of a transaction or batch as calls. Source: https://hl7.org/fhir/R4/bundle.html."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

from engine.fault import Fault, Kind
from engine.types import Written
from fhir.rest.answer import Answer
from fhir.rest.call import TYPES, Call

JSON = dict[str, Any]
MAX_ENTRIES = 5000
HEADERS = {"ifMatch": "if-match", "ifNoneExist": "if-none-exist", "ifNoneMatch": "if-none-match"}
PATCHES = ("application/json-patch+json", "application/merge-patch+json")  # by Binary; a FHIRPath Patch is Parameters
SYSTEM = ("_", "$")  # how the names of what is no resource type begin


@dataclass(slots=True)
class Entry:
    """One entry on its way; `fault` says why it is no request."""

    place: int
    call: Call
    full_url: str
    id: str = ""
    found: bool = False  # If-None-Exist matched: nothing is created
    written: Written | None = None
    answer: Answer | None = None
    body: JSON | None = None
    fault: Fault | None = None

    @property
    def at(self) -> str:
        """Where it stands, as FHIRPath."""
        return f"Bundle.entry[{self.place}]"

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.call.method in ("GET", "HEAD")


def entries(bundle: JSON, base: str) -> list[Entry] | Fault:
    """The entries in their order; those that are no requests carry the reason."""
    rows: Sequence[JSON] = bundle.get("entry", [])
    if len(rows) > MAX_ENTRIES:
        return Fault(Kind.INCORRECT, "E575", f"more than {MAX_ENTRIES} entries", "Bundle.entry", "send several Bundles")
    found = []
    for place, row in enumerate(rows):
        call = asked(row, base, f"Bundle.entry[{place}].request")
        wrong = isinstance(call, Fault)
        found.append(Entry(place, Call("", ()) if wrong else call, row.get("fullUrl", ""), fault=call if wrong else None))  # type: ignore[arg-type]
    return found


def asked(row: JSON, base: str, at: str) -> Call | Fault:
    """One entry's request."""
    request = row.get("request")
    if not request:
        return Fault(Kind.INCORRECT, "E575", "an entry without a request", at, "every entry says method and url")
    url = request["url"].removeprefix(f"{base}/").removeprefix("/")
    path, _, query = url.partition("?")
    parts = tuple(part for part in path.split("/") if part)
    known = not parts or parts[0] in TYPES or parts[0].startswith(SYSTEM) or parts == ("metadata",)
    if "://" in path or ".." in parts or not known:
        return Fault(Kind.INCORRECT, "E575", "a url that is not of this server", at, "write it relative: Patient/1")
    headers = {HEADERS[name]: value for name, value in request.items() if name in HEADERS}
    if "ifModifiedSince" in request:
        headers["if-modified-since"] = dated(request["ifModifiedSince"])
    held = row.get("resource")
    pairs = tuple(parse_qsl(query, keep_blank_values=True)) if query else ()
    if request["method"] != "PATCH" or held is None or held.get("resourceType") != "Binary":
        return Call(request["method"], parts, pairs, headers, b"", held, base)
    if held.get("contentType") not in PATCHES:
        return Fault(
            Kind.UNSUPPORTED, "E555", "no patch that a Binary holds", at, f"its contentType is one of {', '.join(PATCHES)}"
        )
    try:
        body = b64decode(held.get("data", ""), validate=True)
    except (ValueError, TypeError):
        return Fault(Kind.INCORRECT, "E574", "the patch is not base64", at, "see Binary.data")
    return Call("PATCH", parts, pairs, {**headers, "content-type": held["contentType"]}, body, None, base)


def dated(text: str) -> str:
    """An instant as HTTP has times; empty for one that no clock shows."""
    try:
        return format_datetime(datetime.fromisoformat(text).astimezone(UTC), usegmt=True)
    except (ValueError, OverflowError):
        return ""
