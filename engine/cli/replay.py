"""isthmus replay: journalled messages go through their channel again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from engine.cli.find import chosen, filters
from engine.cli.options import data_option, database
from engine.cli.output import as_json, show_json


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
    if not ids and not any(given[name] for name in ("channel", "state", "type_", "code", "since", "until")):
        raise click.UsageError("name messages, or choose them: --state held, --channel …, --since …")
    import psycopg  # noqa: PLC0415

    from engine.journal.look import find  # noqa: PLC0415
    from engine.journal.replay import replay  # noqa: PLC0415

    with database(data, json_) as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        wanted = list(ids) or [str(row["id"]) for row in reversed(find(connection, **chosen(given)))]
        done = wanted if dry_run else [str(each) for each in replay(connection, wanted)]
    if json_:
        show_json({"dry_run": dry_run, "messages": done})
    else:
        for each in done:
            click.echo(each)
        click.echo(f"{len(done)} messages {'would be replayed' if dry_run else 'are replayed'}.", err=True)
    sys.exit(0 if done else 1)
