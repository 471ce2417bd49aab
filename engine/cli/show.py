"""isthmus show: one message."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.options import data_option, database
from engine.cli.output import as_json, printable, say, show_json, show_table, stop
from engine.fault import Fault, Kind


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
    import psycopg  # noqa: PLC0415

    from engine.journal.look import show  # noqa: PLC0415

    with database(data, json_) as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        found = show(connection, id)
    if found is None:
        stop(Fault(Kind.NOT_FOUND, "E917", "there is no message of this id", help="`isthmus find` lists them"), json_)
    if isinstance(found, Fault):
        stop(found, json_)
    if raw:
        click.get_binary_stream("stdout").write(found["body"])
    elif json_:
        show_json(found)
    else:
        for name in ("id", "channel", "type", "sender", "control_id", "state", "received"):
            click.echo(f"{name.replace('_', ' '):11} {printable(str(found[name]))}")
        click.echo()
        for line in found["body"].replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("utf-8", "backslashreplace").split("\n"):
            click.echo(printable(line))
        rows = [
            (event["at"].astimezone().strftime("%m-%d %H:%M:%S.%f")[:-3], event["state"], event["attempt"], event["plan"])
            for event in found["events"]
        ]
        show_table(("at", "state", "attempt", "channel version"), rows, "History")
        for fault in found["faults"]:
            say(Fault(Kind(fault["kind"]), fault["code"], fault["text"], fault.get("at", ""), fault.get("help", "")))
        for name in [name for event in found["events"] for name in event.get("resources", ())]:
            click.echo(f"wrote {name}")
