"""The models that are shipped: whole, small, and as good on fold 9 as their manifest states."""

from pathlib import Path

import numpy as np
import pytest

from inference.classify import Ready, ready
from inference.leads import LEADS
from inference.models import manifest, runtime
from inference.models.labels import LEAD_ONE, TWELVE
from inference.serve import backend
from inference.usable import judge


@pytest.fixture(scope="module")
def own() -> backend.Own:
    found = backend.own()
    assert isinstance(found, backend.Own), found
    return found


def test_the_shipped_models_pass_their_own_checks_and_know_their_labels(own: backend.Own) -> None:
    assert tuple(own.loaded["twelve"].stored.entry.labels) == TWELVE
    assert tuple(own.loaded["lead_one"].stored.entry.labels) == LEAD_ONE
    listed = manifest.read()
    assert isinstance(listed, manifest.Manifest)
    assert "fold 10 never seen" in listed.data


def test_all_of_it_is_a_few_megabytes() -> None:
    assert sum(path.stat().st_size for path in manifest.SHIPPED.iterdir()) < 16_000_000


def test_the_stated_figures_are_not_worse_than_when_first_shipped(own: backend.Own) -> None:
    auroc = own.loaded["twelve"].stored.entry.auroc
    assert np.mean([auroc[f"super:{name}"] for name in ("NORM", "MI", "STTC", "CD", "HYP")]) >= 0.933
    three = own.loaded["lead_one"].stored.entry.auroc
    assert np.mean([three[name] for name in LEAD_ONE]) > 0.892


def fold_nine(shared_data: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    import csv

    from inference.train.data import shard

    with (shared_data / "ptbxl" / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    last = sorted((shared_data / "ptbxl").glob("signals_*.xz"))[-1]
    raw = shard(last)
    tail = rows[-len(raw) :]
    pick = [i for i, row in enumerate(tail) if row["strat_fold"] == "9"][:count]
    return raw[pick].astype(np.float32) * 5, np.array(
        [[name in tail[i]["super_class"].split("|") for name in ("NORM",)] for i in pick]
    )


def test_the_model_tells_normal_from_not_on_records_it_never_learned(own: backend.Own, shared_data: Path) -> None:
    from inference.train.metrics import auroc

    signals, truth = fold_nine(shared_data, 96)
    model, said = own.loaded["twelve"], []
    for signal in signals:
        prepared = ready(signal, 100, LEADS, LEADS)
        assert isinstance(prepared, Ready)
        said.append(model.probabilities(model.logits(prepared.windows)[0])[0][TWELVE.index("super:NORM")])
    assert auroc(truth[:, 0].astype(float), np.array(said)) > 0.88


def test_real_recordings_can_be_read(shared_data: Path) -> None:
    signals, _ = fold_nine(shared_data, 96)
    assert np.mean([judge(signal / 1000)[1] for signal in signals]) > 0.97


@pytest.mark.parametrize(("name", "leads"), [("twelve", LEADS), ("lead_one", ("I",))])
def test_500_hz_and_its_100_hz_version_agree_within_two_percent(
    own: backend.Own, shared_data: Path, name: str, leads: tuple[str, ...]
) -> None:
    wfdb = pytest.importorskip("wfdb")
    from scipy.signal import decimate

    model, differences = own.loaded[name], []
    for path in sorted((shared_data / "ludb").rglob("*.hea"))[:25]:
        record = wfdb.rdrecord(str(path.with_suffix("")))
        signal = record.p_signal.T.astype(np.float64) * 1000
        assert record.fs == 500
        pair = []
        for samples, rate in ((signal, 500.0), (decimate(signal, 5, ftype="fir", axis=1), 100.0)):
            prepared = ready(samples, rate, record.sig_name, leads)
            assert isinstance(prepared, Ready)
            pair.append(model.probabilities(model.logits(prepared.windows)[0].mean(0)))
        differences.append(np.abs(pair[0] - pair[1]).mean())
    assert len(differences) == 25
    assert np.mean(differences) < 0.02


@pytest.mark.parametrize("name", ["twelve", "lead_one"])
def test_one_thread_gives_the_same_bits_twice(name: str) -> None:
    stored = manifest.find(name)
    assert isinstance(stored, manifest.Stored)
    x = np.random.default_rng(3).normal(0, 0.3, (32, len(stored.entry.leads), 1000)).astype(np.float32)
    first, second = (runtime.load(stored, 1) for _ in range(2))
    assert isinstance(first, runtime.Model)
    assert isinstance(second, runtime.Model)
    assert np.array_equal(first.logits(x)[0], second.logits(x)[0])
