"""Tracings in CSV or plain text columns: bytes to a Recording.

Cells are divided by tab, semicolon, comma or blanks. A cell such as `sample rate`, `fs`, `Abtastrate` or `Frequenz` is followed by
the rate, `lead` or `Ableitung` by the lead, `unit` or `Einheit` by the unit; a row of lead names heads columns. Without them a
single column is lead I, in µV, at 512 Hz, and a warning says so. A first column may tell the time, as a number or as ISO 8601 does.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.ecg import leads
from adapters.ecg.csv_clock import counted, steady
from adapters.ecg.csv_head import NUMBER, RATE, TIME, Head, cells, head_of
from adapters.ecg.csv_time import Stamps, hidden, placed, stamped
from adapters.ecg.recording import Recording, bad, checked, physical
from adapters.ecg.xml_tools import TO_UV
from engine.fault import Fault

DEFAULT_RATE, HEAD, MOST_PLACES = 512.0, 200, 6
ABSENT = frozenset(("NA", "N/A", "na", "n/a", "NULL", "null", "None", "none", "-", "--"))
SOUGHT = 200_000  # rows in which an odd one is looked for


def looks(body: bytes) -> bool:
    """Whether the bytes are text with at least two rows of numbers near the top."""
    text = _text(body[:20_000])
    if text is None:
        return False
    rows = [re.split(r"[;,\t ]+", hidden(line).strip()) for line in text.splitlines()[:HEAD]]
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
    found = stamped(lines, mark, HEAD + 1)
    if isinstance(found, Fault):
        return found
    lines, stamps = found
    first = next((n for n, line in enumerate(lines[: HEAD + 1]) if _numeric(cells(line, mark), mark)), -1)
    if first < 0:
        return bad("E151", "there are no rows of numbers")
    empty = next(n for n, cell in enumerate(cells(lines[first], mark)) if cell)
    if empty:
        lines = [*lines[:first], *(line.split(mark, empty)[-1] for line in lines[first:])]
    width = len(cells(lines[first].rstrip().rstrip(mark), mark))
    cut = _cut(text or "", lines, first, mark, width)
    lines = lines[:-1] if cut else lines
    head = head_of([cells(line.lstrip("#% "), mark) for line in lines[:first]], width)
    if isinstance(head, Fault):
        return head
    table = _read(lines[first:], mark, width)
    if table is None:
        text = f"a row is not {width} number{'s' * (width > 1)} as the first one is"
        return bad("E156", text, _odd(lines, first, mark, width), "every row needs as many numbers, and nothing after them")
    warnings = ["the last row is cut off and left out"] if cut else []
    names, columns, hertz, stamps = _columns(table, head, warnings, stamps)
    units = [TO_UV.get(unit) for unit in (head.units[-len(names) :] if head.units else [head.unit or "µV"] * len(names))]
    if None in units:
        return bad("E155", "the unit is not one of volts", "unit", "µV, mV or V")
    if not len(names) == len(units) == columns.shape[1]:
        return bad("E152", "there are not as many columns as lead names", f"line {first + 1}")
    places = _places(_numbers(lines[first:], mark))
    exact = places <= MOST_PLACES
    steps = [Decimal(1).scaleb(-places if exact else 0) * unit for unit in units if unit]
    whole = np.rint(columns.T * 10.0**places) if exact else columns.T
    samples = np.array([physical(row, step) for row, step in zip(whole, steps, strict=True)])
    if stamps is not None and stamps.missing:
        spread = placed(samples, stamps)
        if isinstance(spread, Fault):
            return spread
        samples = spread
    count = len(names) if exact else 0
    return checked(
        Recording(
            format="csv", leads=tuple(names), samples=samples, rate=hertz, scale=tuple(steps[:count]), origin=(Decimal(0),) * count,
            start=stamps.start if stamps else None, warnings=tuple(warnings),
        )
    )  # fmt: skip


def _cut(text: str, lines: list[str], first: int, mark: str, width: int) -> bool:
    """Whether the end of the file cuts its last row: no line ends there, and numbers are missing."""
    if text.endswith(("\n", "\r")) or len(lines) < first + 2 or len(lines[-1]) > 2 * len(lines[-2]):
        return False
    last = cells(lines[-1], mark)
    return len(last) < width and _numeric(last, mark)


def _text(body: bytes) -> str | None:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = body[: len(body) & ~1].decode("utf-16", "replace")
    elif b"\0" in body[:4096]:
        return None
    else:
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = body.decode("latin-1")
    return _unquoted(text) if '"' in text else text


def _unquoted(text: str) -> str:
    """The text without its quotes; within them a comma is a decimal one, and no other mark divides."""
    parts = text.replace("\0", " ").split('"')
    inside = "\0".join(parts[1::2]).replace(",", ".").replace(";", " ").replace("\t", " ")
    parts[1::2] = inside.split("\0") if len(parts) > 1 else []
    return "".join(parts)


def _divider(lines: list[str]) -> str:
    """The mark that divides the cells: the first of tab, `;`, `,` and blank that does so in the rows of numbers."""
    tail = [line for line in lines[:HEAD] if line[:1] in "+-.0123456789" and line.strip()][-20:]
    for mark in "\t;":
        if any(mark in line for line in lines[:HEAD]):
            return mark
    return "," if any("," in line for line in (tail or lines[:HEAD])) else " "


def _numeric(cells: list[str], mark: str) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(NUMBER.match(cell) and (mark != "," or "," not in cell) for cell in filled)


def _read(lines: list[str], mark: str, width: int) -> NDArray[Any] | None:
    """The numbers of rows, with gaps where cells are empty or say that they are; None when a row is not like the others."""
    table = _table(_numbers(lines, mark), width)
    if table is not None:
        return table
    text = "\n".join(["", *lines, ""])
    ends = (f"{mark}%s{mark}", f"{mark}%s\n", f"\n%s{mark}", "\n%s\n")
    absent = any(end % word in text for word in ABSENT for end in ends)
    empty = mark != " " and any(sign in text for sign in (mark + mark, mark + "\n", "\n" + mark))
    return _table(_numbers(lines, mark, gaps=True), width, absent) if empty or absent else None


def _odd(lines: list[str], first: int, mark: str, width: int) -> str:
    """Where the first line is that is no row of numbers like the others, found by halves; it is looked for in the first ones."""
    good, end = first, len(lines)
    if end - good > SOUGHT and _read(lines[good : good + SOUGHT], mark, width) is not None:
        return f"behind line {good + SOUGHT}"
    end = min(end, good + SOUGHT)
    while end - good > 1:
        middle = (good + end) // 2
        if _read(lines[good:middle], mark, width) is None:
            end = middle
        else:
            good = middle
    return f"line {good + 1}"


def _numbers(lines: list[str], mark: str, gaps: bool = False) -> str:
    """The rows with blanks between the cells and points for decimal commas; with `gaps`, empty cells are samples that are missing."""
    text = "\n".join(lines)
    if mark == " ":
        return text
    text = (text.replace(",", ".") if mark in "\t;" else text).replace('"', "")
    if gaps:
        for _ in range(2):
            text = text.replace(mark + mark, f"{mark}nan{mark}")
        text = f"\n{text}\n".replace(f"\n{mark}", f"\nnan{mark}").replace(f"{mark}\n", f"{mark}nan\n")
    return text.replace(mark, " ")


def _table(text: str, width: int, absent: bool = False) -> NDArray[Any] | None:
    """All numbers [rows, columns], or None when a row is not like the first; `absent` reads words for nothing."""
    words = ["nan" if word in ABSENT else word for word in text.split()] if absent else text.split()
    if not width or len(words) != width * sum(1 for line in text.split("\n") if line.strip()):
        return None
    try:
        return np.array(words, dtype=np.float64).reshape(-1, width)
    except ValueError:
        return None


def _columns(
    table: NDArray[Any], head: Head, warnings: list[str], stamps: Stamps | None
) -> tuple[list[str], NDArray[Any], float, Stamps | None]:
    """Lead names, their columns, the rate, and what the times say; a first column that counts or tells the time is no lead."""
    names, hertz = head.names, head.rate
    timed = stamps is not None or (table.shape[1] > 1 and (TIME.match(names[0]) is not None if names else steady(table[:, 0])))
    if timed:
        if not hertz:
            stamps = stamps or counted(table[:, 0], names[0] if names else "")
            hertz = stamps.rate
        if stamps and stamps.warning:
            warnings.append(stamps.warning)
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
    return list(names), table, hertz or DEFAULT_RATE, stamps


def _places(text: str) -> int:
    """Decimal places of the finest number; beyond all bounds when one has an exponent."""
    if re.search(r"\d[eE]", text):
        return MOST_PLACES + 1
    return max((len(found) for found in re.findall(r"\.(\d+)", text)), default=0)
