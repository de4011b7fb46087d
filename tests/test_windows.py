"""Long pieces in windows: one piece, no seam; styles of several genres; moods that are led further."""
import numpy as np
import pytest
import torch

from noteninja_lib import data_folder
from noteninja_lib.evaluation import fidelity
from noteninja_lib.model import windows
from noteninja_lib.model.diffusion import slerp
from noteninja_lib.music.content import from_audio
from noteninja_lib.music.reshaping import cut
from noteninja_lib.music.rhythm import FRAME_RATE
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.songs import Plan
from noteninja_lib.sound.audio import load


@pytest.fixture(scope="module")
def pipe():
    return load_pipeline()


@pytest.fixture(scope="module")
def content():
    song = load(sorted((data_folder() / "songs").glob("*.mp3"))[0], duration=9.0)
    return Plan(from_audio(song)).content


def style(**shares):
    vector = torch.zeros(1, 12)
    for place, share in shares.items():
        vector[0, int(place[1:])] = share
    return vector


def test_windows_cover_everything_and_overlap():
    for columns in (60, 512, 513, 1500):
        found = windows.spans(columns, 512, 32)
        assert found[0].start == 0 and found[-1].stop == columns
        assert all(after.start == before.stop - 32 for before, after in zip(found, found[1:]))
    assert windows.ramp(8, 3).tolist() == [1, 2, 3, 3, 3, 3, 2, 1]


def test_one_window_is_the_network_itself(pipe, content):
    columns = content.rhythm.shape[-1] // windows.FOLD
    latents = torch.randn(1, 8, 24, columns, generator=torch.Generator().manual_seed(0))
    flow = windows.WindowedFlow(pipe.unet, content, style(_5=1.0), columns)
    with torch.no_grad():
        truth = pipe.unet(latents, torch.full((1,), 0.7), torch.from_numpy(content.stack())[None], style(_5=1.0))
        assert torch.allclose(flow(latents, 0.7), truth, atol=2e-2)


def test_where_windows_meet_nothing_jumps_as_plain_concatenation_does(pipe, content, monkeypatch):
    """The test of the tests is part of it: windows put one after another are found out."""
    for name, value in (("WINDOW", 64), ("OVERLAP", 16)):
        monkeypatch.setattr(windows, name, value)
    columns = content.rhythm.shape[-1] // windows.FOLD
    with torch.no_grad():
        whole = pipe.sound(pipe.denoise(None, content, style(_9=1.0), 1.0, 4, 2.0, torch.Generator().manual_seed(0)))
        parts = []
        for number, window in enumerate(windows.spans(columns, 64, 0)):
            part = cut(content, window.start * windows.FOLD / FRAME_RATE, window.stop * windows.FOLD / FRAME_RATE)
            latents = pipe.denoise(None, part, style(_9=1.0), 1.0, 4, 2.0, torch.Generator().manual_seed(number))
            parts.append(pipe.sound(latents))
    joined = np.concatenate(parts)
    jumps = [np.mean([here / there for here, there in fidelity.seams(audio, range(step * windows.COLUMN, len(audio), step * windows.COLUMN))])
             for audio, step in ((whole, 48), (joined, 64))]
    assert jumps[0] < 1.15 and jumps[1] > 1.3 and jumps[0] < 0.8 * jumps[1]


def test_shares_of_genres_become_single_genres_with_weights():
    styles, weights = windows.pure_styles(torch.tensor([0.2, 0, 0, 0.8, 0, 0, 0, 0, 0, 0, 0.5, -1]))
    assert styles.shape == (2, 12) and styles[0, 0] == styles[1, 3] == 1 and (styles[:, :10].sum(1) == 1).all()
    assert (styles[:, -2:] == torch.tensor([0.5, -1])).all()
    assert weights.flatten().tolist() == pytest.approx([1 / 3, 2 / 3])
    alone, weight = windows.pure_styles(style(_3=1.0)[0])
    assert alone.shape == (1, 12) and weight.item() == 1


def test_a_path_of_genres_changes_on_the_way(pipe, content):
    columns = content.rhythm.shape[-1] // windows.FOLD
    moving = torch.cat([style(_0=1.0).expand(columns // 2, -1), style(_3=1.0).expand(columns - columns // 2, -1)])
    narrow = windows.WindowedFlow(pipe.unet, content, moving, columns)
    assert narrow.size == windows.NARROW and narrow.styles[0][0][0, 0] == 1 and narrow.styles[-1][0][0, 3] == 1
    latents = torch.randn(1, 8, 24, columns, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        changed, pure = (windows.WindowedFlow(pipe.unet, content, one, columns)(latents, 0.5) for one in (moving, style(_0=1.0)))
    apart = (changed - pure).abs().mean((0, 1, 2))
    assert apart[-20:].mean() > 3 * apart[:20].mean()


def test_noise_on_the_arc_is_as_loud_as_noise():
    first, second = (torch.randn(8, 24, 100, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    between = slerp(first, second, 0.5)
    assert between.std().item() == pytest.approx(1, abs=0.02)
    assert (0.5 * first + 0.5 * second).std() < 0.75
    assert torch.allclose(slerp(first, second, 0.0), first, atol=1e-5) and torch.allclose(slerp(first, first, 0.3), first, atol=1e-5)
