"""isthmus replay: journalled messages go through their channel again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from engine.cli.find import chosen, filters
from engine.cli.options import data_option, database
from engine.cli.output import as_json, show_json, some
from engine.cli.progress import working


@click.command(short_help="Send journalled messages through their channel again.")
@click.argument("ids", nargs=-1)
@filters
@click.option("--dry-run", is_flag=True, help="Say which, and change nothing.")
@data_option
@as_json
def command(ids: tuple[str, ...], dry_run: bool, data: Path | None, json_: bool, **given: Any) -> None:
    """Send journalled messages through their channel again, in their order, by the version that is deployed now.

    Resources keep their ids, so what has not changed stays as it is. Name messages, or choose them by the options of `isthmus find`.

    \b
    Examples:
      isthmus replay 019c8e5e-7a31-7cc0-9d2e-3b5f9a1c0d4e
      isthmus replay --state held --code E454 --dry-run
      isthmus replay --state held --channel hospital --since 1d
    """
    if not ids and not any(given[name] for name in ("channel", "state", "type_", "code", "sender", "since", "until")):
        raise click.UsageError("name messages, or choose them: --state held, --channel …, --since …")
    from engine.journal.look import connect  # noqa: PLC0415
    from engine.journal.replay import replay as again  # noqa: PLC0415

    try:
        wanted = [UUID(id) for id in ids] if ids else chosen(given)
    except ValueError:
        raise click.UsageError("a message id is a UUID; `isthmus find` lists them") from None
    with database(data, json_) as dsn, connect(dsn) as connection, working("Replaying"):
        done = [str(each) for each in again(connection, wanted, dry_run)]
    if json_:
        show_json({"dry_run": dry_run, "messages": done})
    else:
        for each in done:
            click.echo(each)
        click.echo(f"{some(len(done), 'message')} {'to be replayed; nothing was changed' if dry_run else 'replayed'}.", err=True)
    sys.exit(0 if done else 1)
