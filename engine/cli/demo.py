"""isthmus demo: the engine at work on made-up traffic, and then left running."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import click

from engine.cli.options import engine_options, settings
from engine.cli.output import as_json, show_json, show_table, tell
from engine.cli.run import addresses as places

TRAFFIC = "hospital"


@click.command(short_help="Start the engine, send a small hospital's traffic, show what became of it.")
@engine_options
@click.option("--patients", default=6, show_default=True, type=click.IntRange(3, 50), help="How many patients the hospital has.")
@click.option("--once", is_flag=True, help="Stop when the traffic has been shown, instead of running on.")
@as_json
def command(patients: int, once: bool, json_: bool, **given: Any) -> None:
    """Start the engine, send a small made-up hospital's traffic through the real MLLP socket, show what became of it, and run on.

    Admissions, vital signs, laboratory panels (some abnormal), a correction of demographics, a discharge, a merge of two patients,
    one message sent twice and one with a fault. Everybody in it is invented.

    \b
    Examples:
      isthmus demo
      isthmus demo --once
      isthmus demo --data /tmp/isthmus --http 127.0.0.1:8081 --mllp 127.0.0.1:2576
    """
    from engine.log import configure  # noqa: PLC0415
    from engine.loop import leave  # noqa: PLC0415
    from engine.serve import serve  # noqa: PLC0415

    configure("warning" if given["log_level"] == "info" else given["log_level"])

    async def started(engine: Any) -> None:
        told = await play(engine, patients)
        if json_:
            show_json(told | places(engine))
        else:
            report(told)
        if once:
            engine.end()
        elif not json_:
            addresses(engine)

    fault = serve(settings(**given), lambda text: click.echo(text, err=True), started)
    if fault is not None:
        tell(fault, json_)
    leave(fault.kind.answer.exit if fault is not None else 0)


async def play(engine: Any, patients: int) -> dict[str, Any]:
    """Sends the traffic; what became of it."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    from engine.plugins import plugins  # noqa: PLC0415

    hospital = plugins("traffic")[TRAFFIC]
    address = engine.sources.addresses()[TRAFFIC]
    click.echo(f"Sending a made-up hospital's messages to {address}, each waiting for its acknowledgement …", err=True)
    answers: Counter[tuple[str, str]] = Counter()
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), transient=True) as progress:
        task = progress.add_task("messages", total=None)
        async for kind, answer, total in hospital(address, patients):
            answers[kind, answer] += 1
            progress.update(task, advance=1, total=total)
    await settled(engine)
    return await asyncio.to_thread(became, engine, answers)


async def settled(engine: Any) -> None:
    """Waits until the worker has nothing left to do."""
    for _ in range(600):
        if engine.journal.pending == 0:
            return
        await asyncio.sleep(0.05)


def became(engine: Any, answers: Counter[tuple[str, str]]) -> dict[str, Any]:
    """Messages and acknowledgements, states by channel, what is held, resources by type, one report."""
    from engine.journal import Filter  # noqa: PLC0415
    from engine.journal.look import connect  # noqa: PLC0415
    from engine.plugins import store_of  # noqa: PLC0415

    store = store_of(engine.site)
    with connect(engine.dsn) as connection:
        resources, sample = store.counts(connection), store.newest(connection, "DiagnosticReport")
    return {
        "messages": [{"message": kind, "answer": answer, "count": count} for (kind, answer), count in sorted(answers.items())],
        "channels": engine.journal.counts(),
        "held": [
            {"type": one.type, "id": str(one.id), "fault": one.code} for one in engine.journal.find(Filter(state="held", limit=5))
        ],
        "resources": dict(sorted(resources.items())),
        "report": json.loads(sample) if sample else None,
    }


def report(told: dict[str, Any]) -> None:
    """Prints what became of the traffic."""
    show_table(("message", "acknowledged", "count"), [tuple(row.values()) for row in told["messages"]], "Messages")
    states = ("received", "processed", "filtered", "held", "stored")
    rows = [(name, *(row.get(state, 0) for state in states)) for name, row in told["channels"].items()]
    show_table(("channel", *states), rows, "What became of them")
    show_table(("type", "id", "fault"), [tuple(row.values()) for row in told["held"]], "Held for a person: isthmus show ID")
    show_table(("resource", "count"), list(told["resources"].items()), "FHIR resources")
    if told["report"]:
        click.echo("One DiagnosticReport as it is served:\n")
        show_json(told["report"])


def addresses(engine: Any) -> None:
    """Prints what to try next."""
    base = engine.web.address
    mllp = engine.sources.addresses()[TRAFFIC]
    click.echo(
        f"""
The engine runs on. Ctrl-C stops it. To try, in another terminal:

  MLLP        {mllp}
  HTTP        {base}
  liveness    curl {base}/livez      readiness    curl {base}/readyz
  patients    curl '{base}/fhir/R4/Patient?_count=5'
  potassium   curl '{base}/fhir/R4/Observation?code=http://loinc.org|2823-3'
  held        isthmus find --state held --data {engine.settings.data}
  data        {engine.settings.data}
"""
    )
