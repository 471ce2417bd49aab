"""Every finding of the checker, as a person reads it: one golden file a code.

A golden text is written by hand or read closely when it changes: `ISTHMUS_GOLDEN=write pytest tests/unit/mapping/test_diagnostics.py`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from engine.diagnostic import render
from engine.mapping.installed import installed
from engine.mapping.library import build, read_files

FOLDER = Path(__file__).parents[2] / "golden" / "mapping"
CASES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=[case.stem for case in CASES])
def test_a_finding_shows_its_place_and_what_to_do(case: Path) -> None:
    text = case.read_text("utf-8")
    name = f"tables/{case.name}" if text.startswith("table:") else case.name
    library = build({**read_files(FOLDER / "shelf"), name: text}, installed(), "mappings")
    shown = "\n\n".join(render(one) for one in library.diagnostics) + "\n"
    golden = case.with_suffix(".txt")
    if os.environ.get("ISTHMUS_GOLDEN") == "write":
        golden.write_text(shown, "utf-8")
    assert shown == golden.read_text("utf-8")
    assert case.stem[:4] in {one.code for one in library.diagnostics}


def test_every_code_of_the_checker_has_a_golden_file(root: Path) -> None:
    documented = set(re.findall(r"^\| (E30\d|E31\d|E32\d|E20[1-6]) ", (root / "docs" / "faults.md").read_text("utf-8"), re.M))
    assert documented - {case.stem[:4] for case in CASES} == set()


def test_every_code_in_use_is_documented(root: Path) -> None:
    code = "".join(path.read_text("utf-8") for path in (root / "engine" / "mapping").glob("*.py"))
    code += (root / "engine" / "document.py").read_text("utf-8")
    used = set(re.findall(r'"(E\d{3})"', code))
    documented = set(re.findall(r"^\| (E\d{3}) ", (root / "docs" / "faults.md").read_text("utf-8"), re.M))
    assert used - documented == set()
