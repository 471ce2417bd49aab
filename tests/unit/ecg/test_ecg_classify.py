"""isthmus ecg classify: files of any format to a table, text, JSON or CSV, and a CSV of results back."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import ecg_made as made
import pytest
from click.testing import CliRunner, Result

from adapters.ecg import Recording, read
from adapters.ecg.cli import ecg
from adapters.ecg.folder import tracing
from engine.fault import Fault

pytest.importorskip("onnxruntime")
ROWS = made.tracing(length=5000)


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(ecg, ["classify", *(str(word) for word in words)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one.xml").write_bytes(made.cardiosoft(ROWS))
    for name, data in made.wfdb_files(ROWS, "16").items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_the_verb_is_there_beside_the_others() -> None:
    text = CliRunner().invoke(ecg, ["--help"]).stdout
    assert all(f"\n  {verb} " in text for verb in ("show", "convert", "measure", "classify", "formats"))


def test_one_recording_in_two_formats_is_classified_alike_and_a_broken_file_is_told(folder: Path) -> None:
    (folder / "broken.bin").write_bytes(b"\x01\x02\x03")
    result = run(folder, "--json")
    assert result.exit_code == 1
    broken, wfdb, xml = json.loads(result.stdout)
    assert broken["fault"]["code"] == "E150"
    assert len(xml["probabilities"]) == 59
    assert xml["probabilities"] == wfdb["probabilities"]
    assert run(folder / "made", "--json").exit_code == 0


def test_a_table_has_a_line_for_each_recording(folder: Path) -> None:
    lines = run(folder / "one.xml", folder / "nothing", "--table").stdout.splitlines()
    assert lines[0].split() == ["recording", "severity", "NORM", "MI", "STTC", "CD", "HYP", "conclusion"]
    assert lines[1].count("%") >= 5
    assert "E163" in lines[2]
    assert "not a medical device" in lines[-1]


def test_what_is_written_as_csv_is_read_back_and_interpreted(folder: Path) -> None:
    written = run(folder / "one.xml", "--csv").stdout
    (folder / "results.csv").write_text(written)
    first = next(csv.DictReader(io.StringIO(written)))
    again = json.loads(run("--results", folder / "results.csv", "--json").stdout)[0]
    assert again["probabilities"]["super:NORM"] == float(first["super:NORM"])
    assert again["interpretation"]["severity"]
    assert "E163" in run("--results", folder / "absent.csv").stderr


def test_a_model_is_not_shown_the_calibration_pulse_that_closes_a_tracing(shared_data: Path) -> None:
    raw = (shared_data / "ecg_formats/sierra/129DYPRG.XML").read_bytes()
    whole, shown = read(raw), tracing(raw)
    assert isinstance(whole, Recording)
    assert isinstance(shown, Recording)
    pulse = next(mark.start for mark in whole.annotations if mark.label == "calibration")
    assert shown.samples.shape == (12, pulse)
    assert isinstance(tracing(b"\1\2\3"), Fault)
