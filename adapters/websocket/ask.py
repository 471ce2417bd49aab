"""What a reader asks for, from the request that opens its socket: topics, filters, where to resume. Pure.

    /ws/feed?topic=labs&topic=alerts&patient=Patient/1&channel=hospital&type=Observation&severity=high,critical&last_event_id=42

Every name may be repeated or hold several values joined by commas; values of one name are alternatives, names are joined by "and".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from engine.fault import Fault, Kind

FILTERS = ("topic", "patient", "channel", "type", "severity")
RESUME = "last_event_id"
SECRETS = frozenset(("token", "access_token", "authorization", "auth", "key", "api_key", "apikey", "jwt", "password", "secret"))
LONGEST, MOST, QUERY = 200, 50, 4096  # characters of a value, values in all, characters of the query
ALL = "*"
_TOPIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events; an empty filter lets all pass. Two readers with equal filters are told the same."""

    topics: frozenset[str] = frozenset()
    patients: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()

    def fits(self, topic: str, patient: str, channel: str, type: str, severity: str) -> bool:
        """Whether an event is one of these."""
        return (
            (not self.topics or topic in self.topics)
            and (not self.patients or patient in self.patients)
            and (not self.channels or channel in self.channels)
            and (not self.types or type in self.types)
            and (not self.severities or severity in self.severities)
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """A reader's wish; `after` is the last event it has seen, None for what comes from now on."""

    wanted: Wanted
    after: int | None = None


def ask(query: str) -> Asked | Fault:
    """Reads the query; a Fault names what does not belong there."""
    if len(query) > QUERY:
        return _wrong("the query is longer than a feed's filters need")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MOST, errors="strict")
    except ValueError:
        return _wrong("the query cannot be read")
    if any(name.lower() in SECRETS for name, _ in pairs):
        text = "a secret does not belong into an address: addresses are logged by proxies and kept by browsers"
        return Fault(Kind.FORBIDDEN, "E756", text, help="send it in the Authorization header, or not at all")
    found: dict[str, set[str]] = {name: set() for name in FILTERS}
    after: int | None = None
    for name, value in pairs:
        if name == RESUME:
            if not re.fullmatch(r"\d{1,18}", value):
                return _wrong("last_event_id is the number of the last event seen", RESUME)
            after = int(value)
        elif name not in found:
            return _wrong("a feed has no such filter", help=f"its filters: {', '.join((*FILTERS, RESUME))}")
        else:
            found[name] |= {part for part in value.split(",") if part}
    if any(len(value) > LONGEST for values in found.values() for value in values) or sum(map(len, found.values())) > MOST:
        return _wrong("a filter's values are too long or too many")
    topics = found["topic"]
    if not topics:
        return _wrong("the feed's topic is not named", "topic", "?topic=labs, or ?topic=* for every topic")
    if any(topic != ALL and not is_topic(topic) for topic in topics):
        return _wrong("this is no name of a topic", "topic", "letters, digits, dot, dash and underscore")
    patients = {value if "/" in value else f"Patient/{value}" for value in found["patient"]}
    kept = frozenset() if ALL in topics else frozenset(topics)
    rest = (frozenset(found[name]) for name in ("channel", "type", "severity"))
    return Asked(Wanted(kept, frozenset(patients), *rest), after)


def is_topic(text: str) -> bool:
    """Whether a text may name a topic."""
    return _TOPIC.fullmatch(text) is not None


def _wrong(text: str, at: str = "", help: str = "see docs/feeds.md") -> Fault:
    return Fault(Kind.INCORRECT, "E755", text, at, help)
