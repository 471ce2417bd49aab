"""What a merging write leaves of the stored resource: everything the new body does not state, save what it clears.

What it clears may stand below an element (`period.end`) of which the new body says nothing. A member of a choice that is stated
replaces whichever stood; a primitive goes with its `_` sibling. What may not be empty is the identity of the resource: `resourceType`
and `id` are the new body's. A patient's links to others are added up: whoever was merged or linked before stays so, and only what is
said of the same other record is said anew. What was entered in error has no clinical status (R4's ait-2 and con-5): of the two the one
that is told now stands.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from fhir.model import type_of

JSON = dict[str, Any]


def merge(stored: JSON, body: JSON, clear: tuple[str, ...] = ()) -> JSON:
    """The merged resource, stored names first in their order."""
    gone = set(clear) | {f"_{name}" for name in clear}
    for name in body:
        gone.update(rivals(str(body["resourceType"]), name))
    if (body.get("verificationStatus") or stored.get("verificationStatus")) and _in_error(stored, body):
        gone.add("clinicalStatus" if "verificationStatus" in body else "verificationStatus" if "clinicalStatus" in body else "")
    kept = {name: value for name, value in stored.items() if name not in gone and name != "meta"}
    for name in clear:
        top, _, below = name.partition(".")
        if below and top in kept and top not in body:
            kept = {**kept, top: less} if (less := _without(kept[top], below)) else {one: kept[one] for one in kept if one != top}
    meta = {**stored.get("meta", {}), **body.get("meta", {})}
    meta = {name: value for name, value in meta.items() if name not in ("versionId", "lastUpdated")}
    merged = {**kept, **body}
    if "link" in body and body["resourceType"] == "Patient":
        merged["link"] = list({str(link["other"]): link for link in (*stored.get("link", ()), *body["link"])}.values())
    merged.pop("meta", None)
    return {**merged, "meta": meta} if meta else merged


def _without(value: Any, path: str) -> Any:
    """A value without what stands at a path below it, in each item of a list; what is left empty goes, too."""
    if isinstance(value, list):
        return [less for item in value if (less := _without(item, path))]
    if not isinstance(value, dict):
        return value
    name, _, below = path.partition(".")
    if not below:
        return {one: part for one, part in value.items() if one not in (name, f"_{name}")}
    inner = _without(value[name], below) if name in value else None
    return {one: inner if one == name else part for one, part in value.items() if one != name or inner}


def _in_error(stored: JSON, body: JSON) -> bool:
    """Whether the newest verification status says that all of it was a mistake."""
    status = body.get("verificationStatus") or stored["verificationStatus"]
    return any(coding.get("code") == "entered-in-error" for coding in status.get("coding", ()))


@cache
def rivals(type: str, name: str) -> frozenset[str]:
    """What cannot stand beside an element: its own sibling's old text, and the other members of its choice."""
    held = type_of(type)
    plain = name.removeprefix("_")
    element = held.elements.get(plain) if held else None
    if held is None or element is None:
        return frozenset()
    names = set(held.groups[element.choice].members) if element.choice else {plain}
    return frozenset({*names, *(f"_{other}" for other in names)})
