"""What ECG-FM answers: seventeen labels over segments, features, and where a signal cannot be read."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ecgfm_files import empty_state, write  # noqa: E402

from inference.ecgfm.labels import LABELS, combine, group  # noqa: E402
from inference.ecgfm.network import Finetuned, Pretrained  # noqa: E402
from inference.models.labels import LEADS  # noqa: E402
from inference.serve import backend  # noqa: E402
from inference.serve.wire import Ask  # noqa: E402


def test_ecg_fm_says_where_a_signal_cannot_be_read(tmp_path: Path) -> None:
    own = backend.ecgfm(write(tmp_path / "tuned.pt", empty_state(Finetuned)), threads=1)
    assert isinstance(own, backend.EcgFm)
    answer = own.answer([Ask(1, "", 500.0, list(LEADS), 5000, np.zeros((12, 5000), "<f4").tobytes())])[0]
    assert answer.abstained == "the signal cannot be read"
    assert answer.leads == dict.fromkeys(LEADS, "flat")
    assert list(answer.probabilities) == list(LABELS), "raw probabilities stay: poor data quality is one of them"


def test_a_segment_that_shows_a_passing_event_is_enough() -> None:
    first, second = [0.1] * 17, [0.3] * 17
    both = combine([first, second])
    highest = {"Poor data quality", "Premature ventricular contraction", "Ventricular tachycardia"}
    highest |= {"Supraventricular tachycardia with aberrancy", "Electronic pacemaker"}
    for label, value in zip(LABELS, both, strict=True):
        assert value == pytest.approx(0.3 if label in highest else 0.2)


def test_labels_are_grouped_as_the_interpreter_reads_them() -> None:
    assert [group(index) for index in (0, 1, 8, 16, 9, 14, 15)] == [
        "Other", "Rhythm", "Rhythm", "Rhythm", "Conduction", "Conduction", "Ischemia",
    ]  # fmt: skip


def test_the_worker_answers_with_all_seventeen_labels_over_segments(tmp_path: Path) -> None:
    state = empty_state(Finetuned)
    state["proj.bias"] = torch.linspace(-4, 4, 17)
    own = backend.ecgfm(write(tmp_path / "tuned.pt", state), threads=1)
    assert isinstance(own, backend.EcgFm)
    signal = np.random.default_rng(0).normal(0, 200, (12, 5000)).astype("<f4")
    good = Ask(1, "", 500.0, list(LEADS), 5000, signal.tobytes())
    short = Ask(2, "", 500.0, list(LEADS), 2000, signal[:, :2000].tobytes())
    few = Ask(3, "", 500.0, ["I"], 5000, signal[:1].tobytes())
    answers = own.answer([good, short, few])
    assert list(answers[0].probabilities) == list(LABELS)
    assert answers[0].windows == 2
    assert len(answers[0].embedding) == 768 * 4
    values = list(answers[0].probabilities.values())
    assert values == sorted(values)
    assert [one.fault[1] for one in answers[1:]] == ["E822", "E824"]
    assert len(own.models[0]["sha256"]) == 64


def test_a_pretrained_checkpoint_answers_with_features_only(tmp_path: Path) -> None:
    own = backend.ecgfm(write(tmp_path / "pre.pt", empty_state(Pretrained)), threads=1)
    assert isinstance(own, backend.EcgFm)
    answer = own.answer([Ask(1, "", 500.0, list(LEADS), 2500, np.ones((12, 2500), "<f4").tobytes())])[0]
    assert answer.probabilities == {}
    assert len(answer.embedding) == 768 * 4
