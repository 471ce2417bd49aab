"""isthmus test: runs the tests beside the mappings."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from pathlib import Path

import click

from engine.cli.output import FINDINGS, as_json, show_json
from engine.cli.progress import working
from engine.settings import shipped


@click.command(short_help="Run the tests beside the mappings.")
@click.argument("mappings", nargs=-1)
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False, exists=True), help="The folder of mappings.")
@as_json
def command(mappings: tuple[str, ...], folder: Path | None, json_: bool) -> None:
    """Run the tests beside the mappings (*.test.yaml): all of them, or those of the named mappings.

    \b
    Examples:
      isthmus test
      isthmus test oru_r01 adt_a40
      isthmus test --folder site/mappings --json
    """
    from engine.diagnostic import render  # noqa: PLC0415
    from engine.mapping.installed import installed  # noqa: PLC0415
    from engine.mapping.library import load_folder  # noqa: PLC0415
    from engine.mapping.testing import run_folder  # noqa: PLC0415

    where, plugins = folder or shipped("mappings"), installed()
    with working("Running the tests"):
        library = load_folder(where, plugins)
        done = [one for one in run_folder(where, library, plugins) if not mappings or one.mapping in mappings]
    tested = {one.mapping for one in done}
    for name in mappings:
        if name not in tested:
            near = get_close_matches(name, library.mappings, 1, 0.6)
            help = f" Did you mean {near[0]!r}?" if near and near[0] != name else ""
            raise click.UsageError(f"there are no tests of {name!r}.{help}")
    failed = [one for one in done if not one.passed]
    if json_:
        show_json({"passed": len(done) - len(failed), "failed": len(failed), "tests": [one.as_dict() for one in done]})
    else:
        for one in failed:
            click.echo(f"FAILED {one.mapping}: {one.name}\n")
            for found in one.failed:
                click.echo(render(found) + "\n")
        click.echo(f"{len(done) - len(failed)} passed, {len(failed)} failed")
    sys.exit(FINDINGS if failed else 0)
