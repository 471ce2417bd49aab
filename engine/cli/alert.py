"""isthmus alert: what is open, taking it on, holding notices back, trying a rule on stored data."""

from __future__ import annotations

import getpass
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from engine.cli.alert_test import test
from engine.cli.call import fault_of, post
from engine.cli.options import data_option, database
from engine.cli.output import as_json, clock, show_json, show_table, stop
from engine.diagnostic import did_you_mean
from engine.fault import Fault
from engine.options import duration
from engine.settings import shipped

_NAMED = re.compile(r"^alert:[ \t]*[\"']?([^\s\"']+)", re.MULTILINE)


@click.group(short_help="Alerts: list, show, ack, quiet, test.")
def command() -> None:
    """Alerts: what is open, taking it on, holding notices back, trying a rule on stored data.

    \b
    Examples:
      isthmus alert list
      isthmus alert ack 0f3c… --by "Dr. Novak"
      isthmus alert quiet --rule low_spo2 --for 2h --reason "monitor exchanged"
      isthmus alert test critical_potassium --since 7d
    """


@command.command("list")
@click.option(
    "--state",
    type=click.Choice(("open", "raised", "acknowledged", "resolved", "all")),
    default="open",
    show_default=True,
    help="Where the alert stands.",
)
@click.option("--rule", default="", help="Only of this rule.")
@click.option("--subject", default="", help="Only about this subject, such as Patient/17.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000), help="So many at most.")
@data_option
@as_json
def list_(state: str, rule: str, subject: str, limit: int, data: Path | None, json_: bool) -> None:
    """Alerts, newest first. Exit code 1 when there are none.

    \b
    Examples:
      isthmus alert list
      isthmus alert list --state all --json
    """
    from engine.alerts import look  # noqa: PLC0415
    from engine.journal.look import connect  # noqa: PLC0415

    with database(data, json_) as dsn, connect(dsn) as connection:
        rows = look.alerts(connection, state, rule, subject, limit)
    if json_:
        show_json(rows)
    else:
        cells = [(clock(r["raised_at"]), r["severity"], r["rule"], r["subject"], r["state"], r["repeats"], r["id"]) for r in rows]
        show_table(("raised", "severity", "rule", "subject", "state", "repeats", "id"), cells)
    sys.exit(0 if rows else 1)


@command.command()
@click.argument("id", type=click.UUID)
@data_option
@as_json
def show(id: Any, data: Path | None, json_: bool) -> None:
    """One alert and all that happened to it.

    \b
    Examples:
      isthmus alert show 0f3c5e9a-1b2c-5d3e-8f40-5a6b7c8d9e0f
    """
    from engine.alerts import look  # noqa: PLC0415
    from engine.journal.look import connect  # noqa: PLC0415

    with database(data, json_) as dsn, connect(dsn) as connection:
        found = look.alert(connection, id)
    if isinstance(found, Fault):
        stop(found, json_)
    if json_:
        show_json(found)
        return
    for name, value in found.items():
        if name != "history" and value not in (None, ""):
            click.echo(f"{name.replace('_', ' '):16} {clock(value) if isinstance(value, datetime) else value}")
    show_table(
        ("at", "what", "by", "evidence"),
        [[each.get(k, "") for k in ("at", "turn", "by", "evidence")] for each in found["history"]],
    )


@command.command()
@click.argument("id", type=click.UUID)
@click.option("--by", default=None, help="Who takes it on. [you]")
@data_option
@as_json
def ack(id: Any, by: str | None, data: Path | None, json_: bool) -> None:
    """Take an open alert on: it is escalated no further. The engine must be running.

    \b
    Examples:
      isthmus alert ack 0f3c5e9a-1b2c-5d3e-8f40-5a6b7c8d9e0f --by "Dr. Novak"
    """
    status, answer = post(data, f"/alerts/{id}/acknowledge", {"by": by or getpass.getuser()}, json_)
    if status != 200:
        stop(fault_of(answer), json_)
    if json_:
        show_json(answer)
    else:
        click.echo(f"Acknowledged by {answer['by']}.")


@command.command()
@click.option("--rule", default="", help="Only this rule. [every rule]")
@click.option("--subject", default="", help="Only this subject, such as Patient/17. [every subject]")
@click.option("--for", "span", help="How long, such as 2h.")
@click.option("--reason", default="", help="Why; it is kept.")
@click.option("--end", type=int, help="End the quiet time of this number.")
@data_option
@as_json
def quiet(rule: str, subject: str, span: str | None, reason: str, end: int | None, data: Path | None, json_: bool) -> None:
    """Hold notices back for a while; alerts are raised and shown all the same. Without options, list what is held back.

    \b
    Examples:
      isthmus alert quiet
      isthmus alert quiet --rule low_spo2 --for 2h --reason "monitor exchanged"
    """
    from engine.alerts import look  # noqa: PLC0415
    from engine.journal.look import connect  # noqa: PLC0415

    time = duration(span) if span else None
    if span and time is None:
        raise click.UsageError(f"{span!r} is no time; for example 2h")
    if (rule or subject or reason) and time is None:
        raise click.UsageError("say how long: --for 2h")
    with database(data, json_) as dsn, connect(dsn) as connection:
        if end is not None and not look.loud(connection, end):
            stop(
                Fault(look.NONE.kind, "E765", "there is no such quiet time", str(end), "`isthmus alert quiet` lists them"), json_
            )
        if time is not None:
            _known(rule, {row["rule"] for row in look.alerts(connection, "all", rule, limit=1)})
            now = datetime.now(UTC)
            look.quiet(connection, rule, subject, now, now + time, reason)
        rows = look.quiets(connection)
    if json_:
        show_json(rows)
    else:
        cells = [(r["id"], r["rule"] or "every rule", r["subject"] or "everybody", clock(r["until"]), r["reason"]) for r in rows]
        show_table(("number", "rule", "subject", "until", "reason"), cells)


def _known(rule: str, raised: set[str]) -> None:
    """Says so where nothing has the name of a rule that is to be quiet: it may well be a slip."""
    named = {
        found[1]
        for path in (shipped("channels") / "alerts").glob("*.yaml")
        if (found := _NAMED.search(path.read_text("utf-8", "replace")))
    }
    if rule and rule not in named | raised:
        help = did_you_mean(rule, named)
        click.secho(f"warning: no rule here is called {rule}" + (f"; {help}" if help else ""), fg="yellow", err=True)


command.add_command(test)
