"""Writes `fhir/tables/compartments.json`: by compartment and type, the parameters that put a resource into it."""

from __future__ import annotations

from typing import Any

from fhir.build.definitions import each


def table() -> dict[str, Any]:
    """The whole table, types without a link left out."""
    found: dict[str, Any] = {}
    for one in each("CompartmentDefinition"):
        if "example" not in one["id"]:
            found[one["code"]] = {row["code"]: row["param"] for row in one["resource"] if row.get("param")}
    return dict(sorted(found.items()))
