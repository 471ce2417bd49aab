"""The official examples, fetched once."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from fhir.build import definitions

DEFINITIONS = ("StructureDefinition-", "ValueSet-", "CodeSystem-", "SearchParameter-", "ImplementationGuide-", "ig-", "package")
LARGE = 1_000_000  # bytes; a larger bundle is one of definitions


@pytest.fixture(scope="session")
def r4_package() -> Path:
    """The folder of the official package; tests that need it are skipped where npm or its registry is absent."""
    try:
        return definitions.package()
    except (FileNotFoundError, OSError) as error:
        pytest.skip(f"the official examples are not here: {error}")


@pytest.fixture(scope="session")
def r4_examples(r4_package: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The example resources; the definitions themselves, thousands of them, are left to `definitions`.

    Of the bundles that hold definitions (105 of 115 MB) a tenth of the entries stands in a copy, each byte for byte.
    """
    copies = tmp_path_factory.mktemp("r4")
    found = [path for path in sorted(r4_package.glob("*-*.json")) if not path.name.startswith(DEFINITIONS)]
    return [thinned(path, copies) if path.name.startswith("Bundle-") and path.stat().st_size > LARGE else path for path in found]


def thinned(path: Path, copies: Path) -> Path:
    """A copy of a bundle with every tenth of its entries."""
    bundle = msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw])
    entries = msgspec.json.decode(bundle["entry"], type=list[msgspec.Raw])[::10]
    copy = copies / path.name
    copy.write_bytes(msgspec.json.encode({**bundle, "entry": entries}))
    return copy


@pytest.fixture(scope="session")
def r4_definitions(r4_package: Path) -> list[Path]:
    """A tenth of the definitions, which are resources too."""
    return [p for p in sorted(r4_package.glob("*-*.json")) if p.name.startswith(DEFINITIONS[:4])][::10]
