"""Compiled FHIR paths find what a walk finds, whatever the document holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fhir import reading
from fhir.node import Name, Node

ELEMENTS = ("a", "b", "resourceType", "reference")
LEAVES = st.one_of(st.none(), st.just(""), st.booleans(), st.integers(), st.sampled_from(["Patient", "#1", "Patient/1", "x"]))
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3).filter(lambda items: not any(isinstance(one, list) for one in items))
        | st.dictionaries(st.sampled_from(ELEMENTS), inner, max_size=4)
    ),
    max_leaves=12,
)
NAMES = st.lists(
    st.builds(
        Name,
        st.sampled_from([*ELEMENTS, "resolve", "Patient"]),
        st.integers(0, 2),
        st.sampled_from(["", "a"]),
        st.sampled_from(["x", ""]),
    ),
    min_size=1,
    max_size=4,
).map(tuple)


@given(
    VALUES,
    NAMES,
    st.dictionaries(st.sampled_from(["#1", "Patient/1"]), st.fixed_dictionaries({"resourceType": VALUES, "a": VALUES})),
)
def test_a_compiled_path_finds_what_a_walk_finds(value: object, names: tuple[Name, ...], shelf: dict[str, object]) -> None:
    walked = [found for _, found in Node(value, None, "", "", shelf).walk(names)]
    found: list[object] = []
    reading.every(names)(value, shelf, found)
    assert found == walked
    assert reading.first(names)(value, shelf) == next(iter(walked), None)
