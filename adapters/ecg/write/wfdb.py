"""WFDB out: a header and one signal file, format 16 where the steps fit, else 32."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import numpy as np

from adapters.ecg.recording import Recording
from adapters.ecg.whole import Steps, Whole, Written, notes, whole
from engine.fault import Fault


def write(recording: Recording, name: str = "ecg") -> Written | Fault:
    """NAME.hea and NAME.dat."""
    found = _steps(recording)
    if isinstance(found, Fault):
        return found
    record = re.sub(r"[^\w-]", "_", name) or "ecg"
    steps, lines = found.steps, list(zip(found.scale, found.origin, strict=True))
    wide = np.abs(steps).max() > 32767
    table = np.where(found.missing, -(1 << 31) if wide else -(1 << 15), steps).T
    head = f"{record} {len(recording.leads)} {_rate(recording.rate)} {recording.samples.shape[1]}"
    if recording.start is not None:
        head += f" {recording.start:%H:%M:%S}.{recording.start.microsecond // 1000:03d} {recording.start:%d/%m/%Y}"
    rows = [
        f"{record}.dat {32 if wide else 16} {_plain(1000 / scale)}({baseline})/mV {32 if wide else 16} 0 {table[0, n]} "
        f"{_checksum(table[:, n])} 0 {lead}"
        for n, (lead, (scale, baseline)) in enumerate(zip(recording.leads, lines, strict=True))
    ]
    age, sex = recording.patient.age.removesuffix(" a"), {"male": "M", "female": "F"}.get(recording.patient.sex, "")
    said = [f"# <age>: {age or '?'} <sex>: {sex or '?'}"] if age or sex else []
    text = "\n".join([head, *rows, *said]) + "\n"
    lost = ("the time zone was left out",) if recording.start is not None and recording.start.tzinfo else ()
    files = {f"{record}.hea": text.encode(), f"{record}.dat": table.astype("<i4" if wide else "<i2").tobytes()}
    return Written(files, (*notes(found), *lost))


def _steps(recording: Recording) -> Whole | Fault:
    """Whole steps whose zero is a whole step too; half steps where it lies between two, the finest steps where it lies elsewhere."""
    found = whole(recording, 1 << 30)
    if isinstance(found, Fault):
        return found
    steps, scales, zeros = found.steps.copy(), [], []
    for n, (scale, origin) in enumerate(zip(found.scale, found.origin, strict=True)):
        halves = 2 * origin / scale
        nearest = int(halves.to_integral_value())
        if abs(halves - nearest) > Decimal("1e-9"):
            return whole(replace(recording, scale=(), origin=()), 1 << 30)
        double = nearest % 2
        steps[n] = steps[n] * 2 + nearest if double else steps[n]
        scales.append(scale / 2 if double else scale)
        zeros.append(Decimal(0 if double else -nearest // 2))
    return replace(found, steps=steps, scale=tuple(scales), origin=tuple(zeros))


def _rate(rate: float) -> str:
    return f"{rate:g}" if float(f"{rate:g}") == rate else repr(rate)


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")[:36]


def _checksum(column: Steps) -> int:
    """The sum of the samples, 16 bits with sign."""
    return ((int(column.astype(np.int64).sum()) + (1 << 15)) & 0xFFFF) - (1 << 15)
