"""The resources a received document holds, ready to be written: one resource as it is, a Bundle's entries with ids of this store.

Ids of another server mean nothing here, so an entry known by an address of one gets an id made of that address, always the same;
references between entries follow. Source: https://hl7.org/fhir/R4/bundle.html#references.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from engine.types import Put
from fhir import encode
from fhir.ids import resource_id

JSON = dict[str, Any]


def puts(value: JSON) -> tuple[Put, ...]:
    """What a document would write; a searchset's outcomes and entries without a resource are left out."""
    if value.get("resourceType") != "Bundle":
        return (Put(value if value.get("id") else {**value, "id": made_of(value)}),)
    rows = [row for row in value.get("entry", ()) if isinstance(row, dict) and isinstance(row.get("resource"), dict)]
    names: dict[str, str] = {}
    held: list[tuple[JSON, str]] = []
    for row in rows:
        body, url = row["resource"], str(row.get("fullUrl", ""))
        type, own = str(body.get("resourceType", "")), str(body.get("id", ""))
        if not type or type == "OperationOutcome":
            continue
        id = identity(type, own, url) or made_of(body)
        names |= {name: f"{type}/{id}" for name in (url, f"{type}/{own}" if own else "") if name}
        held.append((body, id))
    return tuple(Put({**pointed(body, names), "id": id}) for body, id in held)


def identity(type: str, own: str, url: str) -> str:
    """An entry's id here; empty when nothing names it."""
    if url.startswith("urn:uuid:"):
        return own or url.removeprefix("urn:uuid:").lower()
    return resource_id(type, url) if url.startswith(("http://", "https://", "urn:")) else own


def made_of(body: JSON) -> str:
    """An id for what has none, made of its content: the same body again is the same resource."""
    return resource_id(str(body.get("resourceType", "")), blake2b(encode.SORTED.encode(body), digest_size=16).hexdigest())


def pointed(value: Any, names: dict[str, str]) -> Any:
    """A copy whose references name the entries by their ids here."""
    if isinstance(value, dict):
        return {
            key: names.get(one, one) if key == "reference" and isinstance(one, str) else pointed(one, names)
            for key, one in value.items()
        }
    return [pointed(one, names) for one in value] if isinstance(value, list) else value
