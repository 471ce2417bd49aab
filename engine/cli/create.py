"""isthmus create: a file to start from."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import click

from engine.cli.output import as_json, show_json
from engine.settings import shipped

CHANNEL = """channel: {name}
title: What this channel is for

source:
  mllp:
    listen: "tcp:127.0.0.1:{port}"
    acknowledge: when stored        # or: when processed

accept if: MSH-9.1 = ORU            # what is not accepted is acknowledged and filtered
in order by: PID-3.1                # messages of one patient never overtake each other

steps:
  - map: oru_r01
  - validate: fhir R4

destinations:
  record: {{ fhir_store: {{}} }}

on failure: hold                    # kept with its fault until it is replayed
keep messages: 90 days
"""
MAPPING = """mapping: {name}
reads: hl7v2 ORU_R01
writes: fhir R4

resources:
  Patient as patient:
    key: PID-3
    identifier: =PID-3
    name: =PID-5

  Observation each OBSERVATION:
    key: MSH-4, OBR-3, OBX-3, OBX-4
    status: =OBX-11 | table(observation_status)
    code: =OBX-3
    subject: =ref(patient)
    valueQuantity if OBX-2 = NM:
      value: =OBX-5
      unit: =OBX-6.2 else OBX-6.1
"""
TABLE = """table: {name}
rows:
  A: first
  B: second
otherwise: refuse                   # or: keep, or a code
"""
FIRST = 2576
_PORT = re.compile(r"\blisten:[^\n]*:(\d{1,5})")  # the last one of the line, where it has a default
KINDS = {"channel": ("channels", CHANNEL), "mapping": ("mappings", MAPPING), "table": ("mappings/tables", TABLE)}


@click.command(short_help="Create a channel, mapping or table to start from.")
@click.argument("kind", type=click.Choice(sorted(KINDS)))
@click.argument("name")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), help="The folder. [channels, mappings or mappings/tables]"
)
@as_json
def command(kind: str, name: str, into: Path | None, json_: bool) -> None:
    """Create a channel, mapping or table file to start from. A file that is there already is left alone.

    A channel listens on the first port from 2576 on that no other channel names and nobody listens on.

    \b
    Examples:
      isthmus create channel lab_results
      isthmus create mapping site_oru
      isthmus create table local_flags
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
        raise click.UsageError("a name is small letters, digits and underscores, beginning with a letter")
    folder, text = KINDS[kind]
    top, _, below = folder.partition("/")
    target = (into or analysts(top) / below) / f"{name}.yaml"
    if target.exists():
        raise click.UsageError(f"{target} is there already")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text.format(name=name, port=free_port(target.parent)), encoding="utf-8")
    if json_:
        show_json({"created": str(target)})
    else:
        click.echo(f"{target}\nEdit it, then: isthmus lint && isthmus deploy")


def free_port(folder: Path) -> int:
    """The first port from 2576 on that no channel of the folder names and that can be listened on now."""
    named = {int(port) for path in folder.glob("*.yaml") for port in _PORT.findall(path.read_text("utf-8", "replace"))}
    return next((port for port in range(FIRST, FIRST + 1000) if port not in named and _free(port)), FIRST)


def _free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def analysts(folder: str) -> Path:
    """The folder new files go to: the working directory's own, a checkout's; never that of an installed package."""
    found = shipped(folder)
    return found if (found.parent / "pyproject.toml").is_file() or found.parent == Path.cwd() else Path.cwd() / folder
