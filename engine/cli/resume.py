"""isthmus resume: a paused destination is sent to again."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from engine.cli.options import data_option, database
from engine.cli.output import as_json, show_json
from engine.cli.pause import known


@click.command(short_help="Send to a paused destination again.")
@click.argument("destination")
@data_option
@as_json
def command(destination: str, data: Path | None, json_: bool) -> None:
    """Send to DESTINATION again; what has waited leaves in its order. Exit code 1 when it was not paused.

    \b
    Examples:
      isthmus resume hospital.ehr
    """
    from engine.deliver import resume  # noqa: PLC0415
    from engine.journal.look import connect  # noqa: PLC0415

    with database(data, json_) as dsn, connect(dsn) as connection:
        known(connection, destination, json_)
        was = resume(connection, destination)
    if json_:
        show_json({"resumed": was})
    else:
        click.echo(f"{destination} is sent to again." if was else f"{destination} was not paused.")
    sys.exit(0 if was else 1)
