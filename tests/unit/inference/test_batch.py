"""Tables of results, in and out."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fault import Fault, Kind
from inference import batch
from inference.interpret import Evidence, interpret
from inference.models.labels import LEADS
from inference.serve import backend


def test_a_table_of_results_is_interpreted_and_read_back() -> None:
    text = "id,rhythm:AFIB,super:MI,heart_rate,qtc\nA-1,0.97,0.02,166,\nA-2,0.01,0.02,70,410\n"
    rows = batch.read_results(text)
    assert isinstance(rows, list)
    assert [row.interpretation.severity for row in rows if row.interpretation] == ["critical", "normal"]
    again = batch.read_results(batch.as_csv(rows))
    assert isinstance(again, list)
    assert [row.name for row in again] == ["A-1", "A-2"]
    assert again[0].probabilities == {"rhythm:AFIB": 0.97, "super:MI": 0.02}
    assert [row.interpretation for row in again] == [row.interpretation for row in rows], "measurements are not lost on the way"


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("", "line 1"),
        ("a,a\n1,1\n", "line 1"),
        ("id,x\nA,0.5,7\n", "line 2"),
        ("id,x\nA,1.5\n", "line 2, x"),
        ("id,x\nA,nan\n", "line 2, x"),
        ("id,x\nA,1\n\nB,high\n", "line 4, x"),
    ],
)
def test_a_table_that_cannot_be_read_is_told_with_its_line(text: str, at: str) -> None:
    answer = batch.read_results(text)
    assert isinstance(answer, Fault)
    assert answer.code == "E834"
    assert answer.at == at


def test_what_was_not_classified_never_comes_back_as_normal() -> None:
    faulty = batch.Row(
        "broken.xml", {}, fault=Fault(Kind.INCORRECT, "E158", "a section's header and its pointer disagree", "section 6")
    )
    unread = batch.Row("flat.csv", {}, interpret(Evidence({}, {}, {}, "the signal cannot be read")), "the signal cannot be read")
    assert unread.interpretation is not None
    assert unread.interpretation.severity == "borderline"
    rows = batch.read_results(batch.as_csv([faulty, unread]))
    assert isinstance(rows, list)
    assert rows[0].interpretation is None
    assert rows[0].fault is not None
    assert "E158 at section 6: a section's header" in str(rows[0].fault)
    assert rows[1].abstained
    assert rows[1].interpretation is not None
    assert (rows[1].interpretation.severity, rows[1].interpretation.findings) == ("borderline", ())
    assert rows[1].interpretation.conclusion.startswith("No automatic interpretation")
    assert "normal" not in batch.as_table(rows).casefold().replace("norm  mi", "")


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_cell_is_a_formula(name: str) -> None:
    cell = next(csv.reader(io.StringIO(batch.as_csv([batch.Row(name, {})]).splitlines()[1])))[0]
    assert cell.startswith("'")


@given(st.text(max_size=120))
def test_any_text_is_rows_or_a_fault(text: str) -> None:
    assert isinstance(batch.read_results(text), list | Fault)


def test_a_recording_is_classified_by_what_leads_it_has(models: Path, ecg: np.ndarray[Any, Any]) -> None:
    own = backend.own(models)
    assert isinstance(own, backend.Own)
    rows = [
        batch.classify_one(own, "whole", ecg, 500, LEADS, {"heart_rate": 75}),
        batch.classify_one(own, "watch", ecg[:1], 500, ["I"], {}),
        batch.classify_one(own, "other", ecg[1:2], 500, ["II"], {}),
    ]
    assert len(rows[0].probabilities) == 59
    assert set(rows[1].probabilities) == {"NORM", "CD", "STTC"}
    assert rows[2].fault is not None
    whole, _watch, other = json.loads(batch.as_json(rows))
    assert "not a medical device" in whole["notice"]
    assert other["fault"]["code"] == "E824"
    assert "not a medical device" in batch.as_text(rows)
