"""The worker process: batches, bounds, crashes and hangs."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.fault import Fault, Kind
from inference.classify import Classification
from inference.models.labels import LEADS, TWELVE
from inference.serve import backend, wire, worker
from inference.serve.client import Classifier, Settings, worker_command

Array = np.ndarray[Any, Any]
Go = Callable[[Any], Any]


def settings(models: Path, **more: Any) -> Settings:
    return Settings(command=worker_command("own", models), **more)


async def with_worker(chosen: Settings, work: Callable[[Classifier], Any]) -> Any:
    classifier = Classifier(chosen)
    try:
        return await work(classifier)
    finally:
        await classifier.close()


def test_a_recording_is_classified_in_another_process(models: Path, ecg: Array, go: Go) -> None:
    async def work(classifier: Classifier) -> None:
        said = await classifier.classify(ecg, 500, LEADS)
        assert isinstance(said, Classification)
        assert set(said.probabilities) == set(TWELVE)
        assert all(0 <= value <= 1 for value in said.probabilities.values())
        assert len(said.embedding) == 32
        assert len(said.digest) == 64
        assert "not a medical device" in said.notice

    go(with_worker(settings(models), work))


def test_many_at_once_get_each_their_own_answer(models: Path, ecg: Array, go: Go) -> None:
    async def work(classifier: Classifier) -> None:
        different = [ecg * scale for scale in (0.5, 1.0, 2.0)]
        alone = [await classifier.classify(one, 500, LEADS) for one in different]
        together = await asyncio.gather(*(classifier.classify(different[i % 3], 500, LEADS) for i in range(30)))
        for number, said in enumerate(together):
            for label, value in said.probabilities.items():
                assert value == pytest.approx(alone[number % 3].probabilities[label], abs=1e-5)

    go(with_worker(settings(models), work))


def test_lead_order_is_by_name_and_limb_leads_follow_from_two(models: Path, ecg: Array, go: Go) -> None:
    lawful = ecg.copy()
    one, two = lawful[0], lawful[1]
    lawful[2:6] = two - one, -(one + two) / 2, one - two / 2, two - one / 2
    order = [11, 0, 7, 1, 6, 8, 9, 10]

    async def work(classifier: Classifier) -> None:
        whole = await classifier.classify(lawful, 500, LEADS)
        eight = await classifier.classify(lawful[order], 500, [f"MDC_ECG_LEAD_{LEADS[i].upper()}" for i in order])
        for label, value in whole.probabilities.items():
            assert eight.probabilities[label] == pytest.approx(value, abs=1e-4)

    go(with_worker(settings(models), work))


@pytest.mark.parametrize(
    ("shape", "rate", "names", "code"),
    [
        ((12, 0), 500, LEADS, "E822"),
        ((12, 200), 500, LEADS, "E822"),
        ((10_000, 5), 500, ["x"] * 10_000, "E820"),
        ((12,), 500, LEADS, "E820"),
        ((0, 5000), 500, [], "E820"),
        ((12, 5000), 0, LEADS, "E821"),
        ((12, 5000), float("nan"), LEADS, "E821"),
        ((12, 5000), 1e9, LEADS, "E821"),
        ((12, 5000), 500, LEADS[:3], "E820"),
        ((3, 5000), 500, LEADS[:3], "E824"),
    ],
)
def test_what_is_no_recording_gets_a_fault_and_the_worker_lives(
    models: Path, go: Go, shape: tuple[int, ...], rate: float, names: list[str], code: str
) -> None:
    async def work(classifier: Classifier) -> None:
        answer = await classifier.classify(np.ones(shape, np.float32), rate, names)
        assert isinstance(answer, Fault)
        assert answer.code == code
        assert answer.kind.answer.http in {400, 422}

    go(with_worker(settings(models), work))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_numbers_get_a_fault(models: Path, ecg: Array, go: Go, value: float) -> None:
    broken = ecg.copy()
    broken[3, 77] = value

    async def work(classifier: Classifier) -> None:
        answer = await classifier.classify(broken, 500, LEADS)
        assert isinstance(answer, Fault)
        assert answer.code == "E823"

    go(with_worker(settings(models), work))


def test_words_instead_of_numbers_get_a_fault(models: Path, go: Go) -> None:
    async def work(classifier: Classifier) -> None:
        answer = await classifier.classify(np.array([["a", "b"]]), 500, ["I"])  # type: ignore[arg-type]
        assert isinstance(answer, Fault)
        assert answer.code == "E820"

    go(with_worker(settings(models), work))


def test_a_flat_line_and_noise_make_the_model_abstain(models: Path, go: Go) -> None:
    async def work(classifier: Classifier) -> None:
        for signal_ in (np.zeros((12, 5000)), np.random.default_rng(1).normal(0, 300, (12, 5000))):
            said = await classifier.classify(signal_, 500, LEADS)
            assert isinstance(said, Classification)
            assert said.abstained
            assert not said.probabilities
            assert len(said.leads) == 12

    go(with_worker(settings(models), work))


def test_one_dead_electrode_is_told_and_the_rest_is_read(models: Path, ecg: Array, go: Go) -> None:
    broken = ecg.copy()
    broken[8] = 0

    async def work(classifier: Classifier) -> None:
        said = await classifier.classify(broken, 500, LEADS)
        assert said.leads == {"V3": "flat"}
        assert said.probabilities

    go(with_worker(settings(models), work))


def test_a_killed_worker_fails_what_it_had_and_is_replaced(models: Path, ecg: Array, go: Go) -> None:
    async def work(classifier: Classifier) -> None:
        assert isinstance(await classifier.classify(ecg, 500, LEADS), Classification)
        assert classifier._process is not None
        os.kill(classifier._process.pid, signal.SIGKILL)
        answer = await classifier.classify(ecg, 500, LEADS)
        if isinstance(answer, Fault):
            assert answer.code == "E827"
            assert answer.kind.answer.retry
            answer = await classifier.classify(ecg, 500, LEADS)
        assert isinstance(answer, Classification)
        assert classifier.starts == 2

    go(with_worker(settings(models), work))


def test_a_hung_worker_is_a_timeout_and_is_replaced(models: Path, ecg: Array, go: Go) -> None:
    async def work(classifier: Classifier) -> None:
        await classifier.start()
        assert classifier._process is not None
        os.kill(classifier._process.pid, signal.SIGSTOP)
        answer = await classifier.classify(ecg, 500, LEADS)
        assert isinstance(answer, Fault)
        assert answer.code == "E826"
        assert answer.kind is Kind.INTERRUPTED
        assert classifier._reader is not None
        await classifier._reader
        again = Classifier(settings(models))
        assert isinstance(await again.classify(ecg, 500, LEADS), Classification)
        await again.close()

    go(with_worker(settings(models, timeout=0.3, hang=0.3), work))


def test_the_queue_is_bounded(models: Path, ecg: Array, go: Go) -> None:
    async def work(classifier: Classifier) -> None:
        await classifier.start()
        answers = await asyncio.gather(*(classifier.classify(ecg, 500, LEADS) for _ in range(40)))
        busy = [one for one in answers if isinstance(one, Fault)]
        assert {one.code for one in busy} == {"E825"}
        assert len(busy) == 36

    go(with_worker(settings(models, queue=4), work))


def test_a_worker_that_does_not_start_is_said_so_and_not_tried_at_once(go: Go) -> None:
    async def work(classifier: Classifier) -> None:
        first = await classifier.start()
        assert isinstance(first, Fault)
        assert first.code == "E828"
        assert isinstance(await classifier.start(), Fault)
        assert classifier.starts == 1

    go(with_worker(Settings(command=(sys.executable, "-c", "raise SystemExit(3)")), work))


def test_a_worker_with_a_changed_model_file_refuses_to_serve(models: Path, tmp_path: Path, go: Go) -> None:
    for path in models.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    raw = bytearray((tmp_path / "twelve.safetensors").read_bytes())
    raw[-3] ^= 1
    (tmp_path / "twelve.safetensors").write_bytes(raw)

    async def work(classifier: Classifier) -> None:
        answer = await classifier.start()
        assert isinstance(answer, Fault)
        assert answer.code == "E845"

    go(with_worker(settings(tmp_path), work))


class Breaks:
    """A backend that fails on one recording."""

    @property
    def models(self) -> list[dict[str, str]]:
        return []

    def answer(self, asked: list[wire.Ask]) -> list[wire.Answer]:
        if any(ask.model == "bad" for ask in asked):
            raise MemoryError
        return [wire.Answer(ask.id, windows=1) for ask in asked]


def test_one_recording_that_breaks_the_model_harms_no_other_of_its_batch() -> None:
    asked = [wire.Ask(n, "bad" if n == 2 else "good", 500.0, [], 0, b"") for n in range(4)]
    answers = worker.answers(Breaks(), asked)
    assert [bool(one.fault) for one in answers] == [False, False, True, False]
    assert answers[2].fault[1] == "E829"


def test_frames_split_anywhere_are_read_whole() -> None:
    asked = [wire.Ask(n, "m", 1.0, ["I"], 1, b"\0" * 4) for n in range(3)]
    data = b"".join(wire.frame(one) for one in asked)
    for cut in range(1, len(data), 7):
        read, write = os.pipe()
        pipe = worker.Pipe(read)
        frames: list[bytes] = []
        for piece in (data[:cut], data[cut:]):
            os.write(write, piece)
            pipe.fill()
            while (body := pipe.whole()) is not None:
                frames.append(body)
        assert [wire.ask.decode(body).id for body in frames] == [0, 1, 2]
        os.close(read)
        os.close(write)


def test_a_request_whose_bytes_do_not_fit_its_shape_is_refused(models: Path) -> None:
    own = backend.own(models)
    assert isinstance(own, backend.Own)
    answer = own.answer([wire.Ask(1, "twelve", 500.0, list(LEADS), 5000, b"\0" * 12)])[0]
    assert answer.fault[1] == "E820"
    assert own.answer([wire.Ask(1, "other", 500.0, list(LEADS), 1, b"\0" * 48)])[0].fault[1] == "E848"


def test_many_requests_shared_out_among_threads_are_answered_as_each_alone(models: Path, ecg: Array) -> None:
    alone, shared = backend.own(models), backend.own(models, threads=2)
    assert isinstance(alone, backend.Own) and isinstance(shared, backend.Own)
    asked = [wire.Ask(n, "twelve", 500.0, list(LEADS), 5000, (ecg * (0.5 + n / 8)).astype("<f4").tobytes()) for n in range(5)]
    for count in (1, 2, 5):
        one_by_one = [alone.answer([ask])[0] for ask in asked[:count]]
        for ours, theirs in zip(shared.answer(asked[:count]), one_by_one, strict=True):
            assert ours.id == theirs.id
            assert ours.probabilities == pytest.approx(theirs.probabilities, abs=1e-5)
