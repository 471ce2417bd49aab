"""Training: its figures, its loop on a small problem, its resumption, what it packs."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnxruntime import InferenceSession  # noqa: E402

from inference import evaluate  # noqa: E402
from inference.models import manifest, runtime  # noqa: E402
from inference.models.beat_network import build  # noqa: E402
from inference.models.ensemble import Ensemble, graph  # noqa: E402
from inference.models.network import Network, Settings  # noqa: E402
from inference.train import card, metrics, ship  # noqa: E402
from inference.train.data import Records, Split, superclass_only, targets  # noqa: E402
from inference.train.distil import soften  # noqa: E402
from inference.train.loop import Recipe, fit, loss_of, one_cycle  # noqa: E402
from inference.train.recipes import MEMBERS  # noqa: E402
from inference.train.tasks import TASKS  # noqa: E402
from inference.train.wfdb_folder import labels_of, official  # noqa: E402

torch.set_num_threads(1)
SMALL = Settings(leads=2, outputs=5, widths=(8, 16), kernels=(5, 3))


def test_auroc_is_the_share_of_ordered_pairs() -> None:
    truth, score = np.array([1, 0, 1, 0, 0]), np.array([0.9, 0.9, 0.8, 0.1, 0.85])
    pairs = [(a > b) + 0.5 * (a == b) for a in score[truth == 1] for b in score[truth == 0]]
    assert metrics.auroc(truth, score) == pytest.approx(np.mean(pairs))


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.5, 0.9])), min_size=4, max_size=40))
def test_auroc_agrees_with_scikit_learn(rows: list[tuple[bool, float]]) -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    truth, score = np.array([float(a) for a, _ in rows]), np.array([b for _, b in rows])
    if 0 < truth.sum() < len(truth):
        assert metrics.auroc(truth, score) == pytest.approx(sklearn.roc_auc_score(truth, score))


def test_a_calibrated_coin_has_no_calibration_error_and_a_boaster_has() -> None:
    truth = np.array([0.0, 1.0] * 50)
    assert metrics.calibration_error(truth, np.full(100, 0.5)) == 0
    assert metrics.calibration_error(truth, np.full(100, 0.9)) == pytest.approx(0.4)


def test_platts_scaling_finds_the_slope_it_was_made_with() -> None:
    dice = np.random.default_rng(0)
    logit = dice.normal(0, 2, 20_000)
    truth = (dice.random(20_000) < 1 / (1 + np.exp(-(0.5 * logit - 1)))).astype(float)
    slope, offset = metrics.platt(truth, logit)
    assert slope == pytest.approx(0.5, abs=0.03)
    assert offset == pytest.approx(-1, abs=0.05)


def test_an_operating_point_counts_what_it_says() -> None:
    row = metrics.point(np.array([1, 1, 0, 0, 0]), np.array([0.9, 0.2, 0.8, 0.1, 0.1]), 0.5)
    assert (row["sensitivity"], row["specificity"], row["precision"]) == (0.5, pytest.approx(2 / 3), 0.5)


def test_one_cycle_rises_for_a_quarter_and_falls_to_nothing() -> None:
    assert one_cycle(0, 1.0)[0] == pytest.approx(0.04)
    assert one_cycle(0.25, 1.0)[0] == pytest.approx(1.0)
    assert one_cycle(1.0, 1.0)[0] < 1e-4


def problem(n: int, seed: int) -> Split:
    dice = np.random.default_rng(seed)
    y = (dice.random((n, 5)) < 0.5).astype(np.float32)
    x = dice.normal(0, 0.3, (n, 2, 1000)).astype(np.float32)
    wave = np.sin(np.arange(1000) / 3).astype(np.float32)
    x[:, 0] += y[:, :1] * wave
    return Split(x, y, np.ones_like(y))


def first_column(logits: Any, truth: Any) -> float:
    return metrics.auroc(truth[:, 0], logits[:, 0])


def test_a_small_network_learns_and_resumes_to_the_same_weights(tmp_path: Path) -> None:
    recipe = Recipe(epochs=3, batch=16, first=5, lead_dropout=0.0)
    whole = fit(SMALL, recipe, problem(128, 0), problem(64, 1), first_column, tmp_path / "a", lambda _: None)
    rows = [json.loads(line) for line in (tmp_path / "a" / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["valid"] > 0.9

    class Stopped(Exception):
        pass

    def stop(text: str) -> None:
        raise Stopped

    again = tmp_path / "b"
    with pytest.raises(Stopped):
        fit(
            SMALL,
            recipe,
            problem(128, 0),
            problem(64, 1),
            first_column,
            again,
            lambda text: stop(text) if '"epoch": 3' in text else None,
        )
    resumed = fit(SMALL, recipe, problem(128, 0), problem(64, 1), first_column, again, lambda _: None)
    for one, other in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_what_is_not_known_is_not_learned() -> None:
    hot, known = targets({"super_class": "", "sub_class": "", "form": "PVC", "rhythm": "SR"})
    assert known[:28].sum() == 0
    assert known[28:].all()
    assert hot.sum() == 2


def records(n: int) -> Records:
    dice = np.random.default_rng(4)
    pairs = [
        targets({"super_class": ("NORM", "CD", "STTC", "MI|CD", "HYP")[i % 5], "sub_class": "", "form": "", "rhythm": "SR"})
        for i in range(n)
    ]
    signals = dice.normal(0, 0.3, (n, 12, 1000)).astype(np.float32)
    return Records(
        signals, np.stack([a for a, _ in pairs]), np.stack([b for _, b in pairs]), np.full(n, 9), tuple(map(str, range(n)))
    )


def test_lead_one_is_judged_by_records_with_one_of_the_three_alone() -> None:
    assert superclass_only(records(10)).tolist() == [True, True, True, False, False] * 2


def test_what_is_packed_answers_alike_in_both_engines_and_the_card_tells_it(tmp_path: Path) -> None:
    task = TASKS["lead_one"]
    shape = Settings(leads=1, outputs=62, widths=(8, 16), kernels=(5, 3))
    members = [build(one).eval() for one in (shape, shape, replace(shape, stem=9, beats=True))]
    packed = ship.pack(task, members, records(60), tmp_path, "9")
    ship.write({"lead_one": packed}, tmp_path)
    assert packed.report["onnx_difference"] < 1e-5
    assert packed.entry.labels == ["NORM", "CD", "STTC"]
    stored = manifest.find("lead_one", tmp_path)
    assert isinstance(stored, manifest.Stored)
    model = runtime.load(stored)
    assert isinstance(model, runtime.Model)
    shares = model.probabilities(model.logits(records(3).signals[:, :1])[0])
    assert shares.sum(1) == pytest.approx(1)
    said = evaluate.report(task, model, records(60))
    assert (round(said["macro_auroc"], 4), said["macro_auroc_95"]) == (
        packed.report["macro_auroc"],
        packed.report["macro_auroc_95"],
    )
    text = card.markdown(card.facts(MEMBERS, tmp_path, {"lead_one": packed.entry}, {"lead_one": packed.report}, ["a note"]))
    assert "fold 10 never seen" in text
    assert "not a medical device" in text
    assert "- a note" in text


@pytest.mark.parametrize("length", [1, 2, 7, 62, 63])
def test_the_pooling_that_is_shipped_means_what_torch_computes(tmp_path: Path, length: int) -> None:
    network = Network(SMALL).eval()
    ensemble = Ensemble([SMALL])
    ensemble.members[0].load_state_dict(network.state_dict())
    graph(ensemble.eval(), 2, tmp_path / "g.onnx")
    proto = onnx.load(tmp_path / "g.onnx", load_external_data=False)
    pools = [node for node in proto.graph.node if node.op_type == "AveragePool"]
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in "xy")
    pools[0].input[0], pools[0].output[0] = "x", "y"
    model = onnx.helper.make_model(
        onnx.helper.make_graph([pools[0]], "pool", [x], [y]), opset_imports=proto.opset_import, ir_version=8
    )
    given = np.random.default_rng(length).normal(0, 1, (2, 8, 1, length)).astype(np.float32)
    found = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": given})[0]
    expected = torch.nn.functional.avg_pool2d(torch.from_numpy(given), (1, 2), ceil_mode=True).numpy()
    assert np.abs(found - expected).max() < 1e-6


def test_a_teacher_moves_targets_towards_what_it_says() -> None:
    data = records(4)
    student = TASKS["lead_one"].split(data, np.ones(4, bool))
    teacher = Network(Settings(widths=(8, 16), kernels=(5, 3))).eval()
    soft = soften(student, data.signals, [teacher], 0.5)
    assert soft.targets.shape == student.targets.shape
    assert np.all(np.abs(soft.targets - student.targets) <= 0.5)
    assert not np.array_equal(soft.targets, student.targets)


def test_teachers_of_exclusive_classes_leave_shares_of_one_and_two_say_the_mean_of_their_logits() -> None:
    data = records(3)  # NORM, CD, STTC
    student = TASKS["lead_one"].split(data, np.ones(3, bool))

    class Says(Network):
        def __init__(self, value: float) -> None:
            super().__init__(Settings(widths=(8,), kernels=(3,), depth=1))
            self.value = value

        def forward(self, x: Any) -> Any:
            logits = torch.zeros(len(x), 59)
            logits[:, 0] = self.value  # of super:NORM
            return logits

    soft = soften(student, data.signals, [Says(0.0), Says(2 * float(np.log(2)))], 1.0, exclusive=True)
    assert soft.targets[:, :3] == pytest.approx(np.tile([0.5, 0.25, 0.25], (3, 1)), abs=0.01)  # bfloat16


def test_exclusive_classes_are_learned_by_a_softmax_and_only_where_known() -> None:
    logits = torch.tensor([[0.0, np.log(2), 0.0, 5.0], [9.0, 0.0, 0.0, 0.0]])
    target, known = torch.tensor([[0.0, 1, 0, 1], [0, 1, 0, 0]]), torch.tensor([[1.0, 1, 1, 0], [0, 0, 0, 1]])
    loss = loss_of(logits, target, known, Recipe(first=3, others=1.0, exclusive=True))
    assert float(loss) == pytest.approx(np.log(2) / 3 + np.log(2))  # -log(2/4) over three outputs; -log(1/2) of the other


def test_a_member_may_see_the_recording_turned(tmp_path: Path) -> None:
    plain = Network(Settings(leads=2, outputs=5, widths=(8,), kernels=(3,), depth=1)).eval()
    turned = Network(Settings(leads=2, outputs=5, widths=(8,), kernels=(3,), depth=1, turn=7)).eval()
    turned.load_state_dict(plain.state_dict())
    x = torch.randn(2, 2, 300)
    assert torch.allclose(turned(x), plain(torch.roll(x, 7, 2)))
    graph(Ensemble([plain.settings, turned.settings]), 2, tmp_path / "x.onnx")


def test_the_official_folder_is_read_as_the_packed_one(tmp_path: Path) -> None:
    wfdb = pytest.importorskip("wfdb")
    (tmp_path / "records100").mkdir()
    dice = np.random.default_rng(0)
    names = ["I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6"]
    signal = np.round(dice.normal(0, 0.3, (1000, 12)) / 0.005) * 0.005
    wfdb.wrsamp(
        "00001_lr", 100, ["mV"] * 12, names, signal, fmt=["16"] * 12, adc_gain=[1000.0] * 12, baseline=[0] * 12,
        write_dir=str(tmp_path / "records100"),
    )  # fmt: skip
    (tmp_path / "scp_statements.csv").write_text(
        ",description,diagnostic,form,rhythm,diagnostic_class,diagnostic_subclass\n"
        "IMI,x,1.0,,,MI,IMI\nNDT,x,1.0,1.0,,STTC,STTC\nNST_,x,1.0,1.0,,STTC,NST_\nLAFB,x,1.0,,,CD,LAFB/LPFB\nSR,x,,,1.0,,\n"
    )
    (tmp_path / "ptbxl_database.csv").write_text(
        "ecg_id,patient_id,scp_codes,strat_fold,filename_lr\n"
        "1,15.0,\"{'IMI': 35.0, 'NST_': 0.0, 'SR': 0.0}\",9,records100/00001_lr\n"
        "2,16.0,\"{'SR': 0.0}\",10,records100/00002_lr\n"
    )
    data = official(tmp_path)
    assert data.names == ("1",)
    assert np.abs(data.signals[0] - (signal.T - np.median(signal.T, axis=1, keepdims=True))).max() < 1e-3
    hot, _ = targets({"super_class": "MI|STTC", "sub_class": "IMI|NST", "form": "NST", "rhythm": "SR"})
    assert np.array_equal(data.targets[0], hot)


def test_scp_codes_become_classes_as_the_data_set_defines_them() -> None:
    known = {
        "LAFB": {"diagnostic": "1.0", "diagnostic_class": "CD", "diagnostic_subclass": "LAFB/LPFB"},
        "STD_": {"diagnostic": "", "form": "1.0"},
    }
    labels = labels_of({"LAFB": 100.0, "STD_": 0.0, "unknown": 1.0}, known)
    assert labels == {"super_class": "CD", "sub_class": "LAFB/LPFB", "form": "STD", "rhythm": ""}


def test_a_member_may_begin_with_anothers_weights(tmp_path: Path) -> None:
    recipe = Recipe(epochs=1, batch=16, first=5, rate=1e-9, decay=0.0)
    first = fit(SMALL, recipe, problem(32, 0), problem(32, 1), first_column, tmp_path / "a", lambda _: None)
    start = tmp_path / "a" / "average.pt"
    second = fit(SMALL, recipe, problem(32, 0), problem(32, 1), first_column, tmp_path / "b", lambda _: None, start=start)
    assert torch.allclose(first.head.weight, second.head.weight, atol=1e-6)
