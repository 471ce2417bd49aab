"""Reading a made file back: a recording, or the test ends; and whether it is what the file was made of."""

from __future__ import annotations

import ecg_made as made
import numpy as np

from adapters.ecg import Recording, read

ROWS = made.tracing()


def good(body: bytes, **beside: dict[str, bytes]) -> Recording:
    found = read(body, **beside)
    assert isinstance(found, Recording), found
    return found


def same(one: Recording, rows: np.ndarray, step: float, origin: float = 0) -> None:
    assert one.leads == made.STANDARD[: len(rows)]
    assert one.samples.dtype == np.float32
    assert np.array_equal(one.samples, (rows * step + origin).astype(np.float32))
