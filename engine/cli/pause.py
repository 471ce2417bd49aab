"""isthmus pause: nothing more is sent to a destination until it is resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from engine.cli.options import data_option, database
from engine.cli.output import as_json, show_json, stop
from engine.fault import Fault, Kind


@click.command(short_help="Send nothing more to a destination until it is resumed.")
@click.argument("destination")
@click.option("--reason", default="", help="Why; it is kept.")
@data_option
@as_json
def command(destination: str, reason: str, data: Path | None, json_: bool) -> None:
    """Send nothing more to DESTINATION (channel.name) until `isthmus resume`. What comes for it waits, whatever the time; what is in
    flight is finished.

    \b
    Examples:
      isthmus pause hospital.ehr --reason "maintenance until 6:00"
      isthmus resume hospital.ehr
    """
    from engine.deliver import pause  # noqa: PLC0415
    from engine.journal.look import connect  # noqa: PLC0415

    with database(data, json_) as dsn, connect(dsn) as connection:
        known(connection, destination, json_)
        pause(connection, destination, reason)
    if json_:
        show_json({"paused": destination})
    else:
        click.echo(f"{destination} is paused. `isthmus resume {destination}` ends it.")


def known(connection: Any, destination: str, json_: bool) -> None:
    """Ends the command when no engine of this database has had such a destination."""
    rows = connection.execute("select substr(name, 4) from journal.lease where name like 'to %' order by 1").fetchall()
    names = [str(row[0]) for row in rows]
    if destination not in names:
        help = f"destinations: {', '.join(names)}" if names else "no channel sends anything yet"
        stop(Fault(Kind.NOT_FOUND, "E767", "there is no destination of this name", destination, help), json_)
