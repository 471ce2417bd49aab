"""The verb `isthmus ecg classify FILE…`: files of any format the readers know to a table of text, JSON or CSV."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

import click

from engine.fault import Fault, Kind
from inference import batch
from inference.analysis import evidence_of
from inference.interpret.table import Table, load
from inference.measure import analyse
from inference.serve import backend


def classify_files(paths: Sequence[Path], table: Table | None = None) -> list[batch.Row] | Fault:
    """Reads, measures and classifies files in this process; what cannot be read is a row with its fault."""
    own = backend.own(threads=2)
    if isinstance(own, Fault):
        return own
    points = tuple(entry_points(group="isthmus.readers", name="ecg_files"))
    if not points:
        return Fault(Kind.UNSUPPORTED, "E831", "no reader of ECG files is installed", help="install isthmus with its adapters")
    rows = []
    for path, found in points[0].load()(tuple(paths)):
        if isinstance(found, Fault):
            rows.append(batch.Row(str(path), {}, fault=found))
        else:
            measured = evidence_of(analyse(found.samples, found.rate, found.leads))
            given = (str(path), found.samples, float(found.rate), found.leads, measured, table)
            rows.append(batch.classify_one(own, *given, tuple(map(str, getattr(found, "warnings", ())))))
    return rows


def absent(path: Path) -> Fault:
    """E163, as for any file that is not there."""
    return Fault(Kind.NOT_FOUND, "E163", "the file cannot be read", str(path))


@click.command("classify", short_help="Classify ECG files; research software, not a diagnosis.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--table", "form", flag_value="table", help="A line a recording.")
@click.option("--json", "form", flag_value="json", help="JSON.")
@click.option("--csv", "form", flag_value="csv", help="CSV, a column a label.")
@click.option("--text", "form", flag_value="text", default=True, help="Text with every finding's reason, the default.")
@click.option("--findings", type=click.Path(path_type=Path), help="A table of findings of your own, in place of the shipped one.")
@click.option("--results", is_flag=True, help="The files are CSVs of results: interpret them, classify nothing.")
def command(files: tuple[Path, ...], form: str, findings: Path | None, results: bool) -> None:
    """Classify ECG files of any format, or interpret a CSV of results.

    A FILE may be a WFDB record (its header, its signal file or its bare name), a zip of one, or a folder of files.

    \b
    Examples:
      isthmus ecg classify recording.xml
      isthmus ecg classify folder --table
      isthmus ecg classify *.dcm --csv > results.csv
      isthmus ecg classify --results results.csv --json
    """
    rows: list[batch.Row] | Fault
    table = load(findings) if findings else None
    if isinstance(table, Fault):
        rows = table
    elif results:
        rows = []
        for path in files:
            found = (
                batch.read_results(path.read_text(encoding="utf-8-sig", errors="replace"), table)
                if path.is_file()
                else absent(path)
            )
            if isinstance(found, Fault):
                rows = found
                break
            rows += found
    else:
        rows = classify_files(files, table)
    if isinstance(rows, Fault):
        click.echo(str(rows), err=True)
        sys.exit(rows.kind.answer.exit)
    write = {"json": batch.as_json, "csv": batch.as_csv, "text": batch.as_text, "table": batch.as_table}[form or "text"]
    click.echo(write(rows), nl=form == "json")
    sys.exit(1 if any(row.fault for row in rows) else 0)
