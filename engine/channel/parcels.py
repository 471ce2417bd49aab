"""What a channel sends: each destination's parcel from a message's work, rendered once, so that every retry carries the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine.channel.model import Channel, Delivery
from engine.diagnostic import Diagnostic
from engine.fault import Fault, Kind
from engine.mapping.conditions import condition
from engine.plugins import plugins
from engine.types import Format, Parcel, Site, Work

Render = Callable[[Work], "Parcel | tuple[Fault, ...] | None"]


def compile_deliveries(
    channel: Channel, site: Site, format: Format, converters: Sequence[Any]
) -> tuple[tuple[Render, ...], list[Diagnostic]]:
    """One function a destination, stores left out; a destination without `map` is sent the resources as they are stored."""
    renders, found = [], []
    for one in channel.destinations:
        if one.to.name.endswith("_store"):
            continue
        made = _render(channel, one, site, format, converters)
        if isinstance(made, list):
            found += made
        else:
            renders.append(made)
    return tuple(renders), found


def _render(channel: Channel, one: Delivery, site: Site, format: Format, converters: Sequence[Any]) -> Render | list[Diagnostic]:
    accepts: Any = None
    if one.condition is not None:
        accepts = condition(one.condition.text, one.condition.at, format, converters=converters)
        if isinstance(accepts, list):
            return accepts
    if one.map and one.map not in site.mappings:
        help = f"mappings: {', '.join(sorted(site.mappings))}"
        return [Diagnostic("E230", f"there is no mapping called {one.map}", one.at, help)]
    body = _mapped(site.mappings[one.map], site) if one.map else _plain
    name = f"{channel.name}.{one.name}"

    def render(work: Work) -> Parcel | tuple[Fault, ...] | None:
        if accepts is not None and not accepts(work.document):
            return None
        made = body(work)
        if made is None or (isinstance(made, tuple) and made and isinstance(made[0], Fault)):
            return made
        content, kind = made
        meta = {"message": str(work.message.id), "channel": channel.name, "type": work.message.envelope.type}
        return Parcel(name, work.message.envelope.key, f"{name}|{work.message.id}", content, kind, meta)

    return render


def _plain(work: Work) -> tuple[bytes, str] | None:
    """The resources as one Bundle; a message that made none is passed on as it came."""
    if not work.puts:
        return work.message.body, "application/octet-stream"
    from msgspec import json  # noqa: PLC0415

    bundle = plugins("outputs")["fhir R4"]([put.body for put in work.puts])
    return json.Encoder(decimal_format="number").encode(bundle), "application/fhir+json"


def _mapped(mapping: Any, site: Site) -> Callable[[Work], Any]:
    """A mapping that reads what the channel wrote (fhir) or what it received, and writes the parcel's body."""
    written: Any = site.formats.get("fhir")
    reads, output = mapping.reads[0], plugins("outputs").get(mapping.writes.partition(" ")[0])

    def body(work: Work) -> Any:
        scope = written.scope([put.body for put in work.puts]) if reads == "fhir" else work.document
        if isinstance(scope, Fault):
            return (scope,)
        made = mapping.run(scope)
        if isinstance(made, tuple):
            return made
        if output is None:
            return (Fault(Kind.UNSUPPORTED, "E231", f"what {mapping.name} writes cannot be sent", help="map to hl7v2 or fhir"),)
        return output(made, work.message)

    return body
