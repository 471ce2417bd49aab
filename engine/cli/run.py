"""isthmus run: starts the engine and keeps it running."""

from __future__ import annotations

from typing import Any

import click

from engine.cli.options import engine_options, settings
from engine.cli.output import as_json, say, show_json, tell


@click.command(short_help="Start the engine and keep it running.")
@engine_options
@as_json
def command(json_: bool, **given: Any) -> None:
    """Start the engine and keep it running until Ctrl-C or SIGTERM.

    \b
    Examples:
      isthmus run
      isthmus run --data /srv/isthmus --http 127.0.0.1:8081 --mllp 127.0.0.1:2576
      DATABASE_URL=postgresql://isthmus@db/isthmus isthmus run

    SIGHUP, or `isthmus deploy`, reads channels and mappings anew.
    """
    from engine.log import configure  # noqa: PLC0415
    from engine.loop import leave  # noqa: PLC0415
    from engine.serve import serve  # noqa: PLC0415

    configure(given["log_level"])
    fault = serve(settings(**given), lambda text: click.echo(text, err=True), _told if json_ else _ready)
    if fault is not None:
        tell(fault, json_)
    leave(fault.kind.answer.exit if fault is not None else 0)


async def _told(engine: Any) -> None:
    show_json(addresses(engine))


def addresses(engine: Any) -> dict[str, Any]:
    """Where a running engine is found, and the faults of the channels that do not listen."""
    sources = engine.sources
    return {
        "sources": sources.addresses(), "broken": sources.broken(), "http": engine.web.address, "data": str(engine.settings.data),
    }  # fmt: skip


async def _ready(engine: Any) -> None:
    for channel, address in engine.sources.addresses().items():
        click.echo(f"  {channel:24} {address}")
    for channel, fault in engine.sources.broken().items():
        click.echo(f"  {channel:24} does not listen", err=True)
        say(fault)
    click.echo(f"  {'HTTP':24} {engine.web.address}  (/livez /readyz /fhir/R4 /openapi.json)")
    click.echo(f"  {'data':24} {engine.settings.data}")
    click.echo("Ready. Ctrl-C stops.")
