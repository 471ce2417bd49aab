"""The body of `/clinical`, `/features` and `/both`: a signal as nested arrays, one flat array or base64, to µV by lead."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import prod
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from engine.fault import Fault, Kind
from inference.classify import LONGEST, MOST_LEADS
from inference.leads import LEADS, name_of

Array = npt.NDArray[np.float32]
LARGEST = 48 * 1024 * 1024
RATE = 500.0  # Hz where none is given: what ECG-FM is fed
NUMBERS = "see /openapi.json for examples; NaN and Infinity are not JSON: cut gaps out"
SCALE = {"uv": 1.0, "µv": 1.0, "μv": 1.0, "microvolt": 1.0, "mv": 1000.0, "millivolt": 1000.0, "v": 1e6, "volt": 1e6}


class Body(msgspec.Struct, frozen=True):
    """`signal` is [leads][samples], or flat with `shape`, or base64 of little-endian float32 with `shape`."""

    signal: list[list[float] | float] | bytes
    fs: float | None = None
    leads: list[str] | None = None
    unit: str | None = None
    shape: list[int] | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """µV [leads, n], its rate and lead names; `notes` say what was assumed, `taken` when it was recorded if that is known."""

    samples: Array
    rate: float
    leads: tuple[str, ...]
    notes: tuple[str, ...]
    taken: str = ""


decoder = msgspec.json.Decoder(Body)


def bad(text: str, at: str = "signal", help: str = "see /openapi.json for examples") -> Fault:
    """E830: a body that is not a recording."""
    return Fault(Kind.INCORRECT, "E830", text, at, help)


def parse(raw: bytes) -> Signal | Fault:
    """Reads a request's body."""
    if len(raw) > LARGEST:
        return bad("the body is larger than any recording this takes", "", "send at most 10 minutes, float32 as base64")
    try:
        body = decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if "base64" in str(error):
            return bad("the signal is not base64")
        what, _, where = str(error).rpartition(" - at ") if " - at " in str(error) else (str(error), "", "")
        return bad(f"the body is not JSON with `signal` and `fs`: {what[:120]}", where.strip("`")[:60], NUMBERS)
    table = _table(body)
    if isinstance(table, Fault):
        return table
    leads = tuple(body.leads) if body.leads is not None else LEADS[: len(table)]
    if body.leads is None and len(table) not in {1, len(LEADS)}:
        return bad("without lead names a signal has twelve leads, or lead I alone", "leads", 'name them: ["I", "II", …]')
    if len({name_of(name) for name in leads}) != len(leads) == len(table):
        return bad("two names mean the same lead", "leads")
    if len(leads) != len(table) or any(len(name) > 64 for name in leads) or len(set(leads)) != len(leads):
        return bad("there must be one name for each lead, none twice", "leads")
    factor, notes = _factor(table, body.unit)
    if factor is None:
        return bad("the unit is not one of voltage", "unit", "mV or uV")
    if body.fs is None:
        notes = (*notes, f"no rate was given: taken as {RATE:g} Hz")
    return Signal(table * np.float32(factor), RATE if body.fs is None else body.fs, leads, notes)


def _table(body: Body) -> Array | Fault:
    """The signal as [leads, n]."""
    if body.shape is not None and (len(body.shape) != 2 or any(n < 1 for n in body.shape) or prod(body.shape) * 4 > LARGEST):
        return bad("the shape is not [leads, samples]", "shape", '"shape": [12, 5000]')
    if body.shape is not None and body.shape[0] > MOST_LEADS:
        return bad("the shape is not [leads, samples]: too many leads", "shape", "rows are leads, columns samples")
    if isinstance(body.signal, bytes):
        return _from_bytes(body.signal, body.shape)
    rows = body.signal
    if rows and isinstance(rows[0], list):
        return _from_rows(rows)
    if body.shape is None or len(rows) != prod(body.shape) or any(isinstance(one, list) for one in rows):
        return bad("a flat signal needs its shape", "shape", '"shape": [12, 5000]')
    return np.array(rows, np.float32).reshape(body.shape)


def _from_rows(rows: list[Any]) -> Array | Fault:
    if len(rows) > MOST_LEADS:
        return bad(f"the signal has more than {MOST_LEADS} leads", "signal", "rows are leads, columns samples")
    if any(not isinstance(row, list) or len(row) != len(rows[0]) for row in rows) or not rows[0]:
        return bad("the leads are not of equal length")
    try:
        packed = b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)  # twice as quick as asking numpy
    except OverflowError:
        with np.errstate(over="ignore"):
            return np.array(rows, np.float32)
    return np.frombuffer(packed, "<f4").reshape(len(rows), -1)


def _from_bytes(raw: bytes, shape: list[int] | None) -> Array | Fault:
    if shape is None:
        return bad("base64 needs its shape", "shape", '"shape": [12, 5000]')
    if len(raw) != 4 * prod(shape):
        return bad("the signal's length is not what its shape says", "shape", "little-endian float32, leads by samples")
    return np.frombuffer(raw, "<f4").reshape(shape)


def _factor(table: Array, unit: str | None) -> tuple[float | None, tuple[str, ...]]:
    """What makes µV of it. Without a unit the size tells: no heart makes 50 mV, and none as little as 50 µV in every lead."""
    if unit is not None:
        return SCALE.get(unit.strip().casefold()), ()
    if table.shape[1] > LONGEST * 5000 or not np.isfinite(table).all():
        return 1.0, ()
    size = float(np.median(np.ptp(table, axis=1)))
    name = "mV" if size < 50 else "uV"
    return SCALE[name.casefold()], (f"no unit was given: taken as {name} by its size",)
