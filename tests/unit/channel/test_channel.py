"""A channel file is read with its places; what does not fit is named with its line and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.channel import read_channel
from engine.channel.model import Channel
from engine.channel.read import KEYS, Kinds
from engine.diagnostic import Diagnostic
from engine.options import duration


@dataclass(frozen=True, slots=True)
class Tls:
    """Keys."""

    cert: str
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Mllp:
    """A listener."""

    listen: str
    acknowledge: Literal["when stored", "when processed"] = "when stored"
    max_frame: int = 1024
    timeout: timedelta = timedelta(seconds=30)
    tls: Tls | None = None
    allow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Map:
    """A step."""

    mappings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Store:
    """A store."""


KINDS = Kinds({"mllp": Mllp}, {"map": Map}, {"mllp": Mllp}, {"fhir": Store}, {"hl7v2": object(), "json": object()})
GOOD = """
channel: lab
title: "Laboratory: results"
source:
  mllp: { listen: "tcp:${HOST:-127.0.0.1}:2575", max frame: 16 MiB, timeout: 5s, tls: { cert: a.pem, verify: no }, allow: [10.0.0.1, 10.0.0.2] }
accept if: MSH-9.1 = ORU
in order by: PID-3.1
validate: strict
steps:
  - map: oru_r01
  - map: [a, b]
destinations:
  record: { fhir_store: {} }
  ehr: { mllp: { listen: "x:1" }, map: out, retry: "every 1s, for 1h" }
on failure: hold
keep messages: 30 days
"""


def reading(text: str, **environment: str) -> tuple[Channel | None, list[Diagnostic]]:
    return read_channel(text, "channels/lab.yaml", KINDS, environment)


def test_a_channel_is_read_whole() -> None:
    channel, found = reading(GOOD)
    assert found == []
    assert channel is not None
    assert channel.source == Mllp(
        "tcp:127.0.0.1:2575",
        max_frame=16 * 2**20,
        timeout=timedelta(seconds=5),
        tls=Tls("a.pem", False),
        allow=("10.0.0.1", "10.0.0.2"),
    )
    assert [step.plugin for step in channel.steps] == [Map(("oru_r01",)), Map(("a", "b"))]
    assert [(one.name, one.to.name, one.map, one.retry) for one in channel.destinations] == [
        ("record", "fhir_store", "", "every 5s, doubling to 10m, for 24h"),
        ("ehr", "mllp", "out", "every 1s, for 1h"),
    ]
    assert channel.strict
    assert channel.keep == timedelta(days=30)


def test_the_environment_is_put_into_values() -> None:
    channel, _ = reading(GOOD, HOST="0.0.0.0")
    assert channel is not None
    assert channel.source.listen == "tcp:0.0.0.0:2575"


def test_a_value_of_the_environment_is_not_read_as_yaml_or_again() -> None:
    channel, _ = reading(GOOD, HOST="${PATH}{a: b}")
    assert channel is not None
    assert channel.source.listen == "tcp:${PATH}{a: b}:2575"


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "help"),
    [
        ("mllp: { listen", "mlp: { listen", "E220", 5, "mllp"),
        ("max frame", "max frames", "E221", 5, "max frame"),
        ("16 MiB", "huge", "E222", 5, "16 MiB"),
        ("verify: no", "verify: perhaps", "E222", 5, "true or false"),
        ("timeout: 5s", "timeout: soon", "E222", 5, "30s"),
        ("${HOST:-127.0.0.1}", "${HOST}", "E224", 5, "HOST"),
        ("channel: lab", "chanel: lab", "E226", 2, "channel"),
        ("accept if: MSH-9.1 = ORU", "accept if: [a]", "E222", 6, ""),
        ("validate: strict", "validate: strictly", "E222", 8, "strict"),
        ("record: { fhir_store: {} }", "record: { fihr_store: {} }", "E220", 13, "fhir_store"),
        ("record: { fhir_store: {} }", "record: { fhir_store: {}, mllp: {} }", "E222", 13, "two destinations"),
        ('listen: "x:1"', "max frame: 1", "E223", 14, "listen"),
        ("keep messages: 30 days", "keep messages: long", "E222", 16, "90 days"),
        ("keep messages: 30 days", "keep messages: 99999999999 days", "E222", 16, "90 days"),
        ("on failure: hold", "on failure: hodl", "E222", 15, "hold"),
        ("title:", "channel: b\ntitle:", "E202", 3, ""),
    ],
)
def test_what_does_not_fit_is_named_with_its_line_and_what_to_do(old: str, new: str, code: str, line: int, help: str) -> None:
    channel, found = reading(GOOD.replace(old, new, 1))
    assert channel is None
    first = found[0]
    assert (first.code, first.at.line) == (code, line), found
    assert help in first.help + first.text


def test_yaml_words_stay_what_was_written() -> None:
    channel, _ = reading(GOOD.replace("title: ", "title: NO #"))
    assert channel is not None
    assert channel.title == "NO"


@pytest.mark.parametrize(
    "text", ["", "- a", "just text", "channel: {a: b}", "a: &x [*x]", "channel: !!python/object:os.system x", "\x00", "a: b: c"]
)
def test_what_is_no_channel_is_refused_and_nothing_is_raised(text: str) -> None:
    channel, found = reading(text)
    assert channel is None
    assert found


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    reading(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("5s", 5), ("10m", 600), ("2 hours", 7200), ("90 days", 7776000), ("1.5h", 5400), ("250ms", 0.25)]
)
def test_times_are_read_in_a_persons_words(text: str, seconds: float) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "5 parsecs", "1e3s"])
def test_what_is_no_time_is_none(text: str) -> None:
    found: Any = duration(text)
    assert found is None


def test_every_key_is_documented(root: Path) -> None:
    text = (root / "docs" / "channels.md").read_text()
    assert [key for key in KEYS if f"| `{key}` |" not in text] == []
