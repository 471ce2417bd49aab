"""The figures of the shipped weights, from either form of the data, also where only fold 10 is there."""

import csv
import json
import lzma
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference import evaluate
from inference.leads import LEADS
from inference.train.data import packed

CLASSES = ("NORM", "CD", "STTC", "MI", "HYP")
CODES = {"NORM": "NORM", "CD": "LAFB", "STTC": "NDT", "MI": "IMI", "HYP": "LVH"}


def tracings(count: int) -> np.ndarray[Any, Any]:
    """int16 [count, 12, 1000] of 5 µV: a beat every 0.8 s, noise."""
    dice, time = np.random.default_rng(8), np.arange(1000) / 100
    beat = 200 * np.exp(-((((time % 0.8) - 0.3) / 0.02) ** 2))
    return np.rint(dice.normal(1, 0.3, (count, 12, 1)) * beat + dice.normal(0, 3, (count, 12, 1000))).astype(np.int16)


def write_packed(folder: Path, signals: np.ndarray[Any, Any], fold: int) -> Path:
    difference = np.diff(signals.astype(np.int32), axis=2, prepend=0)
    zigzag = ((difference << 1) ^ (difference >> 31)).ravel()
    planes = np.concatenate([zigzag & 255, zigzag >> 8]).astype(np.uint8)
    (folder / "signals_00.xz").write_bytes(lzma.compress(planes.tobytes(), preset=0))
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "ecg_id", "patient_id", "strat_fold", "super_class", "sub_class", "form", "rhythm"])
        for n in range(len(signals)):
            writer.writerow([n, n + 1, n, fold, CLASSES[n % 5], "", "", "SR"])
    return folder


def write_official(folder: Path, signals: np.ndarray[Any, Any], fold: int) -> Path:
    (folder / "records100" / "00000").mkdir(parents=True)
    statements = ",description,diagnostic,form,rhythm,diagnostic_class,diagnostic_subclass\nSR,sinus rhythm,,,1.0,,\n"
    statements += "".join(f"{code},x,1.0,,,{name},\n" for name, code in CODES.items())
    (folder / "scp_statements.csv").write_text(statements)
    with (folder / "ptbxl_database.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ecg_id", "patient_id", "scp_codes", "strat_fold", "filename_lr", "filename_hr"])
        for n, signal in enumerate(signals):
            name = f"records100/00000/{n + 1:05}_lr"
            codes = {CODES[CLASSES[n % 5]]: 100.0, "SR": 0.0}
            writer.writerow([n + 1, f"{n}.0", str(codes), fold, name, name.replace("lr", "hr")])
            header = [f"{n + 1:05}_lr 12 100 1000"]
            header += [f"{n + 1:05}_lr.dat 16 200.0(0)/mV 16 0 {signal[k, 0]} 0 0 {lead.upper()}" for k, lead in enumerate(LEADS)]
            (folder / f"{name}.hea").write_text("\n".join(header) + "\n")
            (folder / f"{name}.dat").write_bytes(signal.T.astype("<i2").tobytes())
    return folder


def told(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    evaluate.main([str(word) for word in words])
    return capsys.readouterr().out


def test_both_forms_of_fold_10_alone_give_the_same_figures_every_time(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signals = tracings(40)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    one, other = write_packed(tmp_path / "a", signals, 10), write_official(tmp_path / "b", signals, 10)
    ask = ("--fold", "10", "--models", models, "--json")
    first = told(capsys, one, *ask)
    assert first == told(capsys, one, *ask) == told(capsys, other, *ask)
    twelve, lead_one = json.loads(first)
    assert (twelve["records"], lead_one["records"]) == (40, 24)
    assert 0 < twelve["macro_auroc"] < 1


def test_a_fold_that_is_not_there_is_said_so(models: Path, tmp_path: Path) -> None:
    write_packed(tmp_path, tracings(2), 10)
    with pytest.raises(SystemExit, match="no fold 9"):
        evaluate.main([str(tmp_path), "--fold", "9", "--models", str(models)])


def test_training_reads_no_record_of_fold_10(tmp_path: Path) -> None:
    write_packed(tmp_path, tracings(2), 10)
    assert packed(tmp_path).names == ()


def test_labels_and_signals_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    write_packed(tmp_path, tracings(3), 9)
    lines = (tmp_path / "labels.csv").read_text().splitlines()
    (tmp_path / "labels.csv").write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(ValueError, match="2 records"):
        packed(tmp_path)


def test_evaluation_needs_no_torch() -> None:
    code = "import sys, inference.evaluate; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
