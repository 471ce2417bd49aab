"""Destinations that stay in the house, a folder and another channel: see engine.deliver.conformance."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from adapters.files.destination import File
from engine.deliver.conformance import CANARY, Conformance, Far
from engine.deliver.feed import Feed
from engine.fault import Fault, Kind
from engine.types import Parcel, Site
from tests.acceptance.mllp_peer import Memory
from tests.conformance.parcels import parcel


@dataclass
class FolderFar:
    """A folder; where it fails, it is not there."""

    folder: Path
    destination: Any

    def behave(self, how: str) -> None:
        away = self.folder.with_name("away")
        if how == "fail":
            self.folder.rename(away)
        elif away.exists():
            away.rename(self.folder)

    def effects(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


class TestFile(Conformance):
    plugin = File
    behaviours = ("fail",)

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.place = tmp_path / "out"
        self.place.mkdir()

    @asynccontextmanager
    async def far(self) -> AsyncIterator[Far]:
        yield FolderFar(self.place, File(str(self.place)))

    def parcel(self, number: int) -> Parcel:
        return parcel(number, CANARY.encode(), "application/hl7-v2")


@dataclass
class IntakeFar:
    """An intake."""

    intake: Memory
    destination: Any

    def behave(self, how: str) -> None:
        self.intake.fault = Fault(Kind.UNAVAILABLE, "E620", "the database is away") if how == "fail" else None

    def effects(self) -> list[str]:
        return [one.envelope.control_id for one in self.intake.arrivals]


class TestFeed(Conformance):
    plugin = Feed
    behaviours = ("fail",)

    @pytest.fixture(autouse=True)
    def fresh(self) -> None:
        self.intake: Memory | None = None

    def site(self) -> Site:
        return replace(super().site(), intake=self.intake)

    @asynccontextmanager
    async def far(self) -> AsyncIterator[Far]:
        self.intake = Memory()
        yield IntakeFar(self.intake, Feed("archive"))

    def parcel(self, number: int) -> Parcel:
        return parcel(number, CANARY.encode(), "application/hl7-v2")
