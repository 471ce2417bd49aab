"""Finding, showing, counting and replaying."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from engine.fault import Fault, Kind
from engine.journal import Filter, Journal, Settlement
from engine.journal.look import outcome
from engine.journal.schema import metadata
from engine.types import Arrival, Outcome, State
from engine.uuid7 import uuid7

Make = Callable[..., Arrival]
BAD = Fault(Kind.INCORRECT, "E401", "made up", "OBX[1]-5", "mend it")


def finish(journal: Journal, state: State = State.PROCESSED, limit: int = 10) -> list[Settlement]:
    done = [
        Settlement(
            m, state, (BAD,) if state is State.HELD else (), plan="v1", resources=("Patient/a", "Observation/b", "Observation/c")
        )
        for m in journal.claim(limit)
    ]
    with journal.transaction() as connection:
        journal.settle(connection, done)
    journal.committed(done)
    return done


def test_a_message_is_shown_with_its_bytes_and_all_that_happened(journal: Journal, make: Make) -> None:
    arrival = make("1", key="p", body=b"\x0bbytes")
    journal.accept([arrival])
    finish(journal, State.HELD)
    journal.replay([arrival.id])
    finish(journal)
    shown = journal.show(arrival.id)
    assert not isinstance(shown, Fault)
    assert (shown.body, shown.key, shown.found.state, shown.found.code) == (b"\x0bbytes", "p", "processed", "")
    assert [(e.state, e.attempt, e.plan, e.faults) for e in shown.events] == [
        ("held", 1, "v1", (BAD,)),
        ("replayed", 0, "", ()),
        ("processed", 1, "v1", ()),
    ]
    assert shown.events[-1].resources == ("Patient/a", "Observation/b", "Observation/c")


def test_a_message_that_is_not_there_is_not_found(journal: Journal) -> None:
    fault = journal.show(uuid7())
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.code) == (Kind.NOT_FOUND, "E631")


def test_a_changed_byte_is_reported_and_never_served_or_worked(database: str, make: Make) -> None:
    journal = Journal(database, memory=0)
    try:
        damaged, good = make("1", body=b"potassium 4.1"), make("2")
        journal.accept([damaged, good])
        with psycopg.connect(database) as connection:
            connection.execute("update journal.message set body = 'potassium 9.1' where id = %s", [damaged.id])
        assert [message.id for message in journal.claim(10)] == [good.id]
        fault = journal.show(damaged.id)
        assert isinstance(fault, Fault)
        assert fault.code == "E630"
        assert [(f.id, f.code) for f in journal.find(Filter(state="held"))] == [(damaged.id, "E630")]
    finally:
        journal.close()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), ["3", "2", "1"]),
        (Filter(limit=2), ["3", "2"]),
        (Filter(state="held"), ["1"]),
        (Filter(state="stored"), ["3", "2"]),
        (Filter(control_id="2"), ["2"]),
        (Filter(key="q"), ["2"]),
        (Filter(type="ADT^A01"), ["3"]),
        (Filter(channel="none"), []),
        (Filter(code="E401"), ["1"]),
        (Filter(code="E402"), []),
        (Filter(reused=True), []),
    ],
)
def test_messages_are_found_by(journal: Journal, make: Make, wanted: Filter, expected: list[str]) -> None:
    journal.accept([make("1", key="p"), make("2", key="q"), make("3", type="ADT^A01")])
    finish(journal, State.HELD, limit=1)
    assert [found.control_id for found in journal.find(wanted)] == expected


def test_a_time_window_and_a_page_narrow_what_is_found(journal: Journal, make: Make) -> None:
    first, second = make("1"), make("2")
    journal.accept([first, second])
    assert [f.id for f in journal.find(Filter(since=second.received))] == [second.id]
    assert [f.id for f in journal.find(Filter(until=second.received))] == [first.id]
    assert [f.id for f in journal.find(Filter(before=second.id))] == [first.id]


def test_a_dry_replay_says_what_it_would_do_and_does_nothing(journal: Journal, make: Make) -> None:
    arrivals = [make(str(n), key="p") for n in range(3)]
    journal.accept(arrivals)
    finish(journal, State.HELD)
    assert journal.replay(Filter(state="held"), dry_run=True) == [arrival.id for arrival in arrivals]
    assert journal.claim(10) == []


def test_replayed_messages_come_in_their_old_order_behind_what_waits(journal: Journal, make: Make) -> None:
    arrivals = [make(str(n), key="p") for n in range(3)]
    journal.accept(arrivals)
    finish(journal, State.HELD)
    waiting = make("9", key="p")
    journal.accept([waiting])
    assert journal.replay(list(reversed([arrival.id for arrival in arrivals]))) == [arrival.id for arrival in arrivals]
    assert [message.id for message in journal.claim(10)] == [waiting.id, *(arrival.id for arrival in arrivals)]


def test_a_message_that_waits_is_not_replayed_twice(journal: Journal, make: Make) -> None:
    arrival = make("1")
    journal.accept([arrival])
    assert journal.replay([arrival.id]) == []
    finish(journal)
    assert journal.replay([arrival.id]) == [arrival.id]
    assert journal.replay([arrival.id]) == []
    assert len(journal.claim(10)) == 1


def test_the_counts_of_the_states_add_up_to_what_was_received(journal: Journal, make: Make) -> None:
    journal.accept([make(str(n)) for n in range(6)] + [make("other", channel="adt"), make("broken", fault=BAD)])
    finish(journal, State.HELD, 1)
    finish(journal, State.FILTERED, 2)
    finish(journal, State.PROCESSED, 1)
    assert journal.counts() == {
        "labs": {"received": 7, "stored": 2, "processed": 1, "filtered": 2, "held": 2},
        "adt": {"received": 1, "stored": 1, "processed": 0, "filtered": 0, "held": 0},
    }


def test_the_outcome_of_a_message_is_told_once_it_is_final(database: str, journal: Journal, make: Make) -> None:
    arrival = make("1")
    journal.accept([arrival])
    assert outcome(database, arrival.id) is None
    finish(journal, State.HELD)
    told = outcome(database, arrival.id)
    assert told is not None
    assert replace(told, resources=()) == Outcome(State.HELD, (BAD,))


def test_the_tables_are_as_the_code_sees_them(database: str) -> None:
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(database))
    with engine.connect() as connection:
        told = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, _: name == "journal" if kind == "schema" else True,
                "include_object": lambda thing, name, kind, reflected, _: (
                    kind != "index" and not (kind == "table" and reflected and ("_2" in name or name.endswith("_rest")))
                ),
                "compare_type": True,
            },
        )
        assert compare_metadata(told, metadata) == []
    engine.dispose()
