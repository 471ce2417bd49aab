"""Tables in text (CSV, RFC 4180) as a format: `each row`, and inside it the columns by their names, `glucose_mg_dL` or `[Heart rate (bpm)]`.

The first line names the columns; what separates them is told from it: comma, semicolon, tab or bar. UTF-8 is read, UTF-16 where it is
marked; nothing is guessed.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass
from typing import ClassVar

from adapters.json_format import JsonPath, Node, parts
from engine.fault import Fault, Kind
from engine.types import Envelope

MAX_BYTES = 64 << 20
MAX_ROWS = 200_000
MAX_COLUMNS = 1_000
_MARKED = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_BRACKETED = re.compile(r"\[([^\[\]]*\D[^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Csv:
    """Tables in text: rows under a line that names the columns."""

    media: ClassVar[str] = "text/csv"

    name: str = "csv"

    def envelope(self, body: bytes) -> Envelope | Fault:
        """A table says nothing of itself; only whether it can be read is told."""
        found = self.parse(body)
        return found if isinstance(found, Fault) else Envelope()

    def parse(self, body: bytes) -> Node | Fault:
        """Reads a table; every cell is text without the blanks around it, an empty one is not valued."""
        text = _decoded(body)
        if isinstance(text, Fault):
            return text
        head = text.partition("\n")[0]
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t|", key=_outside(head).count), strict=True)
        rows: list[dict[str, str]] = []
        names: list[str] = []
        try:
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if not names:
                    names = [cell.strip() for cell in cells]
                    if len(set(names)) != len(names) or len(names) > MAX_COLUMNS:
                        return _odd("two columns have one name, or there are too many", reader.line_num)
                elif len(cells) > len(names):
                    return _odd("the row has more cells than there are columns", reader.line_num)
                else:
                    rows.append(dict(zip(names, (cell.strip() for cell in cells), strict=False)))
                if len(rows) > MAX_ROWS:
                    return _odd(f"there are more than {MAX_ROWS} rows", reader.line_num)
        except csv.Error:
            return _odd("a quote is not closed, or stands where it cannot", reader.line_num)
        return Node({"row": rows}) if names else _odd("it is empty", 1)

    def path(self, text: str, structure: str, group: str) -> JsonPath | Fault:
        """Compiles a path: a column's name, in brackets where it is more than one word."""
        bracketed = _BRACKETED.fullmatch(text)
        names = ((bracketed[1].strip(), 0),) if bracketed else parts(text)
        if names is None:
            help = "a column's name, in brackets where it holds blanks or signs: [Heart rate (bpm)]"
            return Fault(Kind.INCORRECT, "E196", f"{text} is no column", help=help)
        return JsonPath(text, names)


def _outside(line: str) -> str:
    """The line without what stands in quotes."""
    return re.sub(r'"[^"]*"', "", line)


def _decoded(body: bytes) -> str | Fault:
    if len(body) > MAX_BYTES:
        return Fault(Kind.INCORRECT, "E195", f"the document is larger than {MAX_BYTES} bytes")
    charset = next((name for mark, name in _MARKED.items() if body.startswith(mark)), "utf-8-sig")
    try:
        text = body.decode(charset)
    except UnicodeDecodeError:
        return Fault(Kind.INCORRECT, "E197", "the table is not UTF-8", help="send it in UTF-8")
    return text if "\x00" not in text else _odd("it holds a NUL character", 1)


def _odd(why: str, line: int) -> Fault:
    return Fault(
        Kind.INCORRECT, "E197", f"the table cannot be read: {why}", f"line {line}", "one line of names, then one line a row"
    )
