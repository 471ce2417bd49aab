"""CSV out: rate and unit, a row of lead names, a row a sample; gaps are `nan`."""

from __future__ import annotations

import re
from decimal import Decimal

import numpy as np

from adapters.ecg.recording import Recording
from adapters.ecg.whole import Written, whole
from engine.fault import Fault

PLACES = 6


def write(recording: Recording, name: str = "ecg") -> Written | Fault:
    """Amplitudes in µV with exactly the digits they have."""
    found = whole(recording, 1 << 40) if recording.scale else None
    exact = found is not None and not isinstance(found, Fault) and found.exact and _short(found.scale + found.origin)
    if found is not None and not isinstance(found, Fault) and exact:
        columns = [
            ["nan" if gap else _plain(int(step) * scale + zero) for step, gap in zip(row, gaps, strict=True)]
            for row, gaps, scale, zero in zip(found.steps, found.missing, found.scale, found.origin, strict=True)
        ]
    else:
        columns = [
            [np.format_float_positional(value, trim="-") if np.isfinite(value) else "nan" for value in row]
            for row in recording.samples
        ]
    leads = ",".join(_cell(lead) for lead in recording.leads)
    body = "\n".join(",".join(row) for row in zip(*columns, strict=True))
    return Written({f"{name}.csv": f"sample rate,{recording.rate!r}\nunit,µV\n{leads}\n{body}\n".encode()})


def _short(values: tuple[Decimal, ...]) -> bool:
    return all(-value.as_tuple().exponent <= PLACES for value in values if isinstance(value.as_tuple().exponent, int))  # type: ignore[operator]


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")


def _cell(text: str) -> str:
    """A lead's name as a plain cell: letters, digits and few signs, nothing that divides cells or that a spreadsheet runs."""
    return " ".join(re.sub(r"[^\w+./ -]", "_", text).split()).lstrip("+-./ ") or "lead"
