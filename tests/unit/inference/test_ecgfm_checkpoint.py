"""Checkpoints of ECG-FM: read from their published layout, refused in every other."""

import pickle
import tempfile
import zipfile
from argparse import Namespace
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from engine.fault import Fault  # noqa: E402
from inference.ecgfm.__main__ import main  # noqa: E402
from inference.ecgfm.checkpoint import Loaded, build, check, convert, load  # noqa: E402
from inference.ecgfm.labels import LABELS, combine, group  # noqa: E402
from inference.ecgfm.network import Finetuned, Pretrained  # noqa: E402
from inference.ecgfm.pickles import Checkpoint, open_checkpoint  # noqa: E402
from inference.models.labels import LEADS  # noqa: E402
from inference.serve import backend  # noqa: E402
from inference.serve.wire import Ask  # noqa: E402

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


def test_a_finetuned_checkpoint_loads_and_answers(tmp_path: Path) -> None:
    state = empty_state(Finetuned)
    state["proj.bias"] = torch.arange(17.0)
    state["encoder.mask_emb"] = torch.zeros(768)
    answer = loaded(write(tmp_path / "tuned.pt", state))
    assert answer.finetuned
    assert sum(p.numel() for p in answer.network.parameters()) == 90_386_321
    logits, embedding = answer.network(torch.randn(1, 12, 2500))
    assert logits.shape == (1, 17)
    assert embedding.shape == (1, 768)
    assert torch.allclose(logits[0].diff(), torch.ones(16), atol=1e-4)


def test_a_pretrained_checkpoint_loads_and_gives_the_embedding(tmp_path: Path) -> None:
    answer = loaded(write(tmp_path / "pre.pt", empty_state(Pretrained)))
    assert not answer.finetuned
    assert sum(p.numel() for p in answer.network.parameters()) == 90_883_072


def test_both_spellings_of_weight_norm_are_the_same_weights(tmp_path: Path) -> None:
    state = empty_state(Finetuned)
    place = "encoder.conv_pos.pos_conv.0."
    state[place + "weight_g"] = torch.rand(1, 1, 128)
    newer = OrderedDict(state)
    newer[place + "parametrizations.weight.original0"] = newer.pop(place + "weight_g")
    newer[place + "parametrizations.weight.original1"] = newer.pop(place + "weight_v")
    old, new = build(state, "", ""), build(newer, "", "")
    assert isinstance(old, Loaded)
    assert isinstance(new, Loaded)
    assert torch.equal(old.network.state_dict()[place + "weight_g"], new.network.state_dict()[place + "weight_g"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("in_d", 1),
        ("conv_feature_layers", "[(512, 10, 5)] + [(512, 3, 2)] * 4"),
        ("extractor_mode", "layer_norm"),
        ("conv_bias", True),
        ("encoder_embed_dim", 1024),
        ("encoder_attention_heads", 16),
        ("layer_norm_first", True),
        ("conv_pos", 64),
    ],
)
def test_another_configuration_is_refused_by_name(name: str, value: object) -> None:
    fault = check({**MODEL, name: value})
    assert fault is not None
    assert fault.code == "E842"
    assert name in fault.text


def test_a_configuration_that_says_nothing_is_refused() -> None:
    fault = check({})
    assert fault is not None
    assert fault.code == "E842"


def test_a_missing_or_misshapen_tensor_is_refused_by_name(tmp_path: Path) -> None:
    state = empty_state(Finetuned)
    state["proj.weight"] = torch.zeros(5, 768)
    assert refused(write(tmp_path / "five.pt", state)) == "E843"
    del state["proj.bias"]
    assert refused(write(tmp_path / "none.pt", state)) == "E843"


def test_a_tensor_that_claims_more_than_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    state = empty_state(Finetuned)
    state["proj.bias"] = torch.zeros(1).expand(2**39)
    assert refused(write(tmp_path / "huge.pt", state)) == "E843"
    state["proj.bias"] = torch.zeros(17)
    many = state | {f"x{number}": state["proj.weight"].expand(17, 768) for number in range(2000)}
    assert refused(write(tmp_path / "many.pt", many)) == "E843"


def test_the_converter_writes_safetensors_or_says_why_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = write(tmp_path / "tuned.pt", empty_state(Finetuned)), tmp_path / "tuned.safetensors"
    main([str(source), str(target)])
    assert "90386321 parameters" in capsys.readouterr().out
    assert loaded(target).finetuned
    with pytest.raises(SystemExit, match="E841"):
        main([str(tmp_path / "absent.pt"), str(target)])


def test_ecg_fm_says_where_a_signal_cannot_be_read(tmp_path: Path) -> None:
    own = backend.ecgfm(write(tmp_path / "tuned.pt", empty_state(Finetuned)), threads=1)
    assert isinstance(own, backend.EcgFm)
    answer = own.answer([Ask(1, "", 500.0, list(LEADS), 5000, np.zeros((12, 5000), "<f4").tobytes())])[0]
    assert answer.abstained == "the signal cannot be read"
    assert answer.leads == dict.fromkeys(LEADS, "flat")
    assert list(answer.probabilities) == list(LABELS), "raw probabilities stay: poor data quality is one of them"


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    state = empty_state(Finetuned)
    state["proj.bias"] = torch.full((17,), float("nan"))
    assert refused(write(tmp_path / "nan.pt", state)) == "E844"


class Payload:
    """What an attacker would pickle."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        import os

        return os.system, (f"touch {self.marker}",)


def test_a_payload_in_a_checkpoint_is_refused_and_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    path = tmp_path / "evil.pt"
    torch.save({"cfg": {"model": MODEL}, "model": {}, "x": Payload(marker)}, path)
    answer = load(path)
    assert isinstance(answer, Fault)
    assert answer.code == "E840"
    assert "system" in answer.text
    assert not marker.exists()


def test_a_plain_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    path = tmp_path / "evil.pt"
    path.write_bytes(pickle.dumps(Payload(marker)))
    assert refused(path) == "E840"
    assert not marker.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x02",
        b"\x80\x02cos\nsystem\n.",
        b"\x80\x02]r\xff\xff\xff\x7f.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.",
        b"\x80\x02}q\x00.",
        b"(lp0\n.",
    ],
)
def test_a_hostile_pickle_in_a_good_zip_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
    assert refused(path) == "E840"


def doubled(levels: int, between: bytes = b"") -> bytes:
    """A tuple that holds another twice, which holds another twice …: its hash takes two to the levels steps."""
    parts = [b"\x94h" + bytes([n]) + between + b"\x86" for n in range(levels)]
    return b"K\x01\x85" + b"".join(parts)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "key",
    [
        doubled(60),
        doubled(60, b"K\x010"),
        b"\x8c\x0ctorch._utils\x8c\x12_rebuild_parameter\x93" + doubled(60) + b"\x85R",
        b"(" + doubled(60) + b"\x91",
    ],
)
def test_a_key_that_would_be_hashed_for_ever_is_refused(tmp_path: Path, key: bytes) -> None:
    path = tmp_path / "slow.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x04}" + key + b"K\x01s.")
    assert refused(path) == "E840"


def test_a_compressed_zip_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 1_000_000)
    assert refused(path) == "E840"


def test_no_file_is_said_so(tmp_path: Path) -> None:
    assert refused(tmp_path / "absent.pt") == "E841"


def test_another_digest_than_the_configured_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(b"something")
    answer = load(path, "0" * 64)
    assert isinstance(answer, Fault)
    assert answer.code == "E845"


def test_the_converted_checkpoint_holds_the_same_weights(tmp_path: Path) -> None:
    state = empty_state(Finetuned)
    state["proj.bias"] = torch.arange(17.0)
    source, target = write(tmp_path / "tuned.pt", state), tmp_path / "tuned.safetensors"
    assert convert(source, target) is None
    again = loaded(target)
    assert torch.equal(again.network.state_dict()["proj.bias"], torch.arange(17.0))


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


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=80))
def test_any_bytes_as_a_pickle_are_a_checkpoint_or_a_fault(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.pt"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", b"\x80\x02" + data)
        assert isinstance(open_checkpoint(path), Checkpoint | Fault)
