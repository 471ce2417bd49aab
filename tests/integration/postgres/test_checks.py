"""What is asked of a server before it is trusted (R29)."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from engine.fault import Fault, Kind
from engine.postgres import ACCEPTED, Server, binaries, durability, start, version
from engine.postgres.identity import identity


def codes(faults: list[Fault]) -> set[tuple[str, str]]:
    return {(fault.code, fault.at) for fault in faults}


def test_a_server_of_ours_holds_nothing_back(data: Path) -> None:
    server = start(data)
    assert isinstance(server, Server)
    with psycopg.connect(server.dsn) as connection:
        assert durability(connection) == []
        assert version(connection) is None
    server.stop()


def test_a_server_that_does_not_write_through_is_refused(data: Path) -> None:
    server = start(data)
    assert isinstance(server, Server)
    try:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            for name in ("fsync", "full_page_writes"):
                connection.execute(f"alter system set {name} = off")
                connection.execute("select pg_reload_conf()")
        with psycopg.connect(server.dsn) as connection:
            assert codes(durability(connection)) == {("E609", "fsync"), ("E609", "full_page_writes")}
            assert {fault.kind for fault in durability(connection)} == {Kind.FORBIDDEN}
            assert durability(connection, "yes") != []
            assert durability(connection, ACCEPTED.upper()) == []
    finally:
        server.stop()


def test_a_commit_told_too_early_is_refused(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        assert ("E609", "synchronous_commit") in codes(durability(connection))
        connection.execute("set synchronous_commit = local")
        assert ("E609", "synchronous_commit") not in codes(durability(connection))


def test_pages_without_checksums_are_refused(data: Path) -> None:
    found = binaries.find()
    assert not isinstance(found, Fault)
    who = identity(data / "postgres" / "data")
    assert not isinstance(who, Fault)
    subprocess.run(
        [found.program("pg_checksums"), "--disable", "-D", str(data / "postgres" / "data")],
        check=True, capture_output=True, cwd="/", **who.options(),
    )  # fmt: skip
    server = start(data)
    assert isinstance(server, Server)
    with psycopg.connect(server.dsn) as connection:
        assert codes(durability(connection)) == {("E609", "data_checksums")}
    server.stop()


@pytest.mark.parametrize(("number", "fine"), [(140013, False), (150000, True), (180006, True), (190000, False)])
def test_versions_15_to_18_are_taken(number: int, fine: bool) -> None:
    connection: Any = SimpleNamespace(info=SimpleNamespace(server_version=number))
    fault = version(connection)
    assert (fault is None) == fine
    if fault is not None:
        assert (fault.code, fault.kind) == ("E610", Kind.UNSUPPORTED)
