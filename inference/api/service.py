"""What stands behind the routes: our worker, ECG-FM's where a checkpoint is configured, the reader of files, the calls so far."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from engine.fault import Fault, Kind
from engine.types import Site
from inference.api.body import Signal
from inference.api.recent import Recent
from inference.classify import Classification
from inference.models import manifest
from inference.serve.client import Classifier, Settings, worker_command

Reader = Callable[[bytes, str], Any]
MODEL, LEAD_ONE = "twelve", "lead_one"


@cache
def ecg_reader() -> Reader | None:
    """The function that reads ECG files: the entry point `ecg` of `isthmus.readers`."""
    found = [point.load() for point in entry_points(group="isthmus.readers", name="ecg")]
    return found[0] if found else None


def checkpoint_of(site: Site) -> tuple[Path, str] | None:
    """The configured ECG-FM checkpoint and its SHA-256: settings `ecg_fm`, `ecg_fm_sha256`, or the environment."""
    path = str(site.settings.get("ecg_fm") or os.environ.get("ISTHMUS_ECG_FM", ""))
    digest = str(site.settings.get("ecg_fm_sha256") or os.environ.get("ISTHMUS_ECG_FM_SHA256", ""))
    return (Path(path), digest) if path else None


def taken(start: datetime | None) -> str:
    """A recording's start as a FHIR dateTime: the day alone where its zone is not known, nothing where nothing is."""
    if start is None:
        return ""
    return start.isoformat(timespec="milliseconds") if start.tzinfo else start.date().isoformat()


@dataclass(slots=True)
class Service:
    """One site's inference."""

    site: Site
    own: Classifier
    ecgfm: Classifier | None = None
    recent: Recent = field(default_factory=Recent)
    read: Reader | None = None

    async def ask(self, signal: Signal) -> Classification | Fault:
        """ECG-FM where it is configured, else our 12-lead model, or that of lead I for a single lead."""
        if self.ecgfm and len(signal.leads) > 1:
            fault = await self.ecgfm.start()
            name = self.ecgfm.models[0]["name"] if self.ecgfm.models else ""
            return fault or await self.ecgfm.classify(signal.samples, signal.rate, signal.leads, name)
        return await self.own.classify(signal.samples, signal.rate, signal.leads, MODEL if len(signal.leads) > 1 else LEAD_ONE)

    def recording(self, raw: bytes, name: str) -> Signal | Fault:
        """A file of any format the readers know."""
        read = self.read or ecg_reader()
        if read is None:
            return Fault(Kind.UNSUPPORTED, "E831", "no reader of ECG files is installed", help="send the signal to /clinical")
        found = read(raw, name)
        if isinstance(found, Fault):
            return found
        if not hasattr(found, "samples") or not hasattr(found, "rate"):
            return Fault(Kind.UNSUPPORTED, "E832", "the file holds no ECG signal", name[:80])
        notes = tuple(str(note) for note in getattr(found, "warnings", ()))
        return Signal(found.samples, float(found.rate), tuple(found.leads), notes, taken(getattr(found, "start", None)))


def build(site: Site, read: Reader | None = None, own: Settings | None = None) -> Service:
    """The service of a site; nothing is started until it is asked."""
    checkpoint = checkpoint_of(site)
    ecgfm = None
    if checkpoint:
        path, digest = checkpoint
        ecgfm = Classifier(Settings(command=worker_command("ecgfm", path, os.cpu_count() or 1, digest), timeout=60.0, hang=60.0))
    return Service(site, Classifier(own or Settings()), ecgfm, read=read)


def shipped_models() -> list[dict[str, Any]]:
    """What the manifest states of our models, without starting them."""
    listed = manifest.read()
    if isinstance(listed, Fault):
        return []
    return [
        {
            "name": name,
            "version": entry.version,
            "sha256": manifest.Stored(name, manifest.SHIPPED, entry).digest,
            "leads": entry.leads,
            "labels": entry.labels,
            "embedding": entry.embedding,
            "auroc": entry.auroc,
            "operating_points": {
                label: {"threshold": point.threshold, "sensitivity": point.sensitivity, "specificity": point.specificity}
                for label, point in entry.points.items()
            },
        }
        for name, entry in listed.models.items()
    ]
