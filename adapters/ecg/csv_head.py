"""What stands before the numbers of a tracing in columns: rate, lead, unit, and the names and units of columns."""

from __future__ import annotations

import re
from dataclasses import dataclass

from adapters.ecg import leads
from adapters.ecg.recording import bad
from adapters.ecg.xml_tools import TO_UV, number
from engine.fault import Fault

RATE = re.compile(
    r"^(sampl\w* ?(rate|frequency)|sampl\w*_(rate|frequency)|fs|hz|abtastrate|frequenz|frequency|samples per second)\b", re.I
)
LEAD = re.compile(r"^(lead|leads|ableitung|channel|kanal)\b", re.I)
UNIT = re.compile(r"^(unit|units|einheit)\b", re.I)
TIME = re.compile(
    r"^(t|n|s|ms|sec|seconds|index|t ?[\[(][mnuµμ]?s[\])]|"
    r"samples?([ _](no|number|index|nr|#)\.?)?|t[ _]?[mu]?s|"
    r"(elapsed[ _])?(time|zeit|tiempo|temps|tempo|tijd|tid|czas|čas|время|时间|時間|시간)(stamps?)?([ _]?[\[(_ ].*)?|)$",
    re.I,
)
NUMBER = re.compile(r"^[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?$|^nan$", re.I)
ENDING = re.compile(r"[ _/-]([nuµμm]V)$", re.I)  # V alone may be a lead


@dataclass(slots=True)
class Head:
    """What the rows before the numbers say."""

    rate: float = 0.0
    names: list[str] | None = None
    lead: str = ""
    unit: str = ""
    units: list[str] | None = None  # of each column, where they differ


def cells(line: str, mark: str) -> list[str]:
    """A line's cells. Where blanks divide the numbers, words may hold blanks: their cells end at `,`, `:` or two blanks."""
    if mark != " ":
        parts = line.split(mark)
    elif NUMBER.match((line.split() or [""])[0]) or all(named(word) in leads.SCP or TIME.match(word) for word in line.split()):
        parts = line.split()
    else:
        parts = re.split(r"[,:=]|\s{2,}", line)
    return [part.strip().strip("\"'").strip() for part in parts]


def head_of(rows: list[list[str]], width: int) -> Head | Fault:
    """Rate, lead, unit and column names, wherever they stand in the rows before the numbers."""
    head = Head()
    for place, cells in enumerate(rows):
        row = cells[:width] if len(cells) > width and not any(cells[width:]) else cells  # lines that end with a mark
        for at, cell in enumerate(row):
            after = (
                row[at + 1]
                if at + 1 < len(row) and row[at + 1]
                else re.split("[:=]", f"{cell}:")[1].strip() or " ".join(cell.split()[1:])
            )
            if name := RATE.match(cell):
                after = after if at + 1 < len(row) and row[at + 1] else cell[name.end() :].strip(" :=")
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
        if len({cell for cell in row if cell in TO_UV}) > 1 and all(cell in TO_UV or TIME.match(cell) for cell in row):
            head.units = row
        _name_row(head, row, bool(place == len(rows) - 1 and len(row) == width and head.rate and head.unit and all(row)), width)
    return head


def _name_row(head: Head, row: list[str], last: bool, width: int) -> None:
    """Takes a row as names of columns: all but one are known leads, or it is the last row of a head that is complete."""
    known = sum(named(cell) in leads.SCP or named(cell) == "MLII" for cell in row)
    if (known < 2 and len(row) != width) or all(cell in TO_UV or TIME.match(cell) for cell in row):
        return  # a patient may be called X, and a row of units names no lead
    if not (last or known >= max(1, sum(map(bool, row)) - 1)) or any(kind.match(row[0]) for kind in (LEAD, RATE, UNIT)):
        return
    head.names = [cell if TIME.match(cell) else named(cell) for cell in row]
    stated = [unit_of(cell) for cell in row]
    units = {unit for unit, cell in zip(stated, row, strict=True) if not TIME.match(cell)}
    if units <= set(TO_UV):
        head.unit, head.units = (units.pop(), None) if len(units) == 1 else ("mixed", stated)


def unit_of(cell: str) -> str:
    """The unit a column's name ends with: `II (mV)`, `II [mV]`, `II_mV`, `II mV`; empty where there is none."""
    found = re.search(r"[(\[]\s*([^)\]]*?)\s*[)\]]$", cell) or ENDING.search(cell)
    return found.group(1) if found else ""


def named(cell: str) -> str:
    """The lead that a column's name tells, without its unit."""
    return leads.canonical(ENDING.sub("", re.sub(r"\s*[\[(].*$", "", cell)))
