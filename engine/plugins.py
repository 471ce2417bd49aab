"""Plug-ins by entry points: formats, sources, steps, stores, destinations, routes, models, converters, commands."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any


@cache
def points(group: str) -> Mapping[str, EntryPoint]:
    """The entry points of `isthmus.<group>` by name; none is loaded."""
    return MappingProxyType({point.name: point for point in entry_points(group=f"isthmus.{group}")})


@cache
def plugins(group: str) -> Mapping[str, Any]:
    """The loaded plug-ins of a group by name."""
    return MappingProxyType({name: point.load() for name, point in points(group).items()})


@cache
def formats() -> Mapping[str, Any]:
    """One instance of every format by name: formats have no options."""
    return MappingProxyType({name: kind() if isinstance(kind, type) else kind for name, kind in plugins("formats").items()})


def store_of(site: Any) -> Any:
    """The store plug-in, a new instance; one that does more than store when it knows the site is told of it."""
    found = plugins("stores")["fhir"]()
    attached = getattr(found, "attached", None)
    return found if attached is None else attached(site)
