"""Several networks as one: the mean of their logits, their embeddings side by side; and its export to ONNX."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from inference.models.beat_network import build
from inference.models.network import Settings


class Ensemble(nn.Module):
    """[B, leads, time] mV at 100 Hz → (logits [B, outputs], embedding [B, sum of the members' widths])."""

    def __init__(self, settings: Sequence[Settings]) -> None:
        super().__init__()
        self.members = nn.ModuleList([build(one) for one in settings])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        embeddings = [member.features(x) for member in self.members]  # type: ignore[operator]
        logits = [member.head(one) for member, one in zip(self.members, embeddings, strict=True)]  # type: ignore[operator]
        return torch.stack(logits).mean(0), torch.cat(embeddings, 1)


def half(model: nn.Module) -> dict[str, Tensor]:
    """The weights as they are stored: float16, without the counters of batch norm."""
    state = model.state_dict()
    return {name: value.half().contiguous() for name, value in state.items() if value.is_floating_point()}


def restore(model: nn.Module, tensors: dict[str, Tensor]) -> nn.Module:
    """The model with stored weights, in float32, ready to answer; raises KeyError or RuntimeError when they do not fit."""
    state = {name: tensors[name].float() if value.is_floating_point() else value for name, value in model.state_dict().items()}
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


def graph(model: nn.Module, leads: int, path: Path) -> None:
    """Writes the model's ONNX graph with its weights left out: they stay in the safetensors file beside it.

    The initializers keep the names of the state dict, so the reader can hand them in.
    """
    import onnx  # noqa: PLC0415
    from onnx import TensorProto  # noqa: PLC0415

    axes = {"signal": {0: "batch", 2: "time"}, "logits": {0: "batch"}, "embedding": {0: "batch"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own successor
        torch.onnx.export(
            model, (torch.zeros(2, leads, 1000),), path, dynamo=False, opset_version=17, dynamic_axes=axes,
            input_names=["signal"], output_names=["logits", "embedding"], do_constant_folding=False,
            training=torch.onnx.TrainingMode.PRESERVE,
        )  # fmt: skip
    proto = onnx.load(path, load_external_data=False)
    stored = set(half(model))
    for one in proto.graph.initializer:
        if one.name in stored:
            one.ClearField("raw_data")
            one.data_location = TensorProto.EXTERNAL
            del one.external_data[:]
            one.external_data.add(key="location", value="weights")
    for node in proto.graph.node:
        if node.op_type == "AveragePool":
            floored(node)
    path.write_bytes(proto.SerializeToString())


def floored(node: Any) -> None:
    """Rounds the length of a pooling by two down after a place that does not count, not up: the same means, but ONNX Runtime's
    quicker kernels, which work on channels in blocks, know this form only."""
    from onnx import helper  # noqa: PLC0415

    del node.attribute[:]
    made = {"kernel_shape": [1, 2], "strides": [1, 2], "pads": [0, 0, 0, 1], "count_include_pad": 0, "ceil_mode": 0}
    node.attribute.extend(helper.make_attribute(name, value) for name, value in made.items())
