"""Lead names as devices write them, the twelve in their order, and the limb leads that follow from I and II (Einthoven)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.fault import Fault, Kind

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
FOLDED = {name.upper(): name for name in LEADS} | {
    "DI": "I", "DII": "II", "DIII": "III", "AVR": "aVR", "AVL": "aVL", "AVF": "aVF",
    "1": "I", "2": "II", "3": "III", "C1": "V1", "C2": "V2", "C3": "V3", "C4": "V4", "C5": "V5", "C6": "V6",
}  # fmt: skip
PREFIX = re.compile(r"^(MDC[_ ]ECG[_ ](LEAD|ELEC)[_ ]|LEAD[_ ]?|ECG[_ ]?)")
Array = npt.NDArray[np.floating]


def name_of(text: str) -> str:
    """The lead's usual name (`MDC_ECG_LEAD_AVR`, `Lead II`, `avl` → aVR, II, aVL), or the text itself when it is none of the twelve."""
    folded = PREFIX.sub("", text[:40].strip().upper())
    return FOLDED.get(folded, text[:40].strip())


def twelve(samples: Array, leads: Sequence[str]) -> Array | Fault:
    """[n leads, n] in any order → [12, n] in the usual one; III, aVR, aVL and aVF are computed from I and II when absent."""
    rows = {name_of(name): row for name, row in zip(leads, samples, strict=True)}
    if "I" in rows and "II" in rows:
        one, two = rows["I"], rows["II"]
        rows = {"III": two - one, "aVR": -(one + two) / 2, "aVL": one - two / 2, "aVF": two - one / 2} | rows
    missing = [name for name in LEADS if name not in rows]
    if missing:
        text = "the recording lacks leads this model needs"
        return Fault(Kind.UNSUPPORTED, "E824", text, ", ".join(missing), "send these leads too, or lead I alone")
    return np.stack([rows[name] for name in LEADS])


def some(samples: Array, leads: Sequence[str], wanted: Sequence[str]) -> Array | Fault:
    """The wanted leads of a recording, in their order."""
    if list(wanted) == list(LEADS):
        return twelve(samples, leads)
    rows = {name_of(name): row for name, row in zip(leads, samples, strict=True)}
    missing = [name for name in wanted if name not in rows]
    if missing:
        return Fault(
            Kind.UNSUPPORTED,
            "E824",
            "the recording lacks leads this model needs",
            ", ".join(missing),
            "this model reads lead I itself",
        )
    return np.stack([rows[name] for name in wanted])
