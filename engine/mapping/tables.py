"""Code tables: what a code of the source becomes, what happens to one that is not listed, and the way back.

    table: administrative_sex
    system: http://hl7.org/fhir/administrative-gender
    rows:
      F: female
      M: { code: male, display: Male }
    otherwise: refuse
    reverse: { other: O }

`otherwise` is refuse (the message is held), keep (the source's own value is written) or a code. `rows` may name a CSV file beside
the table with the columns from, code, system, display. Backwards, rows that are one to one are inverted; what several rows share
needs a line in `reverse`.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from engine.diagnostic import NOWHERE, Diagnostic, Span, did_you_mean
from engine.document import Node, Pairs, Text
from engine.document import read as read_document
from engine.mapping.values import Coded

TOP = ("table", "title", "system", "rows", "otherwise", "reverse")
ROW = ("code", "system", "display")
COLUMNS = ("from", "code", "system", "display")


@dataclass(frozen=True, slots=True)
class Table:
    """A code table, checked. `otherwise` is refuse, keep or the Coded that stands in."""

    name: str
    file: str
    rows: Mapping[str, Coded]
    otherwise: str | Coded
    reverse: Mapping[str, str]
    places: Mapping[str, Span] = field(default_factory=dict, compare=False)
    at: Span = NOWHERE
    csv: str = ""  # the file its rows stand in; empty where they are its own

    def answer(self, code: str) -> Coded | None:
        """The row of a code, or what `otherwise` states; None for refuse and keep."""
        found = self.rows.get(code)
        if found is None and isinstance(self.otherwise, Coded):
            return self.otherwise
        return found

    def back(self, code: str) -> Coded | None:
        """The source's code for a code of this table; None when it is not told."""
        found = self.reverse.get(code)
        return Coded(found) if found is not None else None


def read_table(
    text: str | bytes, file: str, beside: Callable[[str], str | None] = lambda name: None
) -> tuple[Table | None, list[Diagnostic]]:
    """Reads a table file; `beside` gives the text of a CSV file in the same folder. Never raises."""
    node, found = read_document(text, file)
    if not isinstance(node, Pairs):
        return None, found or [
            Diagnostic("E204", "a table file is a list of names with values", Span(file), "begin with: table: its_name")
        ]
    for key, value in node:
        if key.text not in TOP:
            found.append(Diagnostic("E204", f"{key.text} is not known in a table", key.at, did_you_mean(key.text, TOP)))
        elif key.text in ("table", "system", "otherwise") and not isinstance(value, Text):
            found.append(Diagnostic("E206", f"{key.text} is one text", value.at))
    name, otherwise = _plain(node, "table"), _plain(node, "otherwise")
    system = _plain(node, "system")
    if not name:
        found.append(Diagnostic("E205", "the table has no name", Span(file), "begin with: table: its_name"))
    if not otherwise:
        help = "otherwise: refuse, keep, or the code that stands in"
        found.append(Diagnostic("E321", "the table does not say what happens to a code it does not list", Span(file), help))
    rows, places = _rows(node.get("rows"), system, file, beside, found)
    reverse = _reverse(node.get("reverse"), rows, found)
    if any(one.severity == "error" for one in found):
        return None, found
    stands_in = otherwise if otherwise in ("refuse", "keep") else rows.get(otherwise) or Coded(otherwise, system)
    at = node.get("table")
    listed = node.get("rows")
    csv = str(PurePosixPath(file).parent / listed.text) if isinstance(listed, Text) else ""
    return Table(name, file, rows, stands_in, reverse, places, at.at if at else Span(file), csv), found


def _plain(node: Pairs, name: str) -> str:
    value = node.get(name)
    return value.text if isinstance(value, Text) else ""


Rows = tuple[dict[str, Coded], dict[str, Span]]


def _rows(node: Node | None, system: str, file: str, beside: Callable[[str], str | None], found: list[Diagnostic]) -> Rows:
    if isinstance(node, Text):
        text = beside(node.text)
        if text is None:
            found.append(Diagnostic("E322", f"there is no file {node.text} beside the table", node.at))
            return {}, {}
        return _csv(text, system, node.at, found)
    if not isinstance(node, Pairs):
        found.append(Diagnostic("E205", "the table has no rows", Span(file), "rows: with a line for each code, as F: female"))
        return {}, {}
    rows: dict[str, Coded] = {}
    for key, value in node:
        if isinstance(value, Text):
            rows[key.text] = Coded(value.text, system)
        elif isinstance(value, Pairs) and _plain(value, "code"):
            for part, _ in value:
                if part.text not in ROW:
                    found.append(Diagnostic("E204", f"{part.text} is not known in a row", part.at, did_you_mean(part.text, ROW)))
            rows[key.text] = Coded(_plain(value, "code"), _plain(value, "system") or system, _plain(value, "display"))
        else:
            found.append(Diagnostic("E206", "a row is a code, or code, system and display", value.at, "F: { code: female }"))
    return rows, {key.text: value.at for key, value in node}


def _csv(text: str, system: str, at: Span, found: list[Diagnostic]) -> Rows:
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    rows: dict[str, Coded] = {}
    missing = {"from", "code"} - set(reader.fieldnames or ())
    if missing:
        found.append(
            Diagnostic("E322", f"the CSV file lacks the column {', '.join(sorted(missing))}", at, f"columns: {','.join(COLUMNS)}")
        )
        return {}, {}
    for row in reader:
        code = (row["from"] or "").strip()
        if code in rows:
            found.append(Diagnostic("E202", f"{code} is given twice", at, f"in line {reader.line_num} of the CSV file"))
        rows[code] = Coded(
            (row["code"] or "").strip(), (row.get("system") or "").strip() or system, (row.get("display") or "").strip()
        )
    return rows, dict.fromkeys(rows, at)


def _reverse(node: Node | None, rows: Mapping[str, Coded], found: list[Diagnostic]) -> dict[str, str]:
    """One-to-one rows inverted, the explicit lines on top."""
    shared = Counter(row.code for row in rows.values())
    reverse = {row.code: code for code, row in rows.items() if shared[row.code] == 1}
    if node is None:
        return reverse
    if not isinstance(node, Pairs):
        found.append(Diagnostic("E206", "reverse is a list of codes with the codes they go back to", node.at))
        return reverse
    for key, value in node:
        if isinstance(value, Text):
            reverse[key.text] = value.text
        else:
            found.append(Diagnostic("E206", "a line of reverse is a code", value.at))
    return reverse
