"""A plug-in's options are read from what analysts write, by their types."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.document import read
from engine.options import Reading, build, duration


@dataclass(frozen=True, slots=True)
class Inner:
    cert: str
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Plugin:
    where: str
    mode: Literal["once", "ever"] = "once"
    size: int = 1
    ratio: float = 1.0
    exact: Decimal = Decimal(0)
    wait: timedelta = timedelta(0)
    seconds: float = 0.0
    on: bool = False
    names: tuple[str, ...] = ()
    by_name: dict[str, str] = field(default_factory=dict)
    tls: Inner | None = None


def filled(text: str, **environment: str) -> tuple[Any, list[str]]:
    node, found = read(text, "x.yaml")
    assert not found, found
    assert node is not None
    reading = Reading(environment)
    return build(Plugin, node, reading, node.at), [one.code for one in reading.found]


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("size: 17", "size", 17),
        ("size: 16 MiB", "size", 16 * 1024 * 1024),
        ("size: 3 kB", "size", 3000),
        ("ratio: 0.5", "ratio", 0.5),
        ("seconds: 5m", "seconds", 300.0),
        ("exact: 7.10", "exact", Decimal("7.10")),
        ("wait: 1.5h", "wait", timedelta(minutes=90)),
        ("on: yes", "on", True),
        ("on: false", "on", False),
        ("names: [a, b]", "names", ("a", "b")),
        ("names: a", "names", ("a",)),
        ("by name: { a: b }", "by_name", {"a": "b"}),
        ("tls: { cert: x, verify: no }", "tls", Inner("x", False)),
        ("mode: ever", "mode", "ever"),
        ("where: ${HOST:-here}:1", "where", "here:1"),
    ],
)
def test_values_are_read_by_their_types(text: str, name: str, expected: Any) -> None:
    made, codes = filled(text if text.startswith("where") else f"where: x\n{text}")
    assert codes == []
    assert getattr(made, name) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("where: x\nsize: many", "E222"),
        ("where: x\nsize: 1.5", "E222"),
        ("where: x\nratio: NaN", "E222"),
        ("where: x\nratio: Infinity", "E222"),
        ("where: x\non: maybe", "E222"),
        ("where: x\nmode: twice", "E222"),
        ("where: x\nwait: soon", "E222"),
        ("where: x\nnames: { a: b }", "E222"),
        ("where: x\nwhere to: y", "E221"),
        ("size: 1", "E223"),
        ("where: ${NOWHERE}", "E224"),
    ],
)
def test_what_does_not_fit_is_told_by_its_code(text: str, code: str) -> None:
    assert code in filled(text)[1]


def test_a_value_of_the_environment_is_text_and_nothing_more() -> None:
    made, codes = filled("where: ${HOST}", HOST="a: [b]\n${HOME} !!python/object:x")
    assert codes == []
    assert made.where == "a: [b]\n${HOME} !!python/object:x"


@given(st.text())
def test_no_text_breaks_the_reading_of_times(text: str) -> None:
    assert isinstance(duration(text), timedelta | None)
