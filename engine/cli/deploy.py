"""isthmus deploy: the running engine reads its channels and mappings anew."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from engine.cli.call import fault_of, post
from engine.cli.options import data_option
from engine.cli.output import FINDINGS, as_json, show_json, stop
from engine.cli.progress import working


@click.command(short_help="Replace the running engine's channels and mappings, all or nothing.")
@data_option
@as_json
def command(data: Path | None, json_: bool) -> None:
    """Replace the running engine's channels and mappings, all or nothing.

    What has a finding is refused, and the engine goes on with what it had. Messages in hand end in the version they began with.

    \b
    Examples:
      isthmus deploy
      isthmus deploy --data /srv/isthmus --json
    """
    with working("Deploying"):
        _, answer = post(data, "/admin/deploy", None, json_)
    if "deployed" not in answer:
        stop(fault_of(answer), json_)
    if json_:
        show_json(answer)
    else:
        for row in answer["findings"]:
            click.echo(row.get("rendered") or f"error[{row.get('code', '')}]: {row.get('text', '')}", err=True)
        click.echo("Deployed." if answer["deployed"] else "Refused: the engine keeps what it had.")
    sys.exit(0 if answer["deployed"] else FINDINGS)
