"""ECG-FM's published checkpoints, pickled or converted to safetensors → a network ready to answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.fault import Fault, Kind
from inference.ecgfm.network import Finetuned, Pretrained
from inference.ecgfm.pickles import Checkpoint, Lazy, open_checkpoint, refused
from inference.models.weights import digest_of, read_arrays

CONFIGURATION: dict[tuple[str, ...], Any] = {
    ("in_d",): 12,
    ("conv_feature_layers",): [(256, 2, 2)] * 4,
    ("extractor_mode",): "default",
    ("conv_bias",): False,
    ("encoder_embed_dim", "embed_dim", "embed"): 768,
    ("encoder_ffn_embed_dim", "ffn_embed_dim", "ffn"): 3072,
    ("encoder_attention_heads", "attention_heads", "heads"): 12,
    ("encoder_layers", "layers"): 12,
    ("layer_norm_first",): False,
    ("conv_pos",): 128,
    ("conv_pos_groups",): 16,
}
EXTRA = "encoder.mask_emb"
SPELLINGS = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A loaded checkpoint; `digest` is the SHA-256 of the file it came from."""

    network: nn.Module
    finetuned: bool
    digest: str
    name: str


def _same(name: str, value: Any, wanted: Any) -> bool:
    if name != "conv_feature_layers":
        return bool(type(value) is type(wanted) and value == wanted)
    if isinstance(value, str):
        spaceless = value.replace(" ", "")
        return spaceless == "[(256,2,2)]*4" or spaceless == "[" + ",".join(["(256,2,2)"] * 4) + "]"
    return isinstance(value, list | tuple) and [tuple(row) for row in value if isinstance(row, list | tuple)] == wanted


def check(model: Mapping[str, Any]) -> Fault | None:
    """Whether `cfg["model"]` is the one architecture this is; what it does not state, the shapes must show."""
    for names, wanted in CONFIGURATION.items():
        for name in names:
            if name in model and not _same(name, model[name], wanted):
                return Fault(
                    Kind.UNSUPPORTED, "E842", f"the checkpoint's configuration is not ECG-FM's: {name}", f"cfg.model.{name}",
                    f"it must be {wanted!r}",
                )  # fmt: skip
    if not any(name in model for names in CONFIGURATION for name in names):
        return Fault(Kind.UNSUPPORTED, "E842", "the checkpoint does not say what it is", "cfg.model", "its cfg names the sizes")
    return None


def rename(name: str) -> str:
    """Both spellings of weight norm become the older one."""
    for new, old in SPELLINGS.items():
        name = re.sub(rf"{re.escape(new)}$", old, name)
    return name


def fitting(shapes: Mapping[str, tuple[int, ...]]) -> nn.Module | Fault:
    """The network, without weights, whose every name and shape these are; an extra mask embedding is let pass."""
    given = {rename(key): tuple(shape) for key, shape in shapes.items() if key != EXTRA}
    with torch.device("meta"):
        network: nn.Module = Finetuned() if "proj.weight" in given else Pretrained()
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    strange = sorted(set(given) ^ set(wanted)) or sorted(key for key in wanted if given[key] != wanted[key])
    if strange:
        return Fault(
            Kind.UNSUPPORTED, "E843", f"{len(strange)} tensors are not ECG-FM's, the first {strange[0][:80]}", strange[0][:80],
            "mimic_iv_ecg_finetuned.pt or mimic_iv_ecg_physionet_pretrained.pt",
        )  # fmt: skip
    return network


def build(tensors: Mapping[str, Tensor], digest: str, name: str) -> Loaded | Fault:
    """A network with these weights."""
    network = fitting({key: tuple(value.shape) for key, value in tensors.items()})
    if isinstance(network, Fault):
        return network
    state = {rename(key): value for key, value in tensors.items() if key != EXTRA}
    ready = {key: value.to(torch.float32).contiguous() for key, value in state.items()}
    if not all(bool(torch.isfinite(value).all()) for value in ready.values()):
        return Fault(Kind.INCORRECT, "E844", "the checkpoint holds weights that are not numbers", help="fetch it again")
    network.load_state_dict(ready, assign=True)
    return Loaded(network.eval().requires_grad_(False), isinstance(network, Finetuned), digest, name)


def _from_pickle(path: Path) -> dict[str, Tensor] | Fault:
    checkpoint = open_checkpoint(path)
    if isinstance(checkpoint, Fault):
        return checkpoint
    cfg, model = checkpoint.contents.get("cfg"), checkpoint.contents.get("model")
    settings = cfg.get("model") if isinstance(cfg, dict) else None
    if not isinstance(settings, dict) or not isinstance(model, dict):
        return refused("the checkpoint has no cfg.model or no model", "cfg.model")
    return check(settings) or _materialise(checkpoint, model)


def _from_safetensors(path: Path, digest: str) -> dict[str, Tensor] | Fault:
    arrays = read_arrays(path, digest)
    return arrays if isinstance(arrays, Fault) else {key: torch.from_numpy(value.copy()) for key, value in arrays.items()}


def _materialise(checkpoint: Checkpoint, model: Mapping[Any, Any]) -> dict[str, Tensor] | Fault:
    if not all(isinstance(key, str) and isinstance(value, Lazy) for key, value in model.items()):
        return refused("the checkpoint's model is not a dictionary of tensors", "model")
    network = fitting({key: value.shape for key, value in model.items()})  # what it claims to be costs no memory yet
    if isinstance(network, Fault):
        return network
    return {key: checkpoint.tensor(value) for key, value in model.items() if key != EXTRA}


def load(path: Path, digest: str = "") -> Loaded | Fault:
    """Loads a .pt or .safetensors checkpoint from a path; a given digest must be the file's before anything is read."""
    found = digest_of(path)
    if isinstance(found, Fault):
        return found
    if digest and found != digest:
        return Fault(
            Kind.FORBIDDEN,
            "E845",
            "the checkpoint's SHA-256 is not the one configured",
            help="fetch it again, or check the setting",
        )
    tensors = _from_safetensors(path, found) if path.suffix == ".safetensors" else _from_pickle(path)
    return tensors if isinstance(tensors, Fault) else build(tensors, found, path.name)


def convert(source: Path, target: Path) -> Fault | None:
    """Writes a pickled checkpoint as safetensors, the weights only."""
    loaded = load(source)
    if isinstance(loaded, Fault):
        return loaded
    save_file(
        loaded.network.state_dict(),
        target,
        {"source": source.name, "sha256": loaded.digest, "labels": json.dumps(loaded.finetuned)},
    )
    return None
