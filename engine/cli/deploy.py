"""isthmus deploy: the running engine reads its channels and mappings anew."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import click

from engine.cli.options import data_option
from engine.cli.output import FINDINGS, as_json, show_json, stop
from engine.fault import Fault, Kind
from engine.home import note
from engine.settings import default_data


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
    found = note((data or default_data()).expanduser().resolve())
    if found is None:
        stop(Fault(Kind.UNAVAILABLE, "E914", "no engine runs on this data folder", help="start it with `isthmus run`"), json_)
    answer = _post(f"{found['http']}/admin/deploy", str(found["token"]))
    if json_:
        show_json(answer)
    else:
        for row in answer["findings"]:
            click.echo(row.get("rendered") or f"error[{row.get('code', '')}]: {row.get('text', '')}", err=True)
        click.echo("Deployed." if answer["deployed"] else "Refused: the engine keeps what it had.")
    sys.exit(0 if answer["deployed"] else FINDINGS)


def _post(url: str, token: str) -> dict[str, Any]:
    request = urllib.request.Request(url, method="POST", headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - our own note
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        if error.code == 409:
            return dict(json.load(error))
        stop(Fault(Kind.FAULT, "E915", f"the engine answered {error.code}", help="see its log"))
    except OSError:
        stop(Fault(Kind.UNAVAILABLE, "E914", "the engine does not answer", help="is it starting, or stopping?"))
