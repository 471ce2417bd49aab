"""One running engine: database, journal, workers, sources and HTTP, started in that order and drained in the reverse.

To drain: sources take nothing new and finish what they hold, the worker finishes its batch, then the rest closes. To deploy anew: a set
with a finding is refused and the old one keeps running.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from psycopg_pool import AsyncConnectionPool

from engine import __version__, heap, home
from engine.alerts.desk import Clock, Desk
from engine.alerts.notices import Notices
from engine.alerts.post import post
from engine.alerts.routes import routes as alerts
from engine.convert import convert
from engine.database import Database
from engine.deliver import Couriers, Route
from engine.diagnostic import render
from engine.fault import Fault, Kind
from engine.gauges import Gauges
from engine.gauges.routes import routes as metrics
from engine.housekeeping import Forget, Housekeeping
from engine.intake import KeyedIntake, keyed
from engine.journal import BOTH, Committer, Journal
from engine.journal.groups import Limits
from engine.journal.line import ALWAYS, OPTIONS, Line
from engine.journal.look import connect
from engine.journal.outbox import post as queue
from engine.live import Live
from engine.log import failed, log
from engine.metrics import RECOVERED
from engine.plugins import formats, plugins, store_of
from engine.settings import Settings
from engine.slow import Slow
from engine.sources import Sources
from engine.types import Arrival, Connection, Parcel, Site
from engine.uuid7 import uuid7
from engine.web import Web
from engine.worker import Worker
from engine.workers import Crew

# Seconds a thread may hold the interpreter while another waits: an acknowledgement waits for the worker so long.
HANDOVER = 0.001
ROOM = 64 * 1024 * 1024  # bytes free without which the embedded database soon takes nothing more
PATIENCE = 3.0  # seconds that the database has to say that it is there
DRAIN = 30.0  # seconds given to what is in flight


class Engine:
    """Everything that runs for one data folder. `start` returns the fault that prevents it; `stop` drains."""

    def __init__(self, settings: Settings, live: Live, crew: Crew | None, progress: Callable[[str], None]) -> None:
        self.settings, self.live, self.crew, self.progress = settings, live, crew, progress
        self.database = Database(settings.database_url)
        self.workers: list[Worker] = []
        self.web: Web | None = None
        self.couriers: Couriers | None = None
        self.routes: list[Route] = []  # of plug-ins, whatever is deployed
        self.clock: Clock | None = None
        self.housekeeping: Housekeeping | None = None
        self.slow, self.checks = Slow(), Slow()  # a strict check stands before an acknowledgement: it never waits for ECGs
        self._redeploying = asyncio.Lock()
        self._asking: asyncio.Task[bool] | None = None  # whether the database answers
        self.ended = asyncio.Event()

    def end(self) -> None:
        """Asks the engine to stop."""
        self.ended.set()

    async def start(self) -> Fault | None:
        """Starts everything, or says why not; what was started is stopped again by `stop`."""
        entered = home.enter(self.settings.data)
        if isinstance(entered, Fault):
            return entered
        self.home = entered
        fault = await asyncio.to_thread(self.database.open, self.settings, self.progress)
        if fault or self.ended.is_set():  # told to stop meanwhile: a recovery can take long
            return fault
        self.dsn = self.database.dsn
        kept = {"autocommit": True, "options": OPTIONS, **ALWAYS}
        self.pool = AsyncConnectionPool(self.dsn, min_size=1, max_size=8, open=False, kwargs=kept)
        await self.pool.open(wait=True, timeout=30)
        self.journal = Journal(self.dsn, works=() if self.crew else BOTH)
        RECOVERED.inc(self.journal.pending)
        self.committer = Committer(self.journal, Limits(pending=self.settings.pending))
        self.committer.start()
        self.intake = KeyedIntake(self.committer, self.live.plans, self.checks.run)
        self.site = Site(
            formats=formats(), mappings={},
            settings={"data": str(self.settings.data), "version": __version__, "paths": {}, "watches": [],
                      "tables": self.live.tables, "convert": self.convert, "origins": self.settings.origins,
                      "folders": self.live.folders, "subscription_hosts": self.settings.subscription_hosts,
                      "subscription_networks": self.settings.subscription_networks,
                      "subscription_retry": self.settings.subscription_retry, "stale": {},
                      "tell": self.crew.outdate if self.crew else None},
            now=lambda: datetime.now(UTC), new_id=uuid7, pool=self.pool, intake=self.intake,
            run_slow=self.slow.run, call_slow=self.slow.call,
            after_commit=lambda call: self.journal.listen(lambda _: call()),
            enlist=self.enlist, post=self.post,
        )  # fmt: skip
        self.sources = Sources(self.intake, self._announce)
        findings = await self.redeploy()
        deployed = self.live.deployed
        if deployed is None:
            wrong = [row for row in findings if row["severity"] == "error"]
            place = f"{wrong[0]['file']}:{wrong[0]['line']}:{wrong[0]['column']}"
            more = f"`isthmus lint` shows it and {len(wrong) - 1} more" if len(wrong) > 1 else "`isthmus lint` shows it"
            return Fault(Kind.INCORRECT, str(wrong[0]["code"]), str(wrong[0]["text"]), place, more)
        store = store_of(self.site)
        notices = Notices(self.live.notices, store)
        self.desk = Desk(self.live.rules, store, post, notices)
        if self.crew is None:
            self.workers = [Worker(self.journal, self.live.plans, store, self.site.now, self.desk, slow) for slow in BOTH]
        for worker in self.workers:
            worker.start()
        if self.crew is not None:
            self.crew.heard = self.journal.heard
            self.journal.woken = self.crew.wake
            await self._followed(await asyncio.to_thread(self.crew.begin, self.dsn))
        self.couriers = Couriers(self.dsn, self.site)
        for _, make in sorted(plugins("couriers").items()):
            route = make(self.site)
            if isinstance(route, Fault):
                return route
            self.routes.append(route)
        await self.couriers.start([*deployed.routes, *self.routes])
        self.journal.listen(self.couriers.wake)
        self.clock = Clock(self.desk, partial(_transaction, Line(self.dsn, "alerts")), self.site.now)
        self.clock.start()
        self.housekeeping = Housekeeping(self.dsn, self.live.channels, self.forget(store))
        self.housekeeping.start()
        gauges = Gauges(self.pool, self.settings.data, self.sources.connections, self.in_hand)
        alerts_ = partial(alerts, self.desk, self._look, self.site.now)
        counted = self.crew.counted if self.crew is not None else list
        self.web = Web(self.site, self.settings, self.status, self.redeploy, (alerts_, partial(metrics, gauges, counted)))
        fault = await self.web.start()
        if fault:
            return fault
        self._announce()
        heap.stay()
        sys.setswitchinterval(HANDOVER)
        log("the engine is ready", address=self.web.address, version=__version__, count=len(deployed.plans))
        return None

    @contextmanager
    def _look(self) -> Iterator[Connection]:
        """A transaction on a connection of its own, for what people ask now and then."""
        with connect(self.dsn) as connection, connection.transaction():
            yield connection

    def forget(self, store: Any) -> Forget | None:
        """How the store's record of accesses is shortened; None when it is kept for ever."""
        age = timedelta(days=self.settings.keep_audit)
        found = getattr(store, "forget", None)
        return None if found is None or not age else lambda connection, now: int(found(connection, now - age))

    def convert(self, body: bytes, format: str) -> list[dict[str, Any]] | tuple[Fault, ...]:
        """What a message becomes by the mappings deployed now; nothing is stored."""
        return convert(self.site.formats, self.live.mappings(), body, format)

    def in_hand(self) -> int:
        """How many messages are being worked, here and by the worker processes."""
        return self.journal.in_hand + (self.crew.in_hand if self.crew is not None else 0)

    def enlist(self, connection: Connection, arrivals: Sequence[Arrival]) -> Callable[[], None]:
        """Journals arrivals inside another writer's transaction, each with its channel's order key."""
        plans = self.live.plans()
        return self.journal.enlist(connection, [keyed(arrival, plans.get(arrival.channel)) for arrival in arrivals])

    def post(self, connection: Connection, parcels: Sequence[Parcel]) -> Callable[[], None]:
        """Queues parcels inside another writer's transaction."""
        queue(connection, [(None, parcel) for parcel in parcels])
        return self.couriers.wake if self.couriers is not None else lambda: None

    async def redeploy(self) -> list[dict[str, Any]]:
        """Reads channels and mappings anew; all of it takes effect, or none. Returns the findings."""
        async with self._redeploying:
            fresh = await asyncio.to_thread(self.live.load, self.site)
            findings: list[dict[str, Any]] = [dict(finding.as_dict(), rendered=render(finding)) for finding in fresh.findings]
            if fresh.refused:
                log("a deployment was refused", "warning", count=len(findings))
                return findings
            for outdate in list(self.site.settings["stale"].values()):
                outdate()
            if self.couriers is not None:  # whoever works and sends knows a new channel before it takes its first message
                if self.crew is not None:
                    await self._followed(await asyncio.to_thread(self.crew.deploy, self.live.written))
                await self.couriers.follow([*fresh.routes, *self.routes])
            await self.sources.follow(fresh)
            if self.web is not None:  # before that, `start` does it once for all
                heap.renew()
                self._announce()
            for name, fault in self.sources.broken().items():  # the set is deployed all the same
                findings.append(
                    {**fault.as_dict(), "severity": "warning", "text": f"the channel {name} does not listen: {fault.text}"}
                )
            log("deployed", count=len(fresh.plans), digest=fresh.digest[:12])
            return findings

    def _announce(self) -> None:
        """Tells other commands where this engine is found."""
        if self.web is None:
            return
        try:
            self.home.announce(dsn=self.dsn, http=self.web.address, token=self.web.token, sources=self.sources.addresses())
        except OSError as error:  # such as a full disk: what works goes on
            failed("other commands are not told of this engine", error)

    async def _followed(self, digests: set[str]) -> None:
        """Sees that the worker processes have what is deployed here; one that is being started anew does not answer."""
        assert self.crew is not None
        for _ in range(3):
            if digests == {self.live.digest}:
                return
            digests = await asyncio.to_thread(self.crew.deploy, self.live.written)
        log("a worker process works with other channels than are deployed", "error")

    async def status(self) -> tuple[bool, dict[str, Any]]:
        """Ready when the database answers and has room, the worker lives and every source listens."""
        own = bool(self.workers) and all(worker.is_alive() for worker in self.workers)
        checks = {
            "worker": own if self.crew is None else self.crew.alive,
            "sources": not self.sources.broken(),
        }
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._database_answers())
        done, _ = await asyncio.wait([self._asking], timeout=PATIENCE)  # one that stands still is not asked again meanwhile
        checks["database"] = bool(done) and self._asking.result()
        if self.database.keeper is not None:
            checks["disk"] = shutil.disk_usage(self.settings.data).free > ROOM
        return all(checks.values()), {"checks": checks}

    async def _database_answers(self) -> bool:
        try:
            async with self.pool.connection(timeout=2) as connection:
                await connection.execute("select 1")
            return True
        except Exception:
            return False

    async def stop(self) -> None:
        """Drains in order: sources, worker, HTTP, journal, database."""
        for name, step in (
            ("sources", self._stop_sources),
            ("worker", self._stop_worker),
            ("senders", self._stop_senders),
            ("http", self._stop_web),
            ("journal", self._stop_rest),
        ):
            try:
                await step()
            except Exception as error:
                failed("a part did not stop cleanly", error, name=name)
        if hasattr(self, "home"):
            self.home.leave()
        log("the engine has stopped")

    async def _stop_sources(self) -> None:
        if hasattr(self, "sources"):
            await self.sources.drain(DRAIN)

    async def _stop_worker(self) -> None:
        if self.crew is not None:
            await asyncio.to_thread(self.crew.stop, DRAIN)
        for worker in self.workers:
            await asyncio.to_thread(worker.stop, DRAIN)

    async def _stop_senders(self) -> None:
        if self.clock is not None:
            await asyncio.to_thread(self.clock.stop)
        if self.housekeeping is not None:
            await asyncio.to_thread(self.housekeeping.stop)
        if self.couriers is not None:
            await self.couriers.stop(DRAIN)

    async def _stop_web(self) -> None:
        if self.web:
            await self.web.stop()

    async def _stop_rest(self) -> None:
        for slow in (self.slow, self.checks):
            await asyncio.to_thread(slow.stop)
        if hasattr(self, "committer"):
            await asyncio.to_thread(self.committer.stop)
            self.journal.close()
        if hasattr(self, "pool"):
            await self.pool.close()
        await asyncio.to_thread(self.database.close)


@contextmanager
def _transaction(line: Line) -> Iterator[Connection]:
    connection = line.get()
    with connection.transaction():
        yield connection
