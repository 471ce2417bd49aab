"""The courier of Subscriptions: tells endpoints by rest-hook, from the outbox. Not configured in channels; the API's clients ask for it.

R4's own: a POST without content, or a PUT of the resource to [endpoint]/[type]/[id]. The R5 backport: a POST of the notification.
The endpoint is checked against the operator's list whenever a Subscription is read, since either may have changed; redirects are not
followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from adapters.http.webhook import idempotency_key
from adapters.safe_http import Line, Origin, Way, line, refusal, split
from engine.deliver import Route, Schedule, parse
from engine.fault import Fault, Kind
from engine.types import JSON, Parcel, Sender, Site
from fhir import encode
from fhir.subscribe.asked import Asked, understand
from fhir.subscribe.desk import Desk, desk
from fhir.subscribe.parcels import DESTINATION
from fhir.subscribe.settle import MOST

LINES = 200  # origins that connections are kept to
ANSWER = 4096  # bytes of an answer that are read
READ = """
    select held.state, held.base, resource.body from fhir.subscription held join fhir.resource resource on resource.key = held.key
    where held.num = %s and not resource.deleted
"""
SHAKEN = "update fhir.subscription set shaken = true where num = %s and state = 'requested'"
SENT = {"handshake": ("requested",), "heartbeat": ("active",), "event": ("requested", "active")}  # in which states
GONE = 410
NOBODY = Fault(Kind.NOT_FOUND, "E551", "the Subscription is not there any more")
AWAY = Fault(Kind.UNAVAILABLE, "E570", "the database does not answer", help="it is tried again by its schedule")


def route(site: Site) -> Route | Fault:
    """The one route that every Subscription's notifications take (entry point `isthmus.couriers`); each has a turn of its own."""
    told = desk(site)
    if isinstance(told.refused, Fault):
        return told.refused
    text = str(site.settings.get("subscription_retry", ""))
    schedule = parse(text) if text else Schedule()
    if isinstance(schedule, Fault):
        return replace(schedule, at="ISTHMUS_SUBSCRIPTION_RETRY")
    return Route(DESTINATION, RestHook(), schedule, MOST, apart=True, idle=lambda: told.idle)


@dataclass(frozen=True, slots=True)
class RestHook:
    """Tells endpoints of Subscriptions."""

    async def open(self, site: Site) -> Sender | Fault:
        """Connections are made when there is something to tell."""
        return Hook(site.pool, desk(site))


@dataclass(slots=True)
class Hook:
    """Open ways to endpoints."""

    pool: Any
    desk: Desk
    lines: dict[tuple[Origin, int], Line] = field(default_factory=dict)

    async def send(self, parcel: Parcel) -> JSON | Fault:
        """Tells one endpoint; what a Subscription that is off or gone was to be told is let go."""
        try:
            return await self._send(parcel)
        except (psycopg.Error, PoolTimeout, PoolClosed):
            return AWAY

    async def close(self) -> None:
        """Closes the connections."""
        lines, self.lines = list(self.lines.values()), {}
        for one in lines:
            await one.close()

    async def _send(self, parcel: Parcel) -> JSON | Fault:
        num, kind = int(parcel.meta["subscription"]), parcel.meta.get("kind", "event")
        state, asked = await self._known(num)
        if state not in SENT[kind]:
            return {"let go": state}
        if isinstance(asked, Fault):
            return asked
        if asked.channel != "rest-hook":
            return {"let go": asked.channel}
        found = split(asked.endpoint, "Subscription.channel.endpoint")
        if isinstance(found, Fault):
            return found
        told = await self._tell(found[0], found[1], asked, parcel)
        if kind == "handshake" and not isinstance(told, Fault):
            async with self.pool.connection() as connection:
                await connection.execute(SHAKEN, [num])
            self.desk.stir()
        return told

    async def _known(self, num: int) -> tuple[str, Asked | Fault]:
        """A Subscription's state and what it asks for: as the desk holds it, or as it stands in the table."""
        known = self.desk.by_num.get(num) if self.desk.loaded else None
        if known is not None:
            return known.state, known.asked
        async with self.pool.connection() as connection:
            row = await (await connection.execute(READ, [num])).fetchone()
        if row is None:
            return "gone", NOBODY
        return row[0], understand(encode.trusted(row[2]), self.desk.topics(), self.desk.allowed, row[1])

    async def _tell(self, origin: Origin, path: str, asked: Asked, parcel: Parcel) -> JSON | Fault:
        way = await self._line(origin, asked.timeout)
        if isinstance(way, Fault):
            return way
        to = parcel.meta.get("to", "")
        answer = await way.ask("PUT" if to else "POST", below(path, to), headers(asked, parcel), parcel.body)
        if isinstance(answer, Fault):
            return answer
        refused = refusal(answer, str(origin))
        if refused is not None and refused.code == "E726" and answer.status != GONE:
            return replace(refused, kind=Kind.UNAVAILABLE)  # endpoints are deployed anew now and then, and know nobody meanwhile
        return refused or {"status": answer.status}

    async def _line(self, origin: Origin, timeout: int) -> Line | Fault:
        key = origin, timeout
        if key not in self.lines:
            if len(self.lines) >= LINES:
                await self.lines.pop(next(iter(self.lines))).close()
            way = Way(float(timeout), min(10.0, timeout), 4, (*self.desk.allowed.networks, *literal(origin)), answer=ANSWER)
            opened = line(origin, way)
            if isinstance(opened, Fault):
                return opened
            self.lines[key] = opened
        return self.lines[key]


def literal(origin: Origin) -> tuple[str, ...]:
    """An address that the operator has listed as such may be called, public or not."""
    try:
        return (str(ip_address(origin.host)),)
    except ValueError:
        return ()


def below(path: str, to: str) -> str:
    """The endpoint's path with a resource's name behind it."""
    if not to:
        return path
    parts = urlsplit(path)
    return f"{parts.path.rstrip('/')}/{to}" + (f"?{parts.query}" if parts.query else "")


def headers(asked: Asked, parcel: Parcel) -> Mapping[str, str]:
    """The client's own headers, what the body is, and what tells a repeated notification."""
    found = dict(asked.headers)
    if parcel.body:
        found["Content-Type"] = parcel.content_type
    return {**found, "Idempotency-Key": idempotency_key(parcel)}
