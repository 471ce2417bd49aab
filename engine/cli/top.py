"""isthmus top: live numbers by channel and destination."""

from __future__ import annotations

import sys
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click

from engine.cli.options import data_option
from engine.cli.output import WIDE, as_json, show_json, stop
from engine.fault import Fault, Kind
from engine.home import note
from engine.settings import default_data

CHANNEL = {"engine_messages_received_total": "received", "engine_messages_processed_total": "processed",
           "engine_messages_filtered_total": "filtered", "engine_quarantined_total": "held", "engine_duplicates_total": "duplicates"}  # fmt: skip
DESTINATION = {"engine_outbox_depth": "waiting", "engine_outbox_retrying": "retrying", "engine_outbox_oldest_age_seconds": "oldest",
               "engine_outbox_dead": "dead", "engine_destination_paused": "paused"}  # fmt: skip
WHOLE = {"engine_queue_depth": "queue", "engine_queue_oldest_age_seconds": "oldest", "engine_lane_blocked": "stopped",
         "engine_ws_clients": "readers", "engine_disk_free_bytes": "disk_free"}  # fmt: skip


@dataclass(slots=True)
class Numbers:
    """The engine's numbers at a moment; counts are since its start, rates a second since the numbers before."""

    at: float
    whole: dict[str, float] = field(default_factory=dict)
    channels: dict[str, dict[str, float]] = field(default_factory=dict)
    destinations: dict[str, dict[str, float]] = field(default_factory=dict)


@click.command(short_help="Live numbers by channel and destination.")
@click.option("--once", is_flag=True, help="Print them once and end.")
@click.option("--every", default=2.0, show_default=True, type=click.FloatRange(0.5, 60), help="Seconds between looks.")
@data_option
@as_json
def command(once: bool, every: float, data: Path | None, json_: bool) -> None:
    """Live numbers of the running engine by channel and destination, until Ctrl-C. Counts are since the engine's start. With --json a line
    for each look.

    \b
    Examples:
      isthmus top
      isthmus top --once --json
    """
    from rich.console import Console  # noqa: PLC0415
    from rich.live import Live  # noqa: PLC0415

    address = _address(data, json_)
    before = look(address, json_)
    if once:
        if json_:
            show_json(asdict(before))
        else:
            Console(width=None if sys.stdout.isatty() else WIDE).print(screen(before))
        return
    if json_:
        while True:
            show_json(asdict(before), lines=True)
            time.sleep(every)
            before = rated(before, look(address, json_))
    with Live(screen(before), auto_refresh=False, screen=True) as live:
        while True:
            time.sleep(every)
            now = look(address, json_)
            live.update(screen(rated(before, now)), refresh=True)
            before = now


def _address(data: Path | None, json_: bool) -> tuple[str, str]:
    found = note((data or default_data()).expanduser().resolve())
    if found is None:
        stop(Fault(Kind.UNAVAILABLE, "E914", "no engine runs on this data folder", help="start it with `isthmus run`"), json_)
    return str(found["http"]), str(found["token"])


def look(address: tuple[str, str], json_: bool = False) -> Numbers:
    """The engine's numbers now."""
    request = urllib.request.Request(f"{address[0]}/metrics", headers={"Authorization": f"Bearer {address[1]}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own note
            return numbers(answer.read().decode(), time.time())
    except (OSError, urllib.error.URLError):
        stop(Fault(Kind.UNAVAILABLE, "E914", "the engine does not answer", help="is it starting, or stopping?"), json_)


def numbers(text: str, at: float) -> Numbers:
    """The numbers in a scrape."""
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415

    found = Numbers(at)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name, labels, value = sample.name, sample.labels, sample.value
            if name in CHANNEL:
                row = found.channels.setdefault(labels["channel"], dict.fromkeys(CHANNEL.values(), 0.0))
                row[CHANNEL[name]] += value
            elif name in DESTINATION:
                found.destinations.setdefault(labels["destination"], {})[DESTINATION[name]] = value
            elif name == "engine_deliveries_total":
                row = found.destinations.setdefault(labels["destination"], {})
                row[labels["outcome"]] = row.get(labels["outcome"], 0.0) + value
            elif name in WHOLE:
                found.whole[WHOLE[name]] = value
    return found


def rated(before: Numbers, now: Numbers) -> Numbers:
    """The numbers with what came and went a second since the ones before."""
    seconds = max(0.001, now.at - before.at)
    for rows, earlier, name in ((now.channels, before.channels, "received"), (now.destinations, before.destinations, "accepted")):
        for key, row in rows.items():
            row["rate"] = max(0.0, row.get(name, 0.0) - earlier.get(key, {}).get(name, 0.0)) / seconds
    return now


def _cell(name: str, value: float) -> str:
    if name == "paused":
        return "yes" if value else "no"
    return f"{value:,.{1 if name == 'rate' else 0}f}"


def screen(found: Numbers) -> Any:
    """The numbers as two tables."""
    from rich import box  # noqa: PLC0415
    from rich.console import Group  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    whole = {"queue": 0.0, "oldest": 0.0, "stopped": 0.0, "readers": 0.0, **found.whole}
    head = (
        f"{whole['queue']:.0f} messages wait, the oldest {whole['oldest']:.0f} s; {whole['stopped']:.0f} keys stopped; "
        f"{whole['readers']:.0f} readers of feeds"
    )
    tables: list[Any] = [head]
    for title, rows, names in (
        ("channel", found.channels, ("rate", *CHANNEL.values())),
        ("destination", found.destinations, ("rate", "accepted", "retried", *DESTINATION.values())),
    ):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column(title)
        for name in names:
            table.add_column({"rate": "/s"}.get(name, name), justify="right")
        for key, row in sorted(rows.items()):
            table.add_row(key, *(_cell(name, row.get(name, 0.0)) for name in names))
        tables.append(table)
    return Group(*tables)
