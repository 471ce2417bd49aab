"""isthmus migrate: brings the database to this version."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.options import data_option, database
from engine.cli.output import as_json, show_json, stop
from engine.fault import Fault


@click.command(short_help="Bring the database to this version.")
@data_option
@as_json
def command(data: Path | None, json_: bool) -> None:
    """Bring the database to this version. Harmless to repeat, and to interrupt. `isthmus run` does it by itself.

    \b
    Examples:
      isthmus migrate
      DATABASE_URL=postgresql://isthmus@db/isthmus isthmus migrate
    """
    from engine.migrate import migrate  # noqa: PLC0415

    with database(data, json_) as dsn:
        applied = migrate(dsn, lambda text: click.echo(text, err=True))
    if isinstance(applied, Fault):
        stop(applied, json_)
    if json_:
        show_json({"applied": applied})
    else:
        click.echo("The database is at this version." if not applied else f"Done: {len(applied)} steps.")
