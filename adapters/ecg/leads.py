"""Lead names and their codes: MDC (IEEE 11073-10101/10102), SCP-ECG (EN 1064, table of lead identification), DICOM (CID 3001).

The MDC code of a lead's potential is 131072 + 256 + the SCP number; MDC_ECG_LEAD_* is the same without 256.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Row = NDArray[np.floating]

STANDARD = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

SCP = {
    "I": 1, "II": 2, "V1": 3, "V2": 4, "V3": 5, "V4": 6, "V5": 7, "V6": 8, "V7": 9, "V2R": 10, "V3R": 11, "V4R": 12, "V5R": 13,
    "V6R": 14, "V7R": 15, "X": 16, "Y": 17, "Z": 18, "CC5": 19, "CM5": 20, "LA": 21, "RA": 22, "LL": 23, "III": 61, "aVR": 62,
    "aVL": 63, "aVF": 64, "-aVR": 65, "V8": 66, "V9": 67, "V8R": 68, "V9R": 69,
}  # fmt: skip
BY_SCP = {number: name for name, number in SCP.items()}
BY_UPPER = {name.upper(): name for name in SCP}
PREFIX = re.compile(r"^(MDC_ECG_LEAD_|MDC_ECG_ELEC_POTL_|ECG[ _]+|LEAD[ _]+|ABL[ _])", re.I)
WORDS = re.compile(  # before a lead, in several languages
    r"^(?:(?:ECG|EKG|LEAD|ABLEITUNG|ABL|D[EÉ]RIVATION|DERIVACI[OÓ]N|DERIVAZIONE|DERIVA[CÇ][AÃ]O|ОТВЕДЕНИЕ|D(?= ?I+$))[ _:.\-]*)+",
    re.I,
)
PARTS = re.compile(r"^(?:(A)[ ._-]?V[ ._-]?([RLF])|V[ ._-]?(\d)[ ._-]?(R?))\.?$", re.I)  # `aV R`, `V 1`, `V3-R`
MDC = re.compile(r"^131\d{3}$")
CHEST = {f"C{n}": f"V{n}" for n in range(1, 7)}  # the electrodes of IEC 60601-2-25
EINTHOVEN = ("I", "II", "III")
TOGETHER = (
    CHEST, dict(zip(("D1", "D2", "D3"), EINTHOVEN, strict=True)), dict(zip(("L1", "L2", "L3"), EINTHOVEN, strict=True)),
    {"VR": "aVR", "VL": "aVL", "VF": "aVF"},
)  # fmt: skip


def canonical(name: str) -> str:
    """The lead's usual name (`AVR`, `Lead aVR`, `MDC_ECG_LEAD_AVR` → `aVR`); an unknown name stays as it is, trimmed."""
    short = PREFIX.sub("", name.strip())
    if (known := BY_UPPER.get(short.upper())) is not None:
        return known
    if MDC.match(short):
        return by_mdc(int(short)) or short
    bare = WORDS.sub("", short)
    parts = PARTS.match(bare)
    return BY_UPPER.get(
        ("".join((parts[1] or "", "V", *(part or "" for part in parts.groups()[1:]))) if parts else bare).upper(), short
    )


def familiar(names: Sequence[str]) -> tuple[str, ...]:
    """The names with those that only their company explains: `C1` to `C6`, `D1`, `L1` or `VR` are leads where all of their kind are there,
    the leads that they would be are not, and others of the twelve (or of another kind) are."""
    found = [one for one in TOGETHER if one.keys() <= set(names) and not set(one.values()) & set(names)]
    others = set(names) & set(STANDARD)
    meant = {key: lead for one in found if others or len(found) > 1 for key, lead in one.items()}
    return tuple(meant.get(name, name) for name in names)


def told_apart(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each once: `ECG`, `ECG` become `ECG`, `ECG 2`; those without a name become `1`, `2` by their place."""
    known: list[str] = []
    for place, given in enumerate(names, 1):
        name, again = given or str(place), 2
        while name in known:
            name, again = f"{given} {again}".strip(), again + 1
        known.append(name)
    return tuple(known)


def mdc(name: str) -> tuple[int, str] | None:
    """The MDC code and reference id of a lead's potential, such as (131329, MDC_ECG_ELEC_POTL_I); None for an unlisted lead."""
    number = SCP.get(name)
    if number is None or name.startswith("-"):
        return None
    return 131072 + 256 + number, f"MDC_ECG_ELEC_POTL_{name.upper()}"


def by_mdc(code: int) -> str | None:
    """The lead of an MDC potential (131329) or lead (131073) code."""
    number = code - 131072
    return BY_SCP.get(number - 256 if number > 256 else number)


def derived(i: Row, ii: Row) -> tuple[Row, Row, Row, Row]:
    """III, aVR, aVL and aVF from I and II, by Einthoven and Goldberger."""
    return ii - i, -(i + ii) / 2, i - ii / 2, ii - i / 2
