"""The official examples, fetched once."""

from __future__ import annotations

from pathlib import Path

import pytest

from fhir.build import definitions

DEFINITIONS = ("StructureDefinition-", "ValueSet-", "CodeSystem-", "SearchParameter-", "ImplementationGuide-", "ig-", "package")


@pytest.fixture(scope="session")
def r4_package() -> Path:
    """The folder of the official package; tests that need it are skipped where npm or its registry is absent."""
    try:
        return definitions.package()
    except (FileNotFoundError, OSError) as error:
        pytest.skip(f"the official examples are not here: {error}")


@pytest.fixture(scope="session")
def r4_examples(r4_package: Path) -> list[Path]:
    """The example resources; the definitions themselves, thousands of them, are left to `definitions`."""
    return [path for path in sorted(r4_package.glob("*-*.json")) if not path.name.startswith(DEFINITIONS)]


@pytest.fixture(scope="session")
def r4_definitions(r4_package: Path) -> list[Path]:
    """A tenth of the definitions, which are resources too."""
    return [p for p in sorted(r4_package.glob("*-*.json")) if p.name.startswith(DEFINITIONS[:4])][::10]
