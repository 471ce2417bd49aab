"""What every verb shares: JSON or a table on standard output, faults on standard error, the exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from io import StringIO
from typing import Any, NoReturn

import click

from engine.fault import Fault

WIDE = 1000  # columns where no terminal says how many there are: nothing is cut off for who reads the lines
FINDINGS, USAGE, UNAVAILABLE = 1, 2, 3

as_json = click.option("--json", "json_", is_flag=True, help="Print JSON for programs.")


def plain(value: Any) -> Any:
    """What json.dumps asks for a value it does not know; decimals keep their digits as text."""
    if isinstance(value, Fault):
        return value.as_dict()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)


def show_json(value: Any, lines: bool = False) -> None:
    """Prints one JSON document; with `lines` on a line of its own."""
    click.echo(json.dumps(value, default=plain, indent=None if lines else 2, ensure_ascii=False))


def clock(moment: datetime, fine: str = "seconds") -> str:
    """A moment for people: the clock of this machine, with its zone; `fine` is a timespec of `datetime.isoformat`."""
    return moment.astimezone().isoformat(sep=" ", timespec=fine)


def some(number: int, what: str) -> str:
    """`1 message`, `2 messages`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """Prints a table for people, or that it has no rows."""
    from rich import box  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415
    from rich.measure import Measurement  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    lines = [[printable(str(cell)) for cell in row] for row in rows]
    if not lines:
        click.echo(f"{title}: none" if title else "None.")
        return
    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")  # an id is read whole
    for row in lines:
        table.add_row(*map(escape, row))
    if sys.stdout.isatty():
        console = Console(highlight=False)
        if Measurement.get(console, console.options.update(max_width=WIDE), table).minimum > console.width:
            click.echo(_blocks(columns, lines, title))  # no id is torn apart
        else:
            console.print(table)
        return
    console = Console(width=WIDE, highlight=False, file=StringIO())
    with console.capture() as made:
        console.print(table)
    plain_lines = "\n".join(line.rstrip() for line in made.get().splitlines()).strip("\n")
    click.echo(f"{plain_lines}\n" if title else plain_lines)  # several with titles stand apart


def _blocks(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> str:
    """The rows one below the other, a line for each cell that holds something, where a table would be wider than the terminal."""
    wide = max(map(len, columns))
    blocks = ["\n".join(f"{name:{wide}}  {cell}" for name, cell in zip(columns, row, strict=True) if cell) for row in rows]
    return "\n\n".join(([f"{title}:"] if title else []) + blocks)


def printable(text: str) -> str:
    """Text that cannot drive a terminal: control and direction characters become visible."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def say(fault: Fault) -> None:
    """Prints a fault for a person, on standard error."""
    place = f" at {fault.at}" if fault.at else ""
    click.secho(f"error[{fault.code}]{place}: {printable(fault.text)}", fg="red", err=True)
    if fault.help:
        click.echo(f"  = help: {printable(fault.help)}", err=True)


def tell(fault: Fault, json_: bool) -> None:
    """Prints a fault for a program or for a person."""
    if json_:
        show_json({"fault": fault})
    else:
        say(fault)


def stop(fault: Fault, json_: bool = False) -> NoReturn:
    """Prints a fault and ends with the exit code of its kind."""
    tell(fault, json_)
    sys.exit(fault.kind.answer.exit)
