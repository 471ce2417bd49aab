"""A process that works quick messages: claims, maps, validates, alerts and writes, until it is told to stop or its engine is gone."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine import heap, log
from engine.alerts.desk import Desk
from engine.alerts.notices import Notices
from engine.alerts.post import post
from engine.deployment import dry_site
from engine.journal import Journal
from engine.journal.outbox import post as queue
from engine.live import Live
from engine.plugins import store_of
from engine.settings import Settings
from engine.types import Connection, Parcel, Site
from engine.worker import Watch, Worker
from engine.workers.counters import families
from engine.workers.wire import Begin, Wire, told

SETTINGS = ("subscription_hosts", "subscription_networks", "subscription_retry")
NICE = 2  # an acknowledgement goes before the work that follows it
DRAIN = 30.0


class Process:
    """The process's state: what is deployed, its journal, its worker."""

    def __init__(self, wire: Wire, settings: Settings) -> None:
        self.wire, self.settings = wire, settings
        self.live = Live(settings)
        self.journal: Journal | None = None
        self.worker: Worker | None = None
        self.stale: dict[str, Callable[[], None]] = {}  # of plug-ins: what they hold of the database is out of date
        self.acts: Mapping[str, Callable[[Any], None]] = {
            "begin": self.begin, "wake": self.wake, "deploy": self.deploy, "metrics": self.metrics, "stale": self.outdate,
        }  # fmt: skip

    def load(self) -> str:
        """Reads and compiles the channels; the digest of what is deployed. A set that is refused changes nothing."""
        if not self.live.load(dry_site(self.settings)).refused:
            heap.settle(heap.BATCH)
        return self.live.digest

    def site(self) -> Site:
        """What the store may know of the engine. Whoever waits for what is queued is woken by the engine, which hears of each commit."""
        told = {name: getattr(self.settings, name) for name in SETTINGS}
        site = dry_site(self.settings)
        return replace(site, settings={**site.settings, **told, "folders": self.live.folders, "stale": self.stale}, post=enqueue)

    def begin(self, given: Begin) -> None:
        """Starts to work over a database."""
        dsn, suspects, fatal = given
        self.journal = Journal(dsn, works=(False,))
        self.journal.listen(lambda outcomes: self.wire.send("told", told(outcomes)))
        site = self.site()
        store = store_of(site)
        notices = Notices(self.live.notices, store)
        desk = Desk(self.live.rules, store, post, notices)
        watch = Watch(lambda ids: self.wire.send("works", ids), suspects, fatal)
        self.worker = Worker(self.journal, self.live.plans, store, site.now, desk, watch=watch)
        self.worker.start()
        self.wire.send("begun", self.live.digest)

    def wake(self, _: Any) -> None:
        """There may be something to claim."""
        if self.journal is not None:
            self.journal.wake()

    def deploy(self, _: Any) -> None:
        """Takes the channels as they stand in their folder now."""
        digest = self.load()
        for outdate in list(self.stale.values()):
            outdate()
        self.wire.send("deployed", digest)
        if self.worker is not None:
            self.worker.watch.fatal = frozenset()

    def outdate(self, name: str) -> None:
        """What a plug-in holds of the database is out of date."""
        if name in self.stale:
            self.stale[name]()

    def metrics(self, _: Any) -> None:
        """Tells what was counted."""
        self.wire.send("metrics", families())

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
        if self.journal is not None:
            self.journal.close()


def enqueue(connection: Connection, parcels: Sequence[Parcel]) -> Callable[[], None]:
    """Queues parcels inside the transaction that writes."""
    queue(connection, [(None, parcel) for parcel in parcels])
    return lambda: None


def main(end: int) -> None:
    """Works for the engine that holds the other end of this wire."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the engine says when
    os.nice(NICE)
    wire = Wire(end)
    _, settings = wire.receive()
    log.configure(settings.log_level)
    process = Process(wire, settings)
    process.load()
    try:
        process.run()
    finally:
        process.stop()
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
