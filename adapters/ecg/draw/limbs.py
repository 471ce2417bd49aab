"""Limb leads for a page of twelve: many recorders store I, II and the chest leads only, as the others follow from I and II."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from adapters.ecg.leads import STANDARD, derived
from adapters.ecg.recording import Recording

LIMBS = ("III", "aVR", "aVL", "aVF")


def completed(recording: Recording) -> tuple[Recording, list[str]]:
    """The recording with the limb leads it lacks, and their names; as it is where a page of twelve is not drawn of it."""
    known = set(recording.leads)
    missing = [lead for lead in LIMBS if lead not in known]
    if not missing or not {"I", "II"} <= known or len(known & set(STANDARD)) < 6:
        return recording, []
    one, two = (recording.samples[recording.leads.index(lead)] for lead in ("I", "II"))
    rows = dict(zip(LIMBS, derived(one, two), strict=True))
    samples = np.vstack([recording.samples, *(rows[lead] for lead in missing)])
    return replace(recording, leads=(*recording.leads, *missing), samples=samples, scale=(), origin=()), missing
