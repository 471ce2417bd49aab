"""Delivery: in order by key, retried, given up with a reason, paused, isolated, fenced."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from engine.deliver import Couriers, Route, Schedule, dead, desk, pause, resume, revive, trying, waiting
from engine.deliver.ledger import BYTES, Ledger
from engine.deliver.lookout import Lookout
from engine.fault import Fault, Kind
from engine.journal.outbox import post
from engine.types import JSON, Parcel, Sender, Site
from engine.uuid7 import uuid7

QUICK = Schedule(0.01, 0.01, 0.035)  # three waits, then given up
DOWN = Fault(Kind.UNAVAILABLE, "E703", "made up")
REFUSED = Fault(Kind.INCORRECT, "E710", "made up")
SITE = Site({}, {}, {}, lambda: datetime.now(UTC), uuid7)

Answer = Callable[[Parcel, int], Awaitable[JSON | Fault]]


async def yes(parcel: Parcel, n: int) -> JSON | Fault:
    return {"code": "AA"}


@dataclass(eq=False)
class Far:
    """A far side that notes what it gets and answers as it is told; `flying` is how many of a key are with it at once."""

    answer: Answer = yes
    got: list[str] = field(default_factory=list)
    flying: dict[str, int] = field(default_factory=dict)
    overlapped: bool = False

    async def open(self, site: Site) -> Sender | Fault:
        return self

    async def send(self, parcel: Parcel) -> JSON | Fault:
        self.flying[parcel.key] = self.flying.get(parcel.key, 0) + 1
        self.overlapped |= self.flying[parcel.key] > 1
        self.got.append(parcel.idem)
        try:
            return await self.answer(parcel, self.got.count(parcel.idem))
        finally:
            self.flying[parcel.key] -= 1

    async def close(self) -> None:
        return None


def put(database: str, *parcels: Parcel) -> int:
    with psycopg.connect(database) as connection:
        return post(connection, [(None, parcel) for parcel in parcels])


def parcel(n: int, key: str = "p", to: str = "ehr", body: bytes = b"x") -> Parcel:
    return Parcel(to, key, f"{key}{n}", body)


def left(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute("select count(*) from journal.outbox").fetchone()
        return int(row[0]) if row else -1


def deliver(
    database: str, far: dict[str, Far], until: Callable[[], bool], retry: Schedule = QUICK, then: Any = None, **options: Any
) -> None:
    async def run() -> None:
        couriers = Couriers(database, SITE)
        await couriers.start([Route(name, one, retry, **options) for name, one in far.items()])
        for _ in range(1500):
            if await asyncio.to_thread(until):
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("it did not come to that")
        if then is not None:
            await then(couriers)
        await couriers.stop(1)

    asyncio.run(run())


def test_parcels_of_a_key_leave_one_after_the_other_in_order(database: str) -> None:
    async def slow(parcel: Parcel, n: int) -> JSON | Fault:
        await asyncio.sleep(0.001)
        return {}

    far = Far(slow)
    put(database, *(parcel(n, key) for n in range(30) for key in "abc"))
    deliver(database, {"ehr": far}, lambda: left(database) == 0)
    for key in "abc":
        assert [idem for idem in far.got if idem[0] == key] == [f"{key}{n}" for n in range(30)]
    assert not far.overlapped


def test_a_commit_wakes_the_destinations_that_it_has_something_for(database: str) -> None:
    async def run() -> list[list[str] | None]:
        heard: asyncio.Queue[Any] = asyncio.Queue()
        lookout = Lookout(database, heard.put_nowait)
        task = asyncio.create_task(lookout.run())
        found = []
        for parcels in ([parcel(0), parcel(1), parcel(0, to="lab")], [], [parcel(2)]):
            await asyncio.to_thread(put, database, *parcels)
            lookout.look()
            found.append(await asyncio.wait_for(heard.get(), 10))
        with psycopg.connect(database, autocommit=True) as other:  # the line is cut: it cannot be said which
            other.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'isthmus lookout'")
        for _ in range(2):
            lookout.look()
            found.append(await asyncio.wait_for(heard.get(), 10))
        task.cancel()
        return found

    first, *rest = asyncio.run(run())
    assert sorted(first or ()) == ["ehr", "lab"]
    assert rest == [[], ["ehr"], None, []]


def test_a_failing_head_keeps_back_its_own_key_only_and_comes_first_again(database: str) -> None:
    async def answer(parcel: Parcel, n: int) -> JSON | Fault:
        return DOWN if parcel.idem == "bad0" and n < 3 else {}

    far = Far(answer)
    put(database, parcel(0, "bad"), parcel(1, "bad"), *(parcel(n, "good") for n in range(5)))
    deliver(database, {"ehr": far}, lambda: left(database) == 0)
    assert [idem for idem in far.got if idem.startswith("bad")] == ["bad0", "bad0", "bad0", "bad1"]
    assert [idem for idem in far.got if idem.startswith("good")] == [f"good{n}" for n in range(5)]


def reading(database: str, *args: Any) -> tuple[list[str], Any]:
    """The heads of one reading, by name, and the reading."""

    async def run() -> Any:
        ledger = Ledger(database, "ehr")
        try:
            return await ledger.read(*args)
        finally:
            await ledger.close()

    read = asyncio.run(run())
    return [due.parcel.idem for due in read.heads], read


def seqs(database: str) -> dict[str, int]:
    with psycopg.connect(database) as connection:
        return dict(connection.execute("select idem, seq from journal.parcel").fetchall())


def test_only_the_first_parcel_of_a_key_is_read_wherever_the_reading_begins(database: str) -> None:
    put(database, parcel(0), parcel(1), parcel(0, "other"))
    number = seqs(database)
    assert reading(database, 0, 10)[0] == ["p0", "other0"]
    assert reading(database, number["p0"], 10)[0] == ["other0"]
    with psycopg.connect(database) as connection:
        connection.execute("update journal.outbox set attempts = 1, not_before = now() + '1 h' where seq = %s", [number["p0"]])
    assert reading(database, 0, 10)[0] == ["other0"]
    with psycopg.connect(database) as connection:
        connection.execute("update journal.outbox set not_before = now() where seq = %s", [number["p0"]])
    assert reading(database, number["p1"], 10)[0] == ["p0", "other0"]  # its time has come, wherever one stands


def test_a_retry_further_off_than_any_wait_has_come_since_the_clock_was_set_back(database: str) -> None:
    put(database, parcel(0))
    with psycopg.connect(database) as connection:
        connection.execute("update journal.outbox set attempts = 1, not_before = now() + '3 days'")
    assert reading(database, 0, 10)[0] == ["p0"]


def test_a_reading_tells_how_far_it_came_and_what_was_too_large(database: str) -> None:
    big = b"x" * (BYTES // 2 + 1)
    put(database, *(parcel(0, f"k{n}", body=big) for n in range(3)), *(parcel(n, "k0") for n in range(1, 4)))
    number = seqs(database)
    found, read = reading(database, 0, 5)
    assert (found, read.left, read.last, read.end) == (["k00", "k10"], (number["k20"],), number["k02"], False)
    found, read = reading(database, read.last, 5, [due.hash for due in read.heads], read.left)
    assert (found, read.left, read.last, read.end) == (["k20"], (), number["k03"], True)


def test_a_waiting_head_that_is_taken_away_lets_nothing_overtake_what_follows_it(database: str) -> None:
    async def answer(parcel: Parcel, n: int) -> JSON | Fault:
        return DOWN if parcel.idem == "p0" else {}

    far = Far(answer)
    put(database, parcel(0), parcel(1), parcel(2))

    async def take_away(couriers: Couriers) -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("delete from journal.outbox where seq = (select min(seq) from journal.outbox)")
        put(database, parcel(3))
        couriers.wake()
        while await asyncio.to_thread(left, database):
            await asyncio.sleep(0.01)

    waits = Schedule(60.0, 60.0, 600.0)
    deliver(database, {"ehr": far}, lambda: far.got == ["p0"] and failing(database), waits, then=take_away)
    assert far.got == ["p0", "p1", "p2", "p3"]


def failing(database: str) -> bool:
    with psycopg.connect(database) as connection:
        return connection.execute("select from journal.outbox where attempts > 0").fetchone() is not None


@pytest.mark.parametrize("apart", [False, True])
def test_a_far_side_that_asks_for_time_is_left_alone_for_it(database: str, apart: bool) -> None:
    """All of a destination's keys wait; where each key is a far side of its own, that one."""
    began = time.monotonic()
    when: list[tuple[str, float]] = []

    async def answer(parcel: Parcel, n: int) -> JSON | Fault:
        when.append((parcel.idem, time.monotonic() - began))
        return replace(DOWN, again=1.5) if parcel.idem == "p0" and n == 1 else {}

    put(database, parcel(0))
    put(database, *(parcel(n, key) for n in range(5) for key in "ab"))
    deliver(database, {"ehr": Far(answer)}, lambda: left(database) == 0, apart=apart, parallel=1)
    asked = when[0][1]
    assert when[0][0] == "p0"
    assert all(at - asked >= 1.5 for name, at in when[1:] if name == "p0" or not apart)
    assert not apart or [name for name, at in when if at - asked < 1.0 and name != "p0"]


def test_no_far_side_is_left_alone_for_longer_than_its_schedule_waits(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "PATIENCE", 0.2)

    async def answer(parcel: Parcel, n: int) -> JSON | Fault:
        return replace(DOWN, again=1e9) if n == 1 else {}

    put(database, parcel(0))
    deliver(database, {"ehr": Far(answer)}, lambda: left(database) == 0)


def test_a_parcel_is_given_up_when_its_schedule_ends_and_the_key_goes_on(database: str) -> None:
    async def answer(parcel: Parcel, n: int) -> JSON | Fault:
        return DOWN if parcel.idem == "p0" else {}

    far = Far(answer)
    put(database, parcel(0), parcel(1))
    deliver(database, {"ehr": far}, lambda: left(database) == 0)
    assert far.got == ["p0"] * 4 + ["p1"]
    with psycopg.connect(database) as connection:
        [lost] = dead(connection)
        assert (lost.idem, lost.attempts, lost.fault) == ("p0", 4, DOWN)


def test_what_a_retry_cannot_help_is_given_up_at_once_and_can_be_sent_again(database: str) -> None:
    async def answer(parcel: Parcel, n: int) -> JSON | Fault:
        return REFUSED if n == 1 else {}

    far = Far(answer)
    put(database, parcel(0))
    deliver(database, {"ehr": far}, lambda: left(database) == 0)
    with psycopg.connect(database) as connection:
        [lost] = dead(connection, "ehr")
        assert lost.fault == REFUSED
        assert revive(connection, [lost.seq, 999]) == 1
        connection.commit()
        assert dead(connection) == []
    deliver(database, {"ehr": far}, lambda: left(database) == 0)
    assert far.got == ["p0", "p0"]


def test_a_sender_that_raises_is_told_from_a_line_that_is_down(database: str) -> None:
    async def answer(parcel: Parcel, n: int) -> JSON | Fault:
        if parcel.key == "bug":
            raise ValueError("a patient's name")
        if n == 1:
            raise ConnectionResetError
        return {}

    far = Far(answer)
    put(database, parcel(0, "bug"), parcel(0, "down"))
    deliver(database, {"ehr": far}, lambda: left(database) == 0)
    assert sorted(far.got) == ["bug0", "down0", "down0"]
    with psycopg.connect(database) as connection:
        [lost] = dead(connection)
        assert lost.fault.code == "E704"
        assert "patient" not in str(lost.fault)


def test_a_destination_that_never_answers_slows_no_other(database: str) -> None:
    async def never(parcel: Parcel, n: int) -> JSON | Fault:
        await asyncio.sleep(3600)
        return {}

    hole, live = Far(never), Far()
    put(database, *(parcel(n, f"k{n}", "hole") for n in range(20)), *(parcel(n, "k", "live") for n in range(20)))
    deliver(database, {"hole": hole, "live": live}, lambda: len(live.got) == 20 and left(database) == 20)
    assert len(hole.got) == 4  # bounded: as many as its route allows


def test_the_same_parcel_leaves_once_and_a_changed_one_again(database: str) -> None:
    far = Far()
    assert put(database, parcel(0), parcel(0)) == 1
    assert put(database, parcel(0)) == 0
    deliver(database, {"ehr": far}, lambda: left(database) == 0)
    assert put(database, parcel(0)) == 0
    assert put(database, parcel(0, body=b"repaired")) == 1
    assert put(database, parcel(0, body=b"repaired again")) == 1
    deliver(database, {"ehr": far}, lambda: left(database) == 0)
    assert far.got == ["p0", "p0"]


def test_a_paused_destination_waits_and_goes_on(database: str) -> None:
    far = Far()
    with psycopg.connect(database, autocommit=True) as connection:
        pause(connection, "ehr", "the receiver is upgraded")
        put(database, parcel(0))

        async def go_on(couriers: Couriers) -> None:
            assert far.got == []
            assert [(one.destination, one.count, one.paused) for one in waiting(connection)] == [("ehr", 1, True)]
            assert desk.paused(connection) == ["ehr"]
            assert resume(connection, "ehr")
            couriers.wake()
            while await asyncio.to_thread(left, database):
                await asyncio.sleep(0.01)

        deliver(database, {"ehr": far}, lambda: True, then=go_on)
    assert far.got == ["p0"]


def test_a_pause_is_heeded_though_much_is_in_hand(database: str) -> None:
    async def slow(parcel: Parcel, n: int) -> JSON | Fault:
        await asyncio.sleep(0.05)
        return {}

    far = Far(slow)
    put(database, *(parcel(0, f"k{n}") for n in range(400)))

    async def stop(_: Couriers) -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            pause(connection, "ehr")
        await asyncio.sleep(1.5)
        sent = len(far.got)
        await asyncio.sleep(0.3)
        assert len(far.got) == sent

    deliver(database, {"ehr": far}, lambda: bool(far.got), then=stop)
    assert left(database) > 100


def test_a_process_that_lost_its_lease_neither_sends_nor_writes(database: str) -> None:
    async def run() -> None:
        gate = asyncio.Event()

        async def answer(parcel: Parcel, n: int) -> JSON | Fault:
            await gate.wait()
            return {}

        far, other = Far(answer), Far()
        sleeper = Couriers(database, SITE)
        await sleeper.start([Route("ehr", far, QUICK)])
        put(database, parcel(0), parcel(1))
        sleeper.wake()
        while not far.got:
            await asyncio.sleep(0.01)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("update journal.lease set owner = 1, epoch = epoch + 1 where name = 'to ehr'")
            gate.set()
            for _ in range(20):
                await asyncio.sleep(0.01)
            assert far.got == ["p0"] or set(far.got) == {"p0"}
            assert left(database) == 2
            await sleeper.stop(1)
            connection.execute("update journal.lease set owner = 0, until = '-infinity' where name = 'to ehr'")
        heir = Couriers(database, SITE)
        await heir.start([Route("ehr", other, QUICK)])
        while await asyncio.to_thread(left, database):
            await asyncio.sleep(0.01)
        await heir.stop(1)
        assert other.got == ["p0", "p1"]

    asyncio.run(run())


def test_what_is_in_flight_at_the_end_is_finished_and_noted(database: str) -> None:
    async def run() -> None:
        gate = asyncio.Event()

        async def answer(parcel: Parcel, n: int) -> JSON | Fault:
            await gate.wait()
            return {}

        far = Far(answer)
        couriers = Couriers(database, SITE)
        await couriers.start([Route("ehr", far, QUICK)])
        put(database, parcel(0), parcel(1))
        couriers.wake()
        while not far.got:
            await asyncio.sleep(0.01)
        ending = asyncio.create_task(couriers.stop(30))
        await asyncio.sleep(0.05)
        gate.set()
        await ending
        assert far.got == ["p0"]
        assert left(database) == 1

    asyncio.run(run())


def test_the_backlog_of_one_key_keeps_no_other_back(database: str) -> None:
    hanging = asyncio.Event()

    async def answer(parcel: Parcel, n: int) -> JSON | Fault:
        if parcel.key == "dead":
            await hanging.wait()
        return {}

    far = Far(answer)
    put(database, *(parcel(n, "dead") for n in range(600)))
    put(database, *(parcel(n, key) for n in range(20) for key in "abc"))

    def others() -> bool:
        return len([idem for idem in far.got if not idem.startswith("dead")]) == 60

    deliver(database, {"ehr": far}, others, parallel=50)
    for key in "abc":
        assert [idem for idem in far.got if idem[0] == key] == [f"{key}{n}" for n in range(20)]
    assert [idem for idem in far.got if idem.startswith("dead")] == ["dead0"]


def test_many_keys_that_hang_keep_no_other_back_while_there_is_room_beside_them(database: str) -> None:
    async def answer(parcel: Parcel, n: int) -> JSON | Fault:
        if parcel.key.startswith("dead"):
            await asyncio.sleep(3600)
        return {}

    far = Far(answer)
    put(database, *(parcel(n, f"dead{key}-") for n in range(2) for key in range(400)), *(parcel(n, "live") for n in range(20)))
    deliver(database, {"ehr": far}, lambda: "live19" in far.got, parallel=500)
    assert [idem for idem in far.got if idem.startswith("live")] == [f"live{n}" for n in range(20)]


def test_the_order_of_a_key_is_kept_through_retries(database: str) -> None:
    async def answer(parcel: Parcel, n: int) -> JSON | Fault:
        return DOWN if parcel.idem in ("p0", "p9") and n < 3 else {}

    far = Far(answer)
    put(database, *(parcel(n) for n in range(20)), *(parcel(n, "q") for n in range(20)))
    deliver(database, {"ehr": far}, lambda: left(database) == 0, parallel=50)
    tried = [idem for idem in far.got if idem[0] == "p"]
    assert tried == ["p0"] * 3 + [f"p{n}" for n in range(1, 9)] + ["p9"] * 3 + [f"p{n}" for n in range(10, 20)]
    assert not far.overlapped


def test_an_idle_destination_is_not_looked_at(database: str) -> None:
    idle, far = [True], Far()
    put(database, parcel(0))

    async def then(_: Any) -> None:
        assert far.got == []
        idle.clear()
        for _round in range(500):
            if far.got:
                return
            await asyncio.sleep(0.01)
        pytest.fail("it stayed idle")

    deliver(database, {"ehr": far}, lambda: True, then=then, idle=lambda: bool(idle))


def test_what_was_passed_over_while_its_head_waited_is_not_overtaken_once_it_is_through(database: str) -> None:
    async def answer(parcel: Parcel, n: int) -> JSON | Fault:
        if parcel.idem == "p0":  # until the page is read in which what follows it is passed over
            while not any(idem.startswith("late") for idem in far.got):
                await asyncio.sleep(0.001)
        return {}

    far = Far(answer)
    early = [parcel(0, f"early{n}-") for n in range(130)]
    late = [parcel(0, f"late{n}-") for n in range(130)]
    put(database, parcel(0), *early, *(parcel(n) for n in range(1, 6)), *late, parcel(6))
    with psycopg.connect(database) as connection:
        connection.execute(
            "update journal.outbox set attempts = 1, not_before = now() where seq = (select min(seq) from journal.outbox)"
        )
    deliver(database, {"ehr": far}, lambda: left(database) == 0)
    assert [idem for idem in far.got if idem.startswith("p")] == [f"p{n}" for n in range(7)]
