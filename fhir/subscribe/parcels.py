"""Notifications as parcels of the outbox: one key a Subscription, so that its notifications leave in order. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from engine.fault import Fault
from engine.types import JSON, Parcel
from fhir import encode, xml_write
from fhir.subscribe.asked import JSON_TYPE, XML_TYPE, Asked
from fhir.subscribe.bundle import Event, State, notification

DESTINATION = "subscriptions"


def parcels(num: int, base: str, asked: Asked, events: Sequence[Event]) -> Iterator[Parcel]:
    """What is sent for these events; nothing where sockets are told instead."""
    if asked.channel != "rest-hook":
        return
    if asked.topic is None:
        for event in events:
            body, media = written(event.body, asked.media) if asked.media and event.body is not None else (b"", "")
            yield parcel(num, "event", str(event.number), body, media, f"{event.type}/{event.id}" if media else "")
        return
    for start in range(0, len(events), asked.group):
        group = events[start : start + asked.group]
        state = State(num, asked.id, base, asked.topic.url, "active", group[-1].number)
        bundle = notification(state, "event-notification", group[-1].at, group, asked.content)
        yield parcel(num, "event", str(group[-1].number), *written(bundle, asked.media))


def signal(num: int, base: str, asked: Asked, kind: str, at: datetime, events: int, name: str) -> Parcel:
    """A handshake or heartbeat; `name` tells it from the others of its kind."""
    assert asked.topic is not None
    status = "requested" if kind == "handshake" else "active"
    bundle = notification(State(num, asked.id, base, asked.topic.url, status, events), kind, at)
    return parcel(num, kind, f"{kind}/{name}", *written(bundle, asked.media))


def parcel(num: int, kind: str, name: str, body: bytes, media: str, to: str = "") -> Parcel:
    """A parcel; `to` is what is put, where a resource is."""
    meta = {"subscription": str(num), "kind": kind, **({"to": to} if to else {})}
    return Parcel(DESTINATION, str(num), f"{num}/{name}", body, media or "text/plain", meta)


def written(body: JSON, media: str) -> tuple[bytes, str]:
    """A resource in the format wanted; in JSON where XML has no way to write one of its characters."""
    if media == XML_TYPE:
        text = xml_write.write(body)
        if not isinstance(text, Fault):
            return text, XML_TYPE
    return encode.dumps(body), JSON_TYPE
