"""The destination `websocket`: a channel's resources as events of a live feed, small enough for a screen on a ward; or, with a `url`,
each parcel to somebody else's WebSocket, acknowledged one by one (see sender)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from adapters.safe_http import Way, line, split
from adapters.safe_tls import Tls
from adapters.websocket.ask import is_topic
from adapters.websocket.sender import Link, WebsocketSender
from engine.fault import Fault, Kind
from engine.types import JSON, Event, Sender, Site, Work

SCHEMES = {"ws": "http", "wss": "https"}
TEXT = 200  # characters of a value's text
TIMES = ("effectiveDateTime", "effectiveInstant", "issued", "recordedDate", "authoredOn", "occurrenceDateTime")


@dataclass(frozen=True, slots=True)
class Websocket:
    """Publishes a live feed (`topic`), or sends each parcel to a WebSocket server (`url`).

    `websocket: { topic: labs }` publishes each resource that is about a patient, in the transaction that writes it. `types` narrows
    to these resource types. Readers connect to /ws/feed?topic=labs; a message that makes no resources is published as one event
    that names it.

    `websocket: { url: "wss://ward.example.org/in" }` delivers like every other destination: queued, in order, retried.
    """

    topic: str = ""  # a feed: what readers name, /ws/feed?topic=labs
    types: tuple[str, ...] = ()  # of a feed: resource types that are published; none for all
    url: str = ""  # instead of a topic: the server to send to, wss://ward.example.org/in
    acknowledge: Literal["each", "pong"] = "each"  # the server names the parcel, or answers a ping behind it
    token: str = field(default="", repr=False)  # sent as Authorization: Bearer; write it as ${NAME}
    timeout: float = 30.0  # seconds for the acknowledgement
    connect_timeout: float = 10.0  # seconds
    connections: int = 1  # kept at once, each with one parcel in flight
    allow: tuple[str, ...] = ()  # networks or addresses that may be called though they are not public
    tls: Tls | None = None  # ca, and cert and key where the far side asks for them

    @property
    def feeds(self) -> bool:
        """Whether it gives events, not parcels: then nothing is queued and nothing can be undeliverable."""
        return bool(self.topic) or not self.url

    async def open(self, site: Site) -> Sender | Fault:
        """Checks the options; a connection is made when there is something to send."""
        scheme, mark, rest = self.url.partition("://")
        if scheme not in SCHEMES or self.topic:
            return Fault(
                Kind.INCORRECT, "E728", "this is no address of a WebSocket", "url", "for example wss://ward.example.org/in"
            )
        found = split(f"{SCHEMES[scheme]}{mark}{rest}")
        if isinstance(found, Fault):
            return found
        if not self.token.isprintable() or not self.token.isascii():
            return Fault(Kind.INCORRECT, "E728", "a token is plain text", "token")
        far = line(found[0], Way(self.timeout, self.connect_timeout, 1, self.allow, self.tls))
        if isinstance(far, Fault):
            return far
        asked = (far, self.url, self.token, self.timeout, self.acknowledge == "pong")
        return WebsocketSender([Link(*asked) for _ in range(max(self.connections, 1))])

    def feed(self, channel: str) -> Callable[[Work], tuple[Event, ...]] | Fault:
        """The events of a message's work."""
        if self.topic and self.url:
            text = "it either publishes a topic or sends to a url"
            return Fault(Kind.INCORRECT, "E762", text, help="make two destinations of it")
        if not is_topic(self.topic):
            text = f"{self.topic[:80]!r} is no name of a topic"
            return Fault(Kind.INCORRECT, "E762", text, help="letters, digits, dot, dash and underscore, 64 at most")

        def events(work: Work) -> tuple[Event, ...]:
            message = {"channel": channel, "message": str(work.message.id), "message_type": work.message.envelope.type}
            if not work.puts:
                return (Event(self.topic, message),) if not self.types else ()
            return tuple(self._events([put.body for put in work.puts], message))

        return events

    def _events(self, bodies: list[JSON], message: JSON) -> Iterator[Event]:
        for body in bodies:
            patient = about(body)
            if patient and (not self.types or body["resourceType"] in self.types):
                yield Event(self.topic, {**summary(body), **message}, patient)


def about(body: JSON) -> str:
    """The reference of the patient a resource is about; '' when it is about none."""
    if body.get("resourceType") == "Patient":
        return f"Patient/{body.get('id', '')}"
    for name in ("subject", "patient"):
        found = body.get(name)
        if isinstance(found, dict) and str(found.get("reference", "")).startswith("Patient/"):
            return str(found["reference"])
    return ""


def summary(body: JSON) -> JSON:
    """What a screen shows of a resource: its type and id, its code, value, interpretation, status and time."""
    found: JSON = {"type": body["resourceType"], "resource": f"{body['resourceType']}/{body.get('id', '')}"}
    code = body.get("code")
    if isinstance(code, dict):
        found["code"] = _concept(code)
    if (value := _value(body)) is not None:
        found["value"] = value
    if isinstance(body.get("interpretation"), list):
        found["interpretation"] = [_concept(each).get("code", "") for each in body["interpretation"] if isinstance(each, dict)]
    if isinstance(body.get("status"), str):
        found["status"] = body["status"]
    if when := next((body[name] for name in TIMES if isinstance(body.get(name), str)), ""):
        found["at"] = when
    return found


def _concept(concept: JSON) -> JSON:
    coding: Any = next((each for each in concept.get("coding", ()) if isinstance(each, dict)), {})
    text = concept.get("text") or coding.get("display") or ""
    made = {"system": coding.get("system"), "code": coding.get("code"), "text": str(text)[:TEXT]}
    return {name: value for name, value in made.items() if value}


def _value(body: JSON) -> Any:
    """value[x] in short: a quantity with its digits and unit, a concept, or a text that is cut."""
    for name, value in body.items():
        if name.startswith("value") and name[5:6].isupper():
            if name == "valueQuantity" and isinstance(value, dict):
                return {part: value[part] for part in ("comparator", "value", "unit", "code") if part in value}
            if isinstance(value, dict):
                return _concept(value) if "coding" in value or "text" in value else None
            return value[:TEXT] if isinstance(value, str) else value
    return None
