"""Writes `fhir/tables/r4.json`: every type's elements as the official StructureDefinitions have them.

A type is [base, kind, elements]; an element is [name, min, max (0 for *), types, targets, value set]. A backbone element's own
type is named by its path (`Observation.referenceRange`). Inherited elements stand at the base only.
"""

from __future__ import annotations

from typing import Any

from fhir.build.definitions import each
from fhir.build.valuesets import Expander

JSON = dict[str, Any]
PROFILE = "http://hl7.org/fhir/StructureDefinition/"
SYSTEM = "http://hl7.org/fhirpath/System."
ALIASES = {"Age": "Quantity", "Count": "Quantity", "Distance": "Quantity", "Duration": "Quantity"}


def table() -> JSON:
    """The whole table."""
    definitions = {found["id"]: found for found in each("StructureDefinition")}
    expander = Expander(each("ValueSet"), each("CodeSystem"))
    sets: dict[str, list[str]] = {}
    types: dict[str, list[Any]] = {name: [base, "complex", []] for name, base in ALIASES.items()}
    for name, definition in sorted(definitions.items()):
        if definition["kind"] in ("complex-type", "resource") and definition.get("derivation") != "constraint":
            add(types, sets, expander, name, definition)
    primitives = sorted(name for name, found in definitions.items() if found["kind"] == "primitive-type")
    return {"primitives": primitives, "types": dict(sorted(types.items())), "codes": dict(sorted(sets.items()))}


def add(types: dict[str, list[Any]], sets: dict[str, list[str]], expander: Expander, name: str, definition: JSON) -> None:
    """Adds a type and the backbone types inside it."""
    base = definition.get("baseDefinition", "").removeprefix(PROFILE)
    kind = "abstract" if definition["abstract"] else "resource" if definition["kind"] == "resource" else "complex"
    types[name] = [base, kind, []]
    for element in definition["snapshot"]["element"][1:]:
        parent, _, last = element["path"].rpartition(".")
        if parent == name and element["base"]["path"].split(".")[0] != name:
            continue
        if parent != name and inherited(element):
            continue
        kinds = kinds_of(element)
        if kinds in (["BackboneElement"], ["Element"]) and "contentReference" not in element:
            types[element["path"]] = [kinds[0], "backbone", []]
            kinds = [element["path"]]
        types[parent][2].append(row(element, last, kinds, sets, expander))


def inherited(element: JSON) -> bool:
    """Whether a backbone's element is that of every backbone."""
    return element["base"]["path"].split(".")[0] in ("Element", "BackboneElement")


def kinds_of(element: JSON) -> list[str]:
    """The names of an element's types."""
    if "contentReference" in element:
        return [element["contentReference"].removeprefix("#")]
    found = []
    for kind in element["type"]:
        code = kind["code"]
        if code.startswith(SYSTEM):
            code = next((e["valueUrl"] for e in kind.get("extension", ()) if e["url"].endswith("fhir-type")), "string")
        found.append(code)
    return found


def row(element: JSON, name: str, kinds: list[str], sets: dict[str, list[str]], expander: Expander) -> list[Any]:
    """One element of the table."""
    most = element["max"]
    targets = sorted({t.removeprefix(PROFILE) for kind in element.get("type", ()) for t in kind.get("targetProfile", ())})
    binding = element.get("binding", {})
    url = ""
    if binding.get("strength") == "required" and "valueSet" in binding:
        url = binding["valueSet"].split("|")[0]
        codes = expander.expand(url)
        if codes is None:
            url = ""
        else:
            sets[url] = sorted({f"{system}|{code}" for system, code in codes})
    return [name, element["min"], 0 if most == "*" else int(most), kinds, [] if targets == ["Resource"] else targets, url]
