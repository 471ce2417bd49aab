"""Many recordings at once, on the command line: files to a table, JSON or CSV; a CSV of results to interpretations."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.fault import Fault, Kind
from inference.classify import NOTICE
from inference.interpret import Evidence, Interpretation, interpret
from inference.interpret.table import MEASURES, Table
from inference.models import manifest
from inference.serve.backend import Own
from inference.serve.wire import Ask

MOST_ROWS = 1_000_000
DANGEROUS = re.compile(r"^[=+\-@\t\r]")


@dataclass(frozen=True, slots=True)
class Row:
    """One recording's answer, or its fault."""

    name: str
    probabilities: Mapping[str, float]
    interpretation: Interpretation | None = None
    abstained: str = ""
    fault: Fault | None = None
    measured: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # what the reader assumed


def classify_one(
    own: Own,
    name: str,
    samples: npt.NDArray[np.floating],
    rate: float,
    leads: Sequence[str],
    measured: Mapping[str, float],
    table: Table | None = None,
    notes: tuple[str, ...] = (),
) -> Row:
    """µV [leads, n] → the 12-lead model's answer, or the lead-I model's where there is lead I only."""
    model = "twelve" if len(leads) >= 8 else "lead_one"
    data = np.ascontiguousarray(samples, "<f4")
    if data.ndim != 2:
        return Row(name, {}, fault=Fault(Kind.INCORRECT, "E820", "the signal is not a table of leads by samples", "signal"))
    answer = own.answer([Ask(1, model, float(rate), list(leads), data.shape[1], data.tobytes())])[0]
    if answer.fault:
        kind, code, text, at, help = answer.fault
        return Row(name, {}, fault=Fault(Kind(kind), code, text, at, help))
    points = {label: point.threshold for label, point in own.loaded[model].stored.entry.points.items()}
    said = interpret(Evidence(answer.probabilities, measured, points, answer.abstained, answer.leads), table)
    return Row(name, answer.probabilities, said, answer.abstained, None, measured, notes)


def read_results(text: str, table: Table | None = None) -> list[Row] | Fault:
    """A CSV of results: a column `id` or `name`, columns of measurements, every other column a label's probability."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows or len(rows) > MOST_ROWS or len(set(rows[0])) != len(rows[0]):
        return Fault(Kind.INCORRECT, "E834", "the table has no header, twice the same column, or too many rows", "line 1")
    header, out = rows[0], []
    points = {label: point.threshold for label, point in _points().items()}
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            return Fault(Kind.INCORRECT, "E834", "a row has another number of cells than the header", f"line {number}")
        values = _numbers(header, row, number)
        if isinstance(values, Fault):
            return values
        measured = {name: values[name] for name in MEASURES if name in values}
        shares = {name: value for name, value in values.items() if name not in MEASURES}
        name = next((cell for column, cell in zip(header, row, strict=True) if column in {"id", "name"}), str(number - 1))
        if told := next((cell for column, cell in zip(header, row, strict=True) if column == "fault" and cell), ""):
            out.append(
                Row(name, {}, fault=Fault(Kind.INCORRECT, "E834", f"it was not classified: {told[:200]}", f"line {number}"))
            )
            continue
        why = "" if shares else "no probability is given"
        out.append(Row(name, shares, interpret(Evidence(shares, measured, points, why), table), why, measured=measured))
    return out


def _points() -> Mapping[str, Any]:
    stored = manifest.find("twelve")
    return {} if isinstance(stored, Fault) else stored.entry.points


def _numbers(header: Sequence[str], row: Sequence[str], number: int) -> dict[str, float] | Fault:
    values = {}
    for column, cell in zip(header, row, strict=True):
        if column in {"id", "name", "severity", "conclusion", "fault"} or not cell.strip():
            continue
        try:
            value = float(cell)
        except ValueError:
            value = float("nan")
        if not np.isfinite(value) or (column not in MEASURES and not 0 <= value <= 1):
            return Fault(Kind.INCORRECT, "E834", "a cell is not a probability or a measurement", f"line {number}, {column[:40]}")
        values[column] = value
    return values


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if DANGEROUS.match(cell) else cell


def as_csv(rows: Iterable[Row]) -> str:
    """A table with every measurement and label a column; reads back with read_results to the same interpretations."""
    kept = list(rows)
    labels = sorted({label for row in kept for label in row.probabilities})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["name", *MEASURES, *labels, "severity", "conclusion", "fault"])
    for row in kept:
        numbers = [f"{row.measured[name]:g}" if name in row.measured else "" for name in MEASURES]
        numbers += [f"{row.probabilities[label]:.4f}" if label in row.probabilities else "" for label in labels]
        said = row.interpretation
        fault = str(row.fault) if row.fault else ""
        writer.writerow(
            [safe(row.name), *numbers, said.severity if said else "", safe(said.conclusion) if said else "", safe(fault)]
        )
    return out.getvalue()


def as_json(rows: Iterable[Row]) -> str:
    """A list of objects, each with its notice."""
    return json.dumps([_object(row) for row in rows], indent=1, ensure_ascii=False)


def _object(row: Row) -> dict[str, Any]:
    if row.fault:
        return {"name": row.name, "fault": row.fault.as_dict()}
    return {
        "name": row.name,
        "probabilities": {label: round(value, 4) for label, value in row.probabilities.items()},
        "abstained": row.abstained or None,
        "measurements": dict(row.measured),
        "interpretation": row.interpretation.as_dict() if row.interpretation else None,
        "notes": list(row.notes),
        "notice": NOTICE,
    }


def as_table(rows: Iterable[Row]) -> str:
    """A line for each recording: its severity, the superclasses' probabilities in per cent, its conclusion."""
    kept, names = list(rows), ("NORM", "MI", "STTC", "CD", "HYP")
    lines = [["recording", "severity", *names, "conclusion"]]
    for row in kept:
        shares = [row.probabilities.get(f"super:{name}", row.probabilities.get(name)) for name in names]
        cells = ["" if share is None else f"{share:.0%}" for share in shares]
        said = row.interpretation
        words = (said.severity, said.conclusion) if said else ("", f"{row.fault}" if row.fault else "")
        lines.append([row.name, words[0], *cells, words[1]])
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]) - 1)]
    text = ["  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]) for line in lines]
    return "\n".join([*text, "", NOTICE]) + "\n"


def as_text(rows: Iterable[Row]) -> str:
    """A few lines for each recording."""
    blocks = []
    for row in rows:
        if row.fault or row.interpretation is None:
            blocks.append(f"{row.name}\n  {row.fault}")
            continue
        said = row.interpretation
        lines = [row.name, f"  {said.severity.upper()}: {said.conclusion}"]
        lines += [f"  - {one.name} ({one.group}, {one.severity}): {one.reason}" for one in said.findings]
        lines += [f"  ! contradiction: {text}" for text in said.contradictions]
        lines += [f"  * {text}" for text in (*said.notes, *row.notes)]
        blocks.append("\n".join(lines))
    return "\n\n".join([*blocks, NOTICE]) + "\n"
