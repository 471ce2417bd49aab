"""isthmus alert test: what a rule would have raised on what is stored."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from engine.cli.find import moment
from engine.cli.options import FOLDER, data_option, database
from engine.cli.output import as_json, clock, show_json, show_table, stop
from engine.fault import Fault, Kind
from engine.settings import Settings, default_data, shipped

CHUNK = 500


@click.command(short_help="Say what a rule would have raised on stored data.")
@click.argument("rule")
@click.option("--since", default="7d", show_default=True, help="Readings since: an ISO date, or a span such as 7d.")
@click.option("--channels", type=FOLDER, default=None, help="The folder of channels. [./channels, else the shipped ones]")
@data_option
@as_json
def test(rule: str, since: str, channels: Path | None, data: Path | None, json_: bool) -> None:
    """Say what RULE, as it stands in the folder now, would have raised on what is stored. Nothing is written, nobody is told.

    Nobody acknowledges anything in a trial, so every step of an escalation is shown. Exit code 1 when nothing would have happened.

    \b
    Examples:
      isthmus alert test critical_potassium --since 7d
      isthmus alert test low_spo2 --since 2026-03-01 --json
    """
    from engine.alerts import trial  # noqa: PLC0415
    from engine.journal.look import connect  # noqa: PLC0415
    from engine.plugins import plugins  # noqa: PLC0415

    found = _rule(rule, channels, json_)
    start = moment(since) or datetime.now(UTC) - timedelta(days=7)
    store = plugins("stores")["fhir"]()
    result = trial.Trial()
    with database(data, json_) as dsn, connect(dsn) as connection:
        given = trial.signals(found, store.since(connection, found.watches, start), result)
        given = [one for one in given if one.reading.at >= start]
        births = _births(store, connection, {one.subject for one in given if not one.born}) if found.ages else {}
    trial.run(found, given, births, datetime.now(UTC), result)
    if json_:
        show_json({"rule": found.name, "version": found.digest, "since": start, **asdict(result)})
    else:
        _print(result)
    sys.exit(0 if result.happened else 1)


def _rule(name: str, channels: Path | None, json_: bool) -> Any:
    """The rule as it stands in the folder; ends the command when it cannot be read."""
    from engine.deployment import deploy, dry_site  # noqa: PLC0415
    from engine.diagnostic import render  # noqa: PLC0415

    settings = Settings(default_data(), channels=channels or shipped("channels"), mappings=shipped("mappings"))
    deployed = deploy(settings, dry_site(settings))
    rules = deployed.site.rules
    if name not in rules:
        for finding in deployed.findings:
            if "alerts/" in finding.at.file:
                click.echo(render(finding), err=True)
        help = f"rules: {', '.join(sorted(rules))}"
        stop(
            Fault(Kind.NOT_FOUND, "E753", f"there is no alert rule called {name}", str(settings.channels / "alerts"), help), json_
        )
    return rules[name]


def _births(store: Any, connection: Any, subjects: set[str]) -> dict[str, str]:
    """Dates of birth of the subjects."""
    wanted = sorted(subjects)
    births: dict[str, str] = {}
    for at in range(0, len(wanted), CHUNK):
        names = [subject.partition("/")[::2] for subject in wanted[at : at + CHUNK]]
        births |= {f"{type}/{id}": str(body.get("birthDate", "")) for (type, id), body in store.bodies(connection, names).items()}
    return births


def _print(result: Any) -> None:
    rows = [(clock(each.at), each.turn, each.subject, each.evidence) for each in result.happened]
    show_table(("at", "what", "subject", "evidence"), rows)
    turns = Counter(each.turn for each in result.happened)
    raised = turns.pop("raised", 0)
    parts = [f"{raised} alerts", *(f"{count} {name}" for name, count in turns.items())]
    click.echo(
        f"{', '.join(parts)}; {result.readings} readings of {result.subjects} subjects, {result.folded} of them folded.", err=True
    )
    if result.unfit:
        click.echo(f"{result.unfit} readings are of patients outside the rule's group, or of unknown age.", err=True)
    for code, count in sorted(result.warnings.items()):
        click.echo(f"{count} readings could not be judged: {code} (`isthmus list faults {code}`).", err=True)
