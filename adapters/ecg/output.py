"""What the command line writes: pages and files, rows as text or JSON, faults on standard error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from adapters.ecg.recording import Recording
from engine.fault import Fault, Kind


def draw_to(
    one: Recording, output: Path, options: Any, measured: dict[str, Any] | None, marks: dict[str, Any] | None
) -> Fault | None:
    """The 12-lead page, written as the ending says: .svg, .pdf or .png."""
    from adapters.ecg.draw import page, pdf, svg  # noqa: PLC0415

    found = page(one, options, measured, marks)
    if isinstance(found, Fault):
        return found
    suffix = output.suffix.lower()
    if suffix == ".svg":
        save(output, svg(found))
    elif suffix == ".pdf":
        save(output, pdf(found))
    elif suffix == ".png":
        try:
            from cairosvg import svg2png  # type: ignore[import-untyped]  # noqa: PLC0415
        except (ImportError, OSError):
            return Fault(Kind.UNSUPPORTED, "E164", "PNG needs cairosvg", "", "pip install isthmus[png], or draw .svg or .pdf")
        save(output, svg2png(bytestring=svg(found), output_width=2400))
    else:
        raise click.UsageError("-o wants a name that ends in .svg, .pdf or .png")
    return None


def save(path: Path, data: bytes) -> None:
    """Writes a file and says so; one that cannot be written ends the verb."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error
    click.echo(f"wrote {path}", err=True)


def say(fault: Fault) -> None:
    """A fault in words, on standard error."""
    click.secho(f"error[{fault.code}]{f' at {fault.at}' if fault.at else ''}: {fault.text}", fg="red", err=True)
    if fault.help:
        click.echo(f"  = help: {fault.help}", err=True)


def print_rows(rows: list[dict[str, Any]], json_: bool, text: Callable[[dict[str, Any]], str]) -> None:
    """JSON, or text with faults on standard error; leaves with 1 when there is a fault."""
    if json_:
        click.echo(json.dumps(rows, default=str, ensure_ascii=False, indent=1))
    else:
        for row in rows:
            if "fault" in row:
                fault = row["fault"]
                click.secho(f"{row['file']}: error[{fault['code']}]: {fault['text']}", fg="red", err=True)
                if fault.get("help"):
                    click.echo(f"  = help: {fault['help']}", err=True)
            else:
                click.echo(text(row))
    if any("fault" in row for row in rows):
        raise SystemExit(1)
