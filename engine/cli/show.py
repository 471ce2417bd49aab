"""isthmus show: one message."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from engine.cli.options import data_option, database
from engine.cli.output import as_json, clock, printable, say, show_json, show_table, stop
from engine.fault import Fault

if TYPE_CHECKING:
    from engine.journal.look import Shown


@click.command(short_help="Show one message: its bytes, its history, its faults.")
@click.argument("id")
@click.option("--raw", is_flag=True, help="Only the bytes as they were received.")
@data_option
@as_json
def command(id: str, raw: bool, data: Path | None, json_: bool) -> None:
    """Show one message: what was received, what happened to it and when, its faults, what was written.

    The bytes are checked against their digest before they are shown.

    \b
    Examples:
      isthmus show 019c8e5e-7a31-7cc0-9d2e-3b5f9a1c0d4e
      isthmus show 019c8e5e-7a31-7cc0-9d2e-3b5f9a1c0d4e --raw > message.hl7
    """
    from engine.journal import look  # noqa: PLC0415

    try:
        wanted = UUID(id)
    except ValueError:
        raise click.UsageError(f"{id!r} is no message id; `isthmus find` lists them") from None
    with database(data, json_) as dsn, look.connect(dsn) as connection:
        shown = look.show(connection, wanted)
    if isinstance(shown, Fault):
        stop(shown, json_)
    if raw:
        sys.stdout.buffer.write(shown.body)
    elif json_:
        show_json(asdict(shown))
    else:
        _print(shown)


def _print(shown: Shown) -> None:
    found = shown.found
    for name in ("id", "channel", "type", "sender", "control_id", "state", "received", "size"):
        value = getattr(found, name)
        click.echo(
            f"{name.replace('_', ' '):11} {clock(value, 'milliseconds') if isinstance(value, datetime) else printable(str(value))}"
        )
    click.echo(f"{'sha256':11} {shown.digest}\n")
    for line in shown.body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("utf-8", "backslashreplace").split("\n"):
        click.echo(printable(line))
    rows = [(clock(each.at, "milliseconds"), each.state, each.attempt, each.plan) for each in shown.events]
    show_table(("at", "state", "attempt", "channel version"), rows, "History")
    for each in shown.events:
        for fault in each.faults:
            say(fault)
        for name in each.resources:
            click.echo(f"wrote {name}")
