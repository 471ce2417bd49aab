"""One interaction as it was asked for, over HTTP or as an entry of a Bundle."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.fault import Fault, Kind
from fhir import encode, model
from fhir.store.access import Access

JSON = dict[str, Any]
ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
ETAG = re.compile(r'(?:W/)?"([0-9]{1,9})"')
TYPES = frozenset(model.resources())
LONGEST = 60_000  # characters of a path and its query


@dataclass(slots=True)
class Trail:
    """What is noted of a request while it is answered, for its access to be kept."""

    peer: str = ""
    interaction: str = ""  # where the address alone does not tell it
    kept: bool = False  # in the transaction of the write
    more: list[Access] = field(default_factory=list)  # of a batch's entries


@dataclass(frozen=True, slots=True)
class Call:
    """Method, path below the base, parameters, the headers that matter, and the resource sent."""

    method: str
    path: tuple[str, ...]
    params: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""
    resource: JSON | None = None  # of a Bundle's entry, already read
    base: str = ""
    xml: bool = False  # whether the answer is written as XML
    native: bool = False  # whether only a type of no form of FHIR is accepted: a Binary's content
    trail: Trail | None = None

    @property
    def type(self) -> str:
        """The resource type the path begins with; empty for the whole system."""
        return self.path[0] if self.path and self.path[0] in TYPES else ""

    def prefer(self, name: str) -> str:
        """A preference's value: `return` is minimal, representation or OperationOutcome; `handling` strict or lenient."""
        for part in re.split(r"[,;]", self.headers.get("prefer", "")):
            key, _, value = part.strip().partition("=")
            if key.strip().lower() == name:
                return value.strip().strip('"')
        return ""

    def if_match(self) -> int | Fault | None:
        """The version that must be the newest; None when the client does not mind, which an empty header does not say.

        0 where there must be none (`If-None-Match: *`, RFC 9110 section 13.1.2).
        """
        text = self.headers.get("if-match")
        if text is None:
            return 0 if self.method == "PUT" and self.headers.get("if-none-match", "").strip() == "*" else None
        found = ETAG.fullmatch(text.strip())
        return int(found[1]) if found else Fault(Kind.INCORRECT, "E556", "not an ETag of this server", "If-Match", 'as in W/"3"')


def resource(call: Call) -> JSON | Fault:
    """The resource sent, as R4 has it or not; validation comes later."""
    if call.resource is not None:
        return call.resource
    if not call.body:
        return Fault(Kind.INCORRECT, "E557", "the request has no body", help="send the resource")
    return encode.loads(call.body)


def pairs(query: str) -> Sequence[tuple[str, str]] | Fault:
    """The parameters of a query string."""
    from urllib.parse import parse_qsl  # noqa: PLC0415

    try:
        return parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=200)
    except (UnicodeDecodeError, ValueError):
        return Fault(Kind.INCORRECT, "E562", "the query is not UTF-8, or too long", help="escape it as a form does")
