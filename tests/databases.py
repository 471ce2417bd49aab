"""Fresh databases for tests, cheap: one that a test has used is emptied and given a new name where its tables are still the template's.

A name is never used twice, so that a thread some test has left behind finds nothing to work on. A database that was changed in more than
its rows (a table, a column, a trigger, a setting) is dropped, and the next one is copied from the template.
"""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

OURS = 16384  # the first number that the server gives to what a user makes
SHAPE = f"""
    select md5(string_agg(what, ' ' order by what)) from (
        select format('a%s.%s.%s', attrelid, attnum, xmin) from pg_attribute where attrelid >= {OURS}
        union all select format('c%s.%s', oid, xmin) from pg_constraint where oid >= {OURS}
        union all select format('i%s.%s', indexrelid, xmin) from pg_index where indexrelid >= {OURS}
        union all select format('t%s.%s', oid, xmin) from pg_trigger where oid >= {OURS}
        union all select format('p%s.%s', oid, xmin) from pg_proc where oid >= {OURS}
        union all select format('o%s.%s', oid, reloptions) from pg_class where oid >= {OURS}
        union all select format('s%s', setconfig) from pg_db_role_setting join pg_database on pg_database.oid = setdatabase
            where datname = current_database()
    ) as catalog (what)"""
FILLED = (
    f"select oid::regclass::text from pg_class where relkind = 'r' and oid >= {OURS} and pg_relation_size(oid) > 0 order by 1"
)
COUNTERS = "select format('%I.%I', schemaname, sequencename), start_value, last_value from pg_sequences"
END = "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()"


class Databases:
    """Gives out databases that are like the template, and takes them back."""

    def __init__(self, dsn: str, template: str) -> None:
        self._dsn, self._template = dsn, template
        self._spare: list[str] = []
        with self._connect(template) as connection:
            self._shape = connection.execute(SHAPE).fetchone()
            self._counters = {str(row[0]): row[1:] for row in connection.execute(COUNTERS)}
            self._rows = {str(row[0]): b"" for row in connection.execute(FILLED).fetchall()}
            for table in self._rows:
                with connection.cursor().copy(f"copy {table} to stdout".encode()) as copy:
                    self._rows[table] = b"".join(bytes(part) for part in copy)

    def take(self) -> str:
        """The name of one that nobody has used under it."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        with self._connect("postgres") as connection:
            if self._spare:
                rename(connection, self._spare.pop(), name)
            else:
                create(connection, name, self._template)
        return name

    def give(self, name: str) -> None:
        """Takes one back."""
        kept = f"spare_{uuid.uuid4().hex[:12]}"
        with self._connect("postgres") as connection:
            connection.execute(END, [name])
            try:
                rename(connection, name, kept)
                emptied = self._empty(kept)
            except psycopg.Error:  # somebody has connected anew, or a file is damaged
                emptied = False
            if emptied:
                self._spare.append(kept)
                return
            for one in (name, kept):
                connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(one)))

    def _empty(self, name: str) -> bool:
        """Makes its rows the template's; False where it is not the template's in more than that."""
        with self._connect(name) as connection:
            if connection.execute(SHAPE).fetchone() != self._shape:
                return False
            filled = [str(row[0]) for row in connection.execute(FILLED).fetchall()]
            connection.execute(f"truncate {', '.join({*filled, *self._rows})}".encode())
            for table, rows in self._rows.items():
                with connection.cursor().copy(f"copy {table} from stdin".encode()) as copy:
                    copy.write(rows)
            for counter, first, last in connection.execute(COUNTERS).fetchall():
                _, was = self._counters[counter]
                if last != was:
                    connection.execute(
                        "select setval(%s::regclass, %s, %s)", [counter, was if was is not None else first, was is not None]
                    )
            return True

    def _connect(self, name: str) -> psycopg.Connection[Any]:
        return psycopg.connect(make_conninfo(self._dsn, dbname=name), autocommit=True)


def create(connection: psycopg.Connection[Any], name: str, template: str) -> None:
    """A copy of the template."""
    text = sql.SQL("create database {} template {} strategy file_copy")
    connection.execute(text.format(sql.Identifier(name), sql.Identifier(template)))


def rename(connection: psycopg.Connection[Any], name: str, other: str) -> None:
    """Gives it another name."""
    connection.execute(sql.SQL("alter database {} rename to {}").format(sql.Identifier(name), sql.Identifier(other)))
