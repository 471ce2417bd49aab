"""Strict JSON Schemas for R4 resources, generated from the element table; one per resource type, made when first asked for.

Beyond names and types they hold what the published schema leaves out: required primitives (or their `_` sibling), one member of
a choice, the targets of references, whole required bindings, days that exist. Resources inside resources are only marked here
and checked by their own schemas. A `$comment` names what a combined rule is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from fhir import model
from fhir.primitives import BOUNDS, PATTERNS
from fhir.tables import table

JSON = dict[str, Any]
OBJECT: JSON = {"type": "object", "required": ["resourceType"]}
ID = r"[A-Za-z0-9\-.]{1,64}"
MAX_TEXT = 1024 * 1024
RESOURCES = frozenset(model.resources())
ABSENT = {"type": "null"}


@cache
def schema(resource: str) -> JSON:
    """The schema of one resource type."""
    found: dict[str, JSON] = {}
    wanted = [resource]
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name], further = defined(name)
            wanted += further
    top = found.pop(resource)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **top, "$defs": found}


@cache
def defined(name: str) -> tuple[JSON, tuple[str, ...]]:
    """The schema of one type, made once for all that refer to it, and the types it refers to itself. Never changed."""
    wanted: list[str] = []
    return definition(name, wanted), tuple(wanted)


def several(resources: Sequence[str]) -> JSON:
    """The schema of an object that holds one resource under the name of its type: of these types, and no other."""
    found: dict[str, JSON] = {}
    for name in resources:
        own = {key: value for key, value in schema(name).items() if key not in ("$schema", "$defs")}
        found |= schema(name)["$defs"] | {name: own}
    properties = {name: {"$ref": f"#/$defs/{name}"} for name in resources}
    rules = {"type": "object", "properties": properties, "additionalProperties": False}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **rules, "$defs": found}


def part(resource: str, name: str) -> JSON | None:
    """The schema of one element's value by itself: what a resource without `_` siblings asks of it; None where R4 has no such element.

    It takes no extension, which may hold a value of every type: what has one is judged by the schema of its resource.
    """
    whole_, type = schema(resource), model.type_of(resource)
    rule = whole_["properties"].get(name)
    if rule is None or type is None:
        return None
    element = type.elements.get(name)
    if element is not None and element.primitive and element.max != 1:
        rule = {**rule, "allOf": [{"items": {"not": ABSENT}}]}
    return {"$schema": whole_["$schema"], **rule, "$defs": reached(rule, whole_["$defs"])}


def reached(rule: Any, known: JSON) -> JSON:
    """The definitions a rule comes to."""
    found: JSON = {}
    wanted = [rule]
    while wanted:
        one = wanted.pop()
        if isinstance(one, dict):
            name = str(one.get("$ref", "")).removeprefix("#/$defs/")
            if name and name not in found:
                found[name] = {"not": {}} if name == "Extension" else known[name]
                wanted.append(found[name])
            wanted += one.values()
        elif isinstance(one, list):
            wanted += one
    return found


def definition(name: str, wanted: list[str]) -> JSON:
    """The schema of one type; the types it refers to are added to `wanted`."""
    type = model.type_of(name)
    if type is None:
        raise KeyError(name)
    properties: JSON = {"resourceType": {"const": name}} if type.kind == "resource" else {}
    rules: list[JSON] = []
    for element in type.elements.values():
        properties[element.name] = many(element, one(element, name, wanted))
        if element.primitive:
            properties[f"_{element.name}"] = many(element, extended(element, wanted))
            rules += beside(element)
    for group in type.groups.values():
        members = ("extension", *group.members) if name == "Extension" else group.members
        if group.min:
            rules.append({"anyOf": present(members), "$comment": f"E511 {group.name}"})
        rules.append(single(members, group.name))
    made: JSON = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": properties,
        "required": required(type),
    }
    if name == "Extension":
        made["minProperties"] = 2
    if rules:
        made["allOf"] = rules
    return made


def required(type: model.Type) -> list[str]:
    """The names that must stand as they are; a primitive may stand by its `_` sibling instead, save an extension's url."""
    strict = type.name == "Extension"
    names = [e.name for e in type.elements.values() if e.min and (strict or not e.primitive)]
    return ["resourceType", *names] if type.kind == "resource" else names


def one(element: model.Element, owner: str, wanted: list[str]) -> JSON:
    """The schema of a single value."""
    if element.type in ("Resource", "xhtml"):
        return OBJECT if element.type == "Resource" else {"type": "string", "pattern": whole(PATTERNS["xhtml"])}
    if element.primitive:
        return primitive(element, owner)
    if element.type == "Reference":
        return reference(element.targets, wanted)
    name = element.definition
    if name not in wanted:
        wanted.append(name)
    made: JSON = {"$ref": f"#/$defs/{name}"}
    return bound(made, element) if element.codes is not None else made


def primitive(element: model.Element, owner: str) -> JSON:
    """A plain value: nothing but its own JSON type and its own form."""
    if element.type == "boolean":
        return {"type": "boolean"}
    if element.type == "decimal":
        return {"type": "number"}
    if element.type in BOUNDS:
        least, most = BOUNDS[element.type]
        return {"type": "integer", "minimum": least, "maximum": most}
    if element.codes is not None:
        return {"enum": sorted(element.codes)}
    if element.name == "id" and owner in RESOURCES:
        return {"type": "string", "pattern": whole(ID)}
    made: JSON = {"type": "string", "pattern": whole(PATTERNS[element.type])}
    if element.type in ("string", "markdown"):
        made["maxLength"] = MAX_TEXT
    return made


def whole(pattern: str) -> str:
    """The pattern from the first to the last character of a text."""
    return rf"\A(?:{pattern})\z"


def many(element: model.Element, single: JSON) -> JSON:
    """A list where the element repeats; a primitive may be null where its sibling speaks."""
    if element.max == 1:
        return single
    if element.primitive:
        single = {**single, "type": [single["type"], "null"]} if "type" in single else {"anyOf": [single, ABSENT]}
    made: JSON = {"type": "array", "minItems": max(1, element.min), "items": single}
    return made if element.max is None else {**made, "maxItems": element.max}


def extended(element: model.Element, wanted: list[str]) -> JSON:
    """The `_` sibling of a primitive: an id and extensions."""
    if "Element" not in wanted:
        wanted.append("Element")
    return {"$ref": "#/$defs/Element"}


def beside(element: model.Element) -> list[JSON]:
    """What ties a primitive to its sibling: one must stand where required, and a null needs the other."""
    name, found = element.name, []
    if element.min:
        found.append({"anyOf": present((name,)), "$comment": f"E511 {name}"})
    if element.max != 1:
        full = {"properties": {name: {"items": {"not": ABSENT}}}}
        found.append({"anyOf": [full, {"required": [f"_{name}"]}], "$comment": f"E520 {name}"})
    return found


def present(names: tuple[str, ...]) -> list[JSON]:
    """One of the names stands, or its sibling."""
    return [{"required": [name]} for name in both(names)]


def both(names: tuple[str, ...]) -> list[str]:
    """The names, each followed by its sibling."""
    return [each for name in names for each in (name, f"_{name}")]


def single(members: tuple[str, ...], name: str) -> JSON:
    """Of a choice at most one member stands, with or without its sibling."""
    each = [{"anyOf": present((member,))} for member in members]
    return {"anyOf": [{"not": {"anyOf": present(members)}}, {"oneOf": each}], "$comment": f"E515 {name}"}


def reference(targets: tuple[str, ...], wanted: list[str]) -> JSON:
    """A Reference, relative ones to the types allowed only."""
    wanted.append("Reference")
    made: JSON = {"$ref": "#/$defs/Reference"}
    names = "|".join(targets or model.resources())
    literal = rf"\A(?:#.*|urn:.+|[a-z][a-z0-9+.\-]*://.+|(?:{names})/{ID}(?:/_history/{ID})?)\z"
    rules: JSON = {"reference": {"pattern": literal, "$comment": "E516 reference"}}
    if targets:
        rules["type"] = {"pattern": rf"\A(?:{names}|http.+)\z", "$comment": "E516 type"}
    return {**made, "properties": rules}


def bound(made: JSON, element: model.Element) -> JSON:
    """A coded value of a required binding: one coding is of the set, or an extension says why not."""
    pairs = table("r4")["codes"][element.value_set]
    systems: dict[str, list[str]] = {}
    for pair in pairs:
        system, _, code = pair.rpartition("|")
        systems.setdefault(system, []).append(code)
    known = [
        {"properties": {"system": {"const": system}, "code": {"enum": names}}, "required": ["system", "code"]}
        for system, names in systems.items()
    ]
    coding: JSON = known[0] if len(known) == 1 else {"anyOf": known}
    if element.type == "CodeableConcept":
        coding = {"properties": {"coding": {"contains": coding}}, "required": ["coding"]}
    elif element.type != "Coding":
        return made
    return {**made, "anyOf": [coding, {"required": ["extension"]}], "$comment": f"E513 {element.name}"}
