"""What fails is retried, waits as long as it is asked to, and is given up with a reason; what succeeded leaves once."""

from __future__ import annotations

import time
from dataclasses import replace

import psycopg
import pytest

from engine.deliver import dead, revive, trying
from engine.fault import Fault
from engine.types import JSON, Parcel
from tests.integration.deliver.far_side import DOWN, REFUSED, Far, deliver, left, parcel, put


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
