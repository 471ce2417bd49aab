"""isthmus tap: messages as they come in, their values masked."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from engine.cli.options import data_option, database
from engine.cli.output import as_json, clock, printable

if TYPE_CHECKING:
    from engine.journal.line import Connection
    from engine.tap import Tapped

LOOK = 0.3  # seconds between looks
UNMASKED = "These are patients' data. Do not keep what is printed here, and do not send it to anyone."


@click.command(short_help="Show messages as they come in, values masked.")
@click.option("--channel", default="", help="Only this channel.")
@click.option("--type", "type_", default="", help="Only this type, such as ORU^R01.")
@click.option("--last", default=0, type=click.IntRange(0, 1000), help="Begin with so many of them that have come already.")
@click.option("--count", default=0, type=click.IntRange(0), help="End after so many. [never]")
@click.option("--unmasked", is_flag=True, help="Show values: patients' data.")
@data_option
@as_json
def command(channel: str, type_: str, last: int, count: int, unmasked: bool, data: Path | None, json_: bool) -> None:
    """Show messages as they come in, until Ctrl-C: their structure, and instead of each value what kind of thing it is.

    \b
    Examples:
      isthmus tap
      isthmus tap --channel hospital --type ORU^R01 --last 1 --count 1
    """
    from engine.journal.look import connect  # noqa: PLC0415
    from engine.tap import Tap  # noqa: PLC0415

    if unmasked:
        click.secho(UNMASKED, fg="red", err=True)
    with database(data, json_) as dsn, connect(dsn) as connection:
        following, shown = Tap(_start(connection, last, channel, type_), channel, type_), 0
        while True:
            found = following.next(connection)
            for one in found[: count - shown] if count else found:
                shown += 1
                _show(one, unmasked, json_)
            if count and shown >= count:
                return
            if not found:
                time.sleep(LOOK)


def _start(connection: Connection, last: int, channel: str, type_: str) -> UUID:
    """The id behind which to begin."""
    from engine.tap import before, newest  # noqa: PLC0415

    return before(connection, last, channel, type_) if last else newest(connection)


def _show(one: Tapped, unmasked: bool, json_: bool) -> None:
    import json  # noqa: PLC0415

    from engine.plugins import formats  # noqa: PLC0415
    from engine.tap import masked  # noqa: PLC0415

    body = (
        one.body.decode("utf-8", "backslashreplace").replace("\r", "\n")
        if unmasked
        else masked(one.body, formats().get(one.format))
    )
    if json_:
        row = {
            "id": str(one.id),
            "received": one.received.isoformat(),
            "channel": one.channel,
            "format": one.format,
            "size": one.size,
        }
        click.echo(json.dumps({**row, "body": body}))
        return
    at = clock(one.received, "milliseconds")
    click.secho(f"── {at}  {one.channel}  {one.format}  {one.size} bytes  {one.id}", bold=True)
    click.echo(printable(body))
