"""Notifications of the R5 backport: Bundles of type history that begin with the Subscription's state as Parameters. Pure.

Source: Subscriptions R5 Backport 1.1.0, profiles backport-subscription-notification-r4 and backport-subscription-status-r4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from fhir.subscribe.asked import IG

JSON = dict[str, Any]
METHODS = {"created": "POST", "updated": "PUT", "deleted": "DELETE"}
STATUSES = {"created": "201", "updated": "200", "deleted": "204"}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a resource, with its number within the Subscription, from 1; `body` is None when it is gone."""

    number: int
    at: datetime
    change: str  # created, updated, deleted
    type: str
    id: str
    version: int
    body: JSON | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What every notification says of its Subscription."""

    num: int
    id: str
    base: str
    topic: str
    status: str
    events: int  # since the Subscription began

    @property
    def url(self) -> str:
        """The Subscription's address."""
        return f"{self.base}/Subscription/{self.id}"


def notification(state: State, kind: str, at: datetime, events: Sequence[Event] = (), content: str = "empty") -> JSON:
    """A Bundle of one kind: handshake, heartbeat, event-notification, query-event."""
    told = parameters(state, kind, events, content)
    first = {
        "fullUrl": f"urn:uuid:{told['id']}",
        "resource": told,
        "request": {"method": "GET", "url": f"{state.url}/$status"},
        "response": {"status": "200"},
    }
    shown = [] if content == "empty" else [entry(state.base, event, content) for event in events]
    return {
        "resourceType": "Bundle",
        "id": str(uuid5(NAMESPACE_URL, f"{told['id']}#{at.isoformat()}")),
        "meta": {"profile": [f"{IG}backport-subscription-notification-r4"]},
        "type": "history",
        "timestamp": instant(at),
        "entry": [first, *shown],
    }


def parameters(state: State, kind: str, events: Sequence[Event] = (), content: str = "empty", error: str = "") -> JSON:
    """The Subscription's state; its id follows from what it says, so that saying it again is the same."""
    rows: list[JSON] = [
        {"name": "subscription", "valueReference": {"reference": state.url}},
        *([{"name": "topic", "valueCanonical": state.topic}] if state.topic else []),
        {"name": "status", "valueCode": state.status},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(state.events)},
    ]
    for event in events:
        parts: list[JSON] = [
            {"name": "event-number", "valueString": str(event.number)},
            {"name": "timestamp", "valueInstant": instant(event.at)},
        ]
        if content != "empty":
            parts.append({"name": "focus", "valueReference": {"reference": f"{state.base}/{event.type}/{event.id}"}})
        rows.append({"name": "notification-event", "part": parts})
    if error and state.status == "error":
        rows.append({"name": "error", "valueCodeableConcept": {"text": error}})
    numbers = f"{events[0].number}-{events[-1].number}" if events else ""
    name = f"urn:isthmus:subscription:{state.num}:{kind}:{state.status}:{state.events}:{numbers}:{content}"
    profile = {"profile": [f"{IG}backport-subscription-status-r4"]}
    return {"resourceType": "Parameters", "id": str(uuid5(NAMESPACE_URL, name)), "meta": profile, "parameter": rows}


def entry(base: str, event: Event, content: str) -> JSON:
    """What happened to one resource, and the resource where it is wanted and still there."""
    name = f"{event.type}/{event.id}"
    made: JSON = {"fullUrl": f"{base}/{name}"}
    if content == "full-resource" and event.body is not None:
        made["resource"] = event.body
    made["request"] = {"method": METHODS[event.change], "url": event.type if event.change == "created" else name}
    made["response"] = {"status": STATUSES[event.change], "etag": f'W/"{event.version}"', "lastModified": instant(event.at)}
    return made


def instant(at: datetime) -> str:
    """A time as FHIR's instant."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
