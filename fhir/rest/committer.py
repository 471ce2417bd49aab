"""Group commit for writes over REST: what arrives while one transaction commits goes into the next one together.

One thread writes, so two clients never race for a version. A batch that fails is done again one by one, so that one bad write
costs the others nothing. Source of the idea: the journal does the same for messages.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from engine.fault import Fault, Kind, Refused
from engine.log import failed
from engine.types import Connection
from fhir.rest.audit import Keeping, unkept
from fhir.rest.watch import After
from fhir.store import Change, apply
from fhir.store.access import record

FOUND_DEAD: dict[str, Any] = {  # within 30 s, on a network too
    "connect_timeout": 10, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000,
}  # fmt: skip
MOST = 128
WAITING = 2000
ATTEMPTS = 3
Own = Callable[[Connection, datetime], Any]  # a write that reads first, alone in its savepoint
UNKNOWN = Fault(
    Kind.INTERRUPTED,
    "E583",
    "the database was lost while it confirmed the write; whether that took effect is not known",
    help="look whether it did before it is sent again",
)
AGAIN = (psycopg.errors.UniqueViolation, psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)


@dataclass(slots=True)
class Job:
    """One client's write and who waits for it."""

    work: Sequence[Change] | Own
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]
    base: str = ""  # this server's address as the client knows it
    keeps: Keeping | None = None
    result: Any = None

    def tell(self) -> None:
        """Hands the result to its waiter's loop."""
        self.loop.call_soon_threadsafe(self._set)

    def _set(self) -> None:
        if not self.done.done():
            self.done.set_result(self.result)


class Committer:
    """The thread that writes. Started by the first write; its connection is opened again when it breaks."""

    def __init__(self, dsn: str, now: Callable[[], datetime] = lambda: datetime.now(UTC), after: After | None = None) -> None:
        self.dsn, self.now, self.after = dsn, now, after
        self.jobs: queue.Queue[Job | None] = queue.Queue(WAITING)
        self.thread: threading.Thread | None = None
        self.connection: psycopg.Connection[Any] | None = None
        self.warned = ""
        self.lock = threading.Lock()

    async def write(self, work: Sequence[Change] | Own, base: str = "", keeps: Keeping | None = None) -> Any:
        """Commits the work, and its access with it, and returns what became of it; a Fault when nothing was written."""
        loop = asyncio.get_running_loop()
        job = Job(work, loop, loop.create_future(), base, keeps)
        self.start()
        try:
            self.jobs.put_nowait(job)
        except queue.Full:
            return Fault(Kind.BUSY, "E568", "too many writes wait", help="try again in a moment")
        return await job.done

    def start(self) -> None:
        """Starts the thread once."""
        with self.lock:
            if self.thread is None or not self.thread.is_alive():
                self.thread = threading.Thread(target=self.run, name="fhir-committer", daemon=True)
                self.thread.start()

    def stop(self) -> None:
        """Finishes what waits and ends."""
        if self.thread is not None and self.thread.is_alive():
            self.jobs.put(None)
            self.thread.join(10)

    def run(self) -> None:
        """Takes what waits, commits it, tells it, until stopped."""
        going = True
        while going:
            batch, going = self.taken()
            if not batch:
                continue
            if not self.committed(batch):
                for job in batch:
                    self.committed([job], last=True)
            for job in batch:
                job.tell()
        if self.connection is not None:
            self.connection.close()

    def taken(self) -> tuple[list[Job], bool]:
        """The jobs that wait, at least one; False at the end."""
        batch: list[Job] = []
        job = self.jobs.get()
        while job is not None and len(batch) < MOST - 1:
            batch.append(job)
            try:
                job = self.jobs.get_nowait()
            except queue.Empty:
                return batch, True
        if job is not None:
            batch.append(job)
        return batch, job is not None

    def committed(self, batch: Sequence[Job], last: bool = False) -> bool:
        """Does a batch in one transaction; False when it has to be done one by one. Plain writes are done again after a commit that was not
        heard of, since that changes nothing; what reads first could take effect twice."""
        for attempt in range(ATTEMPTS):
            sent = False
            try:
                following = None
                with self.connected().transaction():
                    at = self.now()
                    self.work(self.connection, batch, at)
                    if self.after is not None:
                        following = self.after(self.connection, [(job.result, job.base) for job in batch])
                    kept(self.connection, batch, at)
                    sent = True
                if self.warned:  # such as: the wait for a synchronous standby was cancelled, the commit is on one disk only
                    raise psycopg.OperationalError(self.warned)
                for job in batch:
                    if job.keeps is not None:
                        job.keeps.committed()
                if following is not None:
                    following()
                return True
            except Exception as error:
                fault, again = told(error)
                if isinstance(error, psycopg.OperationalError) and fault.code == "E570":
                    self.dropped()
                    if sent and any(callable(job.work) for job in batch):
                        fault, again = UNKNOWN, False
                elif not last:
                    return False
                if not again or attempt == ATTEMPTS - 1:
                    break
        for job in batch:
            job.result = fault
        return True

    def work(self, connection: Connection, batch: Sequence[Job], at: datetime) -> None:
        """Plain writes that follow each other go together; one that reads first goes alone, in its place."""
        plain: list[Job] = []
        for job in batch:
            if callable(job.work):
                self.together(connection, plain, at)
                plain = []
                job.result = alone(connection, job.work, at)
            else:
                plain.append(job)
        self.together(connection, plain, at)

    def together(self, connection: Connection, jobs: Sequence[Job], at: datetime) -> None:
        """Plain writes as one batch of the store."""
        changes = [change for job in jobs if not callable(job.work) for change in job.work]
        written = iter(apply(connection, changes, at))
        for job in jobs:
            job.result = [(next(written), at) for _ in job.work] if not callable(job.work) else None

    def connected(self) -> psycopg.Connection[Any]:
        """The open connection."""
        if self.connection is None or self.connection.closed:
            options = "-c statement_timeout=10000"
            self.connection = psycopg.connect(self.dsn, autocommit=True, options=options, **FOUND_DEAD)
            self.connection.add_notice_handler(self.noticed)
            self.warned = ""
        return self.connection

    def noticed(self, told: psycopg.errors.Diagnostic) -> None:
        """Keeps a warning of the server's."""
        if told.severity_nonlocalized == "WARNING":
            self.warned = told.message_primary or "warning"

    def dropped(self) -> None:
        """Forgets a broken connection."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def kept(connection: Connection, batch: Sequence[Job], at: datetime) -> None:
    """Writes the accesses of a batch; without them nothing is written."""
    try:
        record(connection, [job.keeps.access(connection, job.result, at) for job in batch if job.keeps is not None])
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        failed("an access could not be recorded", error)
        raise Refused(unkept()) from error


def told(error: Exception) -> tuple[Fault, bool]:
    """What a failed transaction means for its client, and whether doing it again may help. Never the data it met."""
    if isinstance(error, Refused):
        return error.fault, False
    if isinstance(error, AGAIN):
        return Fault(Kind.CONFLICT, "E569", "another writer was first", help="try again"), True
    if isinstance(error, psycopg.errors.QueryCanceled):
        return Fault(Kind.INCORRECT, "E567", "the condition takes too long to look up", help="narrow it"), False
    if isinstance(error, psycopg.OperationalError):
        return Fault(Kind.UNAVAILABLE, "E570", "the database does not answer", help="try again later"), True
    return Fault(Kind.FAULT, "E550", f"the write failed with {type(error).__name__}", help="nothing was written"), False


class Undo(Exception):
    """Ends a savepoint without effect and carries the result."""

    def __init__(self, result: Any) -> None:
        self.result = result


def alone(connection: Connection, work: Own, at: datetime) -> Any:
    """Does one write in a savepoint; a Fault or an Undo leaves nothing of it."""
    try:
        with connection.transaction():
            result = work(connection, at)
            if isinstance(result, Fault):
                raise Undo(result)
            return result
    except Undo as undo:
        return undo.result
