"""The desk where alerts come together: readings from the worker, time from its own clock, acknowledgements from people."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.alerts.keep import Effects, acknowledged, apply, elapse
from engine.alerts.rule import Rule
from engine.alerts.signals import Signal
from engine.log import failed
from engine.metrics import alerted
from engine.plugins import plugins
from engine.types import JSON, Connection, Event, Parcel, Put, Store

EVERY = 1.0  # seconds between looks at the clock


Render = Callable[[Connection, Sequence[Parcel], Mapping[str, JSON], datetime], tuple[Parcel, ...]]


def plain(connection: Connection, parcels: Sequence[Parcel], issues: Mapping[str, JSON], now: datetime) -> tuple[Parcel, ...]:
    """Notices in the alert's own words."""
    return tuple(parcels)


@dataclass(frozen=True, slots=True)
class Told:
    """What a change of alerts writes and sends. `render` says its notices as who is told wants them."""

    puts: tuple[Put, ...]
    events: tuple[Event, ...]
    parcels: tuple[Parcel, ...]
    render: Render = plain

    def said(self, connection: Connection, now: datetime) -> tuple[Parcel, ...]:
        """The notices as they leave, once the resources are written."""
        return self.render(connection, self.parcels, {put.body["id"]: put.body for put in self.puts}, now) if self.parcels else ()


class Desk:
    """Alerts over one database. `post` writes parcels and events in the transaction it is given, `render` says notices as who is told
    wants them."""

    def __init__(
        self,
        rules: Callable[[], Mapping[str, Rule]],
        store: Store,
        post: Callable[[Connection, Told], None],
        render: Render = plain,
    ) -> None:
        self.rules, self.store, self.post, self.render = rules, store, post, render
        self._resource = plugins("outputs").get("alert")

    def __call__(self, connection: Connection, signals: Sequence[Signal], now: datetime) -> Told:
        """Carries a batch's signals into the alerts, inside the worker's transaction."""
        wanted = sorted({one.subject for one in signals if one.rule.ages and not one.born})
        births = self.births(connection, wanted) if wanted else {}
        return self._told(apply(connection, signals, now, births))

    def births(self, connection: Connection, subjects: Sequence[str]) -> dict[str, str]:
        """Dates of birth by subject, from the stored patients."""
        found = self.store.bodies(connection, [subject.partition("/")[::2] for subject in subjects])
        return {f"{type}/{id}": str(body.get("birthDate", "")) for (type, id), body in found.items()}

    def elapse(self, connection: Connection, now: datetime) -> None:
        """What time alone changes, in one transaction of its own."""
        self._write(connection, elapse(connection, self.rules(), now), now)

    def acknowledge(self, connection: Connection, id: UUID, by: str, now: datetime) -> bool:
        """Takes an open alert on; False when there is none of this id."""
        effects = acknowledged(connection, self.rules(), id, by, now)
        if effects is not None:
            self._write(connection, effects, now)
        return effects is not None

    def _write(self, connection: Connection, effects: Effects, now: datetime) -> None:
        told = self._told(effects)
        if told.puts:
            self.store.write(connection, told.puts, now)
        if told.events or told.parcels:
            self.post(connection, replace(told, parcels=told.said(connection, now)))

    def _told(self, effects: Effects) -> Told:
        bodies = [self._resource(alert) for alert in effects.alerts] if self._resource else []
        last: dict[str, dict[str, Any]] = {body["id"]: body for body in bodies}
        alerted(effects.events)
        kind = bodies[0]["resourceType"] if bodies else ""
        events = (replace(event, body={**event.body, "type": kind}) for event in effects.events)
        return Told(tuple(Put(body) for body in last.values()), tuple(events), tuple(effects.parcels), self.render)


class Clock(threading.Thread):
    """Looks at the alerts every second: missing readings, escalations."""

    def __init__(self, desk: Desk, transaction: Callable[[], Any], now: Callable[[], datetime]) -> None:
        super().__init__(name="alerts", daemon=True)
        self.desk, self.transaction, self.now = desk, transaction, now
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(EVERY):
            try:
                with self.transaction() as connection:
                    self.desk.elapse(connection, self.now())
            except Exception as error:
                failed("the alerts' clock missed a look", error)

    def stop(self) -> None:
        """Ends after the look in hand."""
        self._stopped.set()
        self.join(10)
