"""The journal: accept, claim, settle, find, replay. One face over its parts; each part has one thread and one connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import psycopg

from engine.fault import Fault
from engine.journal.accept import Acceptor, enlist
from engine.journal.backlog import Backlog
from engine.journal.claim import DAMAGED, Bodies, Claims
from engine.journal.defer import defer
from engine.journal.lease import SECONDS, Leases
from engine.journal.line import BY_KEY, OPTIONS, Connection, Line
from engine.journal.look import Filter, Found, Shown, connect, counts, find, show
from engine.journal.partitions import ensure
from engine.journal.settle import settle
from engine.journal.values import KINDS, LANES, QUICK, Settlement
from engine.types import Arrival, Message, Outcome, Receipt, State

MEMORY = 16 * 1024 * 1024
BOTH = (False, True)
Settled = Callable[[dict[UUID, Outcome]], None]


class Journal:
    """`accept`, and `claim`/`transaction`/`settle`, belong to one thread for quick and one for slow work; the rest to any.

    `works` says which of the two this process does: quick (False), slow (True), both or neither. One that does neither hands everything
    to others: `woken` is called with the kinds of work that came. Where nothing is accepted, nobody needs to know how much waits.
    `mates` are the processes, this one among them, that one engine has for the same work and wakes together.
    """

    def __init__(
        self,
        dsn: str,
        memory: int = MEMORY,
        lease: float = SECONDS,
        works: Sequence[bool] = BOTH,
        accepts: bool = True,
        mates: int = 1,
    ) -> None:
        self.dsn, self._mates = dsn, mates
        sizes = (QUICK, LANES - QUICK)
        self._leases = {slow: Leases(Line(dsn, f"leases {KINDS[slow]}"), KINDS[slow], sizes[slow], lease) for slow in works}
        self._bodies = Bodies(memory)
        self._accept_lines = {slow: Line(dsn, f"accept {KINDS[slow]}", OPTIONS + BY_KEY, not slow) for slow in BOTH}
        self._acceptors = {slow: Acceptor(line) for slow, line in self._accept_lines.items()}
        self._claim_lines = {slow: Line(dsn, f"claim {KINDS[slow]}", OPTIONS + BY_KEY) for slow in works}
        self._claims = {slow: Claims(self._claim_lines[slow], self._leases[slow], self._bodies, slow) for slow in works}
        self._work_lines = {slow: Line(dsn, f"work {KINDS[slow]}") for slow in works}
        self._wakes = {slow: threading.Event() for slow in works}
        self._listeners: list[Settled] = []
        # called when there may be something of these kinds to claim
        self.woken: Callable[[Collection[bool]], None] = lambda _: None
        self._backlog = Backlog(Line(dsn, "backlog"))
        with psycopg.connect(dsn, autocommit=True) as connection:
            ensure(connection)
        if accepts:
            self._backlog.recount()
            self._backlog.start()
        for leases in self._leases.values():
            leases.start()

    @property
    def in_hand(self) -> int:
        """How many claimed messages are not settled yet."""
        return sum(len(claims.in_hand) for claims in self._claims.values())

    @property
    def pending(self) -> int:
        """About how many messages wait for their turn."""
        return self._backlog.count

    @property
    def alone(self) -> bool:
        """Whether no other engine shares the journal."""
        return all(leases.owners <= self._mates for leases in self._leases.values())

    def accept(self, arrivals: Sequence[Arrival], slow: bool = False) -> list[Receipt | Fault]:
        """Makes the arrivals durable in one commit, over the line of one kind; a Fault means not stored, save E621: not known."""
        self._bodies.keep(arrivals, {slow: leases.held() for slow, leases in self._leases.items()})
        receipts = self._acceptors[slow].accept(arrivals)
        fresh = 0
        kinds: set[bool] = set()
        for arrival, receipt in zip(arrivals, receipts, strict=True):
            if isinstance(receipt, Fault) or receipt.duplicate or arrival.fault is not None:
                self._bodies.take(arrival.id)
            else:
                fresh += 1
                kinds.add(arrival.slow)
        if fresh:
            self._backlog.changed(fresh)
            self.wake(kinds)
        return receipts

    def enlist(self, connection: Connection, arrivals: Sequence[Arrival]) -> Callable[[], None]:
        """Stores arrivals inside the caller's transaction; the caller calls what it returns after its commit."""
        enlist(connection, arrivals)

        def committed() -> None:
            self._backlog.changed(len(arrivals))
            self.wake({arrival.slow for arrival in arrivals})

        return committed

    def claim(self, limit: int, slow: bool = False) -> list[Message]:
        """The next messages, in order; whatever the last claim left unsettled comes again. Damaged ones are held at once."""
        messages, damaged = self._claims[slow].claim(limit)
        if damaged:
            settlements = [Settlement(message, State.HELD, (DAMAGED,)) for message in damaged]
            with self.transaction(slow) as connection:
                self.settle(connection, settlements)
            self.committed(settlements)
        return messages

    @contextmanager
    def transaction(self, slow: bool = False) -> Iterator[Connection]:
        """The worker's connection inside a transaction; committed at the end, undone by an exception."""
        connection = self._work_lines[slow].get()
        with connection.transaction():
            yield connection

    def settle(self, connection: Connection, settlements: Sequence[Settlement]) -> None:
        """Notes what became of claimed messages; raises Fenced when another process has taken one over."""
        settle(connection, [leases.owner for leases in self._leases.values()], settlements)

    def committed(self, settlements: Sequence[Settlement]) -> None:
        """Tells those who wait, once the transaction is committed."""
        for claims in self._claims.values():
            claims.in_hand.difference_update([one.message.seq for one in settlements])
        self.heard({one.message.id: one.outcome for one in settlements})

    def heard(self, outcomes: dict[UUID, Outcome]) -> None:
        """Tells those who wait what was committed, here or by a process that works for this one."""
        self._backlog.changed(-len(outcomes))
        for listener in self._listeners:
            listener(outcomes)

    def defer(self, messages: Sequence[Message], seconds: float, fault: Fault | None = None, slow: bool = False) -> None:
        """Puts claimed messages off: they, and later ones of their keys, come again after so many seconds."""
        with self.transaction(slow) as connection:
            defer(connection, messages, seconds, fault)
        self._claims[slow].in_hand.difference_update([message.seq for message in messages])

    def listen(self, listener: Settled) -> None:
        """Calls with the outcomes of each committed batch, from the worker's thread."""
        self._listeners.append(listener)

    def find(self, wanted: Filter) -> list[Found]:
        """The messages that fit, newest first."""
        with connect(self.dsn) as connection:
            return find(connection, wanted)

    def show(self, id: UUID) -> Shown | Fault:
        """One message with its bytes and its history."""
        with connect(self.dsn) as connection:
            return show(connection, id)

    def counts(self, since: datetime | None = None, until: datetime | None = None) -> dict[str, dict[str, int]]:
        """How many messages of each channel stand where."""
        with connect(self.dsn) as connection:
            return counts(connection, since, until)

    def replay(self, wanted: Sequence[UUID] | Filter, dry_run: bool = False) -> list[UUID]:
        """Queues messages to go through their channel again; with `dry_run`, only says which."""
        from engine.journal.replay import replay  # noqa: PLC0415

        with connect(self.dsn) as connection:
            ids = replay(connection, wanted, dry_run)
        if not dry_run:
            self._backlog.changed(len(ids))
            self.wake()
        return ids

    def skip(self, ids: Sequence[UUID]) -> int:
        """Lets the keys go on that these held messages stop; returns how many did stop one."""
        from engine.journal.replay import skip  # noqa: PLC0415

        with connect(self.dsn) as connection:
            skipped = skip(connection, ids)
        self.wake()
        return skipped

    def wait(self, seconds: float, slow: bool = False) -> None:
        """Waits until there may be something to claim: what this process stored wakes at once, others' is looked for."""
        self._wakes[slow].wait(seconds if self.alone else min(seconds, 0.05))
        self._wakes[slow].clear()

    def wake(self, kinds: Collection[bool] = BOTH) -> None:
        """Ends a wait for work of these kinds."""
        for slow, wake in self._wakes.items():
            if slow in kinds:
                wake.set()
        self.woken(kinds)

    def close(self) -> None:
        """Hands the lanes back and closes the connections; the threads that use them have ended."""
        self._backlog.stop()
        for leases in self._leases.values():
            leases.stop()
        for line in (*self._accept_lines.values(), *self._claim_lines.values(), *self._work_lines.values()):
            line.drop()
