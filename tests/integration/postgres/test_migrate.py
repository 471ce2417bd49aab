"""Migrations: from empty, from before, twice at once, killed, and refused when the database is newer."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from engine.fault import Fault, Kind
from engine.migrate import migrate, pending
from engine.migrating import migrate_apart

FIRST = """
from alembic import op
revision, down_revision, branch_labels = "toys_0001", None, ("toys",)
def upgrade():
    op.execute("create table toy (id int primary key)")
"""
SECOND = """
from alembic import op
revision, down_revision = "toys_0002", "toys_0001"
def upgrade():
    op.execute("alter table toy add name text")
    {then}
"""


@pytest.fixture
def toys(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "0001.py").write_text(FIRST)
    (tmp_path / "0002.py").write_text(SECOND.format(then=""))
    return {"toys": tmp_path}


def columns(dsn: str, table: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("select column_name from information_schema.columns where table_name = %s order by 1", [table])
        return [row[0] for row in rows]


def test_an_empty_database_gets_every_revision_and_then_nothing_is_due(empty_database: str, toys: dict[str, Path]) -> None:
    assert pending(empty_database, toys) == ["toys_0001", "toys_0002"]
    assert migrate(empty_database, folders=toys) == ["toys_0001", "toys_0002"]
    assert columns(empty_database, "toy") == ["id", "name"]
    assert pending(empty_database, toys) == []
    assert migrate(empty_database, folders=toys) == []


def test_a_database_of_the_previous_version_gets_only_what_is_new(empty_database: str, toys: dict[str, Path]) -> None:
    assert migrate(empty_database, to="toys_0001", folders=toys) == ["toys_0001"]
    with psycopg.connect(empty_database) as connection:
        connection.execute("insert into toy values (7)")
    assert migrate(empty_database, folders=toys) == ["toys_0002"]
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("select id, name from toy").fetchall() == [(7, None)]


def test_a_migration_cut_in_the_middle_leaves_the_database_as_it_was(empty_database: str, toys: dict[str, Path]) -> None:
    cut = "op.execute('select pg_terminate_backend(pg_backend_pid())')"
    (toys["toys"] / "0002.py").write_text(SECOND.format(then=cut))
    fault = migrate(empty_database, folders=toys)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.code) == (Kind.UNAVAILABLE, "E613")
    assert columns(empty_database, "toy") == []
    (toys["toys"] / "0002.py").write_text(SECOND.format(then=""))
    assert migrate(empty_database, folders=toys) == ["toys_0001", "toys_0002"]


def test_a_migration_that_fails_is_undone_and_told(empty_database: str, toys: dict[str, Path]) -> None:
    (toys["toys"] / "0002.py").write_text(SECOND.format(then="op.execute('select 1/0')"))
    fault = migrate(empty_database, folders=toys)
    assert isinstance(fault, Fault)
    assert fault.code == "E614"
    assert columns(empty_database, "toy") == []


def test_a_newer_database_is_left_alone(empty_database: str, toys: dict[str, Path]) -> None:
    migrate(empty_database, folders=toys)
    (toys["toys"] / "0002.py").unlink()
    for answer in (migrate(empty_database, folders=toys), pending(empty_database, toys)):
        assert isinstance(answer, Fault)
        assert (answer.kind, answer.code) == (Kind.CONFLICT, "E615")


def test_a_database_that_is_away_is_unavailable(tmp_path: Path) -> None:
    answer = migrate(f"host={tmp_path} dbname=x")
    assert isinstance(answer, Fault)
    assert answer.code == "E613"


def test_a_process_of_its_own_migrates_tells_its_progress_and_leaves_nothing_behind_here(empty_database: str) -> None:
    progress: list[str] = []
    applied = migrate_apart(empty_database, progress.append)
    assert pending(empty_database) == []
    assert isinstance(applied, list)
    assert progress == [f"migrated to {revision}" for revision in applied]
    assert "journal_0001" in applied
    assert migrate_apart(empty_database) == []
    code = "import sys, engine.app; print([name for name in ('alembic', 'sqlalchemy') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_what_stands_against_a_migration_is_told_from_a_process_of_its_own(tmp_path: Path) -> None:
    answer = migrate_apart(f"host={tmp_path} dbname=x")
    assert isinstance(answer, Fault)
    assert answer.code == "E613"


def test_a_process_that_ends_while_it_migrates_is_a_fault(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    answer = migrate_apart(empty_database)
    assert isinstance(answer, Fault)
    assert answer.code == "E613"
    assert "ended" in answer.text
