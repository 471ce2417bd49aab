"""What a channel sends: each destination's parcel from a message's work, rendered once, so that every retry carries the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from engine.channel.model import Channel, Delivery
from engine.diagnostic import Diagnostic, absent, did_you_mean
from engine.fault import Fault
from engine.heap import release
from engine.mapping.conditions import condition
from engine.plugins import plugins
from engine.types import JSON, Event, Format, Message, Parcel, Put, Site, Work

_encoder = msgspec.json.Encoder(decimal_format="number")
Render = Callable[[Work], "tuple[Parcel | Event | Fault, ...]"]


def compile_deliveries(
    channel: Channel, site: Site, format: Format, converters: Sequence[Any]
) -> tuple[tuple[Render, ...], list[Diagnostic]]:
    """One function a destination, stores left out; a destination without `map` is sent the resources as they are stored,
    or what its method `parcel` makes of the work. What several are sent alike is made once."""
    renders, found = [], []
    shared: dict[str, Shared] = {}
    for one in channel.destinations:
        if one.to.name.endswith("_store"):
            continue
        made = _render(channel, one, site, format, converters, shared)
        if isinstance(made, list):
            found += made
        else:
            renders.append(made)
    return tuple(renders), found


def _render(
    channel: Channel, one: Delivery, site: Site, format: Format, converters: Sequence[Any], shared: dict[str, Shared]
) -> Render | list[Diagnostic]:
    accepts: Any = None
    if one.condition is not None:
        accepts = condition(one.condition.text, one.condition.at, format, converters=converters)
        if isinstance(accepts, list):
            return accepts
    if getattr(one.to.plugin, "feeds", False):
        return _published(channel, one, accepts)
    if one.map and one.map not in site.mappings:
        help = did_you_mean(one.map, site.mappings) or f"mappings: {', '.join(sorted(site.mappings))}"
        return [Diagnostic("E230", absent("mapping", one.map), one.map_at, help)]
    own = getattr(one.to.plugin, "parcel", None)
    if own and not one.map:
        body: Callable[[Work], Bodies | tuple[Fault, ...]] = _own(own)
    else:
        if one.map not in shared:
            media = getattr(format, "media", "application/octet-stream")
            shared[one.map] = Shared(_mapped(site.mappings[one.map], site) if one.map else _plain(media))
        body = shared[one.map]
    name = f"{channel.name}.{one.name}"

    def render(work: Work) -> tuple[Parcel | Event | Fault, ...]:
        if accepts is not None and not accepts(work.document):
            return ()
        made = body(work)
        if isinstance(made, tuple):
            return made
        message = work.message
        meta = {"message": str(message.id), "channel": channel.name, "type": message.envelope.type}
        return tuple(
            Parcel(name, message.envelope.key, f"{name}|{message.id}|{number}", content, kind, meta)
            for number, (content, kind) in enumerate(made)
        )

    return render


def _published(channel: Channel, one: Delivery, accepts: Any) -> Render | list[Diagnostic]:
    """A destination that publishes: its events are written with the resources, nothing is queued."""
    if one.map:
        return [Diagnostic("E763", "a feed publishes resources in short and takes no map", one.at, "leave `map` out")]
    made = one.to.plugin.feed(channel.name)
    if isinstance(made, Fault):
        return [Diagnostic(made.code, made.text, one.at, made.help)]

    def publish(work: Work) -> tuple[Parcel | Event | Fault, ...]:
        return () if accepts is not None and not accepts(work.document) else tuple(made(work))

    return publish


Bodies = list[tuple[bytes, str]]  # content and its type


class Shared:
    """What a channel's destinations without a map, or with the same one, are sent of a message: made for the first that wants it."""

    __slots__ = ("_held", "_make")

    def __init__(self, make: Callable[[Work], Bodies | tuple[Fault, ...]]) -> None:
        self._make = make
        self._held: tuple[Message, tuple[Put, ...], Bodies | tuple[Fault, ...]] | None = None

    def __call__(self, work: Work) -> Bodies | tuple[Fault, ...]:
        """The bodies, or why there are none. Several threads may ask, each for its own message."""
        held = self._held
        if held is None or held[0] is not work.message or held[1] is not work.puts:
            held = self._held = work.message, work.puts, self._make(work)
        return held[2]


def _plain(media: str) -> Callable[[Work], Bodies]:
    """The resources as one Bundle; a message that made none is passed on as it came, a body of its format's `media` type."""

    def body(work: Work) -> Bodies:
        if not work.puts:
            return [(work.message.body, media)]
        return [(bundle([put.body for put in work.puts]), "application/fhir+json")]

    return body


def _own(parcel: Callable[[Work], bytes | None]) -> Callable[[Work], Bodies]:
    """What the destination itself chooses of the work; None for nothing."""
    return lambda work: [] if (content := parcel(work)) is None else [(content, "application/octet-stream")]


def bundle(resources: Sequence[JSON]) -> bytes:
    """A Bundle's bytes, decimals exact."""
    made: bytes = _encoder.encode(plugins("outputs")["fhir R4"](list(resources)))
    return made


def _mapped(mapping: Any, site: Site) -> Callable[[Work], Bodies | tuple[Fault, ...]]:
    """A mapping that reads what the channel wrote (fhir: one message for each resource of its type) or what it received."""
    if not mapping.plan.writes.startswith("fhir"):
        return _message(mapping, site)

    def resources(work: Work) -> Bodies | tuple[Fault, ...]:
        made = mapping.run(work.document)
        return made if isinstance(made, tuple) else [(bundle([put.body for put in made]), "application/fhir+json")]

    return resources


def _message(mapping: Any, site: Site) -> Callable[[Work], Bodies | tuple[Fault, ...]]:
    written: Any = site.formats.get("fhir")
    reads, structure = mapping.reads

    def messages(work: Work) -> Bodies | tuple[Fault, ...]:
        own = reads == "fhir"
        scopes = written.focus([put.body for put in work.puts], structure) if own else [work.document]
        done: Bodies = []
        for number, scope in enumerate(scopes):
            made = mapping.write(scope, work.message.received, f"{work.message.id.hex[-16:]}{number}")
            if own:
                release(scope)
            if isinstance(made, tuple):
                return made
            done.append((made, "application/hl7-v2"))
        return done

    return messages
