"""Fixtures every test may use."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from psycopg.conninfo import make_conninfo

from engine.fault import Fault
from engine.journal.partitions import ensure
from engine.migrate import migrate
from engine.postgres import Server, binaries, start
from tests.databases import Databases, create

ROOT = Path(__file__).resolve().parent.parent
settings.register_profile(
    "isthmus", settings.default, deadline=None
)  # a busy machine makes no code wrong; pytest's own limit ends what hangs
settings.load_profile("isthmus")
LONGEST_FIRST = ("crash", "acceptance", "conformance", "integration")  # what is short evens the workers' ends out


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders whose files take long come first."""
    ranks = {name: rank for rank, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(next(iter(item.nodeid.split("/")[1:2]), ""), len(ranks)))


def pytest_collection_finish() -> None:
    """What is loaded by now stays; no collection looks through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public sample data beside the checkout; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("ISTHMUS_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the public sample data is not here")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A real embedded server for the whole run, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="isthmus-test-"))  # not below pytest's 0700 folder: the server runs as another user
    with pytest.MonkeyPatch.context() as patch:
        if chosen := os.environ.get("ISTHMUS_TEST_POSTGRES"):  # a folder of programs, such as /usr/lib/postgresql/15/bin
            patch.setattr(binaries, "_places", lambda: iter([(Path(chosen), False)]))
        server = start(folder)
    assert isinstance(server, Server), server
    try:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(
                "alter system set fsync = off"
            )  # these databases are thrown away; what tests durability starts its own
            connection.execute("select pg_reload_conf()")
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(postgres: Server) -> str:
    """The name of a migrated, empty database."""
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        create(connection, "migrated", "template1")
    applied = migrate(make_conninfo(postgres.dsn, dbname="migrated"))
    assert not isinstance(applied, Fault), applied
    with psycopg.connect(postgres.dsn, dbname="migrated", autocommit=True) as connection:
        ensure(connection)
    return "migrated"


@pytest.fixture(scope="session")
def databases(postgres: Server, template: str) -> Databases:
    """Where tests get their databases from."""
    return Databases(postgres.dsn, template)


@pytest.fixture
def database(postgres: Server, databases: Databases) -> Iterator[str]:
    """The DSN of a fresh migrated database for one test."""
    name = databases.take()
    yield make_conninfo(postgres.dsn, dbname=name)
    databases.give(name)


@pytest.fixture
def empty_database(postgres: Server) -> Iterator[str]:
    """The DSN of a fresh database without a table."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        create(connection, name, "template1")
    yield make_conninfo(postgres.dsn, dbname=name)
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)')
