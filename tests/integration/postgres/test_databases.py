"""The databases that tests get: whatever a test did to one, the next test finds it as new."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from engine.postgres import Server
from tests.databases import Databases

TABLES = """
    select format('%I.%I', table_schema, table_name) from information_schema.tables
    where table_schema in ('journal', 'fhir', 'alerts', 'public') and table_type = 'BASE TABLE' order by 1"""
COLUMNS = "select table_name, column_name, data_type from information_schema.columns where table_schema = 'journal' order by 1, 2"


def content(dsn: str) -> list[object]:
    """Every row of every table, the tables' columns and where the counters stand."""
    with psycopg.connect(dsn) as connection:
        tables = [str(row[0]) for row in connection.execute(TABLES)]
        rows = {name: sorted(map(str, connection.execute(f"select t::text from {name} t".encode()))) for name in tables}
        counters = connection.execute("select sequencename, last_value from pg_sequences order by 1").fetchall()
        return [rows, connection.execute(COLUMNS).fetchall(), counters]


@pytest.mark.parametrize(
    "change",
    [
        "insert into journal.paused values ('somewhere', now(), 'why')",
        "update journal.lease set epoch = 7, owner = 5; delete from alembic_version",
        "select nextval('journal.seq')",
        "create table public.more (n int)",
        "alter table journal.paused add column more text",
        "drop table journal.paused cascade",
        "create function public.one() returns int language sql return 1",
        "do $$ begin execute format('alter database %I set work_mem = 64', current_database()); end $$",
    ],
)
def test_whatever_was_done_to_a_database_the_next_one_is_as_new(change: str, postgres: Server, databases: Databases) -> None:
    first = databases.take()
    dsn = make_conninfo(postgres.dsn, dbname=first)
    new = content(dsn)
    left = psycopg.connect(dsn, autocommit=True)  # never closed: as a test that fails leaves it
    left.execute(change)  # type: ignore[call-overload]
    databases.give(first)
    with pytest.raises(psycopg.OperationalError):
        left.execute("select 1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(dsn)
    second = databases.take()
    dsn = make_conninfo(postgres.dsn, dbname=second)
    assert content(dsn) == new
    with psycopg.connect(dsn) as connection:
        assert connection.execute("show work_mem").fetchone() != ("64kB",)
    databases.give(second)
