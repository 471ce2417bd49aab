"""What computes inside the worker: our own models through ONNX Runtime, or ECG-FM through torch. Batches in, answers out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engine.fault import Fault, Kind
from inference import classify
from inference.models import manifest, runtime
from inference.saliency import explained
from inference.serve.wire import Answer, Ask

Array = npt.NDArray[np.float32]
LARGEST = 32  # windows in one pass


class Backend(Protocol):
    """Answers requests in batches; `models` says what it knows."""

    @property
    def models(self) -> list[dict[str, str]]: ...

    def answer(self, asked: Sequence[Ask]) -> list[Answer]: ...


def told(id: int, fault: Fault) -> Answer:
    """A fault as an answer."""
    return Answer(id, [fault.kind.value, fault.code, fault.text, fault.at, fault.help])


def signal_of(ask: Ask) -> Array | Fault:
    """The samples of a request; a length that does not fit is a fault."""
    if len(ask.leads) * ask.samples * 4 != len(ask.data):
        return Fault(Kind.INCORRECT, "E820", "the signal's length is not leads by samples", "signal")
    return np.frombuffer(ask.data, "<f4").reshape(len(ask.leads), ask.samples)


@dataclass(frozen=True, slots=True)
class Job:
    """A request that is ready to be computed."""

    ask: Ask
    ready: classify.Ready


@dataclass(frozen=True, slots=True)
class Own:
    """The shipped models."""

    loaded: dict[str, runtime.Model]  # each computes on the thread that asks it
    models: list[dict[str, str]]
    wide: dict[str, runtime.Model] = field(
        default_factory=dict
    )  # the same on all threads: quicker for one window, dearer for many
    hands: Executor | None = None  # threads among which many windows are shared out
    threads: int = 1

    def answer(self, asked: Sequence[Ask]) -> list[Answer]:
        """Prepares each, groups by model and shape, computes, and calibrates. One bad request harms no other."""
        answers: dict[int, Answer] = {}
        groups: dict[tuple[str, tuple[int, ...]], list[Job]] = {}
        for ask in asked:
            job = self._prepare(ask)
            if isinstance(job, Answer):
                answers[ask.id] = job
            else:
                groups.setdefault((ask.model, job.ready.windows.shape[1:]), []).append(job)
        for (name, _shape), jobs in groups.items():
            for job, reply in zip(jobs, self._compute(name, jobs), strict=True):
                answers[job.ask.id] = reply
        return [answers[ask.id] for ask in asked]

    def _prepare(self, ask: Ask) -> Job | Answer:
        model = self.loaded.get(ask.model)
        if model is None:
            return told(ask.id, Fault(Kind.NOT_FOUND, "E848", "there is no model of this name", ask.model[:40]))
        signal = signal_of(ask)
        if isinstance(signal, Fault):
            return told(ask.id, signal)
        ready = classify.ready(signal, ask.rate, ask.leads, model.stored.entry.leads)
        if isinstance(ready, Fault):
            return told(ask.id, ready)
        if not ready.readable:
            why = {lead: reason for lead, reason in zip(model.stored.entry.leads, ready.reasons, strict=True) if reason}
            return Answer(ask.id, abstained=classify.UNREADABLE, leads=why, warnings=list(ready.warnings))
        return Job(ask, ready)

    def _logits(self, name: str, windows: Array) -> list[tuple[Array, Array]]:
        """Logits and embedding of windows, in parts; a part is computed on one thread, and one window on all."""
        model, count = self.loaded[name], len(windows)
        if self.hands is None or count == 1:
            model = self.wide.get(name, model)
            return [model.logits(windows[at : at + LARGEST]) for at in range(0, count, LARGEST)]
        size = min(LARGEST, -(-count // self.threads))
        return list(self.hands.map(model.logits, (windows[at : at + size] for at in range(0, count, size))))

    def _compute(self, name: str, jobs: Sequence[Job]) -> list[Answer]:
        model = self.loaded[name]
        parts = self._logits(name, np.concatenate([job.ready.windows for job in jobs]))
        logits, embedding = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
        entry, answers, at = model.stored.entry, [], 0
        for job in jobs:
            count = len(job.ready.windows)
            values = model.probabilities(logits[at : at + count].mean(0))
            mean = embedding[at : at + count].mean(0)
            at += count
            answers.append(
                Answer(
                    job.ask.id,
                    probabilities={label: float(value) for label, value in zip(entry.labels, values, strict=True)},
                    embedding=mean.astype("<f4").tobytes(),
                    windows=count,
                    leads={lead: why for lead, why in zip(entry.leads, job.ready.reasons, strict=True) if why},
                    warnings=list(job.ready.warnings),
                    maps=explained(model, job.ready.windows[0], job.ask.labels) if job.ask.labels else [],
                )
            )
        return answers


def own(folder: Path = manifest.SHIPPED, threads: int = 1) -> Own | Fault:
    """Loads every model of the manifest; one that fails its check stops them all."""
    listed = manifest.read(folder)
    if isinstance(listed, Fault):
        return listed
    loaded: dict[str, runtime.Model] = {}
    wide: dict[str, runtime.Model] = {}
    for name, entry in listed.models.items():
        for found, count in ((loaded, 1), (wide, threads))[:threads]:
            model = runtime.load(manifest.Stored(name, folder, entry), count)
            if isinstance(model, Fault):
                return model
            model.logits(
                np.zeros((1, len(entry.leads), 1000), np.float32)
            )  # the first pass plans memory: let no patient wait for it
            found[name] = model
    rows = [{"name": name, "version": one.stored.entry.version, "sha256": one.stored.digest} for name, one in loaded.items()]
    return Own(loaded, rows, wide, ThreadPoolExecutor(threads) if threads > 1 else None, threads)


@dataclass(frozen=True, slots=True)
class EcgFm:
    """ECG-FM, from a checkpoint the site configured."""

    run: Callable[[Array], tuple[Array, Array]]  # [k, 12, 2500] → probabilities [k, 17] (empty when pre-trained), embedding
    models: list[dict[str, str]]

    def answer(self, asked: Sequence[Ask]) -> list[Answer]:
        """One request at a time: a segment takes longer than any queueing. Raw probabilities stay where the signal cannot be read."""
        return [self._one(ask) for ask in asked]

    def _one(self, ask: Ask) -> Answer:
        from inference.ecgfm.labels import LABELS, combine  # noqa: PLC0415
        from inference.ecgfm.preprocess import segments  # noqa: PLC0415
        from inference.leads import LEADS, twelve  # noqa: PLC0415
        from inference.preprocess import prepare  # noqa: PLC0415
        from inference.usable import judge  # noqa: PLC0415

        signal = signal_of(ask)
        fault = signal if isinstance(signal, Fault) else classify.check(signal, ask.rate, ask.leads)
        chosen = fault or twelve(signal, ask.leads)  # type: ignore[arg-type]
        if isinstance(chosen, Fault):
            return told(ask.id, chosen)
        cut = segments(chosen, ask.rate)[: classify.MOST_WINDOWS]
        if not len(cut):
            return told(ask.id, Fault(Kind.INCORRECT, "E822", "ECG-FM needs five seconds at least", "signal"))
        probabilities, embedding = self.run(cut.astype(np.float32))
        values = combine(probabilities.tolist()) if probabilities.size else []
        reasons, readable = judge(prepare(chosen, ask.rate))
        why = {lead: reason for lead, reason in zip(LEADS, reasons, strict=True) if reason}
        return Answer(
            ask.id,
            abstained="" if readable else classify.UNREADABLE,
            leads=why,
            warnings=[f"lead {lead}: {reason}" for lead, reason in why.items()],
            probabilities=dict(zip(LABELS, values, strict=True)) if values else {},
            embedding=embedding.mean(0).astype("<f4").tobytes(),
            windows=len(cut),
        )


def ecgfm(path: Path, digest: str = "", threads: int = 2) -> EcgFm | Fault:
    """Loads a checkpoint; torch is imported here and nowhere else in the worker."""
    try:
        import torch  # noqa: PLC0415
    except ImportError:
        return Fault(Kind.UNAVAILABLE, "E849", "torch is not installed", help="pip install isthmus[train]")
    from inference.ecgfm.checkpoint import load  # noqa: PLC0415

    torch.set_num_threads(threads)
    loaded = load(path, digest)
    if isinstance(loaded, Fault):
        return loaded
    network: Any = loaded.network

    def run(x: Array) -> tuple[Array, Array]:
        with torch.inference_mode():
            out = network(torch.from_numpy(x))
            if loaded.finetuned:
                return torch.sigmoid(out[0]).numpy(), out[1].numpy()
            return np.empty((0, 0), np.float32), out.numpy()

    kind = "ecg-fm-finetuned" if loaded.finetuned else "ecg-fm-pretrained"
    return EcgFm(run, [{"name": kind, "version": loaded.name, "sha256": loaded.digest}])
