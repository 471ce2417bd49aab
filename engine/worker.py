"""The worker: claims a batch, runs each message's plan and has all of it written in one transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import Any

from engine.alerts.desk import Told
from engine.journal import Journal
from engine.log import failed
from engine.run import Plan
from engine.settlement import FATAL, Done, held, order, settlement
from engine.types import Connection, Message, Store
from engine.writer import TRANSIENT, Writer

BATCH = 128  # quick messages in one transaction: 64 cost the database a seventh more, with 192 acknowledgements are late
FEW, GATHER = 32, 0.02  # a batch of fewer is small; s that the next one then waits for company
SLOW_BATCH = 16
SLOW_SIDE = 4  # slow messages that run at a time
SLOW_PAUSE = 0.05  # s in which another one may come to share a transaction, which costs less than one of its own
SLOW_PART = 2  # slow messages in one transaction: a short one, for the quick ones' commits wait for what it wrote


class Watch:
    """What is known of a process that worked before this one and died: messages among which one may end this one too.

    They are worked one by one, so that the guilty one is found; those found (`fatal`) are held. `tell` hears what is in hand. Messages are
    told by the bytes of their ids.
    """

    def __init__(
        self, tell: Callable[[list[bytes]], None] = lambda _: None, suspects: Sequence[bytes] = (), fatal: Sequence[bytes] = ()
    ) -> None:
        self.tell, self.suspects, self.fatal = tell, set(suspects), frozenset(fatal)

    def most(self, usual: int) -> int:
        """How many messages are worked together."""
        return 1 if self.suspects else usual

    def begins(self, messages: Sequence[Message]) -> None:
        """These are in hand now."""
        ids = [one.id.bytes for one in messages]
        self.suspects.difference_update(ids)
        self.tell(ids)


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
        self.journal, self.plans, self.slow = journal, plans, slow
        self.writer = Writer(journal, store, now, alerts, slow)
        self.watch = watch or Watch()
        self._stop_asked = threading.Event()

    def run(self) -> None:
        while not self._stop_asked.is_set():
            try:
                self.turn()
            except Exception as error:
                lost = isinstance(error, TRANSIENT)
                failed("the worker lost the database and tries again" if lost else "the worker failed and goes on", error)
                self._stop_asked.wait(0.5)

    def stop(self, seconds: float = 30.0) -> None:
        """Finishes the batch in hand and ends."""
        self._stop_asked.set()
        self.journal.wake()
        self.join(seconds)

    def turn(self) -> None:
        """Claims and works a batch; with nothing to do, waits a while."""
        messages = self.journal.claim(self.watch.most(SLOW_BATCH if self.slow else BATCH), self.slow)
        if messages:
            self.watch.begins(messages)
            self.work(messages)
            self._stop_asked.wait(0.0 if self.slow else rest(len(messages)))
        else:
            self.journal.wait(0.5, self.slow)

    def work(self, messages: Sequence[Message]) -> None:
        """Runs and writes a batch by itself."""
        plans = self.plans()
        if self.slow:
            self._slowly(plans, messages)
        else:
            self.writer.write(plans, [self._run(plans, one) for one in messages], set())

    def _run(self, plans: Mapping[str, Plan], message: Message) -> Done:
        plan = plans.get(message.channel)
        return Done(held(message, (FATAL,), plan)) if message.id.bytes in self.watch.fatal else settlement(plan, message)

    def _slowly(self, plans: Mapping[str, Plan], messages: Sequence[Message]) -> None:
        """Writes in small parts, what is ready while the next ones run."""
        blocked: set[object] = set()
        with closing(self._parts(plans, messages)) as parts:
            for part in parts:
                self.writer.write(plans, part, blocked)

    def _parts(self, plans: Mapping[str, Plan], messages: Sequence[Message]) -> Generator[list[Done], None, None]:
        """What has run, side by side and each in a process of its own: in order by key, so that one that hangs keeps its key only."""
        threads = ThreadPoolExecutor(SLOW_SIDE)
        try:
            waiting = {threads.submit(self._run, plans, one): order(one) for one in messages}
            paused = False
            while waiting and not self._stop_asked.is_set():
                running = [one for one in waiting if not one.done()]
                part = list(islice(_first(waiting), SLOW_PART))
                if not part:
                    wait(running, return_when=FIRST_COMPLETED)
                elif len(part) < SLOW_PART and running and not paused:
                    wait(running, SLOW_PAUSE, FIRST_COMPLETED)
                    paused = True
                else:
                    yield [one.result() for one in part]
                    for one in part:
                        del waiting[one]
                    paused = False
        finally:
            threads.shutdown(cancel_futures=True)


def rest(count: int) -> float:
    """Seconds until the next claim after a batch of so many: twenty messages cost the database little more than two. One that comes alone
    has a sender that may wait for what becomes of it before it sends the next."""
    return GATHER if 1 < count < FEW else 0.0


def _first(waiting: Mapping[Future[Done], object]) -> Iterator[Future[Done]]:
    """Those that are done and have none of their key before them."""
    kept: set[object] = set()
    for one, key in waiting.items():
        if one.done() and key not in kept:
            yield one
        else:
            kept.add(key)
