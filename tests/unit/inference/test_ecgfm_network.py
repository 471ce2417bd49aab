"""Every layer of ECG-FM against a formula written another way."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from inference.ecgfm.network import Attention, Encoder, Features, Finetuned, Layer, Place, Pretrained, pool  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(7)


def test_the_published_parameter_counts() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in Finetuned().parameters()) == 90_386_321
        assert sum(p.numel() for p in Pretrained().parameters()) == 90_883_072


def test_attention_is_torchs_own() -> None:
    ours, theirs = Attention(), nn.MultiheadAttention(768, 12, batch_first=True)
    x = torch.randn(2, 9, 768)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.q_proj.weight, ours.k_proj.weight, ours.v_proj.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.q_proj.bias, ours.k_proj.bias, ours.v_proj.bias]))
        theirs.out_proj.load_state_dict(ours.out_proj.state_dict())
        assert torch.allclose(ours(x), theirs(x, x, x, need_weights=False)[0], atol=1e-5)


def test_attention_is_the_softmax_of_scores_by_eight() -> None:
    ours = Attention().double()
    x = torch.randn(1, 5, 768, dtype=torch.float64)
    with torch.no_grad():
        q, k, v = (layer(x)[0].numpy() for layer in (ours.q_proj, ours.k_proj, ours.v_proj))
        heads = []
        for head in range(12):
            part = slice(64 * head, 64 * head + 64)
            score = np.exp(q[:, part] @ k[:, part].T / 8)
            heads.append(score / score.sum(1, keepdims=True) @ v[:, part])
        wanted = np.hstack(heads) @ ours.out_proj.weight.numpy().T + ours.out_proj.bias.numpy()
        assert np.abs(ours(x)[0].numpy() - wanted).max() < 1e-12


def test_the_positional_convolution_is_a_sum_over_taps() -> None:
    place = Place().double()
    x = torch.randn(1, 768, 20, dtype=torch.float64)
    with torch.no_grad():
        place.weight_g.copy_(torch.rand(1, 1, 128))
        g, v, bias = place.weight_g.numpy(), place.weight_v.numpy(), place.bias.numpy()
        weight = np.empty_like(v)
        for tap in range(128):
            weight[:, :, tap] = g[0, 0, tap] * v[:, :, tap] / math.sqrt((v[:, :, tap] ** 2).sum())
        out = place(x)[0].numpy()
        assert out.shape == (768, 20)
        for channel, frame in ((0, 0), (100, 7), (767, 19)):
            first = channel // 48 * 48
            total = bias[channel]
            for tap in range(128):
                at = frame + tap - 64
                if 0 <= at < 20:
                    total += float(weight[channel, :, tap] @ x[0, first : first + 48, at].numpy())
            wanted = 0.5 * total * (1 + math.erf(total / math.sqrt(2)))
            assert out[channel, frame] == pytest.approx(wanted, abs=1e-12)


def test_weight_norm_is_torchs_over_the_taps() -> None:
    place = Place()
    theirs = nn.utils.parametrizations.weight_norm(nn.Conv1d(768, 768, 128, padding=64, groups=16), dim=2)
    with torch.no_grad():
        theirs.parametrizations.weight.original0.copy_(place.weight_g)
        theirs.parametrizations.weight.original1.copy_(place.weight_v)
        assert torch.allclose(place.weight(), theirs.weight, atol=1e-6)


def test_pooling_divides_by_the_entries_that_are_not_zero() -> None:
    x = torch.tensor([[[1.0, 0.0], [3.0, 0.0], [0.0, 5.0]]])
    assert pool(x).tolist() == [[2.0, 5.0]]


def test_each_convolution_halves_the_time_and_sees_two_samples() -> None:
    net = Features().double()
    x = torch.randn(1, 12, 2500, dtype=torch.float64)
    first = net.conv_layers[0]
    assert isinstance(first, nn.Sequential)
    with torch.no_grad():
        assert net(x).shape == (1, 256, 156)
        pairs = x[0].numpy().reshape(12, 1250, 2)
        conv = np.einsum("ock,ctk->ot", first[0].weight.numpy(), pairs)
        normal = (conv - conv.mean(1, keepdims=True)) / np.sqrt(conv.var(1, keepdims=True) + 1e-5)
        wanted = torch.from_numpy(normal)
        wanted = 0.5 * wanted * (1 + torch.erf(wanted / math.sqrt(2)))
        assert torch.allclose(first(x)[0], wanted, atol=1e-10)


def test_a_layer_is_torchs_post_norm_encoder_layer() -> None:
    ours = Layer()
    theirs = nn.TransformerEncoderLayer(768, 12, 3072, 0.0, "gelu", batch_first=True, norm_first=False).train()
    x = torch.randn(1, 6, 768)
    with torch.no_grad():
        a = ours.self_attn
        theirs.self_attn.in_proj_weight.copy_(torch.cat([a.q_proj.weight, a.k_proj.weight, a.v_proj.weight]))
        theirs.self_attn.in_proj_bias.copy_(torch.cat([a.q_proj.bias, a.k_proj.bias, a.v_proj.bias]))
        theirs.self_attn.out_proj.load_state_dict(a.out_proj.state_dict())
        for mine, other in ((ours.fc1, theirs.linear1), (ours.fc2, theirs.linear2)):
            other.load_state_dict(mine.state_dict())
        assert torch.allclose(ours(x), theirs(x), atol=1e-5)


def test_the_norm_stands_before_the_layers_and_place_is_added_to_the_input() -> None:
    net = Encoder().eval()
    x = torch.randn(1, 12, 2500)
    with torch.no_grad():
        y = net.post_extract_proj(net.layer_norm(net.feature_extractor(x).transpose(1, 2)))
        y = y + net.conv_pos.pos_conv[0](y.transpose(1, 2)).transpose(1, 2)
        y = net.encoder.layer_norm(y)
        for layer in net.encoder.layers:
            y = layer(y)
        assert torch.allclose(net(x), y, atol=1e-5)
        assert y.shape == (1, 156, 768)
