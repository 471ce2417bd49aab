"""Writes a new message of a structure from segments and groups of plain values: fills in MSH and the set ids, escapes everything.

An item is (segment name, {field: value}) or (group name, [items]). A field's value is as in `render`: text, a repetition (list of
components) or a list of repetitions; None is `""`, delete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from adapters.hl7v2 import render
from adapters.hl7v2.escape import STANDARD, Delimiters
from adapters.hl7v2.events import canonical
from adapters.hl7v2.shape import is_structure
from adapters.hl7v2.tables import segments
from engine.fault import Fault, Kind

Fields = Mapping[int, Any]
Item = tuple[str, Any]  # (segment, fields) or (group, items)
_NUMBERED: dict[str, tuple[str, ...]] = {  # what has a set id, with what is counted anew within it
    **dict.fromkeys(("PID", "PV1", "NK1", "AL1", "DG1", "PR1", "GT1", "IN1", "SPM", "OBX"), ()),
    "OBR": ("OBX",),
}


def write(
    items: Sequence[Item],
    *,
    structure: str,
    at: datetime,
    control_id: str,
    event: str = "",
    version: str = "2.5.1",
    charset: str = "",
    marks: Delimiters = STANDARD,
) -> bytes | Fault:
    """The message's bytes. What the items say of MSH wins over what is filled in."""
    if not is_structure(structure):
        return Fault(Kind.NOT_FOUND, "E134", f"the standard has no message structure {structure}")
    code, _, usual = structure.partition("_")
    filled = {
        7: f"{at:%Y%m%d%H%M%S%z}",
        9: [code, event or usual, canonical(structure)] if usual else [code],
        10: control_id,
        11: "P",
        12: version,
    }
    rows, known = list(flatten(items)), segments()
    unknown = next((name for name, _ in rows if name not in known and not name.startswith("Z")), None)
    if unknown is not None:
        return Fault(Kind.NOT_FOUND, "E131", f"the standard has no segment {unknown[:3]}", unknown[:3])
    head = next((dict(fields) for name, fields in rows if name == "MSH"), {})
    body = [(name, fields) for name, fields in rows if name != "MSH"]
    return render.message([("MSH", filled | head), *_numbered(body)], marks, charset)


def flatten(items: Sequence[Item]) -> Iterator[tuple[str, Fields]]:
    """The segments in order, out of their groups."""
    for name, inside in items:
        if inside.__class__ is dict or isinstance(inside, Mapping):
            yield name, inside
        else:
            yield from flatten(inside)


def _numbered(rows: Sequence[tuple[str, Fields]]) -> Iterator[tuple[str, Fields]]:
    """Set ids where none are given: OBX counts within its OBR, NTE within what it follows, others within the message."""
    counts: dict[str, int] = {}
    before = ""
    for name, fields in rows:
        if name == "NTE":
            number = counts["NTE"] = counts["NTE"] + 1 if before == "NTE" else 1
        elif name in _NUMBERED:
            number = counts[name] = counts.get(name, 0) + 1
            for other in _NUMBERED[name]:
                counts[other] = 0
        else:
            number = 0
        before = name
        yield name, {1: _digits(number), **fields} if number else fields


@lru_cache(maxsize=1024)
def _digits(number: int) -> render.Ready:
    return render.Ready(number)
