"""Gains, rates, counts and amplitudes beyond sense are refused, and faults carry no patient."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import ecg_made as made
import numpy as np
import pytest
from ecg_seeds import ROWS, SHORT, written
from hypothesis import given
from hypothesis import strategies as st

from adapters.ecg import Recording, read
from adapters.ecg.whole import whole
from adapters.ecg.xml_tools import numbers
from engine.fault import Fault


@pytest.mark.parametrize("value", ["1e308", "NaN", "Infinity", "-Infinity", "0", "1e-300", "", "abc", "1e999999999", "1" * 400])
def test_a_gain_beyond_sense_is_refused(value: str) -> None:
    for body in (made.cardiosoft(ROWS, value), made.schiller(ROWS, per_bit=value), made.muse(SHORT, SHORT, value)):
        found = read(body)
        assert isinstance(found, Fault)
        assert found.code in ("E155", "E154")


@pytest.mark.parametrize("value", ["-500", "0", "1e9", "NaN", "", "x"])
def test_a_rate_beyond_sense_is_refused(value: str) -> None:
    for body in (
        made.cardiosoft(ROWS).replace(b"<SampleRate units='Hz'>500<", f"<SampleRate units='Hz'>{value}<".encode()),
        made.mortara(ROWS).replace(b'SAMPLE_FREQ="1000"', f'SAMPLE_FREQ="{value}"'.encode()),
    ):
        found = read(body)
        assert isinstance(found, Fault)
        assert found.code == "E154"


def test_a_declared_count_that_is_not_there_is_refused() -> None:
    for body in (
        made.mortara(ROWS).replace(b'DURATION="100"', b'DURATION="1000000000"'),
        made.muse(SHORT, SHORT).replace(b"<LeadSampleCountTotal>100<", b"<LeadSampleCountTotal>1000000000<"),
        made.cardiosoft(ROWS).replace(b"<NumberOfLeads>12<", b"<NumberOfLeads>10000<"),
        made.sierra(ROWS, xli=False, charset="utf-8").replace(b"durationperchannel='200'", b"durationperchannel='2000'"),
    ):
        found = read(body)
        assert isinstance(found, Fault)
        assert found.code == "E152"


def test_amplitudes_beyond_all_bounds_are_refused() -> None:
    for value in ("1e39", "-1e300", "9" * 60):
        body = made.cardiosoft(ROWS).replace(b"\n\t", f"\n\t{value},".encode(), 1)
        found = read(body)
        assert isinstance(found, Fault)
        assert found.code == "E155"


@pytest.mark.parametrize("value", ["1e400", "-1", "0", '"4"', "true", "NaN", "1e-400"])
def test_sampled_data_with_numbers_beyond_sense_is_refused(value: str) -> None:
    body = written("fhir").decode()
    assert '"period":2' in body
    assert isinstance(read(body.replace('"period":2', f'"period":{value}').encode()), Fault)
    assert isinstance(read(body.replace('"dimensions":1', f'"dimensions":{value}').encode()), Fault)


def test_faults_carry_no_patient() -> None:
    body = json.loads(written("fhir"))
    body["subject"] = {"display": "CANARY"}
    body["component"][0]["valueSampledData"]["data"] = "CANARY"
    found = read(json.dumps(body).encode())
    assert isinstance(found, Fault)
    assert "CANARY" not in repr(found)


@given(
    st.lists(
        st.sampled_from(
            ["1", "-12", "+7", "-", "+", "--3", "1-2", "007", "123456789012345678", "1.5", "1e3", "x", "1_0", "\x1c", ""]
        )
    )
)
def test_numbers_worked_out_together_are_those_that_python_reads_one_by_one(words: list[str]) -> None:
    text = " ".join(words)
    try:
        expected = None if "_" in text else [float(word) for word in text.split()]
    except ValueError:
        expected = None
    found = numbers(text)
    assert (found is None) is (expected is None)
    assert expected is None or (found is not None and found.tolist() == expected)


def test_amplitudes_beyond_whole_numbers_are_no_steps_of_a_format() -> None:
    """Samples of 1e38 µV in steps of 1e-6 µV are more steps than 64 bits count."""
    found = read(made.cardiosoft(ROWS))
    assert isinstance(found, Recording)
    huge = replace(found, samples=found.samples + np.float32(1e38), scale=(Decimal("0.000001"),) * 12)
    told = whole(huge)
    assert isinstance(told, Fault)
    assert told.code == "E161"
