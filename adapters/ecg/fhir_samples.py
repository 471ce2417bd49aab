"""A tracing's leads as SampledData: the file's own whole steps with factor and origin, so that samples come back bit for bit.

Source: R4 SampledData.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
import numpy as np

from adapters.ecg.fhir_parts import JSON, lead_code, plain, quantity
from adapters.ecg.recording import Recording, Samples
from adapters.ecg.whole import Whole, whole


def own_steps(recording: Recording) -> Whole | None:
    """The recording in the file's own whole steps; None where it has none, or they are not exactly the samples."""
    found = whole(recording, 1 << 53) if recording.scale else None
    return found if isinstance(found, Whole) and found.exact else None


def components(recording: Recording, found: Whole | None) -> list[JSON]:
    """A component a lead: in whole steps where there are some, else in µV."""
    period = (Decimal(1000) / Decimal(repr(recording.rate))).normalize()
    out = []
    for n, lead in enumerate(recording.leads):
        if found is not None:
            data = _spaced(found.steps[n].tolist())
            if found.missing[n].any():
                data = " ".join("E" if gap else step for step, gap in zip(data.split(), found.missing[n].tolist(), strict=True))
            origin, factor = found.origin[n], {"factor": plain(found.scale[n])}
        else:
            data, origin, factor = _written(recording.samples[n]), Decimal(0), {}
        out.append(
            {
                "code": lead_code(lead),
                "valueSampledData": {
                    "origin": quantity(origin, "uV"),
                    "period": plain(period),
                    **factor,
                    "dimensions": 1,
                    "data": data,
                },
            }
        )
    return out


def _spaced(steps: list[int]) -> str:
    """Whole numbers with a blank between them, written in one go."""
    return msgspec.json.encode(steps)[1:-1].decode().replace(",", " ")


def _written(samples: Samples) -> str:
    """Real numbers with the fewest digits that give the same float32 again."""
    return " ".join(np.format_float_positional(value, trim="-") if np.isfinite(value) else "E" for value in samples)
