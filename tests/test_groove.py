"""What lessons 03 and 04 show: a step sequencer with a band, a window on a data set, pictures of its
faults."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
import soundfile

from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.recipe import DRUMS, load_recipe
from noteninja_lib.datasets import SyntheticSet, build
from noteninja_lib.lessons.lesson_03 import (
    LEVELS,
    ROWS,
    StepSequencer,
    kit_sounds,
    plot_parts,
    plot_pattern,
    with_drums,
)
from noteninja_lib.lessons.lesson_04 import ClipBrowser, plot_accuracies, plot_fingerprints, plot_likeness
from noteninja_lib.music.tunes import find_tune

TUNE = "ryan-0344-the-girl-i-left-behind-me"
BEAT = {"kick": "X...X...X...X...", "hat": "..x...x...x...o."}


@pytest.fixture(scope="module")
def tune():
    return find_tune(TUNE)


def test_a_louder_stroke_is_a_larger_dot():
    ax = plot_pattern(BEAT)
    places = [tuple(dots.get_offsets()[0]) for dots in ax.collections]
    assert (1.0, 1.0) in places and (15.0, 0.0) in places and len(places) == 8
    assert [label.get_text() for label in ax.get_yticklabels()] == ["hat", "kick"]
    sizes = {round(place[0]): dots.get_sizes()[0] for place, dots in zip(places, ax.collections)}
    assert sizes[1] > sizes[3] > sizes[15]
    plt.close(ax.figure)


def test_drums_are_replaced_and_all_parts_are_drawn(tune):
    recipe = with_drums(load_recipe("classical"), BEAT)  # a genre without drums of its own
    played = arrange(tune, recipe, tempo=120, swing=0, duration=8, intro=0, ending=False)
    drums = next(part for part in played.parts if part.name == "drums").notes
    assert {note.pitch for note in drums} == {DRUMS["kick"], DRUMS["hat"]}
    kicks = [note.start for note in drums if note.pitch == DRUMS["kick"]]
    assert np.allclose(kicks, np.arange(16) * 0.5, atol=0.03)
    ax = plot_parts(played)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(LEVELS)
    plt.close(ax.figure)


def test_the_sequencer_plays_what_its_grid_shows(tune, monkeypatch):
    monkeypatch.setenv("NOTENINJA_TEST", "1")
    desk = StepSequencer(tune, "rock")
    first = desk.result
    assert "open hat" in desk.grid.drums and list(desk.grid.sounds) == kit_sounds("rock")
    assert desk.pattern()["kick"][0] == "X" and desk.view.picture.value and len(first) > 22050
    desk.clear.click()
    assert set("".join(desk.pattern().values())) == {"."}
    desk.set_pattern(BEAT)
    assert desk.pattern()["hat"] == BEAT["hat"].upper().replace("O", "X")
    desk.tempo.value, desk.levels["melody"].value = 120, -24
    desk.play()
    assert desk.result.shape == (8 * 44100, 2) and not np.array_equal(desk.result, first)
    desk.genre.value = "classical"
    assert set("".join(desk.pattern().values())) == {"."}
    desk.play()  # an empty grid is no mistake


def test_a_stroke_sounds_at_once_and_as_loud_as_its_kit_has_it():
    for genre in ("rock", "classical"):  # one has drums of its own, the other has not
        strokes = [soundfile.read(io.BytesIO(file)) for file in kit_sounds(genre)]
        assert len(strokes) == len(ROWS)
        for sound, rate in strokes:
            loud = np.abs(sound)
            assert rate == 44100 and np.argmax(loud > 0.1 * loud.max()) < 0.002 * rate and loud[-1] == 0
        assert np.isclose(max(np.abs(sound).max() for sound, _ in strokes), 0.98, atol=0.01)
    assert kit_sounds("rock") != kit_sounds("classical")


def test_a_clip_is_heard_and_seen(tmp_path, monkeypatch):
    monkeypatch.setenv("NOTENINJA_TEST", "1")
    list(build(tmp_path, 2 * 2 * 3 / 3600, seconds=3.0, versions=2, seed=3))
    data = SyntheticSet(tmp_path)
    window = ClipBrowser(data)
    assert list(window.genre.options) == sorted(set(data.labels))
    for genre in window.genre.options:
        window.genre.value = genre
        assert [number for _, number in window.clip.options] == [
            n for n, label in enumerate(data.labels) if label == genre
        ]
        clip, seconds = (
            data.index[window.clip.value],
            soundfile.info(io.BytesIO(window.view.player.value)).duration,
        )
        assert (
            clip.tune in window.message.value
            and clip.file in window.view.heading.value
            and abs(seconds - 3) < 0.2
        )
    before = window.view.picture.value
    window.notes.value = True
    assert window.view.picture.value != before


def test_pictures_of_a_data_sets_faults():
    noise = np.random.default_rng(0).normal(size=3 * 22528).astype("float32")
    figure = plot_fingerprints({"first": noise, "second": noise[22528:]})
    meshes = [ax.collections[0].get_array().shape for ax in figure.axes[:2]]
    assert meshes[0][0] == 24 and meshes[0][1] > meshes[1][1]
    ax = plot_likeness({"planted": [0.9, 1.0], "others": [0.1, 0.2, 0.3]}, 0.85)
    assert [len(line.get_xdata()) for line in ax.lines] == [2, 3, 2]  # the last is the threshold
    plt.close(ax.figure)
    ax = plot_accuracies({"true": {"a": 0.9, "b": 0.5}, "random": {"a": 0.7, "b": 0.1}}, 0.1)
    assert [round(bar.get_width(), 2) for bar in ax.patches] == [0.9, 0.5, 0.7, 0.1]
    plt.close(ax.figure)
