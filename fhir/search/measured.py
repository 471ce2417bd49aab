"""Number and quantity parameters: `number`, `number|system|code`, `number||unit`, by UCUM-normalised value."""

from __future__ import annotations

import struct
from collections.abc import Callable

from engine.fault import Fault
from fhir.search import compare
from fhir.search.hashing import tag
from fhir.search.parameters import Parameter
from fhir.search.quantities import UCUM, base_tag, in_base, unit_tag
from fhir.search.texts import bad, plainly, split
from fhir.search.where import Where, ranged, some

DOUBLE = struct.Struct("!d")
Mark = Callable[[str], float]


def quantity(type: str, parameter: Parameter, modifier: str, value: str, base: str) -> Where | Fault:
    """`number`, `number|system|code`, `number||unit`."""
    found = measured(value)
    if found is None:
        return bad(parameter.name, "not a number with its unit")
    mark, test, values = found
    return some([ranged(mark(path.id), test, values) for path in parameter.paths])


def measured(value: str) -> tuple[Mark, str, tuple[float, ...]] | None:
    """What stands before the ranges to look at, the test and its values."""
    parts = [plainly(part) for part in split(value, "|")]
    head, text = compare.prefixed(parts[0])
    wanted = compare.decimal(text)
    if wanted is None or len(parts) not in (1, 2, 3):
        return None
    low, high = compare.window(head, wanted)
    unit = parts[2] if len(parts) == 3 else ""
    system = parts[1] if len(parts) == 3 else ""
    based = [in_base(end, unit) for end in (low, high)] if unit and system in ("", UCUM) else [None]
    first, last = based[0], based[-1]
    if first is not None and last is not None and system == UCUM:
        ends = compare.around(head, first[0], last[0])
        return (lambda id: unpacked(base_tag(id, first[1]))), *compare.test(head, *ends)
    ends = compare.around(head, float(low), float(high))
    if unit:
        return (lambda id: unpacked(unit_tag(id, unit))), *compare.test(head, *ends)
    return tag, *compare.test(head, *ends)


def unpacked(mark: bytes) -> float:
    """A tag as a number again."""
    return float(DOUBLE.unpack(mark[4:12])[0])
