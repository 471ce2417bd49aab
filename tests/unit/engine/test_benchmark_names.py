"""A script lies first on the path of its own process: one named like a package of ours would hide that package."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_no_benchmark_hides_a_package() -> None:
    packages = {folder.name for folder in ROOT.iterdir() if (folder / "__init__.py").is_file()}
    scripts = {file.stem for file in (ROOT / "benchmarks").glob("*.py")}
    assert packages >= {"engine", "fhir", "inference"}
    assert not packages & scripts
