"""Resources of one message that are one: nothing that was said of them is lost, nothing is said twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.mapping.together import join
from engine.types import Put

VALUES = st.recursive(
    st.sampled_from(["a", "b", "c"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "y", "z"]), inner, max_size=3),
    max_leaves=12,
)
BODIES = st.dictionaries(st.sampled_from(["name", "link", "sex", "date"]), VALUES, max_size=4)


def joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    made = join(Put(one, True), Put(other, True), True)
    assert made is not None
    return made.body


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ({"link": [{"to": "B"}]}, {"link": [{"to": "C"}]}, {"link": [{"to": "B"}, {"to": "C"}]}),
        ({"link": [{"to": "B"}]}, {"link": [{"to": "B"}, {"to": "C"}]}, {"link": [{"to": "B"}, {"to": "C"}]}),
        (
            {"name": [{"family": "Okafor", "prefix": ["DR"]}]},
            {"name": [{"family": "Okafor"}]},
            {"name": [{"family": "Okafor", "prefix": ["DR"]}]},
        ),
        ({"name": [{"family": "Okafor"}]}, {"name": [{"family": "Okafor", "prefix": ["DR"]}]}, None),
        ({"active": True}, {"active": False}, None),
        ({"date": "1990"}, {"date": "1991"}, None),
        (
            {"type": {"text": "a", "coding": [{"code": "b"}]}},
            {"type": {"text": "a"}},
            {"type": {"text": "a", "coding": [{"code": "b"}]}},
        ),
        ({"a": "1"}, {"b": "2"}, {"a": "1", "b": "2"}),
    ],
)
def test_lists_add_up_and_of_the_rest_the_later_stands(
    one: dict[str, Any], other: dict[str, Any], both: dict[str, Any] | None
) -> None:
    assert joined(one, other) == (other if both is None else both)


@given(BODIES, BODIES)
def test_the_same_told_again_changes_nothing(one: dict[str, Any], other: dict[str, Any]) -> None:
    both = joined(one, other)
    assert joined(both, both) is both
    assert joined(both, other) == both


def test_what_is_not_to_merge_must_be_the_same() -> None:
    assert join(Put({"a": "1"}), Put({"a": "2"}), False) is None
    assert join(Put({"a": "1"}), Put({"a": "1"}), False) == Put({"a": "1"})


def test_what_either_of_them_clears_is_cleared() -> None:
    made = join(Put({}, True, ("a",)), Put({}, True, ("b", "a")), True)
    assert made is not None and made.clear == ("a", "b")
