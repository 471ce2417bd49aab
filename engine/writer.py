"""What was run is written: a batch in one transaction, then those who wait are told.

A batch that fails is written message by message, so that one bad message costs the others nothing; a message that fails alone
is held with its fault when the cause is its own, and deferred when the database or its network is at fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg

from engine import metrics
from engine.alerts.desk import Told
from engine.journal import Journal
from engine.log import log
from engine.run import Plan, bug
from engine.settlement import Done, held, order, pause
from engine.types import Connection, Origin, Store

TRANSIENT = (psycopg.OperationalError, psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)


def passes(error: Exception) -> bool:
    """Whether the same may work later: the database is away or busy; not where a message is beyond a limit of the server's."""
    return isinstance(error, TRANSIENT) and not str(getattr(error, "sqlstate", "") or "").startswith("54")


class Writer:
    """Writes for one worker. What follows a message that waits or stops its key is left in hand and comes again behind it."""

    def __init__(
        self,
        journal: Journal,
        store: Store,
        now: Callable[[], datetime],
        alerts: Callable[[Connection, Sequence[Any], datetime], Told],
        slow: bool,
    ) -> None:
        self.journal, self.store, self.now, self.alerts, self.slow = journal, store, now, alerts, slow
        self.record: Any = getattr(store, "record", None)

    def write(self, plans: Mapping[str, Plan], part: Sequence[Done], blocked: set[object]) -> None:
        """Commits what was run; adds the keys that must wait to `blocked`, and leaves out what has one of them."""
        done: list[Done] = []
        for one in part:
            message = one.settlement.message
            if order(message) in blocked:
                continue
            if one.again is not None:
                log("a message is tried again", "warning", message_id=message.id, channel=message.channel, code=one.again.code)
                metrics.child(metrics.DEFERRED, message.channel, one.again.code).inc()
                self.journal.defer([message], pause(message.attempt), one.again, self.slow)
            else:
                done.append(one)
            if one.again is not None or one.settlement.stop:
                blocked.add(order(message))
        if done:
            try:
                self.commit(done)
            except Exception as error:
                if passes(error):
                    raise
                self._alone(plans, done, blocked)

    def _alone(self, plans: Mapping[str, Plan], done: Sequence[Done], blocked: set[object]) -> None:
        """Commits one message at a time, so that the one that cannot be stored is found; it is held."""
        held_back: set[object] = set()
        for one in done:
            message = one.settlement.message
            if order(message) in held_back:
                continue
            try:
                self.commit([one])
            except Exception as error:
                if passes(error):
                    raise
                fault = bug(error)
                log("a message could not be stored", "warning", message_id=message.id, channel=message.channel, code=fault.code)
                kept = held(message, (fault,), plans.get(message.channel))
                self.commit([Done(kept)])
                if kept.stop:
                    held_back.add(order(message))
        blocked |= held_back

    def commit(self, done: Sequence[Done]) -> None:
        """Writes resources, alerts, outbox rows, events and states in one transaction (R6)."""
        puts = [put for one in done for put in one.puts]
        signals = [signal for one in done for signal in one.signals]
        settlements = [one.settlement for one in done]
        now = self.now()
        with metrics.COMMIT.time(), self.journal.transaction(self.slow) as connection:
            effects = self.alerts(connection, signals, now) if signals else None
            if effects is not None:
                puts += effects.puts
            if puts:
                self.store.write(connection, puts, now)
                origins = [Origin(one.message, one.plan, one.resources) for one in settlements if one.resources]
                if origins and self.record is not None:
                    self.record(connection, origins, now)
            if effects is not None:
                last, parcels = settlements[-1], effects.said(connection, now)
                settlements[-1] = replace(last, parcels=(*last.parcels, *parcels), events=(*last.events, *effects.events))
            self.journal.settle(connection, settlements)
        self.journal.committed(settlements)
        metrics.settled(settlements)
