"""A channel as it is written: frozen, content-hashed, its plug-ins built and not yet started."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from engine.diagnostic import NOWHERE, Span
from engine.document import Text

RETRY = "every 5s, doubling to 10m, for 24h"


@dataclass(frozen=True, slots=True)
class Used:
    """A plug-in in its place: its name and options, and where the file says so."""

    name: str
    plugin: Any
    at: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Delivery:
    """A destination: what is sent (by `map`), where to, and how often it is tried."""

    name: str
    to: Used
    map: str = ""
    condition: Text | None = None
    retry: str = RETRY
    at: Span = NOWHERE
    map_at: Span = NOWHERE
    retry_at: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel. `digest` is the hash of its text; a plan's digest also covers the mappings it uses."""

    name: str
    digest: str
    title: str = ""
    enabled: bool = True
    source: Any = None
    format: str = "hl7v2"
    accept: Text | None = None
    order: Text | None = None
    strict: bool = False
    steps: tuple[Used, ...] = ()
    destinations: tuple[Delivery, ...] = ()
    on_failure: str = "hold"
    keep: timedelta = timedelta(days=90)
    file: str = ""
