"""A life comes back from its text as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.alerts import state
from engine.alerts.life import Life, Phase

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))
LIVES = st.builds(
    Life, st.sampled_from(Phase), st.none() | MOMENTS, st.integers(0, 9), st.none() | MOMENTS, st.none() | MOMENTS, st.integers(0, 9),
    st.integers(0, 3), st.booleans(), st.booleans(),
    st.lists(st.tuples(MOMENTS, st.decimals(-9, 9, places=2).map(Decimal)), max_size=3).map(tuple),
)  # fmt: skip


@given(LIVES)
def test_any_life_comes_back(life: Life) -> None:
    text = state.text_of(life)
    state._lives.clear()
    assert state.life_of(text) == life


def test_a_quiet_life_has_the_text_that_every_other_has() -> None:
    quiet = Life(last=datetime(2026, 3, 2, 12, tzinfo=UTC))
    assert state.text_of(quiet) == json.dumps(
        {"phase": "quiet", "count": 0, "repeats": 0, "level": 0, "acknowledged": False, "silent": False, "history": [],
         "last": "2026-03-02T12:00:00+00:00"}
    )  # fmt: skip


def test_only_so_many_texts_are_remembered() -> None:
    life = Life(last=datetime(2026, 3, 2, 12, tzinfo=UTC))
    for number in range(2 * state.MOST):
        state.text_of(replace(life, last=datetime(2026, 3, 2, 12, tzinfo=UTC) + timedelta(seconds=number)))
    assert len(state._lives) <= state.MOST
