"""The options of destinations and sources as Markdown tables, derived from the plug-ins themselves (docs/destinations.md)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from engine.cli.list import first_line, options
from engine.plugins import plugins


def tables(kinds: Mapping[str, type]) -> str:
    """A heading, a sentence and a table for each plug-in."""
    parts = []
    for name, kind in sorted(kinds.items()):
        parts += [f"### {name}", "", first_line(kind), "", "| option | type | default | meaning |", "|---|---|---|---|"]
        for row in options(kind):
            cells = (row["option"], row["type"], f"`{row['default']}`" if row["default"] else "", row["meaning"])
            parts.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", "⏎") for cell in cells) + " |")
        parts.append("")
    return "\n".join(parts)


def rewritten(page: str) -> str:
    """The page with its tables written anew; what stands before them is kept."""
    written = page.partition("\n## Destinations\n")[0].rstrip()
    both = f"## Destinations\n\n{tables(plugins('destinations'))}\n## Sources\n\n{tables(plugins('sources')).rstrip()}\n"
    return f"{written}\n\n{both}"


if __name__ == "__main__":  # python -m engine.deliver.reference docs/destinations.md
    file = Path(sys.argv[1])
    file.write_text(rewritten(file.read_text(encoding="utf-8")), encoding="utf-8")
