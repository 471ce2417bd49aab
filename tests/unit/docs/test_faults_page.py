"""docs/faults.md has a row for every fault that the code makes, with the kinds it makes it of."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.fault import Kind

ROOMS = ("adapters", "engine", "fhir", "inference", "soap")
KINDS = {kind.name: kind.value for kind in Kind}


def made(root: Path) -> Iterator[tuple[str, str, str]]:
    """(code, kind, place) of every `Fault(Kind.…, "E…", …)` that is written out."""
    for path in (path for room in ROOMS for path in (root / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Name(id="Fault"),
                    args=[ast.Attribute(value=ast.Name(id="Kind"), attr=kind), ast.Constant(value=str(code)), *_],
                ):
                    yield code, KINDS[kind], f"{path.relative_to(root)}:{node.lineno}"


@pytest.fixture
def rows(root: Path) -> dict[str, set[str]]:
    """The kinds of each code as the page states them."""
    lines = (root / "docs" / "faults.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| E")]
    return {row[0]: set(row[1].split(", ")) for row in cells}


def test_every_fault_has_a_row_with_its_kind(root: Path, rows: dict[str, set[str]]) -> None:
    found = set(made(root))
    assert len(found) > 300
    assert sorted(one for one in found if one[1] not in rows.get(one[0], ())) == []


def test_every_kind_on_the_page_is_one(rows: dict[str, set[str]]) -> None:
    assert {kind for kinds in rows.values() for kind in kinds} <= set(KINDS.values()) | {"warning", "error"}
