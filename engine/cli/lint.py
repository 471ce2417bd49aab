"""isthmus lint: examines channels, mappings, tables and alert rules."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from engine.cli.output import FINDINGS, as_json, show_json, some
from engine.cli.progress import working
from engine.settings import Settings, default_data, shipped

FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command(short_help="Check channels, mappings, tables and rules; every finding with its line.")
@click.option("--channels", type=FOLDER, help="The folder of channels.")
@click.option("--mappings", type=FOLDER, help="The folder of mappings.")
@as_json
def command(channels: Path | None, mappings: Path | None, json_: bool) -> None:
    """Check channels, mappings, code tables and alert rules against each other, the plug-ins at hand, HL7 and FHIR.

    Exit code 0 when there is no error, 1 when there is one. `isthmus deploy` refuses exactly what this refuses.

    \b
    Examples:
      isthmus lint
      isthmus lint --mappings site/mappings --json
    """
    from engine.deployment import deploy, dry_site  # noqa: PLC0415
    from engine.diagnostic import render  # noqa: PLC0415

    settings = Settings(default_data(), channels=channels or shipped("channels"), mappings=mappings or shipped("mappings"))
    with working("Examining channels and mappings"):
        found = deploy(settings, dry_site(settings))
    if json_:
        show_json({"refused": found.refused, "findings": [one.as_dict() for one in found.findings]})
    else:
        for one in found.findings:
            click.echo(render(one) + "\n", err=True)
        what = f"{some(len(found.channels), 'channel')}, {some(len(found.site.mappings), 'mapping')}"
        click.echo(f"{what}: {some(len(found.findings), 'finding') if found.findings else 'no findings'}")
    sys.exit(FINDINGS if found.refused else 0)
