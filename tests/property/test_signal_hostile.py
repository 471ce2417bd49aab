"""Whatever array comes: a measurement or a fault, never an exception, and JSON all the way."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inference.measure import analyse

ODD = st.sampled_from([0.0, 1.0, -1.0, 1e4, -3e5, 1e30, -1e38, float("nan"), float("inf"), float("-inf")])
RATES = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([50.0, 100.0, 257.0, 360.0, 500.0, 1000.0]))


def plain(samples: object, rate: object, leads: list[str]) -> None:
    json.dumps(analyse(samples, rate, leads), allow_nan=False)


@given(samples=hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=40)), rate=RATES)
def test_any_small_array_gives_a_fault_or_a_measurement(samples: np.ndarray, rate: float) -> None:
    plain(samples, rate, [str(i) for i in range(len(samples))])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    leads=st.integers(1, 4),
    n=st.integers(1, 4000),
    rate=st.sampled_from([50.0, 100.0, 360.0, 500.0]),
    seed=st.integers(0, 2**20),
    size=st.sampled_from([0.0, 1e-6, 5.0, 200.0, 1e5]),
    odd=st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1), st.floats(0, 1), ODD), max_size=4),
)
def test_noise_with_holes_and_jumps_gives_a_fault_or_a_measurement(
    leads: int, n: int, rate: float, seed: int, size: float, odd: list[tuple[int, float, float, float]]
) -> None:
    x = np.random.default_rng(seed).standard_normal((leads, n)).cumsum(axis=1).astype(np.float32) * np.float32(size)
    for lead, first, length, value in odd:
        start = int(first * n)
        x[lead % leads, start : start + 1 + int(length * n)] = value
    plain(x, rate, [str(i) for i in range(leads)])


@settings(max_examples=15, deadline=None)
@given(
    period=st.integers(20, 900), width=st.integers(1, 200), high=st.sampled_from([30.0, 1000.0, 2e5]), tail=st.integers(0, 500)
)
def test_square_waves_are_no_reason_to_fall(period: int, width: int, high: float, tail: int) -> None:
    x = np.where(np.arange(3000 + tail) % period < width, high, 0.0)[None].astype(np.float32)
    plain(x, 500.0, ["II"])


@given(leads=st.integers(0, 3), samples=st.sampled_from([None, "x", [], [[]], [[1, 2], [3]], [["a"]], {}, object()]))
def test_what_is_no_array_is_a_fault(leads: int, samples: object) -> None:
    assert "fault" in analyse(samples, 500.0, [str(i) for i in range(leads)])
