"""Rebuilds the tables of this package from the official definitions."""

from __future__ import annotations

import json
from pathlib import Path

from fhir.build import compartments, model, search, summary

TABLES = Path(__file__).resolve().parent.parent / "tables"


def lines(table: dict[str, object]) -> str:
    """JSON with one entry a line, so that a change of a table can be read as a diff."""
    parts = []
    for name, value in table.items():
        if isinstance(value, dict):
            rows = ",\n".join(f"{json.dumps(key)}: {json.dumps(row, separators=(',', ':'))}" for key, row in value.items())
            parts.append(f"{json.dumps(name)}: {{\n{rows}\n}}")
        else:
            parts.append(f"{json.dumps(name)}: {json.dumps(value)}")
    return "{" + ",\n".join(parts) + "}\n"


def main() -> None:
    """Writes every table."""
    TABLES.mkdir(exist_ok=True)
    (TABLES / "r4.json").write_text(lines(model.table()), encoding="utf-8")
    (TABLES / "compartments.json").write_text(lines(compartments.table()), encoding="utf-8")
    (TABLES / "summary.json").write_text(lines(summary.table()), encoding="utf-8")
    (TABLES / "search.json").write_text(lines(search.table()), encoding="utf-8")


if __name__ == "__main__":
    main()
