"""Blanking parts of the tracing finds what an answer rests on."""

from typing import Any

import numpy as np

from inference.saliency import blanked, saliency

Array = np.ndarray[Any, Any]


def test_the_lead_and_second_an_answer_rests_on_stand_out() -> None:
    signal = np.random.default_rng(2).normal(0, 0.1, (3, 500)).astype(np.float32)
    signal[1, 220:240] += 3

    def logits(x: Array) -> Array:
        return np.stack([np.zeros(len(x)), x[:, 1, 200:300].max(1)], 1)

    found = saliency(signal, logits, [1], ["spike"], ["I", "II", "III"])[0]
    assert np.unravel_index(int(found.weights.argmax()), found.weights.shape) == (1, 2)
    assert np.count_nonzero(found.weights) == 1
    drawn = found.as_dict()
    assert drawn["leads"]["II"][2] == 1.0  # type: ignore[index]
    assert drawn["step_seconds"] == 1.0


def test_a_blanked_part_is_a_straight_line_and_the_rest_stays() -> None:
    signal = np.arange(20, dtype=np.float32).reshape(2, 10) ** 2
    out = blanked(signal, 1, 2, 6)
    assert np.allclose(np.diff(out[1, 2:6], 2), 0)
    assert np.array_equal(out[0], signal[0])
    assert np.array_equal(out[1, :2], signal[1, :2])
    assert np.array_equal(out[1, 6:], signal[1, 6:])
