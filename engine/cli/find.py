"""isthmus find: messages in the journal."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import data_option, database
from engine.cli.output import as_json, clock, show_json, show_table
from engine.options import duration

if TYPE_CHECKING:
    from engine.journal.look import Filter

STATES = ("stored", "processed", "filtered", "held")


def moment(text: str | None) -> datetime | None:
    """`2h` ago, or an ISO date and time."""
    if not text:
        return None
    try:
        if span := duration(text):
            return datetime.now(UTC) - span
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise click.UsageError(f"{text!r} is neither a span such as 2h or 7d nor an ISO date") from None
    return found if found.tzinfo else found.astimezone()


def filters(function: Any) -> Any:
    """The options that choose messages, shared by find and replay."""
    for option in (
        click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000), help="So many at most."),
        click.option("--until", help="Received before: an ISO date, or a span ago such as 1h."),
        click.option("--since", help="Received after: an ISO date, or a span ago such as 2h or 7d."),
        click.option("--code", help="Held by a fault of this code, such as E454."),
        click.option("--sender", help="The sender, MSH-3|MSH-4."),
        click.option("--type", "type_", help="The message type, such as ORU^R01."),
        click.option("--state", type=click.Choice(STATES), help="Where the message stands."),
        click.option("--channel", help="The channel."),
    ):
        function = option(function)
    return function


@click.command(short_help="Find messages in the journal.")
@click.argument("text", default="")
@filters
@click.option("--reused", is_flag=True, help="Only those whose control id was used before with other bytes.")
@data_option
@as_json
def command(text: str, reused: bool, data: Path | None, json_: bool, **given: Any) -> None:
    """Find messages in the journal, newest first. TEXT is a control id (MSH-10).

    \b
    Examples:
      isthmus find --state held
      isthmus find LAB12345
      isthmus find --channel hospital --type ORU^R01 --since 2h --json
    """
    from engine.journal.look import connect, find  # noqa: PLC0415

    wanted = replace(chosen(given), control_id=text, reused=reused)
    with database(data, json_) as dsn, connect(dsn) as connection:
        rows = find(connection, wanted)
    if json_:
        show_json([asdict(row) for row in rows])
    else:
        cells = [
            (
                clock(row.received),
                row.state,
                row.channel,
                row.type,
                row.sender,
                row.control_id,
                row.id,
                row.code,
            )
            for row in rows
        ]
        show_table(("received", "state", "channel", "type", "sender", "control id", "id", "fault"), cells)
    sys.exit(0 if rows else 1)


def chosen(given: dict[str, Any]) -> Filter:
    """The options as the journal's filter."""
    from engine.journal.look import Filter  # noqa: PLC0415

    return Filter(
        channel=given["channel"] or "", state=given["state"] or "", type=given["type_"] or "", code=given["code"] or "",
        sender=given["sender"] or "", since=moment(given["since"]), until=moment(given["until"]), limit=given["limit"],
    )  # fmt: skip
