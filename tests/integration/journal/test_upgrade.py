"""The journal's tables from every earlier version: what was stored before an upgrade is worked after it."""

from __future__ import annotations

import psycopg

from engine.journal import Journal, Settlement
from engine.migrate import migrate, pending
from engine.types import State

# written by the first version, in its own words
STORED = """
insert into journal.message (seq, received, id, digest, flags, channel, format, type, sender, control_id, key, peer, body)
values (nextval('journal.seq'), now(), '019a0000-0000-7000-8000-000000000001', sha256('old'), 0, 'labs', 'hl7v2', 'ORU^R01',
    'LAB', '1', 'p', '', 'old');
insert into journal.pending (seq, key, id, lane) values (1, 5, '019a0000-0000-7000-8000-000000000001', 5);
insert into journal.seen values (1, 2, '019a0000-0000-7000-8000-000000000001');
"""


def test_what_the_first_version_stored_is_worked_after_the_upgrade(empty_database: str) -> None:
    assert migrate(empty_database, to="journal_0001") == ["journal_0001"]
    with psycopg.connect(empty_database) as connection:
        connection.execute(STORED)
    applied = migrate(empty_database)
    assert isinstance(applied, list)
    assert "journal_0002" in applied
    assert pending(empty_database) == []
    journal = Journal(empty_database)
    [message] = journal.claim(10)
    assert (message.body, message.channel, message.envelope.key) == (b"old", "labs", "p")
    done = [Settlement(message, State.PROCESSED)]
    with journal.transaction() as connection:
        journal.settle(connection, done)
    journal.close()


def test_large_bodies_are_not_stored_by_the_servers_slow_compression_in_any_partition(empty_database: str) -> None:
    assert isinstance(migrate(empty_database), list)
    journal = Journal(empty_database)  # makes the partitions of the coming days
    journal.close()
    with psycopg.connect(empty_database) as connection:
        rows = connection.execute(
            "select relid::text, attstorage::text, attcompression::text from "
            "(select relid from pg_partition_tree('journal.message') union all select 'journal.parcel'::regclass) one "
            "join pg_attribute on attrelid = relid and attname = 'body'"
        ).fetchall()
    assert len(rows) > 3
    assert {(storage, compression) for _, storage, compression in rows} <= {("e", ""), ("x", "l")}
