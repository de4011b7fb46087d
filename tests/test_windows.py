"""Long pieces in chunks: one piece, no seam; styles of several genres; moods that are led further."""

import numpy as np
import pytest
import torch

from benchmarks import all_measures
from noteninja_lib import data_folder
from noteninja_lib.audio.io import load, mono
from noteninja_lib.models import flow_matching, half_precision
from noteninja_lib.models.flow_matching import Condition, single_genres, slerp, weigh
from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.piano_roll import cut
from noteninja_lib.music.style import plan
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import hear


@pytest.fixture(scope="module")
def pipe():
    return load_pipeline()


@pytest.fixture(scope="module")
def roll():
    song = load(sorted((data_folder() / "songs").glob("*.mp3"))[0], duration=9.0)
    return plan(hear(song), "pop").piano_roll


def style(**shares):
    vector = torch.zeros(1, 12)
    for place, share in shares.items():
        vector[0, int(place[1:])] = share
    return vector


def test_windows_cover_everything_and_overlap():
    for frames in (60, 512, 513, 1500):
        found = flow_matching.spans(frames, 512, 32)
        assert found[0].start == 0 and found[-1].stop == frames
        assert all(after.start == before.stop - 32 for before, after in zip(found, found[1:]))
        lengths = [chunk.stop - chunk.start for chunk in found]
        assert max(lengths) <= 512 and min(lengths) >= max(lengths) - 4 * len(found)
    for size, overlap in ((5, 3), (7, 5), (2, 1), (64, 60)):
        for frames in range(1, 200):
            found = flow_matching.spans(frames, size, overlap)
            assert found[0].start == 0 and found[-1].stop == frames
            assert all(one.stop - one.start <= size for one in found)
            assert all(after.start == before.stop - overlap for before, after in zip(found, found[1:]))
    assert flow_matching.ramp(8, 3).tolist() == [1, 2, 3, 3, 3, 3, 2, 1]


def test_one_window_is_the_network_itself(pipe, roll):
    frames = roll.frames // flow_matching.FOLD
    latents = torch.randn(1, 8, 24, frames, generator=torch.Generator().manual_seed(0))
    flow = flow_matching.Flow(pipe.unet, roll, style(_5=1.0), frames)
    content = torch.from_numpy(roll.network_input())[None]
    with torch.no_grad():
        with half_precision(latents.device):
            truth = pipe.unet(latents, torch.full((1,), 0.7), content, style(_5=1.0))
        assert torch.allclose(flow(latents, 0.7), truth.float(), atol=5e-2)


def test_where_windows_meet_nothing_jumps_as_plain_concatenation_does(pipe, roll, monkeypatch):
    """The test of the tests is part of it: windows put one after another are found out."""
    for name, value in (("CHUNK", 64), ("OVERLAP", 16)):
        monkeypatch.setattr(flow_matching, name, value)
    frames = roll.frames // flow_matching.FOLD
    with torch.no_grad():
        whole = mono(
            pipe.decode(pipe.denoise(None, plan(roll, "rock"), 1.0, 4, 2.0, torch.Generator().manual_seed(0)))
        )
        parts = []
        for number, window in enumerate(flow_matching.spans(frames, 64, 0)):
            part = cut(
                roll,
                window.start * flow_matching.FOLD / FRAME_RATE,
                window.stop * flow_matching.FOLD / FRAME_RATE,
            )
            generator = torch.Generator().manual_seed(number)
            latents = pipe.denoise(None, plan(part, "rock"), 1.0, 4, 2.0, generator)
            parts.append(mono(pipe.decode(latents)))
    joined = np.concatenate(parts)
    jumps = []
    for audio, overlap in ((whole, 16), (joined, 0)):
        edges = [window.start * flow_matching.HOP for window in flow_matching.spans(frames, 64, overlap)[1:]]
        jumps.append(np.mean([here / there for here, there in all_measures.seams(audio, edges)]))
    assert jumps[0] < 1.15 and jumps[1] > 1.3 and jumps[0] < 0.8 * jumps[1]


def test_shares_of_genres_become_single_genres_with_weights():
    content, style_of_two = (
        torch.zeros(1, 48, 24, 8),
        torch.tensor([0.2, 0, 0, 0.8, 0, 0, 0, 0, 0, 0, 0.5, -1]),
    )
    first, second = single_genres(Condition(content, style_of_two))
    assert first.style[0] == second.style[3] == 1 and first.style[:10].sum() == second.style[:10].sum() == 1
    assert all((one.style[-2:] == torch.tensor([0.5, -1])).all() for one in (first, second))
    assert [first.weight, second.weight] == pytest.approx([1 / 3, 2 / 3])
    (alone,) = single_genres(Condition(content, style(_3=1.0)[0]))
    assert alone.weight == 1 and (alone.style == style(_3=1.0)[0]).all()


def test_guidance_and_valence_are_weights_of_what_the_network_says():
    """Guidance 2: twice what is asked, less the unconditional; valence: five times, less four times without
    it."""
    content, mood = torch.zeros(1, 48, 24, 8), torch.tensor([1.0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -0.8, 0.3])
    asked = [Condition(content, mood)]
    guided = weigh(asked, None, content, 2.0)
    assert [one.weight for one in guided] == [2.0, -1.0] and not guided[1].style.any()
    moody = weigh(asked, content, None, 1.0)
    assert [one.weight for one in moody] == [5.0, -4.0] and moody[1].style[-2:].tolist() == [
        0.0,
        mood[-1].item(),
    ]
    both = weigh(asked, content, content, 2.0)
    assert [one.weight for one in both] == [6.0, -4.0, -1.0] and sum(one.weight for one in both) == 1


@pytest.mark.parametrize(
    "guidance, guided, jumping, expected",
    [
        (2.0, True, True, [1.5, -0.5]),  # the style once more, at noise levels that are guided alone
        (2.0, False, True, [1.0]),
        (1.0, True, True, [1.0]),  # whoever asks for no guidance gets none
        (2.0, True, False, [2.0, -1.0]),
    ],
)
def test_the_style_is_guided_once_more_where_a_network_answers_for_whole_steps(
    pipe, roll, guidance, guided, jumping, expected
):
    options = {"guidance_scale": guidance, "guidance_interval": (0.55, 1.0), "jump_style_scale": 1.5}
    flow = flow_matching.Flow(pipe.unet, roll, style(_3=1.0), roll.frames // flow_matching.FOLD, **options)
    found = flow.conditions(0, guided, jumping)
    assert [one.weight for one in found] == expected
    assert [bool(one.style.any()) for one in found] == [weight > 0 for weight in expected]
    same = [one.content is found[0].content for one in found]
    assert all(same) if jumping else not all(same)  # plain guidance is away from silence


def test_a_pipeline_that_is_told_so_guides_the_style_once_more(pipe, roll):
    assert pipe.config.jump_style_guidance == 1  # as shipped
    pipe.register_to_config(jump_style_guidance=1.5)
    try:
        assert pipe.flow(roll, style(_5=1.0).numpy(), 64, scale=2.0).jump_style_scale == 1.5
    finally:
        pipe.register_to_config(jump_style_guidance=1.0)


def test_a_path_of_genres_changes_on_the_way(pipe, roll):
    frames = roll.frames // flow_matching.FOLD
    moving = torch.cat(
        [style(_0=1.0).expand(frames // 2, -1), style(_3=1.0).expand(frames - frames // 2, -1)]
    )
    narrow = flow_matching.Flow(pipe.unet, roll, moving, frames)
    assert narrow.chunks == flow_matching.spans(frames, flow_matching.SHORT, flow_matching.LAP)
    assert narrow.asked[0][0][0].style[0] == 1 and narrow.asked[-1][0][0].style[3] == 1
    latents = torch.randn(1, 8, 24, frames, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        changed, pure = (
            flow_matching.Flow(pipe.unet, roll, one, frames)(latents, 0.5)
            for one in (moving, style(_0=1.0).expand(frames, -1))
        )
    apart = (changed - pure).abs().mean((0, 1, 2))
    assert apart[-20:].mean() > 0.05 and apart[:20].mean() < 1e-5


def test_noise_on_the_arc_is_as_loud_as_noise():
    first, second = (
        torch.randn(8, 24, 100, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)
    )
    between = slerp(first, second, 0.5)
    assert between.std().item() == pytest.approx(1, abs=0.02)
    assert (0.5 * first + 0.5 * second).std() < 0.75
    assert torch.allclose(slerp(first, second, 0.0), first, atol=1e-5) and torch.allclose(
        slerp(first, first, 0.3), first, atol=1e-5
    )
