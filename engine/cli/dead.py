"""isthmus dead: what was given up, and sending it again."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from engine.cli.options import data_option, database
from engine.cli.output import as_json, clock, show_json, show_table, some


@click.group(short_help="Parcels that were given up: list, revive.")
def command() -> None:
    """Parcels that were given up, with the reason, and sending them again.

    \b
    Examples:
      isthmus dead list
      isthmus dead list hospital.ehr --json
      isthmus dead revive 17 18
      isthmus dead revive --destination hospital.ehr
    """


@command.command("list")
@click.argument("destination", default="")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000), help="So many at most.")
@data_option
@as_json
def list_(destination: str, limit: int, data: Path | None, json_: bool) -> None:
    """What was given up, newest first. Exit code 1 when nothing was.

    \b
    Examples:
      isthmus dead list
      isthmus dead list --json
    """
    from engine.deliver import dead  # noqa: PLC0415
    from engine.journal.look import connect  # noqa: PLC0415

    with database(data, json_) as dsn, connect(dsn) as connection:
        rows = dead(connection, destination, limit)
    if json_:
        show_json([asdict(row) for row in rows])
    else:
        cells = [(r.seq, r.destination, clock(r.since), r.attempts, r.fault, r.message or "") for r in rows]
        show_table(("number", "destination", "since", "tries", "fault", "message"), cells)
    sys.exit(0 if rows else 1)


@command.command()
@click.argument("numbers", nargs=-1, type=int)
@click.option("--destination", default="", help="Everything that was given up for this destination.")
@data_option
@as_json
def revive(numbers: tuple[int, ...], destination: str, data: Path | None, json_: bool) -> None:
    """Send what was given up again, in its old order, under its old keys: what has arrived has no second effect.

    \b
    Examples:
      isthmus dead revive 17 18
    """
    if not numbers and not destination:
        raise click.UsageError("name numbers, or a --destination; `isthmus dead list` shows them")
    from engine.deliver import dead  # noqa: PLC0415
    from engine.deliver import revive as again  # noqa: PLC0415
    from engine.journal.look import connect  # noqa: PLC0415

    with database(data, json_) as dsn, connect(dsn) as connection:
        wanted = list(numbers) or [row.seq for row in dead(connection, destination, 1_000_000)]
        count = again(connection, wanted)
    if json_:
        show_json({"revived": count})
    else:
        click.echo(f"{some(count, 'parcel')} to be sent again.")
    sys.exit(0 if count else 1)
