"""Beats found and laid over each other inside the network: the same arithmetic in training, in the graph and in serving."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from onnxruntime import InferenceSession  # noqa: E402

from inference.models.beat_network import build, width  # noqa: E402
from inference.models.beats import AFTER, BEFORE, MOST, Beats  # noqa: E402
from inference.models.labels import TWELVE  # noqa: E402
from inference.models.network import Settings  # noqa: E402
from inference.train.__main__ import train_split  # noqa: E402
from inference.train.augment import turn  # noqa: E402
from inference.train.data import Records, Split  # noqa: E402
from inference.train.loop import Recipe, fit, predict  # noqa: E402
from inference.train.metrics import auroc  # noqa: E402
from inference.train.recipes import MEMBERS  # noqa: E402
from inference.train.tasks import TASKS  # noqa: E402

torch.set_num_threads(1)
Array = np.ndarray[Any, Any]
CPU = torch.device("cpu")
TIMES = np.arange(0.6, 9.4, 0.8137)  # s: no two of them at the same place between two samples


def shape(t: Array) -> Array:
    """A beat in mV about t = 0, in seconds: P, QRS, T, nothing of it above 45 Hz."""
    return np.asarray(
        0.12 * np.exp(-(((t + 0.16) / 0.025) ** 2)) + np.exp(-((t / 0.014) ** 2)) + 0.25 * np.exp(-(((t - 0.25) / 0.05) ** 2))
    )


def tracing(times: Array, noise: float = 0.0, seconds: float = 10.0) -> Any:
    """[1, 1, time] at 100 Hz with beats at these times."""
    t = np.arange(round(seconds * 100)) / 100
    x = sum(shape(t - at) for at in times) + np.random.default_rng(1).normal(0, noise, len(t))
    return torch.from_numpy(np.asarray(x, np.float32))[None, None]


def off(x: Any) -> Array:
    """The shown beat less the true one in mV, at the best place and level."""
    mean = Beats()(x)[0][0, 0].numpy()
    t = (np.arange(BEFORE + AFTER) - BEFORE) / 200
    gaps = [mean - shape(t - by) for by in np.arange(-0.04, 0.04, 0.0005)]
    return min((gap - gap.mean() for gap in gaps), key=lambda gap: float(np.square(gap).sum()))


def test_beats_are_found_where_they_are() -> None:
    at, there = Beats().find(tracing(TIMES, 0.03))
    assert there.shape == (1, MOST)
    assert there.sum() == len(TIMES)
    assert np.abs(at[0, : len(TIMES)].numpy() / 100 - TIMES).max() < 0.02


def test_the_mean_beat_is_nearer_the_true_one_than_any_single_one() -> None:
    assert np.abs(off(tracing(TIMES))).max() < 0.05
    alone = float(np.sqrt(np.square(off(tracing(TIMES[4:5], 0.05))).mean()))
    together = float(np.sqrt(np.square(off(tracing(TIMES, 0.05))).mean()))
    assert together < 0.6 * alone


def test_a_beat_of_another_shape_stays_out_of_the_mean() -> None:
    t = np.arange(1000) / 100
    odd = tracing(np.delete(TIMES, 5)) + torch.from_numpy(-1.5 * np.exp(-(((t - TIMES[5]) / 0.04) ** 2)).astype(np.float32))
    rhythm = Beats()(odd)[1][0]
    assert Beats().find(odd)[1].sum() == len(TIMES)
    assert np.abs(off(odd)).max() < 0.06
    assert float(rhythm[5]) == pytest.approx(1 - 1 / len(TIMES), abs=0.01)


def test_the_figures_of_the_rhythm_are_those_of_the_times() -> None:
    times = np.array([0.7, 1.5, 2.3, 3.5, 4.3, 5.1, 6.3, 7.1, 7.9, 9.1])
    rr = np.diff(times)
    found = Beats()(tracing(times))[1][0].numpy()
    wanted = [
        rr.mean(),
        rr.std() / rr.mean(),
        2 * np.sqrt(np.square(np.diff(rr)).mean()),
        rr.min() / rr.mean(),
        rr.max() / rr.mean(),
    ]
    assert found[:5] == pytest.approx(wanted, abs=0.02)
    assert found[6] == pytest.approx(1.0)


@pytest.mark.parametrize("x", [torch.zeros(2, 1, 100), torch.full((2, 1, 1000), 3.0), tracing(TIMES[:1], seconds=1.0)])
def test_where_there_is_no_whole_beat_all_is_finite(x: Any) -> None:
    beat, rhythm = Beats()(x)
    assert bool(beat.isfinite().all() & rhythm.isfinite().all())


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> InferenceSession:
    path = tmp_path_factory.mktemp("graph") / "beats.onnx"
    names = {"input_names": ["x"], "output_names": ["beat", "rhythm"], "dynamic_axes": {"x": {0: "batch", 2: "time"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own successor
        torch.onnx.export(Beats().eval(), (torch.zeros(2, 1, 1000),), path, dynamo=False, opset_version=17, **names)
    return InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("count", [0, 1, 2, 3, 11])
def test_the_exported_arithmetic_is_the_same(exported: InferenceSession, count: int) -> None:
    x = torch.cat([tracing(TIMES[:count], noise) for noise in (0.0, 0.02, 0.1)])[:, :, :983]
    for ours, theirs in zip(Beats()(x), exported.run(None, {"x": x.numpy()}), strict=True):
        assert np.abs(ours.numpy() - theirs).max() < 1e-5


def test_settings_choose_the_kind_of_network() -> None:
    settings = Settings(leads=1, outputs=3, stem=5, widths=(8, 16), kernels=(5, 3), beats=True)
    network = build(settings).eval()
    x = tracing(TIMES, 0.02)
    assert network.features(x).shape == (1, width(settings))
    assert network(x).shape == (1, 3)
    assert torch.allclose(network(x), network(torch.cat((x, x)))[:1], atol=1e-5)


def test_lead_one_turned_is_what_a_heart_turned_shows() -> None:
    class Dice:
        def normal(self, mean: float, spread: float, shape: tuple[int, ...]) -> Array:
            return np.full(shape, mean + spread)

    axis, size = np.deg2rad(35.0), 1.3  # of a dipole: lead I lies at 0 degrees, lead II at 60
    two = torch.tensor([[[size * np.cos(axis)], [size * np.cos(axis - np.pi / 3)]]])
    seen = turn(two, 25.0, Dice())  # type: ignore[arg-type]
    assert seen.item() == pytest.approx(size * np.cos(axis - np.deg2rad(25.0)))
    assert torch.equal(turn(two, 0.0, np.random.default_rng(0)), two[:, :1])


def widths(count: int, seed: int) -> Split:
    """Leads I and II, at one angle, with QRS complexes of two widths; the first output tells which."""
    dice, t = np.random.default_rng(seed), np.arange(1000) / 100
    wide = dice.random(count) < 0.5
    rows = []
    for one in wide:
        beat = ((t - dice.random()) % 0.8) - 0.4
        rows.append(np.exp(-((beat / (0.03 if one else 0.014)) ** 2)) + dice.normal(0, 0.05, 1000))
    lead = np.stack(rows).astype(np.float32)
    return Split(np.stack([lead, lead / 2], 1), wide[:, None].astype(np.float32), np.ones((count, 1), np.float32))


def test_a_network_of_the_mean_beat_learns_from_turned_leads_and_is_judged_by_lead_one(tmp_path: Path) -> None:
    shape = Settings(leads=1, outputs=1, stem=5, widths=(8, 16), kernels=(5, 3), depth=1, beats=True)
    recipe = Recipe(epochs=3, batch=16, first=1, lead_dropout=0.0, mixup=0.0, angle=15.0, average=0.9)
    two = widths(96, 1)
    valid = Split(two.signals[:, :1], two.targets, two.known)

    def score(logits: Array, targets: Array) -> float:
        return auroc(targets[:, 0], logits[:, 0])

    assert (
        score(
            predict(fit(shape, recipe, widths(128, 0), valid, score, tmp_path, lambda _: None), valid.signals, CPU), two.targets
        )
        > 0.95
    )


def test_a_member_that_is_turned_is_shown_leads_one_and_two(tmp_path: Path) -> None:
    signals = np.random.default_rng(2).normal(0, 0.1, (3, 12, 1000)).astype(np.float32)
    hot, known = np.ones((3, len(TWELVE)), np.float32), np.ones((3, len(TWELVE)), np.float32)
    data = Records(signals, hot, known, np.array([1, 9, 8]), ("a", "b", "c"))
    member = next(one for one in MEMBERS if one.recipe.angle)
    split = train_split(replace(member, teachers=()), data, tmp_path)
    assert np.array_equal(split.signals, signals[[0, 2], :2])


def test_every_member_fits_its_task() -> None:
    for member in MEMBERS:
        task = TASKS[member.task]
        assert member.settings.leads == len(task.leads)
        assert not (member.recipe.angle and member.recipe.mixup and member.settings.beats), (
            "two hearts mixed have no beat in common"
        )
