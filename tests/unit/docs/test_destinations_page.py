"""docs/destinations.md says of every source and destination what the plug-in itself says."""

from __future__ import annotations

from pathlib import Path

from engine.deliver.reference import rewritten


def test_the_page_holds_every_option_as_the_plugins_state_it(root: Path) -> None:
    page = (root / "docs" / "destinations.md").read_text(encoding="utf-8")
    assert rewritten(page) == page, "write it anew: python -m engine.deliver.reference docs/destinations.md"
