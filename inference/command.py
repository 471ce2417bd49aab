"""The verb `isthmus ecg classify FILE…`: files of any format the readers know to a table of text, JSON or CSV."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from engine.fault import Fault, Kind
from inference import batch
from inference.analysis import evidence_of
from inference.api.service import ecg_reader
from inference.measure import analyse
from inference.serve import backend

LARGEST = 256 * 1024 * 1024


def classify_files(paths: Sequence[Path]) -> list[batch.Row] | Fault:
    """Reads, measures and classifies files in this process; what cannot be read is a row with its fault."""
    own, read = backend.own(threads=2), ecg_reader()
    if isinstance(own, Fault):
        return own
    if read is None:
        return Fault(Kind.UNSUPPORTED, "E831", "no reader of ECG files is installed", help="install isthmus with its adapters")
    rows = []
    for path in paths:
        found = read(path.read_bytes(), path.name) if path.stat().st_size <= LARGEST else None
        if found is None or not (isinstance(found, Fault) or hasattr(found, "samples")):
            found = Fault(Kind.UNSUPPORTED, "E832", "the file holds no ECG signal")
        if isinstance(found, Fault):
            rows.append(batch.Row(str(path), {}, fault=found))
        else:
            measured = evidence_of(analyse(found.samples, found.rate, found.leads))
            rows.append(batch.classify_one(own, str(path), found.samples, float(found.rate), found.leads, measured))
    return rows


@click.command("classify", short_help="Classify ECG files; research software, not a diagnosis.")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "form", flag_value="json", help="JSON.")
@click.option("--csv", "form", flag_value="csv", help="CSV, a column a label.")
@click.option("--text", "form", flag_value="text", default=True, help="Text, the default.")
@click.option("--results", is_flag=True, help="The files are CSVs of results: interpret them, classify nothing.")
def command(files: tuple[Path, ...], form: str, results: bool) -> None:
    """Classify ECG files of any format, or interpret a CSV of results.

    \b
    Examples:
      isthmus ecg classify recording.xml
      isthmus ecg classify *.dcm --csv > results.csv
      isthmus ecg classify --results results.csv --json
    """
    rows: list[batch.Row] | Fault
    if results:
        rows = []
        for path in files:
            found = batch.read_results(path.read_text(encoding="utf-8-sig", errors="replace"))
            if isinstance(found, Fault):
                rows = found
                break
            rows += found
    else:
        rows = classify_files(files)
    if isinstance(rows, Fault):
        click.echo(str(rows), err=True)
        sys.exit(rows.kind.answer.exit)
    write = {"json": batch.as_json, "csv": batch.as_csv, "text": batch.as_text}[form or "text"]
    click.echo(write(rows), nl=form == "json")
    sys.exit(1 if any(row.fault for row in rows) else 0)
