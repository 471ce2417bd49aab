"""A mapping narrowed to a message's fields, written as source, and one that remembers, give exactly what the whole mapping gives."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2.format import Hl7v2
from adapters.hl7v2.traffic import hospital
from engine.fault import Fault
from engine.mapping.compile_value import Kit
from engine.mapping.generate import Quick, quick
from engine.mapping.installed import installed
from engine.mapping.library import Library, choose, load_folder
from engine.mapping.mapping import Mapping, _rules, _run, compile_plan
from engine.mapping.remember import Memory
from engine.mapping.run import Run
from engine.mapping.specialise import coded, held_by, names, prune

MESSAGES = list(hospital(3, 1))


@pytest.fixture(scope="module")
def library(root: Path) -> Library:
    return load_folder(root / "mappings", installed())


def whole(mapping: Mapping, body: bytes) -> Any:
    run = Run()
    return _run(mapping.rules(), Hl7v2().parse(body), run, mapping.plan.model), run.warnings  # type: ignore[arg-type]


def narrow(mapping: Mapping, body: bytes) -> Any:
    scope: Any = Hl7v2().parse(body)
    run = Run()
    asked = frozenset(names(mapping.plan))
    held = held_by(scope, asked, coded(asked))
    assert held is not None
    return _run(
        _rules(prune(mapping.plan, held.__contains__), Kit(mapping.plan.model)), scope, run, mapping.plan.model
    ), run.warnings


SHAPES: dict[Any, frozenset[str]] = {}  # messages of one shape hold the same
QUICK: dict[tuple[int, frozenset[str]], tuple[Mapping, Quick]] = {}


def written(mapping: Mapping, body: bytes) -> Any:
    """What the source written for a message's fields gives; None when it gives up."""
    scope: Any = Hl7v2().parse(body)
    asked = frozenset(names(mapping.plan))
    held = held_by(scope, asked, coded(asked))
    assert held is not None
    key = (id(mapping), held)
    assert SHAPES.setdefault((id(mapping), scope.shape(coded(asked))), held) == held
    if key not in QUICK:
        plan = prune(mapping.plan, held.__contains__)
        QUICK[key] = mapping, quick(plan, Kit(plan.model), Memory(), Hl7v2().depends)  # type: ignore[arg-type]
    run = Run()
    made = QUICK[key][1](scope, run)
    return None if made is None else (made, run.warnings)


def remembering(mapping: Mapping, body: bytes) -> Any:
    """What a mapping gives that has worked all the messages before."""
    made = mapping.work(Hl7v2().parse(body))  # type: ignore[arg-type]
    return (made, []) if isinstance(made, tuple) else (made.puts, made.warnings)


def same(mapping: Mapping, body: bytes) -> bool:
    expected = whole(mapping, body)
    found = remembering(mapping, body)
    known: bool = found[0] == expected[0] and (isinstance(found[0], tuple) or found[1] == expected[1])
    for _ in range(2):  # made, then remembered
        quickly = written(mapping, body)
        known = known and (quickly is None or (quickly == expected and texts(quickly[0]) == texts(expected[0])))
    return known and narrow(mapping, body) == expected


def texts(puts: Any) -> list[str]:
    """The resources as they are stored: their elements in order."""
    return [json.dumps(put.body, default=str) for put in puts]


def pairs(library: Library, folder: Path) -> Iterator[tuple[str, Mapping, bytes]]:
    for path in sorted(folder.rglob("*.hl7")):
        body = path.read_bytes()
        envelope = Hl7v2().envelope(body)
        mapping = None if isinstance(envelope, Fault) else choose(library, "hl7v2", envelope.type)
        if mapping is not None and not isinstance(Hl7v2().parse(body), Fault):
            yield path.name, mapping, body


def test_a_days_messages_give_the_same(library: Library) -> None:
    for body in MESSAGES:
        envelope = Hl7v2().envelope(body)
        mapping = None if isinstance(envelope, Fault) else choose(library, "hl7v2", envelope.type)
        assert mapping is not None
        assert same(mapping, body)


def test_real_messages_give_the_same(library: Library, shared_data: Path) -> None:
    found = list(pairs(library, shared_data))
    assert len(found) > 100
    for name, mapping, body in found:
        assert same(mapping, body), name


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(MESSAGES), st.data())
def test_any_field_may_be_emptied(library: Library, message: bytes, data: st.DataObject) -> None:
    segments = [segment.split(b"|") for segment in message.split(b"\r") if segment]
    for segment in segments[1:]:
        for index in data.draw(st.sets(st.integers(1, max(1, len(segment) - 1)), max_size=4)):
            if index < len(segment):
                segment[index] = data.draw(st.sampled_from([b"", b'""']))
    body = b"\r".join(b"|".join(segment) for segment in segments) + b"\r"
    envelope = Hl7v2().envelope(body)
    assert not isinstance(envelope, Fault)
    mapping = choose(library, "hl7v2", envelope.type)
    assert mapping is not None
    assert same(mapping, body)


def test_what_is_remembered_is_not_changed_by_later_messages(library: Library) -> None:
    chosen = []
    for body in MESSAGES * 2:
        envelope = Hl7v2().envelope(body)
        mapping = None if isinstance(envelope, Fault) else choose(library, "hl7v2", envelope.type)
        assert mapping is not None
        puts = remembering(mapping, body)[0]
        chosen.append((puts, copy.deepcopy(puts)))
    assert all(puts == copied for puts, copied in chosen)


def test_a_message_that_differs_in_any_field_is_not_taken_for_another(library: Library) -> None:
    bodies = {body[:400]: body for body in MESSAGES}
    for body in list(bodies.values())[:20]:
        mapping = choose(library, "hl7v2", Hl7v2().envelope(body).type)  # type: ignore[union-attr]
        assert mapping is not None
        lines = body.split(b"\r")
        for number, line in enumerate(lines[1:], start=1):
            fields = line.split(b"|")
            for place in range(2, len(fields)):
                if not fields[place]:
                    continue
                changed = b"|".join([*fields[:place], fields[place][:1] + b"7" + fields[place][1:], *fields[place + 1 :]])
                other = b"\r".join([*lines[:number], changed, *lines[number + 1 :]])
                found, expected = remembering(mapping, other), whole(mapping, other)
                assert found[0] == expected[0], (number, place)


def test_what_runs_is_narrowed_once_a_set_of_fields_comes_again(library: Library) -> None:
    mapping = compile_plan(library.mappings["oru_r01"].plan, "")
    body = next(message for message in MESSAGES if b"ORU" in message)
    scopes: list[Any] = [Hl7v2().parse(body) for _ in range(30)]
    assert mapping.narrowed is not None
    chosen = [mapping.narrowed.choose(scope) for scope in scopes]
    assert chosen[0] is None
    assert chosen[-1] is not None
    assert chosen[-1](scopes[-1], Run()) == whole(mapping, body)[0]


def test_written_source_gives_up_on_no_ordinary_message(library: Library) -> None:
    for body in MESSAGES:
        mapping = choose(library, "hl7v2", Hl7v2().envelope(body).type)  # type: ignore[union-attr]
        assert mapping is not None
        if isinstance(whole(mapping, body)[0], list):
            assert written(mapping, body) is not None
