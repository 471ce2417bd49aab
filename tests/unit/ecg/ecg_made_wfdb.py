"""WFDB records, written by the wfdb package or from its description of a format."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from ecg_tracing import STANDARD, Steps
from numpy.typing import NDArray


def by_ten(values: NDArray[Any], form: str) -> bytes:
    """Formats 310 and 311 of signal(5), from its description; what does not fill four bytes is padded with zeros."""
    padded = [int(v) & 0x3FF for v in np.concatenate([values, np.zeros(-len(values) % 3, np.int64)])]
    out = b""
    for a, b, c in zip(padded[::3], padded[1::3], padded[2::3], strict=True):
        if form == "310":
            out += struct.pack("<HH", a << 1 | (c & 31) << 11, b << 1 | (c >> 5) << 11)
        else:
            out += struct.pack("<I", a | b << 10 | c << 20)
    return out


def wfdb_files(
    rows: Steps, form: str, gain: float = 200.0, baseline: int = 0, leads: tuple[str, ...] = STANDARD
) -> dict[str, bytes]:
    """Written by the wfdb package."""
    import wfdb

    with tempfile.TemporaryDirectory() as folder:
        count = len(rows)
        if form in ("310", "311"):
            header = f"made {count} 500 {rows.shape[1]}\n"
            header += "".join(
                f"made.dat {form} {gain:g}({baseline})/mV 10 0 {row[0]} 0 0 {lead}\n"
                for row, lead in zip(rows, leads, strict=False)
            )
            return {"made.hea": header.encode(), "made.dat": by_ten(rows.T.reshape(-1), form)}
        wfdb.wrsamp(
            "made", fs=500, units=["mV"] * count, sig_name=list(leads[:count]), d_signal=np.ascontiguousarray(rows.T), fmt=[form] * count,
            adc_gain=[gain] * count, baseline=[baseline] * count, write_dir=folder,
        )  # fmt: skip
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}
