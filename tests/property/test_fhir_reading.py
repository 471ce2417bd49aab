"""Compiled FHIR paths find what a walk finds, whatever the document holds."""

from __future__ import annotations

import gc
import weakref

from hypothesis import example, given
from hypothesis import strategies as st

from fhir import reading
from fhir.node import Node
from fhir.path_names import Name, names_of
from fhir.reading_together import together

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
    walked = [found for _, found in Node(value, None, "", 0, shelf).walk(names)]
    found: list[object] = []
    reading.every(names)(value, shelf, found)
    assert found == walked
    assert reading.first(names)(value, shelf) == next(iter(walked), None)


@given(
    VALUES,
    st.lists(NAMES | st.just(()), min_size=1, max_size=5),
    st.dictionaries(st.sampled_from(["#1", "Patient/1"]), st.fixed_dictionaries({"resourceType": VALUES, "a": VALUES})),
)
@example({"a": [{"a": "y", "b": "1"}]}, [(Name("a", 0, "a", "x"), Name("b")), (Name("a"), Name("b"))], {})
@example({"a": "1"}, [(), (Name("a"),)], {})
@example(
    {"a": [{"b": "1"}, {"b": "2"}], "b": ""}, [(Name("a"),), (Name("a"), Name("b")), (Name("a", 2), Name("b")), (Name("b"),)], {}
)
def test_paths_read_together_find_what_each_finds(
    value: object, several: list[tuple[Name, ...]], shelf: dict[str, object]
) -> None:
    scope = Node(value, None, "", 0, shelf)
    read = together([(names, reading.in_scope(names, 0)) for names in several])
    assert list(read(scope)) == [reading.first(names)(value, shelf) for names in several]


@given(VALUES, NAMES, st.dictionaries(st.sampled_from(["#1", "Patient/1"]), st.fixed_dictionaries({"resourceType": VALUES})))
def test_an_instance_tells_the_place_it_was_found_at(value: object, names: tuple[Name, ...], shelf: dict[str, object]) -> None:
    text = ".".join(
        name.text + (f"[{name.nth}]" if name.nth else f"[{name.by}={name.value}]" if name.by else "") for name in names
    )
    scope = Node(value, None, "", 0, shelf)
    places = [place for place, _ in scope.walk(names_of(text) or ())]
    assert [one.place for one in scope.each(text)] == places


def test_a_released_scope_leaves_nothing_to_the_collector() -> None:
    shelf = {"Patient/1": {"resourceType": "Patient", "a": [{"b": ["x", "y"]}]}}
    scope = Node({"reference": "Patient/1"}, None, "", 0, shelf)
    inner = scope.each("resolve.a")[0].each("b")[1]
    assert inner.value == "y"
    gc.collect()
    gc.disable()
    try:
        gone = weakref.ref(scope)
        scope.release()
        del inner, scope
        assert gone() is None
    finally:
        gc.enable()
