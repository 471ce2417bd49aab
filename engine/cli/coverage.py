"""isthmus coverage: how the mappings compare with what others made of the same messages, fact by fact."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path
from typing import Any

import click

from engine.cli.output import FINDINGS, as_json, show_json
from engine.cli.progress import bar
from engine.fault import Fault
from engine.plugins import plugins
from engine.settings import shipped

ENOUGH = 0.90


@click.command(short_help="Compare the mappings with expected bundles, fact by fact.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--mappings", type=click.Path(path_type=Path, file_okay=False, exists=True), help="The folder of mappings.")
@as_json
def command(folder: Path, mappings: Path | None, json_: bool) -> None:
    """Compare what the mappings make of messages with the Bundles expected of them: FOLDER holds pairs NAME.hl7 and NAME.fhir or .json.

    Identifiers, codes, values with their digits, units, states, times and counts are compared; each disagreement has its reason.
    Exit code 0 when nine of ten comparable facts agree, else 1.

    \b
    Examples:
      isthmus coverage pairs/
      isthmus coverage pairs/ --json
    """
    from engine.mapping.installed import installed  # noqa: PLC0415
    from engine.mapping.library import choose, load_folder  # noqa: PLC0415

    tools = installed()
    total = sum(1 for _ in folder.rglob("*.hl7"))
    if not total:
        raise click.UsageError(f"{folder} holds no pairs: NAME.hl7 and NAME.fhir or NAME.json")
    library = load_folder(mappings or shipped("mappings"), tools)
    format = tools.formats["hl7v2"]

    def run(body: bytes) -> list[Any] | str:
        scope, envelope = format.parse(body), format.envelope(body)
        if isinstance(scope, Fault) or isinstance(envelope, Fault):
            return "unreadable"
        mapping = choose(library, "hl7v2", envelope.type)
        made = mapping.run(scope) if mapping else ()
        return [put.body for put in made] if isinstance(made, list) else " ".join(fault.code for fault in made) or "no mapping"

    with bar("messages") as done:
        number = count(1)

        def counting(body: bytes) -> list[Any] | str:
            made = run(body)
            done(next(number), total)
            return made

        report = plugins("oracles")["facts"](folder, counting)
    if json_:
        show_json(report.as_dict())
    else:
        click.echo(str(report))
    sys.exit(0 if report.agreed >= ENOUGH else FINDINGS)
