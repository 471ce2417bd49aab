"""The worker: claims a batch, runs each message's plan, writes everything in one transaction, commits, tells who waits.

A batch that fails is retried message by message, so that one bad message costs the others nothing; a message that fails alone
is held with its fault when the cause is its own, and deferred when the database or its network is at fault.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import psycopg

from engine.fault import Fault, Kind
from engine.journal import Journal, Settlement
from engine.log import failed, log
from engine.run import Plan, bug, run
from engine.types import Filtered, Message, Put, State, Store, Work

BATCH = 64
TRANSIENT = (psycopg.OperationalError, psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)
NO_CHANNEL = Fault(
    Kind.NOT_FOUND, "E291", "the message's channel is not deployed", help="deploy the channel again, then replay the message"
)


class Worker(threading.Thread):
    """One worker thread over the journal. `plans` is read once per batch: a deploy takes effect between batches."""

    def __init__(
        self,
        journal: Journal,
        plans: Callable[[], Mapping[str, Plan]],
        store: Store,
        now: Callable[[], datetime],
        batch: int = BATCH,
    ) -> None:
        super().__init__(name="worker", daemon=True)
        self.journal, self.plans, self.store, self.now, self.batch = journal, plans, store, now, batch
        self._stop_asked = threading.Event()

    def run(self) -> None:
        while not self._stop_asked.is_set():
            try:
                messages = self.journal.claim(self.batch)
                if messages:
                    self.work(messages)
                else:
                    self.journal.wait(0.5)
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
        """Runs and settles one batch."""
        plans = self.plans()
        done = [settlement(plans.get(m.channel), m) for m in messages]
        try:
            self.commit(done)
        except TRANSIENT:
            raise
        except Exception as error:
            if len(done) > 1:
                for one in done:
                    self.work([one[0].message])
            else:
                fault = bug(error)
                log(
                    "a message could not be stored",
                    "warning",
                    message_id=messages[0].id,
                    channel=messages[0].channel,
                    code=fault.code,
                )
                self.commit([(held(messages[0], (fault,), done[0][0].plan), ())])

    def commit(self, done: Sequence[tuple[Settlement, Sequence[Put]]]) -> None:
        """Writes resources, outbox rows, events and states in one transaction (R6)."""
        puts = [put for _, group in done for put in group]
        settlements = [one for one, _ in done]
        with self.journal.transaction() as connection:
            if puts:
                self.store.write(connection, puts, self.now())
            self.journal.settle(connection, settlements)
        self.journal.committed(settlements)


def settlement(plan: Plan | None, message: Message) -> tuple[Settlement, Sequence[Put]]:
    """Runs a message's plan; what became of it, and what is to be written."""
    if plan is None:
        return held(message, (NO_CHANNEL,), ""), ()
    result = run(plan, message)
    if isinstance(result, Filtered):
        return Settlement(message, State.FILTERED, plan=plan.digest), ()
    if not isinstance(result, Work):
        return held(message, result, plan.digest), ()
    names = tuple(f"{put.body['resourceType']}/{put.body['id']}" for put in result.puts)
    return (
        Settlement(message, State.PROCESSED, result.warnings, result.parcels, result.events, plan.digest, names),
        result.puts,
    )


def held(message: Message, faults: tuple[Fault, ...], plan: str) -> Settlement:
    """The message stays, with its faults, until it is replayed."""
    return Settlement(message, State.HELD, faults, plan=plan)
