"""Accept, claim, settle: the life of messages."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

from engine.fault import Fault, Kind
from engine.journal import Filter, Journal, Settlement
from engine.types import Arrival, Message, Receipt, State

Make = Callable[..., Arrival]


BAD = Fault(Kind.INCORRECT, "E101", "made up")


def finish(journal: Journal, messages: list[Message], state: State = State.PROCESSED) -> None:
    settlements = [Settlement(message, state, (BAD,) if state is State.HELD else ()) for message in messages]
    with journal.transaction() as connection:
        journal.settle(connection, settlements)
    journal.committed(settlements)


def test_an_accepted_message_is_claimed_as_it_came_and_settled_once(journal: Journal, make: Make) -> None:
    arrival = make("1", key="p1", body=b"MSH|\x00\xff\r")
    assert journal.accept([arrival]) == [Receipt(arrival.id)]
    [message] = journal.claim(10)
    assert (message.id, message.body, message.envelope) == (arrival.id, arrival.body, arrival.envelope)
    finish(journal, [message])
    assert journal.claim(10) == []
    assert journal.pending == 0


def test_a_message_no_longer_in_memory_is_read_back_as_it_came(database: str, make: Make) -> None:
    journal = Journal(database, memory=0)
    try:
        arrival = make("1", key="p1", body=bytes(range(256)) * 20)
        journal.accept([arrival])
        [message] = journal.claim(10)
        assert (message.body, message.envelope, message.received) == (arrival.body, arrival.envelope, arrival.received)
    finally:
        journal.close()


def test_messages_are_claimed_in_the_order_they_came(journal: Journal, make: Make) -> None:
    arrivals = [make(str(n), key=f"p{n % 3}") for n in range(50)]
    for start in range(0, 50, 10):
        journal.accept(arrivals[start : start + 10])
    claimed = journal.claim(30)
    finish(journal, claimed)
    claimed += journal.claim(30)
    assert [message.id for message in claimed] == [arrival.id for arrival in arrivals]


def test_what_a_worker_left_unsettled_comes_again(journal: Journal, make: Make) -> None:
    journal.accept([make("1"), make("2")])
    first = journal.claim(10)
    assert [message.seq for message in journal.claim(10)] == [message.seq for message in first]


def test_a_duplicate_is_receipted_with_the_first_ones_id_and_has_no_effect(journal: Journal, make: Make) -> None:
    first, again = make("7", body=b"same"), make("7", body=b"same")
    assert journal.accept([first]) == [Receipt(first.id)]
    assert journal.accept([again]) == [Receipt(first.id, duplicate=True)]
    assert len(journal.claim(10)) == 1


def test_duplicates_in_one_batch_have_one_effect(journal: Journal, make: Make) -> None:
    first, again = make("7", body=b"same"), make("7", body=b"same")
    assert journal.accept([first, again]) == [Receipt(first.id), Receipt(first.id, duplicate=True)]
    assert len(journal.claim(10)) == 1


def test_a_control_id_used_again_with_other_bytes_is_kept_and_flagged(journal: Journal, make: Make) -> None:
    a, b, c = make("7", body=b"a"), make("7", body=b"b"), make("7", body=b"c")
    assert journal.accept([a]) == [Receipt(a.id)]
    assert journal.accept([b, c]) == [Receipt(b.id, reused=True), Receipt(c.id, reused=True)]
    assert len(journal.claim(10)) == 3


def test_messages_without_a_control_id_or_from_others_are_no_duplicates(journal: Journal, make: Make) -> None:
    arrivals = [
        make("", body=b"same"), make("", body=b"same"), make("7", body=b"same"), make("7", body=b"same", sender="WARD"),
        make("7", body=b"same", channel="other"),
    ]  # fmt: skip
    assert journal.accept(arrivals) == [Receipt(arrival.id) for arrival in arrivals]


def test_an_arrival_with_a_fault_is_kept_held_and_never_worked(journal: Journal, make: Make) -> None:
    arrival = make("1", fault=BAD)
    assert journal.accept([arrival]) == [Receipt(arrival.id, fault=BAD)]
    assert journal.claim(10) == []


def test_a_held_message_does_not_block_its_key(journal: Journal, make: Make) -> None:
    first, second = make("1", key="p"), make("2", key="p")
    journal.accept([first, second])
    finish(journal, journal.claim(1), State.HELD)
    assert [message.id for message in journal.claim(10)] == [second.id]


def test_a_message_put_off_holds_back_its_key_only(journal: Journal, make: Make) -> None:
    first, second, other = make("1", key="p"), make("2", key="p"), make("3", key="q")
    journal.accept([first, second, other])
    journal.defer(journal.claim(1), 60, BAD)
    assert [message.id for message in journal.claim(10)] == [other.id]


def test_a_message_put_off_further_than_any_wait_comes_at_once_since_the_clock_was_set_back(journal: Journal, make: Make) -> None:
    first, second = make("1", key="p"), make("2", key="p")
    journal.accept([first, second])
    journal.defer(journal.claim(1), 3600, BAD)  # as an hour back makes it of a second
    journal._claims[0]._swept = 0.0  # the sweep is due
    assert [message.id for message in journal.claim(10)] == [first.id, second.id]


def test_a_message_put_off_comes_again_in_order_with_its_attempt_counted(journal: Journal, make: Make) -> None:
    first, second = make("1", key="p"), make("2", key="p")
    journal.accept([first, second])
    journal.defer(journal.claim(1), 0)
    journal._claims[0]._swept = 0.0  # the sweep is due
    claimed = journal.claim(10)
    assert [(message.id, message.attempt) for message in claimed] == [(first.id, 2), (second.id, 1)]


def test_text_the_database_cannot_keep_is_kept_as_well_as_it_can(journal: Journal, make: Make) -> None:
    arrival = make("a\x00b", key="\ud800", sender="x" * 5000)
    assert journal.accept([arrival]) == [Receipt(arrival.id)]
    assert len(journal.claim(1)) == 1


def test_a_name_too_long_for_an_index_is_cut_and_costs_the_others_nothing(journal: Journal, make: Make) -> None:
    chance = Random(1)
    long = "".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(1000))  # three bytes each
    arrivals = [make("1"), make(long), make(long[:-1]), make("2")]
    assert journal.accept(arrivals) == [Receipt(arrivals[0].id), Receipt(arrivals[1].id), Receipt(arrivals[2].id, reused=True),
                                        Receipt(arrivals[3].id)]  # fmt: skip
    assert len(journal.claim(10)) == 4


def test_those_behind_a_message_that_stops_their_key_hold_no_source_back(journal: Journal, make: Make) -> None:
    stop_first(journal, make)
    journal.accept([make(str(n), key="p") for n in range(10, 20)] + [make("20", key="r")])
    journal._backlog.recount()
    assert journal.pending == 2  # of q and r


def stop_first(journal: Journal, make: Make) -> list[Arrival]:
    arrivals = [make("1", key="p"), make("2", key="p"), make("3", key="q")]
    journal.accept(arrivals)
    done = [Settlement(message, State.HELD, (BAD,), stop=True) for message in journal.claim(1)]
    with journal.transaction() as connection:
        journal.settle(connection, done)
    journal.committed(done)
    assert [message.id for message in journal.claim(10)] == [arrivals[2].id]
    assert [found.id for found in journal.find(Filter(state="held"))] == [arrivals[0].id]
    return arrivals


def test_a_message_that_stops_its_key_goes_first_when_it_is_replayed(journal: Journal, make: Make) -> None:
    first, second, other = stop_first(journal, make)
    assert journal.replay([first.id]) == [first.id]
    claimed = journal.claim(10)
    assert [(message.id, message.attempt) for message in claimed] == [(first.id, 2), (second.id, 1), (other.id, 1)]
    finish(journal, claimed)
    shown = journal.show(first.id)
    assert not isinstance(shown, Fault)
    assert [event.state for event in shown.events] == ["held", "replayed", "processed"]
    assert journal.find(Filter(state="held")) == []


def test_a_message_that_stops_its_key_can_be_skipped_and_stays_held(journal: Journal, make: Make) -> None:
    first, second, other = stop_first(journal, make)
    assert journal.skip([first.id, other.id]) == 1
    assert [message.id for message in journal.claim(10)] == [second.id, other.id]
    assert [found.id for found in journal.find(Filter(state="held"))] == [first.id]


def test_a_message_whose_time_has_just_come_is_not_overtaken_by_what_follows_it(journal: Journal, make: Make) -> None:
    first, other, second = make("1", key="p"), make("2", key="q"), make("3", key="p")
    journal.accept([first, other, second])
    journal.defer(journal.claim(1), 0)
    journal._claims[0]._swept = time.monotonic()  # the queue is not read from its start yet
    assert [message.id for message in journal.claim(10)] == [other.id]
    journal._claims[0]._swept = 0.0
    assert [message.id for message in journal.claim(10)] == [first.id, other.id, second.id]
