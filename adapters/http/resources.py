"""What is asked of another FHIR server for a parcel's resources. Pure. Sources: FHIR R4 sections 3.1.0.4, 3.1.0.7.1, 3.1.0.11.2."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, UUID, uuid5

from engine.fault import Fault, Kind
from fhir.encode import loads

SYSTEM = "urn:isthmus:id"
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A request to the server, its path below the base."""

    method: str
    path: str
    body: Resource
    headers: Mapping[str, str] = field(default_factory=dict)


def resources(body: bytes) -> list[Resource] | Fault:
    """The resources of a parcel: a Bundle's, or the one it is."""
    value = loads(body)
    if isinstance(value, Fault):
        return value
    entries = (
        value.get("entry", ()) if isinstance(value, dict) and value.get("resourceType") == "Bundle" else ({"resource": value},)
    )
    found = [entry.get("resource") for entry in entries if isinstance(entry, dict)]
    for one in found:
        if not isinstance(one, dict) or not _is_type(one.get("resourceType")) or not _is_id(one.get("id")):
            help = "send resources with resourceType and id, or a Bundle of such"
            return Fault(Kind.INCORRECT, "E731", "the parcel holds what is no FHIR resource with an id", help=help)
    return found  # type: ignore[return-value]


def _is_type(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isalpha()


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def updates(found: Sequence[Resource]) -> list[Call]:
    """A PUT for each under its own id, what is referred to before what refers."""
    return [Call("PUT", f"{one['resourceType']}/{one['id']}", one) for one in ordered(found)]


def transaction(found: Sequence[Resource], base: str) -> Call:
    """All of them in one, or none."""
    entries = []
    for one in found:
        name = f"{one['resourceType']}/{one['id']}"
        entries.append({"fullUrl": f"{base}/{name}", "resource": one, "request": {"method": "PUT", "url": name}})
    return Call("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entries})


def creates(found: Sequence[Resource], identify: Mapping[str, str]) -> Call:
    """Created under ids of the server's, unless they are there: found by an identifier of a stated system, or by our own tag."""
    if len(found) == 1:
        criterion = _criterion(found[0], identify)
        return Call("POST", found[0]["resourceType"], _unnamed(found[0], {}), {"If-None-Exist": criterion})
    urls = {f"{one['resourceType']}/{one['id']}": _urn(one["resourceType"], one["id"]) for one in found}
    entries = [
        {
            "fullUrl": urls[f"{one['resourceType']}/{one['id']}"],
            "resource": _unnamed(one, urls),
            "request": {"method": "POST", "url": one["resourceType"], "ifNoneExist": _criterion(one, identify)},
        }
        for one in found
    ]
    return Call("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entries})


def ordered(found: Sequence[Resource]) -> list[Resource]:
    """What is referred to first; a circle stays as it came."""
    by_name = {f"{one['resourceType']}/{one['id']}": one for one in found}
    done: dict[str, Resource] = {}
    for start, first in by_name.items():
        stack = [(start, references(first))]
        seen = {start}
        while stack:
            name, rest = stack[-1]
            follow = next((one for one in rest if one in by_name and one not in done and one not in seen), None)
            if follow is None:
                done.setdefault(name, by_name[name])
                stack.pop()
            else:
                seen.add(follow)
                stack.append((follow, references(by_name[follow])))
    return list(done.values())


def references(value: Any) -> Iterator[str]:
    """The literal references of a resource."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            if isinstance(one.get("reference"), str):
                yield one["reference"]
            stack += one.values()
        elif isinstance(one, list):
            stack += one


def _criterion(one: Resource, identify: Mapping[str, str]) -> str:
    system = identify.get(one["resourceType"], "")
    stated = one.get("identifier") or []
    for each in stated if isinstance(stated, list) else [stated]:
        if system and isinstance(each, dict) and each.get("system") == system and each.get("value"):
            return f"identifier={quote(system, safe='')}|{quote(str(each['value']), safe='')}"
    return f"_tag={quote(SYSTEM, safe='')}|{one['id']}"


def _unnamed(one: Resource, urls: Mapping[str, str]) -> Resource:
    """The resource without its id, which the tag keeps, and with references to the others of its Bundle."""
    made = {name: _pointed(value, urls) for name, value in one.items() if name != "id"}
    meta = dict(made.get("meta") or {})
    meta["tag"] = [*(meta.get("tag") or []), {"system": SYSTEM, "code": one["id"]}]
    return {**made, "meta": meta}


def _pointed(value: Any, urls: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            name: urls.get(inner, inner) if name == "reference" and isinstance(inner, str) else _pointed(inner, urls)
            for name, inner in value.items()
        }
    return [_pointed(inner, urls) for inner in value] if isinstance(value, list) else value


def _urn(type: str, id: str) -> str:
    try:
        return f"urn:uuid:{UUID(id)}"
    except ValueError:
        return f"urn:uuid:{uuid5(NAMESPACE_URL, f'{SYSTEM}:{type}/{id}')}"
