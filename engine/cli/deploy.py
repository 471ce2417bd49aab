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

    A set with an error is refused, and the engine goes on with what it had. Messages in hand end in the version they began with.
    Exit code 1 when it is refused, or a channel of it cannot listen.

    \b
    Examples:
      isthmus deploy
      isthmus deploy --data /srv/isthmus --json
    """
    with working("Deploying"):
        _, answer = post(data, "/admin/deploy", None, json_)
    if "deployed" not in answer:
        stop(fault_of(answer), json_)
    deaf = [row for row in answer["findings"] if "file" not in row]
    if json_:
        show_json(answer)
    else:
        for row in answer["findings"]:
            click.echo(row.get("rendered") or _told(row), err=True)
        if not answer["deployed"]:
            click.echo("Refused: the engine keeps what it had.")
        else:
            click.echo("Deployed, but not every source listens." if deaf else "Deployed.")
    sys.exit(FINDINGS if deaf or not answer["deployed"] else 0)


def _told(row: dict[str, str]) -> str:
    """What was found when the set was put to work, which has no place in a file."""
    help = f"\n  = help: {row['help']}" if row.get("help") else ""
    return f"{row.get('severity', 'error')}[{row.get('code', '')}]: {row.get('text', '')}{help}"
