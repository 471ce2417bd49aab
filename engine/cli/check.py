"""isthmus check: what would become of these messages?"""

from __future__ import annotations

import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from engine.cli.messages import message_files, messages
from engine.cli.output import FINDINGS, as_json, say, show_json
from engine.cli.progress import counted, working
from engine.fault import Fault
from engine.settings import Settings, default_data, shipped

FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command(short_help="Check messages: readable, conformant, mapped, valid; nothing is sent or stored.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--channel", help="The channel that would take them. [the first that accepts]")
@click.option("--strict", is_flag=True, help="Also against the standard's own tables: structure, required fields, data types.")
@click.option("--channels", type=FOLDER, help="The folder of channels.")
@click.option("--mappings", type=FOLDER, help="The folder of mappings.")
@as_json
def command(
    files: tuple[Path, ...], channel: str | None, strict: bool, channels: Path | None, mappings: Path | None, json_: bool
) -> None:
    """Check what would become of messages: readable, accepted by a channel, mapped, valid R4. Nothing is sent or stored.

    \b
    Examples:
      isthmus check message.hl7
      isthmus check --strict messages/
      cat message.hl7 | isthmus check --json
    """
    from engine.deployment import deploy, dry_site  # noqa: PLC0415

    settings = Settings(default_data(), channels=channels or shipped("channels"), mappings=mappings or shipped("mappings"))
    named = message_files(files)
    with working("Reading channels and mappings"):
        plans = deploy(settings, dry_site(settings)).plans
    if channel is not None and channel not in plans:
        near = get_close_matches(channel, plans, 1)
        help = f"Did you mean {near[0]!r}?" if near else f"Channels: {', '.join(plans)}"
        raise click.UsageError(f"there is no channel {channel!r}. {help}")
    plans = {channel: plans[channel]} if channel else plans
    rows = [
        examined(part, message, format_name, format, plans, strict)
        for path in counted(named, "messages")
        for part, message, format_name, format in messages(path)
    ]
    if json_:
        show_json(rows)
    else:
        for row in rows:
            click.echo(f"{row['message']}: {row['becomes']}")
            for fault in (*row["faults"], *row["warnings"]):
                say(fault)
    sys.exit(FINDINGS if any(row["faults"] for row in rows) else 0)


def examined(name: str, body: bytes | Fault, format_name: str, format: Any, plans: Any, strict: bool) -> dict[str, Any]:
    """One message's row: which channel, what it becomes, faults and warnings."""
    from datetime import UTC, datetime  # noqa: PLC0415

    from engine.run import run  # noqa: PLC0415
    from engine.types import Filtered, Message, Work  # noqa: PLC0415
    from engine.uuid7 import uuid7  # noqa: PLC0415

    row: dict[str, Any] = {"message": name, "channel": "", "becomes": "nothing", "faults": (), "warnings": ()}
    envelope = body if isinstance(body, Fault) else format.envelope(body)
    if isinstance(body, Fault) or isinstance(envelope, Fault):
        return {**row, "faults": (envelope,)}
    faults: tuple[Fault, ...] = tuple(format.strict(body)) if strict and hasattr(format, "strict") else ()
    message = Message(uuid7(), 0, "", format_name, body, datetime.now(UTC), envelope)
    for plan in plans.values():
        if plan.format.name != format_name:
            continue
        result = run(plan, message)
        if isinstance(result, Filtered):
            continue
        row["channel"] = plan.channel
        if isinstance(result, Work):
            counts: dict[str, int] = {}
            for put in result.puts:
                counts[put.body["resourceType"]] = counts.get(put.body["resourceType"], 0) + 1
            becomes = ", ".join(f"{count} {kind}" for kind, count in counts.items())
            return {**row, "becomes": becomes or "nothing", "faults": faults, "warnings": result.warnings}
        return {**row, "becomes": "held", "faults": (*faults, *result)}
    return {**row, "becomes": "filtered: no channel accepts it", "faults": faults}
