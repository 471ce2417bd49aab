"""Housekeeping on a real database: what is old and done with goes, what waits, is held or was given up stays (R23)."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import click
import psycopg
import pytest

from engine.cli import options
from engine.deliver import retention as parcels
from engine.deliver.retention import purge_parcels
from engine.housekeeping import LOCK, tidy
from engine.journal import Journal, Settlement, retention
from engine.journal.outbox import post
from engine.journal.partitions import ensure
from engine.journal.replay import replay
from engine.types import Arrival, Envelope, Parcel, State
from engine.uuid7 import uuid7
from fhir.store import FhirStore
from fhir.store import access as accesses
from fhir.store.access import Access

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def test_delivered_parcels_go_and_what_waits_or_was_given_up_stays(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        post(connection, [(None, Parcel("ehr", "k", name, b"x")) for name in ("done", "waits", "dead", "young")])
        seqs = dict(connection.execute("select idem, seq from journal.parcel").fetchall())
        connection.execute("delete from journal.outbox where seq <> %s", [seqs["waits"]])
        connection.execute("insert into journal.delivery values (%s, now(), 1, 'ehr')", [seqs["done"]])
        connection.execute("insert into journal.dead values (%s, now(), 1, 'ehr', 'E704', '{}')", [seqs["dead"]])
        connection.execute("update journal.parcel set at = now() - interval '10 days' where idem <> 'young'")
        assert purge_parcels(connection, 9 * DAY) == 1
        assert {row[0] for row in connection.execute("select idem from journal.parcel")} == {"waits", "dead", "young"}
        assert connection.execute("select count(*) from journal.delivery").fetchone() == (0,)


def test_a_round_makes_partitions_and_deletes_by_each_channels_own_time(database: str) -> None:
    journal = Journal(database)
    try:
        arrivals = [Arrival(uuid7(), name, "text", b"x", NOW, Envelope("", "s", name, name)) for name in ("short", "long")]
        journal.accept(arrivals)
        messages = journal.claim(10)
        with journal.transaction() as connection:
            journal.settle(connection, [Settlement(message, State.PROCESSED) for message in messages])
        later = NOW + 20 * DAY
        with psycopg.connect(database, autocommit=True) as connection:
            assert tidy(connection, {"short": 7 * DAY, "long": 90 * DAY}, later)
            assert [row[0] for row in connection.execute("select channel from journal.message")] == ["long"]
            names = {row[0] for row in connection.execute("select relname from pg_class where relname like 'message_2%'")}
            assert f"message_{later + DAY:%Y%m%d}" in names
    finally:
        journal.close()


def test_channels_that_keep_for_ever_hide_nothing_of_those_that_do_not(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    journal = Journal(database)
    try:
        names = ["long"] * 5 + ["short"] * 3
        journal.accept([Arrival(uuid7(), name, "text", b"x", NOW, Envelope("", "s", f"{n}", "")) for n, name in enumerate(names)])
        with journal.transaction() as connection:
            journal.settle(connection, [Settlement(message, State.PROCESSED) for message in journal.claim(10)])
        with psycopg.connect(database, autocommit=True) as connection:
            assert retention.purge(connection, {"short": 7 * DAY, "long": 10**6 * DAY}, now=NOW + 20 * DAY) == 3
            assert connection.execute("select distinct channel from journal.message").fetchall() == [("long",)]
    finally:
        journal.close()


def test_parcels_that_stay_hide_none_that_go(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcels, "BATCH", 2)
    with psycopg.connect(database, autocommit=True) as connection:
        post(connection, [(None, Parcel("ehr", "k", name, b"x")) for name in ("1", "2", "3", "4", "5", "6")])
        connection.execute(
            "delete from journal.outbox where seq in (select seq from journal.parcel where idem in ('4', '5', '6'))"
        )
        connection.execute("update journal.parcel set at = now() - interval '10 days'")
        assert purge_parcels(connection, 9 * DAY) == 3
        assert purge_parcels(connection, 10**6 * DAY) == 0
        assert {row[0] for row in connection.execute("select idem from journal.parcel")} == {"1", "2", "3"}


def test_a_message_that_is_queued_again_meanwhile_stays(database: str) -> None:
    journal = Journal(database)
    try:
        arrival = Arrival(uuid7(), "labs", "text", b"x", NOW, Envelope("", "s", "1", ""))
        journal.accept([arrival])
        with journal.transaction() as connection:
            journal.settle(connection, [Settlement(message, State.PROCESSED) for message in journal.claim(10)])
        with (
            psycopg.connect(database) as one,
            psycopg.connect(database, autocommit=True) as other,
            ThreadPoolExecutor(1) as threads,
        ):
            one.execute("select 1")
            assert replay(one, [arrival.id]) == [arrival.id]  # not committed yet
            purging = threads.submit(retention.purge, other, {}, DAY, NOW + 20 * DAY)
            time.sleep(0.3)
            one.commit()
            assert purging.result() == 0
        assert [message.body for message in journal.claim(10)] == [b"x"]
    finally:
        journal.close()


def test_a_backup_holds_up_housekeeping_and_nothing_that_comes_in(database: str) -> None:
    journal, later = Journal(database), NOW + 20 * DAY
    try:
        with psycopg.connect(database) as backup, psycopg.connect(database, autocommit=True) as connection:
            backup.execute("lock table journal.message, journal.message_event, journal.feed_event in access share mode")
            with ThreadPoolExecutor(1) as threads:
                round = threads.submit(tidy, connection, {}, later)
                end = threading.Timer(5, backup.commit)
                end.start()
                slowest = 0.0
                while not round.done():
                    began = time.monotonic()
                    journal.accept([Arrival(uuid7(), "labs", "text", b"x", NOW, Envelope("", "s", "", ""))])
                    slowest = max(slowest, time.monotonic() - began)
                end.cancel()
                assert round.result()
        assert slowest < 2
        with psycopg.connect(database, autocommit=True) as connection:
            assert tidy(connection, {}, later)
            names = {row[0] for row in connection.execute("select relname from pg_class where relname like 'message_2%'")}
            assert f"message_{later + DAY:%Y%m%d}" in names
    finally:
        journal.close()


def test_a_step_that_fails_keeps_no_other_from_its_work(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        ensure(connection, NOW - 20 * DAY)
        connection.execute("alter table journal.held rename to gone")
        assert tidy(connection, {}, NOW)
        connection.execute("alter table journal.gone rename to held")
        names = {row[0] for row in connection.execute("select relname from pg_class where relname like 'feed_event_2%'")}
        assert f"feed_event_{NOW - 20 * DAY:%Y%m%d}" not in names


def test_two_processes_do_not_tidy_at_once(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as one, psycopg.connect(database, autocommit=True) as other:
        one.execute("select pg_advisory_lock(%s)", [LOCK])
        assert not tidy(other, {})
        one.execute("select pg_advisory_unlock(%s)", [LOCK])
        assert tidy(other, {})


def test_the_record_of_accesses_is_shortened_only_where_it_is_told_to(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accesses, "PIECE", 2)
    with psycopg.connect(database, autocommit=True) as connection:
        accesses.record(
            connection, [Access(NOW - age * DAY, "read", 200, "Patient", f"p{age}") for age in (1, 29, 31, 40, 50, 60)]
        )
        assert tidy(connection, {}, NOW)
        assert connection.execute("select count(*) from fhir.access").fetchone() == (6,)
        assert tidy(connection, {}, NOW, lambda held, now: FhirStore().forget(held, now - 30 * DAY))
        left = connection.execute("select told from fhir.access order by low").fetchall()
        assert [name for (told,) in left for name in ("p29", "p1") if f'"{name}"' in told] == ["p29", "p1"]
        assert len(left) == 2


@pytest.mark.parametrize(("text", "days"), [("", 0), ("2190", 2190), ("6y", None), ("-1", None), ("0", None)])
def test_for_how_long_accesses_are_kept_is_a_number_of_days(text: str, days: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTHMUS_KEEP_AUDIT", text)
    if days is None:
        with pytest.raises(click.UsageError):
            options.number("ISTHMUS_KEEP_AUDIT", "days", 0, 1, 36_500)
    else:
        assert options.number("ISTHMUS_KEEP_AUDIT", "days", 0, 1, 36_500) == days
