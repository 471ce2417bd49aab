"""A process that works messages, quick or slow ones: claims, maps, validates, alerts and writes, until it is told to stop or its engine is
gone."""

from __future__ import annotations

import contextlib
import ctypes
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine import heap
from engine.alerts.desk import Desk
from engine.alerts.notices import Notices
from engine.alerts.post import post
from engine.deployment import dry_site
from engine.journal import Journal
from engine.journal.outbox import post as queue
from engine.live import Live
from engine.plugins import store_of
from engine.priority import WORK, step_back
from engine.settings import Settings
from engine.slow import Slow
from engine.types import Connection, Parcel, Site
from engine.worker import Watch, Worker
from engine.workers.counters import families
from engine.workers.wire import Begin, Wire, told
from engine.written import Written

SETTINGS = ("subscription_hosts", "subscription_networks", "subscription_retry")
KINDS = ("quick", "slow")
SET_NAME = 15  # PR_SET_NAME of prctl(2)
DRAIN = 30.0


def named(name: str) -> None:
    """Calls this process so in `ps` and `top`, at most 15 characters, where the system can."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(SET_NAME, name.encode(), 0, 0, 0)


class Process:
    """The process's state: what is deployed, its journal, its worker."""

    def __init__(self, wire: Wire, settings: Settings, live: Live, slow: bool) -> None:
        self.wire, self.settings, self.live, self.slow = wire, settings, live, slow
        self.hands = Slow() if slow else None
        self.journal: Journal | None = None
        self.worker: Worker | None = None
        self.stale: dict[str, Callable[[], None]] = {}  # of plug-ins: what they hold of the database is out of date
        self.acts: Mapping[str, Callable[[Any], None]] = {
            "begin": self.begin, "wake": self.wake, "deploy": self.deploy, "metrics": self.metrics, "stale": self.outdate,
            "spare": self.spare,
        }  # fmt: skip

    def site(self) -> Site:
        """What plug-ins may know of the engine. Whoever waits for what is queued is woken by the engine, which hears of each commit."""
        site = dry_site(self.settings)
        told = {name: getattr(self.settings, name) for name in SETTINGS} | {"folders": self.live.folders, "stale": self.stale}
        call = self.hands.call if self.hands is not None else None
        return replace(site, settings={**site.settings, **told}, post=enqueue, call_slow=call)

    def begin(self, given: Begin) -> None:
        """Starts to work over a database."""
        if self.live.deployed is None:  # it would find no message's channel, and hold them all
            raise RuntimeError("nothing is deployed here")
        dsn, suspects, fatal = given
        self.journal = Journal(dsn, works=(self.slow,), accepts=False, mates=1 if self.slow else self.settings.workers)
        self.journal.listen(lambda outcomes: self.wire.send("told", told(outcomes)))
        site = self.site()
        store = store_of(site)
        notices = Notices(self.live.notices, store)
        desk = Desk(self.live.rules, store, post, notices)
        watch = Watch(lambda ids: self.wire.send("works", ids), suspects, fatal)
        self.worker = Worker(self.journal, self.live.plans, store, site.now, desk, self.slow, watch)
        self.worker.start()
        self.wire.send("begun", self.live.digest)

    def wake(self, _: Any) -> None:
        """There may be something to claim."""
        if self.journal is not None:
            self.journal.wake()

    def spare(self, _: Any) -> None:
        """Quick messages come: one processor is left to them."""
        if self.hands is not None:
            self.hands.spare()

    def deploy(self, written: Written | None) -> None:
        """Takes the channels as they were written when the engine read them."""
        if not self.live.again(self.site(), written).refused:
            heap.renew(heap.BATCH)
        for outdate in list(self.stale.values()):
            outdate()
        self.wire.send("deployed", self.live.digest)
        if self.worker is not None:
            self.worker.watch.fatal = frozenset()

    def outdate(self, name: str) -> None:
        """What a plug-in holds of the database is out of date."""
        if name in self.stale:
            self.stale[name]()

    def metrics(self, _: Any) -> None:
        """Tells what was counted."""
        self.wire.send("metrics", families())

    def work(self, written: Written | None = None) -> None:
        """Its life: works for the engine at the other end of the wire until that says stop or is gone. One that was not forked has the
        channels as they were `written` when they were deployed."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # the engine says when
        step_back(WORK)
        named(f"isthmus {KINDS[self.slow]}")
        if self.live.deployed is None or self.slow:  # slow steps are made for the processes they run in
            self.live.again(self.site(), written or self.live.written)
        heap.stay(heap.BATCH)
        try:
            self.run()
        finally:
            self.stop()

    def run(self) -> None:
        """Does what it is told until the wire ends."""
        while True:
            try:
                name, value = self.wire.receive()
            except (EOFError, OSError):
                return
            if name == "stop":
                return
            self.acts[name](value)

    def stop(self) -> None:
        """Finishes the batch in hand and hands the lanes back."""
        if self.worker is not None:
            self.worker.stop(DRAIN)
        if self.hands is not None:
            self.hands.stop()
        if self.journal is not None:
            self.journal.close()


def enqueue(connection: Connection, parcels: Sequence[Parcel]) -> Callable[[], None]:
    """Queues parcels inside the transaction that writes."""
    queue(connection, [(None, parcel) for parcel in parcels])
    return lambda: None
