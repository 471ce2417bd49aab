"""What a shipped model is: its files with their SHA-256, its labels, its calibration, its operating points."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from engine.fault import Fault, Kind

SHIPPED = Path(__file__).parent / "shipped"


class File(msgspec.Struct, frozen=True):
    """A file beside the manifest."""

    name: str
    sha256: str


class Point(msgspec.Struct, frozen=True):
    """A threshold on the calibrated probability and what it gave on the validation fold."""

    threshold: float
    sensitivity: float
    specificity: float
    precision: float


class Entry(msgspec.Struct, frozen=True):
    """One model. `kind` is sigmoid (each label by itself) or softmax (exactly one is true)."""

    version: str
    weights: File
    graph: File
    leads: list[str]
    labels: list[str]
    kind: str
    slope: list[float]
    offset: list[float]
    points: dict[str, Point]
    embedding: int
    settings: list[dict[str, Any]]
    auroc: dict[str, float]


class Manifest(msgspec.Struct, frozen=True):
    """All models of a folder."""

    data: str
    licence: str
    notice: str
    models: dict[str, Entry]


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry and the folder it lies in."""

    name: str
    folder: Path
    entry: Entry

    @property
    def digest(self) -> str:
        """The SHA-256 of weights and graph together: what `/info` and Provenance name."""
        return hashlib.sha256((self.entry.weights.sha256 + self.entry.graph.sha256).encode()).hexdigest()


def read(folder: Path = SHIPPED) -> Manifest | Fault:
    """Reads manifest.json."""
    try:
        return msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    except OSError as error:
        return Fault(Kind.NOT_FOUND, "E841", f"the models' manifest cannot be read ({type(error).__name__})", str(folder.name))
    except msgspec.DecodeError as error:
        return Fault(Kind.INCORRECT, "E847", f"the models' manifest is not one: {error}"[:200], "manifest.json")


def find(name: str, folder: Path = SHIPPED) -> Stored | Fault:
    """One model of a folder by name."""
    manifest = read(folder)
    if isinstance(manifest, Fault):
        return manifest
    if name not in manifest.models:
        return Fault(
            Kind.NOT_FOUND, "E848", "there is no model of this name", name, "known: " + ", ".join(sorted(manifest.models))
        )
    return Stored(name, folder, manifest.models[name])
