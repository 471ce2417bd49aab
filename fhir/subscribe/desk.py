"""Who is told of what: the engine's one desk for Subscriptions. It matches what a transaction has written, numbers the events and
queues their notifications, all inside that transaction. Where nobody is subscribed it looks at one flag.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_bytes
from typing import Any
from uuid import UUID

from engine.fault import Fault
from engine.types import Connection, Site, Written
from fhir import encode
from fhir.store.types import CODES, key_of
from fhir.subscribe.allow import Allowed, allowed
from fhir.subscribe.asked import Asked, understand
from fhir.subscribe.bundle import Event
from fhir.subscribe.criteria import row
from fhir.subscribe.parcels import parcels
from fhir.subscribe.sql import sql
from fhir.subscribe.topic import Topic

KEY = "subscriptions"
LOOK = 5.0  # seconds after which a change that nobody told of is seen
# every change of a Subscription makes a version of it, so this grows with each
STAMP = "select coalesce(sum(resource.version), 0) from fhir.subscription join fhir.resource using (key)"
Wake = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Known:
    """A Subscription as it is served: its number, this server's address for it, and what it asks for."""

    num: int
    base: str
    state: str
    asked: Asked


class Desk:
    """Subscriptions of one process; used from several threads, each value replaced as a whole."""

    def __init__(self, site: Site) -> None:
        self.site = site
        found = allowed(site.settings.get("subscription_hosts", ()), site.settings.get("subscription_networks", ()))
        self.refused = found if isinstance(found, Fault) else None  # the operator's list cannot be read
        self.allowed = Allowed() if isinstance(found, Fault) else found
        self.key = b""  # signs the tokens that sockets bind with; all processes of a database have the same
        self.by_type: Mapping[str, tuple[Known, ...]] = {}
        self.by_num: Mapping[int, Known] = {}
        self.unserved: Mapping[int, Fault] = {}  # what was served once and cannot be any more: a host off the list, a topic gone
        self._wanted, self._have = 1, 0  # which reading of the table is asked for, and held
        self._looked, self._stamp = 0.0, -1
        self._listeners: list[Wake] = []
        self._attending: list[Wake] = []

    @property
    def loaded(self) -> bool:
        """Whether what is held is what stands in the table, as far as this process knows."""
        return self._have == self._wanted

    def stale(self) -> None:
        """A Subscription was written: the table is read again before anybody is told."""
        self._wanted += 1

    @property
    def idle(self) -> bool:
        """Whether nobody is subscribed."""
        return self.loaded and not self.by_num and not self.unserved

    def topics(self) -> Mapping[str, Topic]:
        """The topics as they are deployed now, by URL."""
        folders = self.site.settings.get("folders")
        return {topic.url: topic for topic in folders("topics").values()} if folders is not None else {}

    def listen(self, wake: Wake) -> None:
        """Has a function called, from any thread, when there may be something to tell."""
        self._listeners.append(wake)

    def wake(self) -> None:
        """There may be something to tell."""
        for listener in self._listeners:
            listener()

    def attend(self, stir: Wake) -> None:
        """Has a function called, from any thread, when a Subscription has changed."""
        self._attending.append(stir)

    def stir(self) -> None:
        """A Subscription has changed: the processes that work messages read the table again, too."""
        tell = self.site.settings.get("tell")
        if tell is not None:
            tell(KEY)
        for attending in self._attending:
            attending()
        self.wake()

    def look(self, connection: Connection) -> None:
        """Sees that what is held is what stands in the table; another process may have changed it a few seconds ago."""
        if self.loaded and time.monotonic() - self._looked < LOOK:
            return
        self._looked = time.monotonic()
        stamp = int(connection.execute(STAMP).fetchone()[0])
        if not self.loaded or stamp != self._stamp:
            self.load(connection)
            self._stamp = stamp

    def load(self, connection: Connection) -> None:
        """Reads who is subscribed."""
        wanted, topics, found = self._wanted, self.topics(), []
        self.key = self.key or connection.execute(sql("secret"), self.secret()).fetchone()[0]
        unserved: dict[int, Fault] = {}
        for num, base, state, text in connection.execute(sql("all")).fetchall():
            asked = understand(encode.trusted(text), topics, self.allowed, base)
            if isinstance(asked, Fault):
                if state != "error":
                    unserved[num] = asked
            else:
                found.append(Known(num, base, state, asked))
        by_type: dict[str, tuple[Known, ...]] = {}
        for one in found:
            if one.state != "requested" or one.asked.topic is not None:
                by_type[one.asked.type] = (*by_type.get(one.asked.type, ()), one)
        self.unserved, self.by_num = unserved, {one.num: one for one in found}
        self.by_type, self._have = by_type, wanted

    @staticmethod
    def secret() -> dict[str, Any]:
        """What `secret.sql` is asked for the key of tokens."""
        return {"name": KEY, "fresh": token_bytes(32)}

    def written(self, connection: Connection, written: Sequence[Written]) -> Wake | None:
        """Tells of what was written in this transaction; what it returns is to be called once that is committed."""
        self.look(connection)
        known = self.by_type
        if not known:
            return None
        changed = [one for one in written if one.type in known and one.change != "unchanged"]
        if not changed:
            return None
        events = self.numbered(connection, self.matches(connection, changed))
        if not events:
            return None
        queued = [parcel for one, happened in events for parcel in parcels(one.num, one.base, one.asked, happened)]
        following = self.site.post(connection, queued) if queued and self.site.post is not None else None

        def committed() -> None:
            if following is not None:
                following()
            self.wake()

        return committed

    def matches(self, connection: Connection, changed: Sequence[Written]) -> dict[int, list[Event]]:
        """The events of each Subscription, in order, not yet numbered."""
        keys = [UUID(bytes=key_of(one.type, one.id)) for one in changed]
        before = any(
            known.asked.topic is not None for type in {one.type for one in changed} for known in self.by_type.get(type, ())
        )
        asked = {"keys": keys, "versions": [one.version for one in changed], "before": before}
        rows = connection.execute(sql("changed"), asked).fetchall()
        found: dict[int, list[Event]] = {}
        for one, (_, at, text, earlier) in zip(changed, rows, strict=True):
            body = encode.trusted(text) if text else None
            after = row(body, at) if body is not None else None
            past = row(encode.trusted(earlier), at) if earlier else None
            for known in self.by_type.get(one.type, ()):
                if known.asked.wants(one.change, after, past):
                    found.setdefault(known.num, []).append(Event(0, at, one.change, one.type, one.id, one.version, body))
        return found

    def numbered(self, connection: Connection, found: Mapping[int, list[Event]]) -> list[tuple[Known, list[Event]]]:
        """Gives the events their numbers and keeps them; those to be sent now, by Subscription."""
        if not found:
            return []
        counts = {"nums": list(found), "counts": [len(events) for events in found.values()]}
        states = connection.execute(sql("number"), counts).fetchall()
        told = {num: (state, list(renumbered(found[num], last - len(found[num])))) for num, state, last in states}
        self.keep(connection, {num: events for num, (_, events) in told.items()})
        known = self.by_num
        return [(known[num], events) for num, (state, events) in sorted(told.items()) if state == "active" and num in known]

    def keep(self, connection: Connection, told: Mapping[int, Sequence[Event]]) -> None:
        """Writes the log that `$events` and sockets read."""
        rows = [(num, event) for num, events in told.items() for event in events]
        values = {
            "nums": [num for num, _ in rows],
            "numbers": [event.number for _, event in rows],
            "ats": [event.at for _, event in rows],
            "types": [CODES[event.type] for _, event in rows],
            "ids": [event.id for _, event in rows],
            "versions": [event.version for _, event in rows],
            "changes": [event.change for _, event in rows],
        }
        connection.execute(sql("log"), values)


def renumbered(events: Sequence[Event], last: int) -> Iterator[Event]:
    """Events numbered from the one after `last`."""
    for number, one in enumerate(events, start=last + 1):
        yield Event(number, one.at, one.change, one.type, one.id, one.version, one.body)


def desk(site: Site) -> Desk:
    """The engine's desk; the same one for everybody who has its site's settings."""
    settings: Any = site.settings
    found = settings.get(KEY)
    if found is None:
        found = settings[KEY] = Desk(site)
        settings.setdefault("stale", {})[KEY] = found.stale
    return found  # type: ignore[no-any-return]
