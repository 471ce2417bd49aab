"""Checkpoints in ECG-FM's published layout, small on the disk."""

from argparse import Namespace
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from engine.fault import Fault  # noqa: E402
from inference.ecgfm.checkpoint import Loaded, load  # noqa: E402

torch.set_num_threads(1)

MODEL = {
    "in_d": 12,
    "conv_feature_layers": "[(256, 2, 2)] * 4",
    "extractor_mode": "default",
    "conv_bias": False,
    "encoder_embed_dim": 768,
    "encoder_ffn_embed_dim": 3072,
    "encoder_attention_heads": 12,
    "encoder_layers": 12,
    "layer_norm_first": False,
    "conv_pos": 128,
    "conv_pos_groups": 16,
    "dropout": 0.1,
}


def empty_state(kind: type[torch.nn.Module]) -> OrderedDict[str, torch.Tensor]:
    """All of a network's tensors, each a view of a single zero: the checkpoint stays small."""
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in kind().state_dict().items()}
    return OrderedDict((name, torch.full((1,), 0.01).expand(shape)) for name, shape in shapes.items())


def write(path: Path, state: dict[str, torch.Tensor], **model: Any) -> Path:
    extra = {"args": Namespace(lr=1e-4), "optimizer_history": [{"num_updates": 3}], "extra_state": {"epoch": 2}}
    torch.save({"cfg": {"_name": None, "model": {**MODEL, **model}}, "model": state, **extra}, path)
    return path


def loaded(path: Path) -> Loaded:
    answer = load(path)
    assert isinstance(answer, Loaded), answer
    return answer


def refused(path: Path) -> str:
    answer = load(path)
    assert isinstance(answer, Fault)
    return answer.code
