"""Strict validation of R4 resources: the generated schema first, in microseconds; places and reasons only when it says no.

`validate` gives the faults E510–E523 with FHIRPath places, never a value of the resource. Source: https://hl7.org/fhir/R4/validation.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from typing import Any

import jsonschema_rs

from engine.fault import Fault, Kind
from fhir import encode, model, narrative
from fhir.schema import part as schema_of_part
from fhir.schema import schema
from fhir.schema import several as schema_of_several

JSON = dict[str, Any]
MAX_FAULTS = 20
MAX_INSIDE = 8  # resources inside resources
USUAL = (  # what messages become: where one of them comes, the others do
    "Patient", "Encounter", "Observation", "DiagnosticReport", "ServiceRequest", "Specimen", "Practitioner", "PractitionerRole",
    "Organization", "Location", "Provenance",
)  # fmt: skip
REASONS: dict[str, tuple[str, str, str]] = {
    "AdditionalProperties": ("E510", "an element that R4 does not have here", "see the resource's page, or use an extension"),
    "Required": ("E511", "an element that must stand is missing", "state it"),
    "Type": ("E512", "the value has another JSON type", "see the element's type"),
    "Constant": ("E512", "the value is another one than it must be", "see the element's page"),
    "Enum": ("E513", "the code is not of the required value set", "use one of the value set's codes"),
    "Pattern": ("E514", "the text does not have the form of its type", "see the type's page"),
    "Minimum": ("E514", "the number is too small for its type", "see the type's page"),
    "Maximum": ("E514", "the number is too large for its type", "see the type's page"),
    "MaxLength": ("E514", "the text is too long", "send at most 1 MB"),
    "FalseSchema": ("E515", "two members of one choice", "state one value only"),
    "MinItems": ("E519", "too few repetitions, or an empty list", "leave an empty list out"),
    "MaxItems": ("E519", "too many repetitions", "see the element's cardinality"),
    "MinProperties": ("E520", "an element without content", "leave it out"),
    "AnyOf": ("E511", "an element that must stand is missing", "state it"),
}
COMMENTS: dict[str, tuple[str, str]] = {
    "E511": ("an element that must stand is missing", "state it"),
    "E513": ("no coding of the required value set", "use one of the value set's codings"),
    "E515": ("two members of one choice", "state one value only"),
    "E516": ("a reference to a type that may not stand here", "see the element's reference targets"),
    "E520": ("an empty place in a list without a sibling that speaks", "leave it out"),
}


def validate(resource: JSON | bytes) -> list[Fault]:
    """Everything wrong with a resource, at most 20 faults; empty when it is right."""
    if isinstance(resource, bytes):
        read = encode.loads(resource)
        if isinstance(read, Fault):
            return [read]
        resource = read
    name = resource.get("resourceType")
    tester = checker(name) if isinstance(name, str) else None
    if tester is None:
        return [unknown("resourceType")]
    found = [] if tester(resource) else first(explain(resource, str(name)))
    if not found and ("text" in resource or "contained" in resource or name in ("Bundle", "Parameters")):
        found = first(further(resource, str(name), str(name), 0))
    return found


def first(faults: Iterator[Fault]) -> list[Fault]:
    """The first faults, each once."""
    return list(dict.fromkeys(islice(faults, 4 * MAX_FAULTS)))[:MAX_FAULTS]


@cache
def validator(name: str) -> Any:
    """The compiled schema of a resource type, which tells what is wrong; its expressions run without backtracking."""
    return jsonschema_rs.validator_for(schema(name), pattern_options=jsonschema_rs.RegexOptions())


@cache
def together(names: tuple[str, ...]) -> Callable[[JSON], bool]:
    """The compiled schemas of several types as one, of `{type: resource}`: what they share, nearly all, is in memory once."""
    rules = schema_of_several(names)
    test: Callable[[JSON], bool] = jsonschema_rs.validator_for(rules, pattern_options=jsonschema_rs.RegexOptions()).is_valid
    return test


@cache
def checker(name: str) -> Callable[[JSON], bool] | None:
    """Says yes or no; None when R4 has no such resource."""
    if name not in model.resources():
        return None
    test = together(USUAL if name in USUAL else (name,))
    return lambda resource: test({name: resource})


@cache
def part(name: str, element: str) -> Callable[[Any], bool]:
    """Says of one element's value whether it may stand in a resource that has no `_` siblings; never for an element R4 does not have."""
    rules = schema_of_part(name, element)
    if rules is None:
        return lambda _: False
    test: Callable[[Any], bool] = jsonschema_rs.validator_for(rules, pattern_options=jsonschema_rs.RegexOptions()).is_valid
    return test


def unknown(at: str) -> Fault:
    """The fault for a type that is none."""
    return Fault(Kind.INCORRECT, "E523", "no resource type of R4", at, "see the list of resource types")


def explain(resource: JSON, at: str) -> Iterator[Fault]:
    """The schema's complaints as faults."""
    name = resource["resourceType"]
    try:
        for error in validator(name).iter_errors(resource):
            yield from fault(error, at, schema(name))
    except (ValueError, RecursionError):
        yield Fault(Kind.INCORRECT, "E505", "nested too deeply", at, "nest less")


def fault(error: Any, at: str, rules: JSON) -> Iterator[Fault]:
    """One complaint as faults: unknown elements are told one by one."""
    kind = type(error.kind).__name__.rpartition("_")[2]
    place = fhirpath(at, error.instance_path)
    comment = said(rules, error.schema_path)
    if kind in ("AdditionalProperties", "UnevaluatedProperties"):
        code, text, help = REASONS["AdditionalProperties"]
        for odd in error.kind.unexpected:
            known = odd if odd.isidentifier() and len(odd) <= 64 else "?"
            yield Fault(Kind.INCORRECT, code, text, f"{place}.{known}", help)
    elif kind == "Required":
        code, text, help = REASONS[kind]
        yield Fault(Kind.INCORRECT, code, text, f"{place}.{error.kind.property}", help)
    elif comment and kind in ("AnyOf", "FalseSchema", "Pattern", "Contains"):
        code, _, name = comment.partition(" ")
        text, help = COMMENTS[code]
        yield Fault(Kind.INCORRECT, code, text, f"{place}.{name}" if code in ("E511", "E515", "E520") else place, help)
    else:
        code, text, help = REASONS.get(kind, ("E512", "the value does not fit the element", "see the element's page"))
        yield Fault(Kind.INCORRECT, code, text, place, help)


def said(rules: Any, path: list[str | int]) -> str:
    """What the nearest rule on the way to a complaint says it is about; stops where a new element begins."""
    comment = ""
    for index, step in enumerate(path):
        try:
            rules = rules[step]
        except (KeyError, IndexError, TypeError):
            break
        if step in ("$ref", "items"):
            comment = ""
        if isinstance(rules, dict) and "$comment" in rules:
            comment = rules["$comment"]
        elif step == "properties" and index and not comment.startswith("E515"):
            comment = ""
    return comment


def fhirpath(at: str, path: list[str | int]) -> str:
    """A place as FHIRPath: `Observation.code.coding[0].code`; names that are no identifiers are not repeated."""
    parts = [at]
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        else:
            parts.append(f".{step if step.isidentifier() and len(step) <= 64 else '?'}")
    return "".join(parts)


def further(resource: JSON, name: str, at: str, depth: int) -> Iterator[Fault]:
    """What the schema cannot see: the narrative, and resources inside."""
    div = resource["text"].get("div") if isinstance(resource.get("text"), dict) else None
    if div is not None and not narrative.safe(div):
        text = "the narrative is not XHTML that only formats"
        yield Fault(Kind.INCORRECT, "E521", text, f"{at}.text.div", "no scripts, no styles that load")
    for place, inner in inside(resource, name, at):
        kind = inner.get("resourceType")
        test = checker(kind) if isinstance(kind, str) else None
        if test is None:
            yield unknown(f"{place}.resourceType")
        elif depth >= MAX_INSIDE:
            yield Fault(Kind.INCORRECT, "E522", "resources inside resources too deep", place, "nest less")
        elif ".contained[" in place and "contained" in inner:
            yield Fault(Kind.INCORRECT, "E522", "a contained resource contains others", place, "contain them in the outer one")
        elif not test(inner):
            yield from explain(inner, place)
        else:
            yield from further(inner, str(kind), place, depth + 1)


def inside(resource: JSON, name: str, at: str) -> Iterator[tuple[str, JSON]]:
    """The resources inside a valid resource, with their places."""
    for index, inner in enumerate(resource.get("contained", ())):
        yield f"{at}.contained[{index}]", inner
    if name == "Bundle":
        for index, entry in enumerate(resource.get("entry", ())):
            if "resource" in entry:
                yield f"{at}.entry[{index}].resource", entry["resource"]
            if "outcome" in entry.get("response", ()):
                yield f"{at}.entry[{index}].response.outcome", entry["response"]["outcome"]
    elif name == "Parameters":
        yield from parameters(resource.get("parameter", ()), f"{at}.parameter")


def parameters(rows: Any, at: str) -> Iterator[tuple[str, JSON]]:
    """The resources of parameters and their parts."""
    for index, row in enumerate(rows):
        if "resource" in row:
            yield f"{at}[{index}].resource", row["resource"]
        yield from parameters(row.get("part", ()), f"{at}[{index}].part")
