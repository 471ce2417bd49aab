"""An event as readers get it: one JSON text, made once for all of them, its body's digits as they were stored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.websocket.ask import Wanted

LARGEST = 256 * 1024  # characters of one event; larger bodies are left out, and the event says so


@dataclass(frozen=True, slots=True)
class Told:
    """A numbered event with what filters ask for."""

    number: int
    topic: str
    patient: str
    channel: str
    type: str
    severity: str
    text: str


def told(row: Sequence[Any]) -> Told:
    """A row of the feed: (number, at, topic, patient, channel, type, severity, body as text)."""
    number, at, topic, patient, channel, type, severity, body = row
    head = {"event_id": number, "at": at.isoformat(), "topic": topic, "patient": patient, "severity": severity}
    content = body if len(body) <= LARGEST else json.dumps({"channel": channel, "type": type, "too_large": True})
    return Told(number, topic, patient, channel, type, severity, f'{json.dumps(head)[:-1]}, "data": {content}}}')


def choose(events: Iterable[Told], wanted: Wanted) -> list[str]:
    """The texts of those that fit, in order."""
    return [each.text for each in events if wanted.fits(each.topic, each.patient, each.channel, each.type, each.severity)]


def hello(wanted: Wanted, after: int, oldest: int, missed: bool) -> str:
    """The first thing a reader is told: where it stands, and whether events it asks for are not kept any more."""
    topics = sorted(wanted.topics) or ["*"]
    return json.dumps({"hello": {"topics": topics, "oldest": oldest, "missed": missed}, "event_id": after})


def heartbeat(number: int) -> str:
    """Says that the feed lives, and that everything up to this number has been told."""
    return json.dumps({"heartbeat": True, "event_id": number})
