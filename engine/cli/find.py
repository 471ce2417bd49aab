"""isthmus find: messages in the journal."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from engine.cli.options import data_option, database
from engine.cli.output import as_json, show_json, show_table
from engine.options import duration

STATES = ("stored", "processed", "filtered", "held")


def moment(text: str | None) -> datetime | None:
    """`2h` ago, or an ISO date and time."""
    if not text:
        return None
    if span := duration(text):
        return datetime.now(UTC) - span
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{text!r} is neither a span such as 2h or 7d nor an ISO date") from None
    return found if found.tzinfo else found.astimezone()


def filters(function: Any) -> Any:
    """The options that choose messages, shared by find and replay."""
    for option in (
        click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000)),
        click.option("--until", help="Received before: an ISO date, or a span ago such as 1h."),
        click.option("--since", help="Received after: an ISO date, or a span ago such as 2h or 7d."),
        click.option("--code", help="Held by a fault of this code, such as E454."),
        click.option("--type", "type_", help="The message type, such as ORU^R01."),
        click.option("--state", type=click.Choice(STATES), help="Where the message stands."),
        click.option("--channel", help="The channel."),
    ):
        function = option(function)
    return function


@click.command(short_help="Find messages in the journal.")
@click.argument("text", default="")
@filters
@data_option
@as_json
def command(text: str, data: Path | None, json_: bool, **given: Any) -> None:
    """Find messages in the journal, newest first. TEXT is a control id, a sender or the beginning of a message id.

    \b
    Examples:
      isthmus find --state held
      isthmus find LAB12345
      isthmus find --channel hospital --type ORU^R01 --since 2h --json
    """
    import psycopg  # noqa: PLC0415

    from engine.journal.look import find  # noqa: PLC0415

    with database(data, json_) as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        rows = find(connection, text=text, **chosen(given))
    if json_:
        show_json(rows)
    else:
        cells = [
            (row["received"].astimezone().strftime("%m-%d %H:%M:%S"), row["state"], row["channel"], row["type"], row["sender"], row["control_id"],
             row["id"], " ".join(fault["code"] for fault in row["faults"]))
            for row in rows
        ]  # fmt: skip
        show_table(("received", "state", "channel", "type", "sender", "control id", "id", "faults"), cells)
    sys.exit(0 if rows else 1)


def chosen(given: dict[str, Any]) -> dict[str, Any]:
    """The options as the journal's filters."""
    return {
        "channel": given["channel"] or "", "state": given["state"] or "", "type": given["type_"] or "", "code": given["code"] or "",
        "since": moment(given["since"]), "until": moment(given["until"]), "limit": given["limit"],
    }  # fmt: skip
