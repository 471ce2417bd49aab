"""What is deployed now: one value, exchanged whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alerts.rule import Rule
from engine.channel import Channel
from engine.deployment import Deployment, deploy
from engine.mapping.library import Library
from engine.run import Plan
from engine.settings import Settings
from engine.types import Site
from engine.written import Written


class Live:
    """The deployment that runs, for everybody who asks again each time; empty until one has been taken."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.deployed: Deployment | None = None

    def load(self, site: Site) -> Deployment:
        """Reads channels and mappings anew, and has them run unless they are refused."""
        return self._take(deploy(self._settings, site, self._known))

    def again(self, site: Site, written: Written | None) -> Deployment:
        """Compiles what was `written` when it was deployed, whatever stands in the folders now; those are read where it is None."""
        return self._take(deploy(self._settings, site, self._known, written))

    def _take(self, fresh: Deployment) -> Deployment:
        if not fresh.refused:
            self.deployed = fresh
        return fresh

    @property
    def _known(self) -> Library | None:
        return self.deployed.library if self.deployed else None

    @property
    def written(self) -> Written | None:
        """What runs is made of."""
        return self.deployed.written if self.deployed else None

    @property
    def digest(self) -> str:
        """Of what runs."""
        return self.deployed.digest if self.deployed else ""

    def plans(self) -> Mapping[str, Plan]:
        """The channels' plans."""
        return self.deployed.plans if self.deployed else {}

    def channels(self) -> Mapping[str, Channel]:
        """The channels as they were read."""
        return self.deployed.channels if self.deployed else {}

    def tables(self) -> Mapping[str, Any]:
        """The code tables."""
        return self.deployed.library.tables if self.deployed else {}

    def mappings(self) -> Mapping[str, Any]:
        """The mappings by name."""
        return self.deployed.site.mappings if self.deployed else {}

    def rules(self) -> Mapping[str, Rule]:
        """The alert rules."""
        return self.deployed.site.rules if self.deployed else {}

    def notices(self) -> Mapping[str, Any]:
        """The mappings of notices of alerts, by destination."""
        return self.deployed.notices if self.deployed else {}

    def folders(self, name: str) -> Mapping[str, Any]:
        """What stands in a folder beside the channels that a plug-in reads, by file."""
        return self.deployed.folders.get(name, {}) if self.deployed else {}
