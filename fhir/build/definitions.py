"""The official FHIR R4 definitions and examples: npm package `hl7.fhir.r4.examples` 4.0.1 (CC0), fetched once into a cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

JSON = dict[str, Any]
PACKAGE = "hl7.fhir.r4.examples@4.0.1"
DECODER = msgspec.json.Decoder(float_hook=Decimal)


def cache() -> Path:
    """Where the package is kept: `ISTHMUS_CACHE`, else the user's cache folder."""
    named = os.environ.get("ISTHMUS_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "isthmus"


def package() -> Path:
    """The unpacked package's folder; FileNotFoundError says what is missing (npm, the registry)."""
    folder = cache() / "hl7.fhir.r4.examples-4.0.1"
    if not (folder / "package").is_dir():
        fetch(folder)
    return folder / "package"


def fetch(folder: Path) -> None:
    """Downloads and unpacks the package; another process that does the same at once is harmless."""
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is not installed")
    work = folder.with_name(f"{folder.name}.{os.getpid()}")
    work.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            [npm, "pack", "--silent", PACKAGE], cwd=work, capture_output=True, text=True, timeout=300, check=False
        )
        archives = list(work.glob("*.tgz"))
        if done.returncode or not archives:
            raise FileNotFoundError(f"npm pack {PACKAGE}: the registry does not answer")
        with tarfile.open(archives[0]) as archive:
            archive.extractall(work, filter="data")
        archives[0].unlink()
        if not folder.exists():
            work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def read(path: Path) -> JSON:
    """One resource of the package, decimals exact."""
    found: JSON = DECODER.decode(path.read_bytes())
    return found


def each(kind: str) -> Iterator[JSON]:
    """The package's resources of one type, in the order of their file names."""
    for path in sorted(package().glob(f"{kind}-*.json")):
        found = read(path)
        if found.get("resourceType") == kind:
            yield found
