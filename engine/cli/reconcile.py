"""isthmus reconcile: every message and every parcel is somewhere."""

from __future__ import annotations

import sys
from dataclasses import asdict, astuple
from pathlib import Path

import click

from engine.cli.find import moment
from engine.cli.options import data_option, database
from engine.cli.output import as_json, show_json, show_table


@click.command(short_help="Account for every message received and every parcel due.")
@click.option("--since", help="Received after: an ISO date, or a span ago such as 1d.")
@click.option("--until", help="Received before: an ISO date, or a span ago such as 1h.")
@data_option
@as_json
def command(since: str | None, until: str | None, data: Path | None, json_: bool) -> None:
    """Account for every message: received = filtered + held + processed + waiting; and for every destination what was accepted,
    rejected and waits. Exit code 1 when something is lost.

    \b
    Examples:
      isthmus reconcile
      isthmus reconcile --since 1d --json
    """
    from engine.journal.look import connect  # noqa: PLC0415
    from engine.reconcile import messages, parcels  # noqa: PLC0415

    first, last = moment(since), moment(until)
    with database(data, json_) as dsn, connect(dsn) as connection, connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        connection.execute("set local statement_timeout = 0")
        came, left = messages(connection, first, last), parcels(connection, first, last)
    if json_:
        show_json({"channels": [asdict(row) for row in came], "destinations": [asdict(row) for row in left]})
    else:
        show_table(("channel", "received", "filtered", "held", "processed", "waiting", "lost"), map(astuple, came))
        show_table(("destination", "due", "accepted", "rejected", "waiting", "lost"), map(astuple, left))
    sys.exit(1 if any(row.lost for row in came) or any(row.lost for row in left) else 0)
