"""Whole steps for writing: the file's own steps where they are known, else the finest that fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from adapters.ecg.recording import Recording, bad, physical
from engine.fault import Fault

Steps = NDArray[np.int64]
INEXACT = "amplitudes were rounded to the steps of the format"


@dataclass(frozen=True, slots=True)
class Written:
    """Files by name, the first one the file proper, and what a person should know."""

    files: Mapping[str, bytes]
    warnings: tuple[str, ...] = ()

    @property
    def body(self) -> bytes:
        """The file proper."""
        return next(iter(self.files.values()))


@dataclass(frozen=True, slots=True)
class Whole:
    """steps [leads, n], µV a step and of zero a lead, where samples are missing, and whether nothing was rounded."""

    steps: Steps
    scale: tuple[Decimal, ...]
    origin: tuple[Decimal, ...]
    missing: NDArray[np.bool_]
    exact: bool


def whole(recording: Recording, most: int = 32767) -> Whole | Fault:
    """The recording in whole steps between −most and most."""
    missing = np.isnan(recording.samples)
    if missing.all():
        return bad("E161", "there is not one sample to write")
    if recording.scale:
        own = _stepped(recording, recording.scale, recording.origin, missing)
        if own is not None and np.abs(own.steps).max() <= most:
            return own
    height = float(np.nanmax(np.abs(recording.samples)))
    step = Decimal("0.001")
    while height / float(step) > most:
        step *= 10 if str(step.normalize().as_tuple().digits[0]) != "2" else Decimal("2.5")
        if step > 1_000_000:
            return bad("E161", "amplitudes are too large for the format")
    count = len(recording.leads)
    found = _stepped(recording, (step,) * count, (Decimal(0),) * count, missing, exact=False)
    return found if found is not None else bad("E161", "amplitudes cannot be written in whole steps")


def _stepped(
    recording: Recording, scale: tuple[Decimal, ...], origin: tuple[Decimal, ...], missing: NDArray[np.bool_], exact: bool = True
) -> Whole | None:
    """Whole steps, or None when `exact` is asked for and the samples are not exactly these."""
    step, zero = (np.array([[float(one)] for one in row]) for row in (scale, origin))
    with np.errstate(invalid="ignore"):  # what is beyond whole numbers is not exact, and is told so below
        steps = np.rint((np.where(missing, zero, recording.samples) - zero) / step).astype(np.int64)
    right = bool(((physical(steps, step, zero) == recording.samples) | missing).all())
    return Whole(steps, scale, origin, missing, right) if right or not exact else None


def common(found: Whole, most: int = 32767) -> Whole | None:
    """The same steps with one scale for all leads and zero at zero; None when no whole number of nV serves that fits."""
    parts = [value * 1000 for value in (*found.scale, *found.origin)]
    if any(part != part.to_integral_value() for part in parts):
        return None
    nv = int(np.gcd.reduce([int(part) for part in parts]))
    if not nv:
        return None
    factors = np.array([[int(scale * 1000) // nv] for scale in found.scale])
    shifts = np.array([[int(zero * 1000) // nv] for zero in found.origin])
    steps = np.where(found.missing, 0, found.steps * factors + shifts)
    if np.abs(steps).max() > most:
        return None
    count = len(found.scale)
    return replace(found, steps=steps, scale=(Decimal(nv) / 1000,) * count, origin=(Decimal(0),) * count)


def no_gaps(found: Whole, format: str) -> Fault | None:
    """A fault where samples are missing and the format cannot say so."""
    if not found.missing.any():
        return None
    return bad("E161", f"{format} cannot say that samples are missing", help="write dicom, wfdb, csv or fhir")


def notes(found: Whole) -> tuple[str, ...]:
    """What a person should know of the steps."""
    return () if found.exact else (INEXACT,)
