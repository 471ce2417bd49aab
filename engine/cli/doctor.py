"""isthmus doctor: examines the machine and the engine's data."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from engine.cli.options import data_option
from engine.cli.output import FINDINGS, as_json, show_json, show_table, some
from engine.fault import Fault
from engine.home import note
from engine.settings import Settings, default_data, shipped, split_address

Finding = tuple[str, bool, str]


@click.command(short_help="Examine this machine and the engine's data, and say what to mend.")
@data_option
@as_json
def command(data: Path | None, json_: bool) -> None:
    """Examine this machine and the engine's data, and say what to mend. Changes nothing.

    \b
    Examples:
      isthmus doctor
      isthmus doctor --data /srv/isthmus --json
    """
    folder = (data or default_data()).expanduser().resolve()
    rows = [{"check": name, "fine": fine, "detail": detail} for name, fine, detail in examine(folder)]
    if json_:
        show_json(rows)
    else:
        show_table(("", "check", "detail"), [("ok" if row["fine"] else "MEND", row["check"], row["detail"]) for row in rows])
    sys.exit(0 if all(row["fine"] for row in rows) else FINDINGS)


def examine(folder: Path) -> Iterator[Finding]:
    """Every check as (name, fine, detail)."""
    yield "Python", (3, 11) <= sys.version_info[:2] <= (3, 13), sys.version.split()[0]
    running = note(folder)
    yield "engine", True, f"runs as process {running['pid']}, {running['http']}" if running else "is not running"
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    yield "data folder", os.access(place, os.W_OK), str(folder)
    free = shutil.disk_usage(place).free / 1e9
    yield "disk", free > 2, f"{free:.1f} GB free"
    yield from _database(running)
    if running is None:
        for name, variable, usual in (("MLLP", "ISTHMUS_MLLP", "127.0.0.1:2575"), ("HTTP", "ISTHMUS_HTTP", "127.0.0.1:8080")):
            yield _address(name, os.environ.get(variable, usual))
    yield from _configuration()


def _database(running: dict[str, Any] | None) -> Iterator[Finding]:
    import psycopg  # noqa: PLC0415

    from engine import postgres  # noqa: PLC0415

    dsn = os.environ.get("DATABASE_URL") or (running or {}).get("dsn")
    if not dsn:
        yield "database", True, "the embedded PostgreSQL, started with the engine"
        return
    try:
        with psycopg.connect(dsn, connect_timeout=5, autocommit=True) as connection:
            old = postgres.version(connection)
            number = connection.info.server_version // 10000
            yield "database", old is None, f"PostgreSQL {number} answers" if old is None else old.text
            for fault in postgres.durability(connection):
                yield f"durability: {fault.at}", False, fault.text
    except psycopg.Error as error:
        yield "database", False, f"does not answer ({type(error).__name__}): see that it runs and that DATABASE_URL is right"


def _configuration() -> Iterator[Finding]:
    from engine.deployment import deploy, dry_site  # noqa: PLC0415

    settings = Settings(default_data(), channels=shipped("channels"), mappings=shipped("mappings"))
    found = deploy(settings, dry_site(settings))
    detail = ", ".join(
        (some(len(found.channels), "channel"), some(len(found.library.mappings), "mapping"), some(len(found.findings), "finding"))
    )
    yield "channels and mappings", not found.refused, detail + (": run `isthmus lint`" if found.refused else "")


def _address(name: str, text: str) -> Finding:
    """Whether the engine could listen there."""
    address = split_address(text)
    if isinstance(address, Fault):
        return f"{name} address", False, f"{text}: {address.text}"
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(address)
        except OSError as error:
            return f"{name} address", False, f"{text}: {error.strerror}; name another with --{name.lower()}"
    return f"{name} address", True, f"{text} is free"
