"""The source `fhir`: what is written over the FHIR API, or posted to it as a message, enters a channel.

source: { fhir: { watch: Observation, if: "code has http://loinc.org#8867-4" } }     created or updated over REST
source: { fhir: { event: admit } }                                                    a Bundle of type message with this event

A watched resource is journaled in the transaction that writes it; what channels write themselves is not watched, so none feeds itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.fault import Fault, Kind
from engine.types import Arrival, Envelope, Intake, Running, Site
from fhir import encode, model
from fhir.condition import Condition, compile_condition

JSON = dict[str, Any]
REGISTRY = "watches"


@dataclass(frozen=True, slots=True)
class Fhir:
    """Watches what is written over the FHIR REST server."""

    watch: tuple[str, ...] = ()  # resource types
    if_: str = ""  # a condition over one resource
    unit: str = ""  # UCUM, of the condition's numbers
    event: tuple[str, ...] = ()  # codes or addresses of MessageHeader.event[x]; `any` for every one
    format: ClassVar[str] = "fhir"

    async def serve(self, channel: str, site: Site, intake: Intake) -> Running | Fault:
        """Puts the watch into the engine's registry; a Fault when it names what R4 does not have."""
        unknown = [name for name in self.watch if name not in model.resources()]
        if unknown or not (self.watch or self.event):
            text = f"R4 has no resource {unknown[0][:64]}" if unknown else "neither a type to watch nor an event to take"
            return Fault(Kind.INCORRECT, "E530", text, "watch", "for example watch: Observation, or event: admit")
        condition = compile_condition(self.if_, self.unit) if self.if_ else None
        if isinstance(condition, Fault):
            return condition
        registry: list[Tap] = site.settings[REGISTRY]
        tap = Tap(
            channel,
            frozenset(self.watch),
            frozenset(self.event),
            condition,
            registry,
            f"fhir:{','.join((*self.watch, *self.event))}",
        )
        registry.append(tap)
        return tap


@dataclass(slots=True, eq=False)
class Tap:
    """A running watch."""

    channel: str
    types: frozenset[str]
    events: frozenset[str]
    condition: Condition | None
    registry: list[Tap]
    address: str = ""  # what it watches

    def wants(self, body: JSON) -> bool | Fault:
        """Whether a written resource enters the channel; a Fault when the condition cannot judge it: it enters, and is held."""
        if body.get("resourceType") not in self.types:
            return False
        return True if self.condition is None else self.condition.holds(body)

    def takes(self, event: str) -> bool:
        """Whether a message with this event enters the channel."""
        return event in self.events or "any" in self.events

    async def drain(self, seconds: float) -> None:
        """Watches no longer; what was written is journaled already."""
        if self in self.registry:
            self.registry.remove(self)


def arrivals(taps: Sequence[Tap], text: str, site: Site) -> list[Arrival]:
    """One arrival for each channel that watches this written resource."""
    body = encode.trusted(text)
    found = []
    for tap in taps:
        wants = tap.wants(body)
        if wants:
            fault = wants if isinstance(wants, Fault) else None
            found.append(Arrival(site.new_id(), tap.channel, "fhir", text.encode(), site.now(), envelope(body), "", fault))
    return found


def envelope(body: JSON) -> Envelope:
    """Type, version and whom it is about: what is about one patient keeps its order."""
    name = f"{body['resourceType']}/{body['id']}"
    about: JSON = next((body[key] for key in ("subject", "patient", "for") if isinstance(body.get(key), dict)), {})
    version = body.get("meta", {}).get("versionId", "")
    return Envelope(body["resourceType"], "fhir", f"{name}/_history/{version}", str(about.get("reference") or name))
