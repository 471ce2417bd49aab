"""Weights on disk: read when they tell the truth, refused before they are believed."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fault import Fault
from inference.models import manifest, runtime
from inference.models.weights import check_header, digest_of, read_arrays


def safetensors(header: Any, data: bytes) -> bytes:
    raw = json.dumps(header).encode() if not isinstance(header, bytes) else header
    return len(raw).to_bytes(8, "little") + raw + data


def row(kind: str, shape: list[int], start: int, end: int) -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [start, end]}


def test_what_another_library_wrote_is_read_equal(tmp_path: Path) -> None:
    numpy_file = pytest.importorskip("safetensors.numpy")
    wanted = {"a": np.arange(6, dtype=np.float16).reshape(2, 3), "b": np.array([1.5], np.float32)}
    numpy_file.save_file(wanted, tmp_path / "x.safetensors")
    got = read_arrays(tmp_path / "x.safetensors")
    assert isinstance(got, dict)
    assert set(got) == {"a", "b"}
    for name, value in wanted.items():
        assert got[name].dtype == value.dtype
        assert np.array_equal(got[name], value)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 7,
        (2**63).to_bytes(8, "little") + b"{}",
        (100).to_bytes(8, "little") + b"{}",
        safetensors(b"not json", b""),
        safetensors([1], b""),
        safetensors({"a": 3}, b""),
        safetensors({"a": row("F32", [2**40, 2**40], 0, 8)}, b"\0" * 8),
        safetensors({"a": row("F32", [-2], 0, 8)}, b"\0" * 8),
        safetensors({"a": row("F32", [2], 0, 12)}, b"\0" * 12),
        safetensors({"a": row("F32", [2], 0, 8)}, b"\0" * 4),
        safetensors({"a": row("F32", [2], 0, 8)}, b"\0" * 9),
        safetensors({"a": row("F32", [2], 4, 12)}, b"\0" * 12),
        safetensors({"a": row("F32", [2], 0, 8), "b": row("F32", [1], 4, 8)}, b"\0" * 8),
        safetensors({"a": row("F99", [2], 0, 8)}, b"\0" * 8),
        safetensors({"a": row("F32", [True, 2], 0, 8)}, b"\0" * 8),
        safetensors({"a": row("F32", [1] * 20, 0, 4)}, b"\0" * 4),
        safetensors(b"[" * 100_000, b""),
    ],
)
def test_a_file_that_lies_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(raw)
    answer = read_arrays(path)
    assert isinstance(answer, Fault)
    assert answer.code == "E846"


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_told_true(raw: bytes) -> None:
    assert check_header(raw) is None or isinstance(check_header(raw), Fault)


def test_the_digest_is_checked_before_the_contents(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"anything")
    answer = read_arrays(path, "0" * 64)
    assert isinstance(answer, Fault)
    assert answer.code == "E845"
    assert isinstance(digest_of(path), str)


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(safetensors({"a": row("F32", [1], 0, 4)}, np.float32(np.nan).tobytes()))
    answer = read_arrays(path)
    assert isinstance(answer, Fault)
    assert answer.code == "E844"


def test_a_model_of_the_folder_answers_as_torch_does(models: Path) -> None:
    torch = pytest.importorskip("torch")
    from inference.models.ensemble import Ensemble, restore
    from inference.models.network import Settings

    stored = manifest.find("twelve", models)
    assert isinstance(stored, manifest.Stored)
    model = runtime.load(stored)
    assert isinstance(model, runtime.Model)
    rows = stored.entry.settings
    settings = [Settings(**{key: tuple(v) if isinstance(v, list) else v for key, v in one.items()}) for one in rows]
    arrays = read_arrays(models / stored.entry.weights.name)
    assert isinstance(arrays, dict)
    torch_model = restore(Ensemble(settings), {name: torch.from_numpy(value.copy()) for name, value in arrays.items()})
    x = np.random.default_rng(0).normal(size=(3, 12, 700)).astype(np.float32)
    ours, embedding = model.logits(x)
    theirs = torch_model(torch.from_numpy(x))
    assert np.abs(ours - theirs[0].numpy()).max() < 1e-5
    assert np.abs(embedding - theirs[1].numpy()).max() < 1e-5


def test_a_changed_graph_is_refused(models: Path, tmp_path: Path) -> None:
    for path in models.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "twelve.onnx").write_bytes((models / "twelve.onnx").read_bytes() + b"\0")
    stored = manifest.find("twelve", tmp_path)
    assert isinstance(stored, manifest.Stored)
    answer = runtime.load(stored)
    assert isinstance(answer, Fault)
    assert answer.code == "E845"


def test_a_broken_or_absent_manifest_and_an_unknown_name_are_faults(models: Path, tmp_path: Path) -> None:
    codes = []
    for folder, name in ((tmp_path / "none", "twelve"), (tmp_path, "twelve"), (models, "thirteen")):
        if folder == tmp_path:
            (folder / "manifest.json").write_text('{"models": 3}')
        answer = manifest.find(name, folder)
        assert isinstance(answer, Fault)
        codes.append(answer.code)
    assert codes == ["E841", "E847", "E848"]


def test_platts_scaling_and_softmax_are_what_they_say() -> None:
    assert runtime.calibrated([0.0, 2.0], [1.0, 2.0], [0.0, -1.0], "sigmoid") == pytest.approx([0.5, 1 / (1 + np.exp(-3))])
    assert runtime.calibrated([[1.0, 1.0]], [1, 1], [0, np.log(3)], "softmax")[0] == pytest.approx([0.25, 0.75])


def test_a_missing_engine_is_said_so(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = manifest.find("twelve", models)
    assert isinstance(stored, manifest.Stored)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    answer = runtime.load(stored)
    assert isinstance(answer, Fault)
    assert answer.code == "E849"
