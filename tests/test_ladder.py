"""The ladder of sharpness: its measures on sounds whose answer is known, and the climb itself."""

import json
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pytest
import soundfile

from benchmarks import all_measures, networks
from noteninja_lib import data_folder, pipeline
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio.io import SAMPLE_RATE, load, mono
from noteninja_lib.audio.spectrogram import griffin_lim
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation.baselines import Piece
from noteninja_lib.models import flow_matching
from noteninja_lib.plots import plot_pairs

TIME = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
NOISE = np.random.default_rng(0).normal(0, 0.1, len(TIME)).astype(np.float32)
PLACES = np.random.default_rng(1).permutation(len(TIME) // 2000 - 2)[:20] * 2000 + 2000


def tone(hertz, phase=0.0):
    return (0.3 * np.sin(2 * np.pi * hertz * TIME + phase)).astype(np.float32)


def test_multi_resolution_distance_of_known_cases():
    assert all_measures.multi_resolution_distance(NOISE, NOISE) == 0
    assert all_measures.multi_resolution_distance(NOISE / 2, NOISE) == pytest.approx(
        0.5 + np.log(2), abs=0.01
    )
    other = np.random.default_rng(1).normal(0, 0.1, len(NOISE)).astype(np.float32)
    assert (
        all_measures.multi_resolution_distance(NOISE + 0.1 * other, NOISE)
        < 0.5
        < all_measures.multi_resolution_distance(other, NOISE)
    )


def test_a_band_is_measured_by_itself():
    low, high = tone(100), tone(8000)
    assert all_measures.band_level(low / 2 + high, low + high, all_measures.BASS) == pytest.approx(
        -6.02, abs=0.02
    )
    for band in (all_measures.TREBLE, all_measures.CYMBALS):
        assert all_measures.band_level(low / 2 + 2 * high, low + high, band) == pytest.approx(6.02, abs=0.02)
    assert all_measures.band_level(low + 1e-6 * high, low, all_measures.CYMBALS) == pytest.approx(
        0, abs=0.1
    )  # nobody hears that


STROKES = (tone(200) * np.exp(-8 * (TIME % 0.5)) * np.minimum(1, 100 * (TIME % 0.5))).astype(np.float32)


@pytest.mark.parametrize("sound", [tone(440), NOISE / 4, STROKES, 0 * NOISE])
def test_clicks_and_jumps_are_found_and_nothing_else(sound):
    assert all_measures.clicks(sound) == 0
    clicked, jumping = sound.copy(), sound.copy()
    clicked[PLACES] += 0.9
    for place in PLACES:
        jumping[place : place + 900] += 0.9
    assert all_measures.clicks(clicked) * 4 == pytest.approx(20, abs=1)
    assert all_measures.clicks(jumping) * 4 == pytest.approx(40, abs=4)


def test_offset_is_told_from_bass():
    assert all_measures.offset(tone(40)) < 1e-4
    assert all_measures.offset(tone(40) + 0.03) == pytest.approx(0.03 / np.sqrt(0.045 + 0.0009), rel=1e-3)


def test_a_phase_that_breaks_is_a_seam():
    step, edges = SAMPLE_RATE // 2, range(SAMPLE_RATE // 2, len(TIME), SAMPLE_RATE // 2)
    chord = tone(220) + tone(331) + tone(523)
    broken = np.concatenate(
        [(-1) ** number * chord[number * step : (number + 1) * step] for number in range(8)]
    )
    for sound, lowest, highest in ((chord + 0.01 * NOISE, 0.8, 1.25), (broken + 0.01 * NOISE, 3, 1000)):
        pairs = all_measures.seams(sound, edges)
        assert len(pairs) == 7 and lowest < np.mean([there for there, _ in pairs]) / pairs[0][1] < highest
    assert all_measures.seams(chord, [len(chord)]) == []


def test_windows_that_see_their_neighbours_leave_no_seam(monkeypatch):
    """Plain concatenation, without context, is heard; what the pipeline does is not."""
    pipe, song = (
        pipeline.load_pipeline(),
        load(sorted((data_folder() / "songs").glob("*classical.mp3"))[0], duration=9.0),
    )
    latents, found = (
        flow_matching.encode(pipe.vae, song[: len(song) // flow_matching.HOP * flow_matching.HOP]),
        {},
    )
    monkeypatch.setattr(flow_matching, "HEARD", 16)
    for context in (flow_matching.CONTEXT, 0):
        monkeypatch.setattr(flow_matching, "CONTEXT", context)
        made = mono(pipe.decode(latents))
        pairs = all_measures.seams(made, range(16 * flow_matching.HOP, len(made), 16 * flow_matching.HOP))
        found[context] = np.mean([there for there, _ in pairs]) / pairs[0][1]
    plain, careful = found.pop(0), found.popitem()[1]
    assert careful < 1.2 and plain > 1.4 * careful


def test_the_plan_takes_all_genres_or_any_folder(tmp_path):
    jobs = networks.plan(2)
    assert [job.genre for job in jobs] == 2 * list(GENRES) and len({job.tune for job in jobs}) == 2
    assert sum(job.slow for job in jobs) == 10
    with pytest.raises(UserError, match="no recordings"):
        networks.plan(2, data=tmp_path)
    for place in ("jazz/one.wav", "two.mp3", "notes.txt"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).touch()
    assert sorted(job.genre for job in networks.plan(2, data=tmp_path)) == ["jazz", networks.OTHER]


def test_every_rung_is_measured_beside_the_truth(monkeypatch):
    songs = [load(path, duration=4.0) for path in sorted((data_folder() / "songs").glob("*.mp3"))[:2]]
    monkeypatch.setattr(
        networks, "played", lambda *_: Piece(0, "rock", [], dict(zip(("jazz", "rock"), songs)))
    )
    monkeypatch.setattr(networks, "griffin_lim", partial(griffin_lim, n_iter=4))
    rows = {row.stage: row.figures for row in networks.measure_stages(networks.Job(0, "jazz"))}
    assert list(rows) == list(networks.STAGES)
    own = {"mel_distance", "multi_resolution", "treble_db", "cymbals_db", "bass_db", "embedding_distance"}
    assert all(rows["truth"][name] == 0 for name in own)
    for stage in ("griffin_lim", "vocoder", "decoded"):
        assert own < rows[stage].keys() and 0 < rows[stage]["mel_distance"] < 0.5
    assert rows["vocoder"]["mel_distance"] < rows["decoded"]["mel_distance"]
    assert own - rows["converter"].keys() == {"mel_distance", "multi_resolution"}  # another performance
    assert (
        "mel_distance" in rows["autoencoder"] and not {"clicks", "bass_db"} & rows["autoencoder"].keys()
    )  # a picture


def test_real_recordings_have_no_right_conversion(tmp_path):
    for name, seconds in (("long.wav", 9.0), ("short.wav", 2.0)):
        soundfile.write(
            tmp_path / name,
            load(sorted((data_folder() / "songs").glob("*.mp3"))[0], duration=seconds),
            SAMPLE_RATE,
        )
    (tmp_path / "broken.wav").write_bytes(b"nothing")
    jobs = networks.plan(1, data=tmp_path)
    rows = [
        row
        for job in jobs
        for row in networks.measure_stages(networks.Job(job.tune, job.genre, job.file, slow=False))
    ]
    assert [row.stage for row in rows] == [stage for stage in networks.STAGES if stage != "griffin_lim"]
    assert rows[0].genre == networks.OTHER and rows[-1].figures.keys() == {"clicks", "offset"}
    walked = [networks.measure_seams(job) for job in jobs]
    assert sum(map(bool, walked)) == 1


def some_rows():
    """Eight tunes in two genres, on all rungs: each rung a little further from the truth."""
    draw, rows = np.random.default_rng(0), []
    for tune in range(8):
        for genre in ("jazz", "rock"):
            truth = draw.normal(size=(20, 64)) + 3 * (genre == "rock")
            for off, stage in enumerate(networks.STAGES):
                figures = {
                    "mel_distance": 0.1 * off,
                    "sharpness_in_time": (2.0 + off, 2.0),
                    "sharpness_in_frequency": (1.0, 1.0),
                    "embedding_distance": float(off),
                }
                rows.append(networks.Row(stage, genre, tune, figures, truth + off))
    return rows


def test_figures_are_summed_up_by_rung_and_genre(tmp_path, monkeypatch):
    walks = [{"truth": [(1.0, 1.0)], "decoded": [(3.0, 2.0), (3.0, 2.0)]}, {}]
    monkeypatch.setattr(networks, "plan", lambda *_: [networks.Job(0, "jazz")] * 12)
    monkeypatch.setattr(
        networks, "measure", lambda work, jobs, *_, **__: [some_rows()] if len(jobs) == 12 else walks
    )
    monkeypatch.setattr(networks, "speeds", lambda *_: {"vocoder": 0.01})
    figures = networks.report(8, tmp_path / "ladder.json")
    assert json.loads((tmp_path / "ladder.json").read_text()) == figures
    assert figures["rungs"]["vocoder"]["together"]["mel_distance"][0] == pytest.approx(0.2)
    assert figures["rungs"]["converter"]["genres"]["rock"]["sharpness_in_time"] == [3.5, 3.5, 3.5]
    assert figures["frechet"]["decoded"] - figures["frechet"]["truth"] == pytest.approx(64 * 16, rel=0.05)
    assert figures["embedding_floor"] == pytest.approx(np.sqrt(64 * 2 / 20), rel=0.1)
    assert figures["seams"] == {"truth": [1, 1, 1], "decoded": [1.5, 1.5, 1.5]}
    printed = "\n".join(networks.by_genre(figures))
    assert "| rock |" in printed and "blues" not in printed and "| Fréchet |" in printed
    told = "\n".join(networks.lines(figures))
    assert "| 100 |" in told
    assert "| 0.200 |" in told and "1.50 [1.50, 1.50] decoded" in told


def test_pairs_are_drawn_in_the_same_colours():
    figure = plot_pairs({"jazz": (tone(440), NOISE), "rock": (NOISE, tone(220))}, ("true", "decoded"))
    *pictures, bar = figure.axes
    assert [ax.get_title() for ax in pictures] == [
        "jazz: true",
        "jazz: decoded",
        "rock: true",
        "rock: decoded",
    ]
    assert len({ax.images[0].get_clim() for ax in pictures}) == 1 and bar.get_ylabel() == "level in dB"
    assert pictures[2].get_xlabel() == "time in seconds" and pictures[2].get_ylabel() == "frequency in Hz"
    assert plt.get_fignums() == []
