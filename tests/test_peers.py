"""The architectures that our time is compared with are the published ones, and the comparison runs."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from diffusers import AutoencoderOobleck
from torch import nn

from benchmarks import peers, tables
from benchmarks.architectures import Attention, MusicGen, Snake, StableAudio, decoder, rotate


@pytest.mark.parametrize("name", peers.PUBLISHED)
def test_they_have_as_many_parameters_as_published(name):
    with torch.device("meta"):  # nothing is allocated
        found = peers.MAKERS[name](1).parameters()
    assert found == pytest.approx(peers.PUBLISHED[name], rel=1e-3)  # theirs has weight norm's scales, too
    assert all(found[part] == peers.PUBLISHED[name][part] for part in ("network", "text"))


@torch.inference_mode()
def test_the_decoder_makes_of_the_same_weights_what_oobleck_makes():
    theirs = AutoencoderOobleck(decoder_channels=8, encoder_hidden_size=8).eval()
    ours = decoder(64, [128, 64, 32, 16, 8, 8], (8, 8, 4, 4, 2), Snake, ((7, 1), (7, 3), (7, 9)), 1, 2)
    x, kinds = (
        torch.randn(1, 64, 5, generator=torch.Generator().manual_seed(0)),
        (nn.Conv1d, nn.ConvTranspose1d),
    )
    expected = theirs.decode(x).sample  # sets the weights of weight norm, too
    pairs = [[one for one in net.modules() if isinstance(one, kinds)] for net in (theirs.decoder, ours)]
    for their, our in zip(*pairs, strict=True):
        our.weight.copy_(their.weight)
        our.bias.copy_(torch.zeros_like(our.bias) if their.bias is None else their.bias)
    made = ours(x)
    assert made.shape == (1, 2, 5 * 2048) and made.std() > 0
    torch.testing.assert_close(made, expected)


@torch.inference_mode()
def test_attention_with_a_cache_is_that_of_a_whole_sequence():
    torch.manual_seed(0)
    attention, x, memory = Attention(32, 4), torch.randn(2, 6, 32), torch.zeros(2, 2, 4, 6, 8)
    steps = [attention(x[:, place : place + 1], past=(memory, place)) for place in range(6)]
    whole = attention(x, bias=torch.ones(6, 6, dtype=torch.bool).tril())
    torch.testing.assert_close(torch.cat(steps, 1), whole)
    torch.testing.assert_close(attention(x, attention.remember(x)), attention(x))


def test_rotated_queries_and_keys_know_their_distance_only():
    angles = torch.outer(torch.arange(9.0), torch.tensor([1.0, 0.1])).repeat(1, 2)
    q, k = torch.randn(2, 1, 8, generator=torch.Generator().manual_seed(0)).expand(2, 9, 8)
    turned = rotate(q, angles.cos(), angles.sin()) @ rotate(k, angles.cos(), angles.sin()).T
    torch.testing.assert_close(turned[3, 1], turned[8, 6])
    assert abs(turned[3, 1] - turned[3, 2]) > 0.01


@torch.inference_mode()
def test_small_ones_make_sound_of_the_right_length():
    torch.manual_seed(0)
    for kind, shape in ((StableAudio, (2, 32 * 2048)), (MusicGen, (1, 62 * 640))):
        sound = kind(8)()
        assert sound.shape == shape and sound.isfinite().all() and sound.std() > 0


def test_the_comparison_is_measured_and_told(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(peers, "SHRINK", 8)
    monkeypatch.setattr(peers, "SHORT", 6)
    monkeypatch.setattr(peers, "ProcessPoolExecutor", lambda *_: ThreadPoolExecutor(1))
    figures = peers.report(runs=2, out=tmp_path / "peers.json")
    assert figures == json.loads((tmp_path / "peers.json").read_text("utf-8"))
    ours, *others = figures["makers"].values()
    assert list(figures["makers"]) == ["NoteNinja", *peers.PUBLISHED] and ours["times_ours"] == 1
    for one in (ours, *others):
        assert len(one["all_seconds"]) == 2 and one["memory_gb"] > 0.1
        assert one["times_ours"] == pytest.approx(one["seconds"] / ours["seconds"], abs=0.01)
    assert 1e7 < sum(ours["parameters"].values()) < 1e8
    told = "\n".join(peers.lines(figures))
    assert "time only" in told and "network 0.8 (341.1)" in told and f"| {ours['seconds']:.1f} |" in told
    assert "NoteNinja" in capsys.readouterr().out and tables.SECTIONS["peers"] == "peers"
