"""What a Subscription asks for: R4's own (criteria is a search) or the R5 backport's (criteria is a topic's URL).

Sources: https://hl7.org/fhir/R4/subscription.html; Subscriptions R5 Backport 1.1.0, https://hl7.org/fhir/uv/subscriptions-backport/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from engine.fault import Fault, Kind
from fhir.search.values import EPOCH, period
from fhir.search.where import Row
from fhir.subscribe.allow import Allowed
from fhir.subscribe.criteria import Criteria, conditions, matching, read
from fhir.subscribe.topic import Topic

JSON = dict[str, Any]
IG = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
PROFILE = f"{IG}backport-subscription"
JSON_TYPE, XML_TYPE = "application/fhir+json", "application/fhir+xml"
MEDIA = {
    "application/fhir+json": JSON_TYPE,
    "application/json": JSON_TYPE,
    "application/fhir+xml": XML_TYPE,
    "application/xml": XML_TYPE,
}
CONTENTS = ("empty", "id-only", "full-resource")
HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}): ?([\x20-\x7e]{0,4000})")
OWN = frozenset(
    ("host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect")
)
MOST_HEADERS, MOST_FILTERS = 20, 20
TIMEOUT, LONGEST_TIMEOUT = 10, 60  # seconds of one try
BEATS = (10, 7 * 86400)  # seconds between heartbeats
GROUP, LARGEST_GROUP = 1, 100  # events in one notification


@dataclass(frozen=True, slots=True)
class Asked:
    """A Subscription, understood. Secrets stand in `headers` and may in `endpoint`."""

    id: str
    status: str  # requested, active, error, off
    channel: str  # rest-hook, websocket
    endpoint: str = field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    media: str = ""  # of what is sent; "" for R4's empty payload
    end: datetime | None = None
    criteria: tuple[Criteria, ...] = ()  # all of them must be fulfilled
    topic: Topic | None = None  # of the backport
    content: str = "empty"
    heartbeat: int = 0  # seconds; 0 for none
    timeout: int = TIMEOUT
    group: int = GROUP

    @property
    def type(self) -> str:
        """The resource type that it is about."""
        return self.topic.resource if self.topic is not None else self.criteria[0].type

    def wants(self, change: str, after: Row | None, before: Row | None) -> bool:
        """Whether a change is an event of this Subscription."""
        if self.topic is None:
            return after is not None and self.criteria[0].holds(after)
        shown = after or before
        return self.topic.fires(change, after, before) and shown is not None and matching(self.criteria, shown)


def understand(body: JSON, topics: Mapping[str, Topic], allowed: Allowed, base: str = "") -> Asked | Fault:
    """Reads a Subscription that is right as a resource; a Fault E590–E593 says what this server does not do."""
    channel = body["channel"]
    found = _channel(channel, allowed)
    if isinstance(found, Fault):
        return found
    end = _end(body.get("end"))
    if isinstance(end, Fault):
        return end
    shared = Asked(body["id"], body["status"], channel["type"], channel.get("endpoint", ""), found, end=end)
    profiles = [str(one).partition("|")[0] for one in body.get("meta", {}).get("profile", ())]
    if PROFILE in profiles or body["criteria"] in topics:
        return _of_topic(shared, body, topics, base)
    return _of_criteria(shared, body, base)


def _of_criteria(shared: Asked, body: JSON, base: str) -> Asked | Fault:
    """R4's own: every version of a type that fulfils a search."""
    criteria = read(body["criteria"], base)
    if isinstance(criteria, Fault):
        return criteria
    media = _media(body["channel"])
    return media if isinstance(media, Fault) else replace(shared, criteria=(criteria,), media=media)


def _of_topic(shared: Asked, body: JSON, topics: Mapping[str, Topic], base: str) -> Asked | Fault:
    """The backport's: events of a topic, narrowed by filters."""
    topic = topics.get(body["criteria"])
    if topic is None:
        help = "CapabilityStatement.rest.resource lists the topics of this server"
        return Fault(Kind.NOT_FOUND, "E593", "this server has no such topic", "Subscription.criteria", help)
    filters = _filters(body, topic, base)
    media = _media(body["channel"]) or JSON_TYPE
    content = _content(body["channel"])
    numbers = _numbers(body["channel"])
    if isinstance(filters, Fault):
        return filters
    if isinstance(media, Fault):
        return media
    if isinstance(content, Fault) or isinstance(numbers, Fault):
        return content if isinstance(content, Fault) else numbers  # type: ignore[return-value]
    heartbeat, timeout, group = numbers
    return replace(
        shared, topic=topic, criteria=filters, media=media, content=content, heartbeat=heartbeat, timeout=timeout, group=group
    )


def _channel(channel: JSON, allowed: Allowed) -> tuple[tuple[str, str], ...] | Fault:
    """The channel's headers; a Fault where it cannot be served."""
    kind = channel["type"]
    if kind not in ("rest-hook", "websocket"):
        text = f"this server tells by rest-hook and websocket, not by {kind}"
        return Fault(Kind.UNSUPPORTED, "E591", text, "Subscription.channel.type", "use one of them")
    if kind == "rest-hook":
        refused = allowed.check(channel.get("endpoint", ""))
        if refused is not None:
            return refused
    rows = channel.get("header", [])
    found = [HEADER.fullmatch(row) for row in rows]
    if len(rows) > MOST_HEADERS or any(one is None or one[1].lower() in OWN for one in found):
        text = "a header that cannot be sent, or too many of them"
        return Fault(Kind.INCORRECT, "E591", text, "Subscription.channel.header", "as in `Authorization: Bearer …`")
    return tuple((one[1], one[2].strip()) for one in found if one is not None)


def _media(channel: JSON) -> str | Fault:
    """The media type of what is sent; empty where nothing is."""
    text = channel.get("payload", "")
    if not text:
        return ""
    found = MEDIA.get(text.partition(";")[0].strip().lower())
    help = f"{JSON_TYPE} or {XML_TYPE}; leave it out to be told without content"
    return found or Fault(
        Kind.UNSUPPORTED, "E591", "a payload in a format that is not sent", "Subscription.channel.payload", help
    )


def _end(text: str | None) -> datetime | Fault | None:
    if text is None:
        return None
    covered = period(text)
    if covered is None:
        return Fault(Kind.INCORRECT, "E591", "not an instant", "Subscription.end")
    return EPOCH + timedelta(microseconds=min(covered[0], 253_370_764_800_000_000))


def _extensions(holder: Any, name: str) -> list[JSON]:
    rows = holder.get("extension", []) if isinstance(holder, dict) else []
    return [row for row in rows if row.get("url") == IG + name]


def _filters(body: JSON, topic: Topic, base: str) -> tuple[Criteria, ...] | Fault:
    """The conditions that narrow a topic: each `Type?name=value`, or `name=value` alone."""
    at = "Subscription.criteria.extension"
    rows = [row.get("valueString", "") for row in _extensions(body.get("_criteria"), "backport-filter-criteria")]
    if len(rows) > MOST_FILTERS:
        return Fault(Kind.INCORRECT, "E590", f"more than {MOST_FILTERS} filters", at)
    found = []
    for row in rows:
        type, mark, query = row.partition("?")
        if mark and type != topic.resource:
            return Fault(Kind.INCORRECT, "E590", f"a filter of another type than the topic's, {topic.resource}", at)
        one = conditions(topic.resource, query if mark else row, base, at)
        if isinstance(one, Fault):
            return one
        if any(name not in topic.filters for name in one.names):
            help = f"it is filtered by {', '.join(topic.filters) or 'nothing'}"
            return Fault(Kind.INCORRECT, "E593", "the topic is not filtered by this", at, help)
        found.append(one)
    return tuple(found)


def _content(channel: JSON) -> str | Fault:
    rows = _extensions(channel.get("_payload"), "backport-payload-content")
    text = rows[0].get("valueCode", "") if rows else "empty"
    if text in CONTENTS:
        return str(text)
    at = "Subscription.channel.payload.extension"
    return Fault(Kind.INCORRECT, "E591", "no content that a notification can have", at, ", ".join(CONTENTS))


def _numbers(channel: JSON) -> tuple[int, int, int] | Fault:
    """Seconds between heartbeats (0: none), seconds of one try, events in one notification."""
    found = []
    for name, member, low, high, none in (
        ("backport-heartbeat-period", "valueUnsignedInt", *BEATS, 0),
        ("backport-timeout", "valueUnsignedInt", 1, LONGEST_TIMEOUT, TIMEOUT),
        ("backport-max-count", "valuePositiveInt", 1, LARGEST_GROUP, GROUP),
    ):
        rows = _extensions(channel, name)
        value = rows[0].get(member) if rows else 0
        if not isinstance(value, int) or isinstance(value, bool):
            return Fault(
                Kind.INCORRECT, "E591", "not a number", f"Subscription.channel.extension({name})", f"give it as {member}"
            )
        found.append(min(max(value, low), high) if value else none)
    return found[0], found[1], found[2]


def over(asked: Asked, now: datetime) -> bool:
    """Whether its time has passed."""
    return asked.end is not None and asked.end <= now
