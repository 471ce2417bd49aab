"""Small models of random weights, in files as they are shipped."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from inference.models import manifest
from inference.models.labels import LEAD_ONE, LEADS, TWELVE

Go = Callable[[Awaitable[Any]], Any]


def write_models(folder: Path) -> Path:
    """A folder with a manifest and two tiny models."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save

    from inference.models.ensemble import Ensemble, graph, half, restore
    from inference.models.network import Settings

    torch.set_num_threads(1)
    torch.manual_seed(11)
    models = {}
    for name, leads, labels, kind in (("twelve", LEADS, TWELVE, "sigmoid"), ("lead_one", ("I",), LEAD_ONE, "softmax")):
        settings = [Settings(leads=len(leads), outputs=len(labels), widths=(8, 16), kernels=(5, 3))]
        ensemble = Ensemble(settings)
        weights = half(ensemble)
        restore(ensemble, weights)
        (folder / f"{name}.safetensors").write_bytes(save(weights))
        graph(ensemble, len(leads), folder / f"{name}.onnx")
        files = [
            manifest.File(one, hashlib.sha256((folder / one).read_bytes()).hexdigest())
            for one in (f"{name}.safetensors", f"{name}.onnx")
        ]
        ones, zeros = [1.0] * len(labels), [0.0] * len(labels)
        models[name] = manifest.Entry(
            "test", files[0], files[1], list(leads), list(labels), kind, ones, zeros, {}, 32, [asdict(settings[0])], {}
        )
    body = manifest.Manifest("made up", "none", "a test", models)
    (folder / "manifest.json").write_bytes(msgspec.json.encode(body))
    return folder


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def ecg() -> np.ndarray[Any, Any]:
    """Ten seconds of a made-up twelve-lead ECG at 500 Hz, µV: narrow complexes at 75 a minute, noise, a wandering baseline."""
    dice = np.random.default_rng(5)
    time = np.arange(5000) / 500
    beat = (time % 0.8) - 0.3
    wave = (
        1000 * np.exp(-((beat / 0.012) ** 2))
        + 250 * np.exp(-(((beat - 0.25) / 0.05) ** 2))
        + 120 * np.exp(-(((beat + 0.16) / 0.025) ** 2))
    )
    gains = np.array([0.6, 1.0, 0.4, -0.8, 0.1, 0.7, -0.5, 0.4, 0.9, 1.3, 1.1, 0.8])
    drift = 60 * np.sin(2 * np.pi * 0.2 * time)
    table = gains[:, None] * wave + drift + dice.normal(0, 8, (12, 5000))
    return np.asarray(table, np.float32)


@pytest.fixture
def go() -> Go:
    """Runs a coroutine in a fresh event loop."""

    def run(work: Awaitable[Any]) -> Any:
        async def body() -> Any:
            return await work

        return asyncio.run(body())

    return run
