"""Tracings in CSV or plain text columns: bytes to a Recording.

Cells are divided by tab, semicolon, comma or blanks. A cell such as `sample rate`, `fs`, `Abtastrate` or `Frequenz` is followed by
the rate, `lead` or `Ableitung` by the lead, `unit` or `Einheit` by the unit; a row of lead names heads columns. Without them a
single column is lead I, in µV, at 512 Hz, and a warning says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.ecg import leads
from adapters.ecg.recording import Recording, bad, checked, physical
from adapters.ecg.xml_tools import TO_UV, number
from engine.fault import Fault

RATE = re.compile(
    r"^(sampl\w* ?(rate|frequency)|sampl\w*_(rate|frequency)|fs|hz|abtastrate|frequenz|frequency|samples per second)\b", re.I
)
LEAD = re.compile(r"^(lead|leads|ableitung|channel|kanal)\b", re.I)
UNIT = re.compile(r"^(unit|units|einheit)\b", re.I)
TIME = re.compile(r"^(time|t|zeit|seconds|sec|sample|samples|index|n|ms|time ?[\[(].*|)$", re.I)
NUMBER = re.compile(r"^[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?$|^nan$", re.I)
DEFAULT_RATE, HEAD, MOST_PLACES = 512.0, 200, 6


@dataclass(slots=True)
class Head:
    """What the rows before the numbers say."""

    rate: float = 0.0
    names: list[str] | None = None
    lead: str = ""
    unit: str = ""


def looks(body: bytes) -> bool:
    """Whether the bytes are text with at least two rows of numbers near the top."""
    text = _text(body[:20_000])
    if text is None:
        return False
    rows = [re.split(r"[;,\t ]+", line.strip()) for line in text.splitlines()[:HEAD]]
    return sum(all(NUMBER.match(cell) for cell in row if cell) and any(row) for row in rows) >= 2


def begins(body: bytes) -> bool:
    """Whether the bytes are columns that begin with a rate (`fs 250`), which looks like a WFDB header of 250 signals."""
    text = _text(body[:400])
    return text is not None and RATE.match(text.lstrip()) is not None and looks(body)


def read(body: bytes) -> Recording | Fault:
    """Reads columns of numbers."""
    text = _text(body)
    lines = text.splitlines() if text else []
    mark = _divider(lines)
    first = next((n for n, line in enumerate(lines[: HEAD + 1]) if _numeric(_cells(line, mark), mark)), -1)
    if first < 0:
        return bad("E151", "there are no rows of numbers")
    empty = next(n for n, cell in enumerate(_cells(lines[first], mark)) if cell)
    if empty:
        lines = [*lines[:first], *(line.split(mark, empty)[-1] for line in lines[first:])]
    width = len(_cells(lines[first].rstrip().rstrip(mark), mark))
    head = _head([_cells(line, mark) for line in lines[:first]], width)
    if isinstance(head, Fault):
        return head
    numbers = _numbers(lines[first:], mark)
    table = _table(numbers, width)
    if table is None:
        text = f"a row is not {width} number{'s' * (width > 1)} as the first one is"
        return bad(
            "E156", text, f"line {_odd(lines, first, mark, width)}", "every row needs as many numbers, and nothing after them"
        )
    warnings: list[str] = []
    names, columns, hertz = _columns(table, head, warnings)
    unit = TO_UV.get(head.unit or "µV")
    if unit is None:
        return bad("E155", "the unit is not one of volts", "unit", "µV, mV or V")
    if len(names) != columns.shape[1]:
        return bad("E152", "there are not as many columns as lead names", f"line {first + 1}")
    places = _places(numbers)
    exact = places <= MOST_PLACES
    step = Decimal(1).scaleb(-places) * unit if exact else unit
    samples = physical(np.rint(columns.T * 10.0**places), step) if exact else physical(columns.T, unit)
    count = len(names) if exact else 0
    return checked(
        Recording(
            format="csv", leads=tuple(names), samples=samples, rate=hertz, scale=(step,) * count, origin=(Decimal(0),) * count,
            warnings=tuple(warnings),
        )
    )  # fmt: skip


def _text(body: bytes) -> str | None:
    if b"\0" in body[:4096]:
        return None
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _divider(lines: list[str]) -> str:
    """The mark that divides the cells: the first of tab, `;`, `,` and blank that does so in the rows of numbers."""
    tail = [line for line in lines[:HEAD] if line[:1] in "+-.0123456789" and line.strip()][-20:]
    for mark in "\t;":
        if any(mark in line for line in lines[:HEAD]):
            return mark
    return "," if any("," in line for line in (tail or lines[:HEAD])) else " "


def _cells(line: str, mark: str) -> list[str]:
    """A line's cells. Where blanks divide the numbers, words may hold blanks: their cells end at `,`, `:` or two blanks."""
    if mark != " ":
        parts = line.split(mark)
    elif NUMBER.match((line.split() or [""])[0]):
        parts = line.split()
    else:
        parts = re.split(r"[,:=]|\s{2,}", line)
    return [part.strip().strip('"').strip() for part in parts]


def _numeric(cells: list[str], mark: str) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(NUMBER.match(cell) and (mark != "," or "," not in cell) for cell in filled)


def _odd(lines: list[str], first: int, mark: str, width: int) -> int:
    """The number of the first line that is no row of numbers like the others."""
    rows = enumerate(lines[first:], first + 1)
    return next((at for at, line in rows if line.strip() and _table(_numbers([line], mark), width) is None), first + 1)


def _head(rows: list[list[str]], width: int) -> Head | Fault:
    """Rate, lead, unit and column names, wherever they stand in the rows before the numbers."""
    head = Head()
    for place, row in enumerate(rows):
        for at, cell in enumerate(row):
            after = row[at + 1] if at + 1 < len(row) else cell.partition(":")[2].strip() or " ".join(cell.split()[1:])
            if name := RATE.match(cell):
                after = after if at + 1 < len(row) else cell[name.end() :].strip(" :=")
                found = re.match(r"[\d.,]+", after)
                value = number(found.group().replace(",", ".")) if found else None
                if after and not value:
                    return bad("E155", "the sampling rate is not a positive number", f"line {place + 1}", "samples a second")
                head.rate = float(value) if value else head.rate
            elif LEAD.match(cell) and after:
                head.lead = leads.canonical(LEAD.sub("", after).strip() or after)
            elif UNIT.match(cell) and after:
                head.unit = after
        head.unit = head.unit or next((cell for cell in row if cell in TO_UV), "")
        _name_row(head, row, bool(place == len(rows) - 1 and len(row) == width and head.rate and head.unit and all(row)), width)
    return head


def _name_row(head: Head, row: list[str], last: bool, width: int) -> None:
    """Takes a row as names of columns: all but one are known leads, or it is the last row of a head that is complete."""
    known = sum(_named(cell) in leads.SCP or _named(cell) == "MLII" for cell in row)
    if (known < 2 and len(row) != width) or all(cell in TO_UV or TIME.match(cell) for cell in row):
        return  # a patient may be called X, and a row of units names no lead
    if not (last or known >= max(1, sum(map(bool, row)) - 1)) or any(kind.match(row[0]) for kind in (LEAD, RATE, UNIT)):
        return
    head.names = [_named(cell) for cell in row]
    units = {cell.partition("(")[2].strip(" )") or cell.partition("[")[2].strip(" ]") for cell in row if not TIME.match(cell)}
    head.unit = units.pop() if len(units) == 1 and units <= set(TO_UV) else head.unit


def _named(cell: str) -> str:
    return leads.canonical(re.sub(r"\s*[\[(].*$", "", cell))


def _numbers(lines: list[str], mark: str) -> str:
    """The rows with blanks between the cells and points for decimal commas."""
    text = "\n".join(lines)
    if mark == " ":
        return text
    return (text.replace(",", ".") if mark in "\t;" else text).replace('"', "").replace(mark, " ")


def _table(text: str, width: int) -> NDArray[Any] | None:
    """All numbers [rows, columns], or None when a row is not like the first."""
    try:
        values = np.array(text.split(), dtype=np.float64)
    except ValueError:
        return None
    rows = sum(1 for line in text.split("\n") if line.strip())
    return values.reshape(-1, width) if width and len(values) == rows * width else None


def _columns(table: NDArray[Any], head: Head, warnings: list[str]) -> tuple[list[str], NDArray[Any], float]:
    """Lead names, their columns, and the rate; a first column that counts or tells the time is no lead."""
    names, hertz = head.names, head.rate
    timed = table.shape[1] > 1 and (TIME.match(names[0]) is not None if names else _steady(table[:, 0]))
    if timed:
        if not hertz:
            hertz = _rate(table[:, 0])
        table = table[:, 1:]
        names = names[1:] if names and len(names) > table.shape[1] else names
    if not names:
        width = table.shape[1]
        names = (
            [head.lead or "I"]
            if width == 1
            else list(leads.STANDARD)
            if width == 12
            else [f"column {n + 1}" for n in range(width)]
        )
        if width != 1 or not head.lead:
            warnings.append("the leads are not named; lead I, or the usual order of twelve, is assumed")
    if not hertz:
        warnings.append("no sampling rate is stated; 512 Hz is assumed")
    if not head.unit:
        warnings.append("no unit is stated; µV is assumed")
    return list(names), table, hertz or DEFAULT_RATE


def _steady(column: NDArray[Any]) -> bool:
    """Whether a column rises by equal steps, as an index or a time does."""
    steps = np.diff(column[:10_000])
    return len(steps) > 2 and bool(steps.min() > 0) and bool(np.ptp(steps) <= 0.02 * steps.mean())


def _rate(column: NDArray[Any]) -> float:
    """Hz of a column in seconds or milliseconds; 0 for a mere count of samples."""
    step = float(np.median(np.diff(column))) if len(column) > 1 else 0.0
    if not 0 < step < 100 or step == 1:
        return 0.0
    return round(1 / step if step < 0.5 else 1000 / step, 6)


def _places(text: str) -> int:
    """Decimal places of the finest number; beyond all bounds when one has an exponent."""
    if re.search(r"\d[eE]", text):
        return MOST_PLACES + 1
    return max((len(found) for found in re.findall(r"\.(\d+)", text)), default=0)
