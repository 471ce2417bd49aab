"""The worker: claims a batch, runs each message's plan, writes everything in one transaction, commits, tells who waits.

A batch that fails is retried message by message, so that one bad message costs the others nothing; a message that fails alone
is held with its fault when the cause is its own, and deferred when the database or its network is at fault.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import psycopg

from engine import metrics
from engine.alerts.desk import Told
from engine.fault import Fault, Kind
from engine.heap import release
from engine.journal import Journal, Settlement
from engine.log import failed, log
from engine.run import Plan, bug, run
from engine.types import Connection, Filtered, Message, Origin, Put, State, Store, Work

BATCH = 64
SLOW_BATCH = 16
SLOW_SIDE = 4  # slow messages that run at a time
SLOW_PART = 2  # slow messages in one transaction: a short one, for the quick ones' commits wait for what it wrote
TRIES = 8  # of a message whose fault may pass: about two minutes
TRANSIENT = (psycopg.OperationalError, psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)
NO_CHANNEL = Fault(
    Kind.NOT_FOUND, "E291", "the message's channel is not deployed", help="deploy the channel again, then replay the message"
)


FATAL = Fault(
    Kind.FAULT, "E295", "the process that worked on it ended each time", help="the message is kept; replay it after the repair"
)


class Watch:
    """What is known of a process that worked before this one and died: messages among which one may end this one too.

    They are worked one by one, so that the guilty one is found; those found (`fatal`) are held. `tell` hears what is in hand.
    """

    def __init__(
        self, tell: Callable[[list[int]], None] = lambda _: None, suspects: Sequence[int] = (), fatal: Sequence[int] = ()
    ) -> None:
        self.tell, self.suspects, self.fatal = tell, set(suspects), frozenset(fatal)

    def most(self, usual: int) -> int:
        """How many messages are worked together."""
        return 1 if self.suspects else usual

    def begins(self, messages: Sequence[Message]) -> None:
        """These are in hand now."""
        numbers = [one.seq for one in messages]
        self.suspects.difference_update(numbers)
        self.tell(numbers)


class Worker(threading.Thread):
    """One worker thread over the journal. `plans` is read once per batch: a deploy takes effect between batches."""

    def __init__(
        self,
        journal: Journal,
        plans: Callable[[], Mapping[str, Plan]],
        store: Store,
        now: Callable[[], datetime],
        alerts: Callable[[Connection, Sequence[Any], datetime], Told],
        slow: bool = False,
        watch: Watch | None = None,
    ) -> None:
        super().__init__(name="slow worker" if slow else "worker", daemon=True)
        self.journal, self.plans, self.store, self.now, self.alerts, self.slow = journal, plans, store, now, alerts, slow
        self.record: Any = getattr(store, "record", None)
        self.watch = watch or Watch()
        self._stop_asked = threading.Event()

    def run(self) -> None:
        while not self._stop_asked.is_set():
            try:
                messages = self.journal.claim(self.watch.most(SLOW_BATCH if self.slow else BATCH), self.slow)
                if messages:
                    self.watch.begins(messages)
                    self.work(messages)
                else:
                    self.journal.wait(0.5, self.slow)
            except TRANSIENT as error:
                failed("the worker lost the database and tries again", error)
                self._stop_asked.wait(0.5)
            except Exception as error:
                failed("the worker failed and goes on", error)
                self._stop_asked.wait(0.5)

    def stop(self, seconds: float = 30.0) -> None:
        """Finishes the batch in hand and ends."""
        self._stop_asked.set()
        self.journal.wake()
        self.join(seconds)

    def work(self, messages: Sequence[Message]) -> None:
        """Runs and settles a batch. What follows a message that waits or stops its key is left in hand and comes again behind it."""
        plans = self.plans()
        blocked: set[object] = set()
        with closing(self._run(plans, messages)) as parts:
            for part in parts:
                self._settle(plans, part, blocked)

    def _settle(self, plans: Mapping[str, Plan], part: Sequence[Done], blocked: set[object]) -> None:
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
        if not done:
            return
        try:
            self.commit(done)
        except TRANSIENT:
            raise
        except Exception:
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
            except TRANSIENT:
                raise
            except Exception as error:
                fault = bug(error)
                log("a message could not be stored", "warning", message_id=message.id, channel=message.channel, code=fault.code)
                kept = held(message, (fault,), plans.get(message.channel))
                self.commit([Done(kept)])
                if kept.stop:
                    held_back.add(order(message))
        blocked |= held_back

    def _run(self, plans: Mapping[str, Plan], messages: Sequence[Message]) -> Generator[list[Done], None, None]:
        """Every message's plan, in order. Slow ones run side by side, each in a process of its own, and what is ready is handed on in
        small parts while the next ones run."""
        if not self.slow:
            yield [self._settlement(plans.get(one.channel), one) for one in messages]
            return
        threads = ThreadPoolExecutor(SLOW_SIDE)
        try:
            waiting = deque(threads.submit(settlement, plans.get(one.channel), one) for one in messages)
            while waiting and not self._stop_asked.is_set():
                part = [waiting.popleft().result()]
                while waiting and waiting[0].done() and len(part) < SLOW_PART:
                    part.append(waiting.popleft().result())
                yield part
        finally:
            threads.shutdown(cancel_futures=True)

    def _settlement(self, plan: Plan | None, message: Message) -> Done:
        return Done(held(message, (FATAL,), plan)) if message.seq in self.watch.fatal else settlement(plan, message)

    def commit(self, done: Sequence[Done]) -> None:
        """Writes resources, alerts, outbox rows, events and states in one transaction (R6)."""
        puts = [put for one in done for put in one.puts]
        signals = [signal for one in done for signal in one.signals]
        settlements = [one.settlement for one in done]
        now = self.now()
        with metrics.COMMIT.time(), self.journal.transaction(self.slow) as connection:
            if signals:
                effects = self.alerts(connection, signals, now)
                puts += effects.puts
                last = settlements[-1]
                settlements[-1] = replace(last, parcels=(*last.parcels, *effects.parcels), events=(*last.events, *effects.events))
            if puts:
                self.store.write(connection, puts, now)
                origins = [Origin(one.message, one.plan, one.resources) for one in settlements if one.resources]
                if origins and self.record is not None:
                    self.record(connection, origins, now)
            self.journal.settle(connection, settlements)
        self.journal.committed(settlements)
        metrics.settled(settlements)


@dataclass(frozen=True, slots=True)
class Done:
    """A message that was run: what became of it, what is to be written, what the alert rules saw."""

    settlement: Settlement
    puts: tuple[Put, ...] = ()
    signals: tuple[Any, ...] = ()
    again: Fault | None = None  # why it is tried again later instead


def order(message: Message) -> object:
    """What messages have in common that must not overtake each other."""
    return (message.channel, message.envelope.key) if message.envelope.key else message.id


def pause(attempt: int) -> float:
    """Seconds until the next try of a message, doubling to a minute."""
    return float(min(60, 2 ** min(attempt - 1, 10)))


def settlement(plan: Plan | None, message: Message) -> Done:
    """Runs a message's plan."""
    if plan is None:
        return Done(held(message, (NO_CHANNEL,), None))
    result = run(plan, message)
    if isinstance(result, Filtered):
        return Done(Settlement(message, State.FILTERED, plan=plan.digest))
    if not isinstance(result, Work):
        again = result[0] if result[0].kind.answer.retry and message.attempt < TRIES else None
        return Done(held(message, result, plan), again=again)
    puts = result.puts if plan.stores else ()
    names = tuple(f"{put.body['resourceType']}/{put.body['id']}" for put in puts)
    found = Settlement(message, State.PROCESSED, result.warnings, result.parcels, result.events, plan.digest, names)
    release(result.document)
    return Done(found, puts, result.data.get("alert", ()))


def held(message: Message, faults: tuple[Fault, ...], plan: Plan | None) -> Settlement:
    """The message stays, with its faults, until it is replayed; where the channel says `on failure: stop`, its key waits for it."""
    stop = plan is not None and plan.on_failure == "stop"
    return Settlement(message, State.HELD, faults, plan=plan.digest if plan is not None else "", stop=stop)
