"""Which elements a summary of each resource type holds: those the definitions mark `isSummary`."""

from __future__ import annotations

from typing import Any

from fhir.build import definitions


def table() -> dict[str, Any]:
    """The marked elements by type, choices by their group's name (`value[x]`)."""
    found: dict[str, Any] = {}
    for definition in definitions.each("StructureDefinition"):
        if definition.get("kind") == "resource" and definition.get("derivation") == "specialization":
            name = definition["type"]
            rows = definition["snapshot"]["element"][1:]
            own = [row["path"].split(".", 1)[1] for row in rows if row.get("isSummary") and row["path"].count(".") == 1]
            found[name] = sorted(own)
    return dict(sorted(found.items()))
