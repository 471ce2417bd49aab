"""isthmus ecg on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import ecg_made as made
import numpy as np
import pytest
from click.testing import CliRunner, Result

from adapters.ecg import Recording
from adapters.ecg.cli import ecg
from adapters.ecg.folder import read_path

ROWS = made.tracing(length=5000)


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(ecg, [str(word) for word in words])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "one.xml"
    path.write_bytes(made.cardiosoft(ROWS))
    return path


@pytest.fixture
def record(tmp_path: Path) -> Path:
    for name, data in made.wfdb_files(ROWS, "16").items():
        (tmp_path / name).write_bytes(data)
    return tmp_path / "made"


def test_show_says_what_is_in_a_file(file: Path) -> None:
    result = run("show", file)
    assert result.exit_code == 0
    assert "12 leads: I II III" in result.stdout
    assert "2019-11-03T09:05:07 (zone not stated)" in result.stdout
    rows = json.loads(run("show", file, "--json").stdout)
    assert (rows[0]["format"], rows[0]["rate"], rows[0]["samples"]) == ("cardiosoft", 500.0, 5000)


@pytest.mark.parametrize(("suffix", "begins"), [(".svg", b"<svg"), (".pdf", b"%PDF-1.4"), (".png", b"\x89PNG")])
def test_show_draws_the_page(file: Path, tmp_path: Path, suffix: str, begins: bytes) -> None:
    if suffix == ".png":
        pytest.importorskip("cairosvg")
    page = tmp_path / f"page{suffix}"
    assert run("show", file, "-o", page, "--layout", "6x2", "--gain", "5").exit_code == 0
    assert page.read_bytes().startswith(begins)


def test_a_folder_without_recordings_and_a_lead_that_is_not_there_are_told(file: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for verb in ("show", "measure"):
        nothing = run(verb, tmp_path / "empty")
        assert (nothing.exit_code, "holds no recordings" in nothing.stderr) == (1, True)
    page = tmp_path / "page.svg"
    wrong = run("show", file, "-o", page, "--rhythm", "II, X9")
    assert (wrong.exit_code, page.exists()) == (1, False)
    assert "there is no lead X9" in wrong.stderr
    assert run("show", file, "-o", page, "--rhythm", "II, V1").exit_code == 0
    assert page.read_text().count(">V1<") == 2  # in its column and in its strip


@pytest.mark.parametrize("suffix", [".xml", ".dcm", ".scp", ".hea", ".zip", ".csv", ".json"])
def test_convert_keeps_the_samples(file: Path, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out{suffix}"
    result = run("convert", file, target)
    assert result.exit_code == 0, result.output
    found = read_path(target)
    assert isinstance(found, Recording)
    assert np.array_equal(found.samples, (ROWS * 5).astype(np.float32))


@pytest.mark.parametrize("name", ["made", "made.hea", "made.dat"])
def test_a_record_is_found_by_any_of_its_names(record: Path, name: str) -> None:
    assert isinstance(read_path(record.with_name(name)), Recording)


def test_a_folder_stands_for_its_recordings(record: Path, file: Path) -> None:
    rows = json.loads(run("show", file.parent, "--json").stdout)
    assert [(Path(row["file"]).name, row["format"]) for row in rows] == [("made.hea", "wfdb"), ("one.xml", "cardiosoft")]


def test_many_files_are_measured_in_one_call_with_beats_and_boundaries(record: Path, file: Path) -> None:
    pytest.importorskip("inference.measure")
    rows = json.loads(run("measure", record, file, "--beats", "--boundaries", "--json").stdout)
    assert [Path(row["file"]).name for row in rows] == ["made", "one.xml"]
    for row in rows:
        beats = [beat["sample"] for beat in row["beats"]]
        assert (
            np.abs(np.array(beats) - (np.arange(len(beats)) * 400 + 150)).max() <= 5
        )  # made with a beat every 0.8 s from 0.3 s on
        assert {"wave", "onset", "peak", "offset"} <= set(row["waves"]["II"][0])
        rate = next(one for one in row["measurements"] if one["name"] == "heart_rate")
        assert rate["value"] == pytest.approx(75, abs=1)
    short = json.loads(run("measure", file, "--json").stdout)[0]
    assert "beats" not in short
    assert "heart_rate" in run("measure", file).stdout


def test_a_calibration_pulse_is_not_measured(shared_data: Path) -> None:
    pytest.importorskip("inference.measure")
    path = shared_data / "ecg_formats/sierra/129DYPRG.XML"
    row = json.loads(run("measure", path, "--beats", "--json").stdout)[0]
    assert max(beat["sample"] for beat in row["beats"]) < 5264
    assert row["measurements"][0]["value"] == pytest.approx(41, abs=2)  # the recorder's own rate


def test_what_cannot_be_read_is_told_and_ends_with_one(tmp_path: Path, file: Path) -> None:
    broken = tmp_path / "broken.bin"
    broken.write_bytes(b"\x01\x02\x03")
    result = run("show", broken, file)
    assert result.exit_code == 1
    assert "E150" in result.stderr
    assert "12 leads" in result.stdout
    assert "E163" in run("show", tmp_path / "nothing").stderr
    assert run("convert", broken, tmp_path / "x.dcm").exit_code == 1
    assert run("convert", file, tmp_path / "x.unknown").exit_code == 2


def test_words_of_a_file_cannot_drive_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "evil.xml"
    path.write_bytes(made.mortara(ROWS).replace(b'LAST_NAME="Test"', 'LAST_NAME="a\u202eb&#x9b;31m"'.encode()))
    text = run("show", path).stdout
    assert "\u202e" not in text
    assert "\x9b" not in text


def test_show_lists_the_series_of_a_holter_export(shared_data: Path) -> None:
    rows = json.loads(run("show", shared_data / "ecg_formats/holter_mortara/synthetic_holter.xml", "--json").stdout)
    assert len(rows[0]["series"]) == 19
    assert "TREND_HR" in run("show", shared_data / "ecg_formats/holter_mortara/synthetic_holter.xml").stdout


def test_every_verb_shows_runnable_examples() -> None:
    for verb in ("show", "convert", "measure", "formats"):
        assert f"isthmus ecg {verb}" in run(verb, "--help").stdout
