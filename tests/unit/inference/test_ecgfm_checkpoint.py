"""Checkpoints of ECG-FM: read from their published layout, refused in every other."""

from collections import OrderedDict
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from ecgfm_files import MODEL, empty_state, loaded, refused, write  # noqa: E402

from engine.fault import Fault  # noqa: E402
from inference.ecgfm.__main__ import main  # noqa: E402
from inference.ecgfm.checkpoint import Loaded, build, check, convert, load  # noqa: E402
from inference.ecgfm.network import Finetuned, Pretrained  # noqa: E402


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


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    state = empty_state(Finetuned)
    state["proj.bias"] = torch.full((17,), float("nan"))
    assert refused(write(tmp_path / "nan.pt", state)) == "E844"


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
