"""Long pieces in windows: one piece, no seam; styles of several genres; moods that are led further."""

import numpy as np
import pytest
import torch

from noteninja_lib import data_folder
from noteninja_lib.audio.io import load
from noteninja_lib.evaluation import metrics
from noteninja_lib.models import flow_matching
from noteninja_lib.models.flow_matching import slerp
from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.piano_roll import from_audio
from noteninja_lib.music.time_warp import cut
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import Plan


@pytest.fixture(scope="module")
def pipe():
    return load_pipeline()


@pytest.fixture(scope="module")
def roll():
    song = load(sorted((data_folder() / "songs").glob("*.mp3"))[0], duration=9.0)
    return Plan(from_audio(song)).piano_roll


def style(**shares):
    vector = torch.zeros(1, 12)
    for place, share in shares.items():
        vector[0, int(place[1:])] = share
    return vector


def test_windows_cover_everything_and_overlap():
    for columns in (60, 512, 513, 1500):
        found = flow_matching.spans(columns, 512, 32)
        assert found[0].start == 0 and found[-1].stop == columns
        assert all(after.start == before.stop - 32 for before, after in zip(found, found[1:]))
    assert flow_matching.ramp(8, 3).tolist() == [1, 2, 3, 3, 3, 3, 2, 1]


def test_one_window_is_the_network_itself(pipe, roll):
    columns = roll.rhythm.shape[-1] // flow_matching.FOLD
    latents = torch.randn(1, 8, 24, columns, generator=torch.Generator().manual_seed(0))
    flow = flow_matching.WindowedFlow(pipe.unet, roll, style(_5=1.0), columns)
    with torch.no_grad():
        truth = pipe.unet(latents, torch.full((1,), 0.7), torch.from_numpy(roll.stack())[None], style(_5=1.0))
        assert torch.allclose(flow(latents, 0.7), truth, atol=2e-2)


def test_where_windows_meet_nothing_jumps_as_plain_concatenation_does(pipe, roll, monkeypatch):
    """The test of the tests is part of it: windows put one after another are found out."""
    for name, value in (("WINDOW", 64), ("OVERLAP", 16)):
        monkeypatch.setattr(flow_matching, name, value)
    columns = roll.rhythm.shape[-1] // flow_matching.FOLD
    with torch.no_grad():
        whole = pipe.sound(
            pipe.denoise(None, roll, style(_9=1.0), 1.0, 4, 2.0, torch.Generator().manual_seed(0))
        )
        parts = []
        for number, window in enumerate(flow_matching.spans(columns, 64, 0)):
            part = cut(
                roll,
                window.start * flow_matching.FOLD / FRAME_RATE,
                window.stop * flow_matching.FOLD / FRAME_RATE,
            )
            latents = pipe.denoise(
                None, part, style(_9=1.0), 1.0, 4, 2.0, torch.Generator().manual_seed(number)
            )
            parts.append(pipe.sound(latents))
    joined = np.concatenate(parts)
    jumps = [
        np.mean(
            [
                here / there
                for here, there in metrics.seams(
                    audio, range(step * flow_matching.COLUMN, len(audio), step * flow_matching.COLUMN)
                )
            ]
        )
        for audio, step in ((whole, 48), (joined, 64))
    ]
    assert jumps[0] < 1.15 and jumps[1] > 1.3 and jumps[0] < 0.8 * jumps[1]


def test_shares_of_genres_become_single_genres_with_weights():
    styles, weights = flow_matching.pure_styles(torch.tensor([0.2, 0, 0, 0.8, 0, 0, 0, 0, 0, 0, 0.5, -1]))
    assert (
        styles.shape == (2, 12) and styles[0, 0] == styles[1, 3] == 1 and (styles[:, :10].sum(1) == 1).all()
    )
    assert (styles[:, -2:] == torch.tensor([0.5, -1])).all()
    assert weights.flatten().tolist() == pytest.approx([1 / 3, 2 / 3])
    alone, weight = flow_matching.pure_styles(style(_3=1.0)[0])
    assert alone.shape == (1, 12) and weight.item() == 1


def test_a_path_of_genres_changes_on_the_way(pipe, roll):
    columns = roll.rhythm.shape[-1] // flow_matching.FOLD
    moving = torch.cat(
        [style(_0=1.0).expand(columns // 2, -1), style(_3=1.0).expand(columns - columns // 2, -1)]
    )
    narrow = flow_matching.WindowedFlow(pipe.unet, roll, moving, columns)
    assert (
        narrow.size == flow_matching.NARROW
        and narrow.styles[0][0][0, 0] == 1
        and narrow.styles[-1][0][0, 3] == 1
    )
    latents = torch.randn(1, 8, 24, columns, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        changed, pure = (
            flow_matching.WindowedFlow(pipe.unet, roll, one, columns)(latents, 0.5)
            for one in (moving, style(_0=1.0))
        )
    apart = (changed - pure).abs().mean((0, 1, 2))
    assert apart[-20:].mean() > 3 * apart[:20].mean()


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
