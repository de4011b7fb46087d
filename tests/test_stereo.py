"""What the vocoder adds: its measures on sounds whose answer is known, and the measurement itself."""

import json

import numpy as np
import pytest
import soundfile

from benchmarks import stereo
from noteninja_lib import data_folder
from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio.io import SAMPLE_RATE, load
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation.baselines import Piece

NOISES = np.random.default_rng(0).normal(0, 0.1, (3, 3 * STEREO_RATE)).astype(np.float32)


def sound(middle=1.0, side=0.5, treble=1.0):
    """Noise in the middle and at the sides, with more or less of it above 11 kHz."""
    made = np.stack([middle * NOISES[0] + side * NOISES[1], middle * NOISES[0] - side * NOISES[1]])
    spectrum, hertz = np.fft.rfft(made), np.fft.rfftfreq(made.shape[1], 1 / STEREO_RATE)
    spectrum[:, hertz > 11000] *= treble
    return np.fft.irfft(spectrum).T.astype(np.float32)


def compared(made, true, same=True):
    return stereo.compare(stereo.traits(made), stereo.traits(true), same)


def test_the_truth_itself_is_without_fault():
    found = compared(sound(), sound())
    assert found.keys() == stereo.MEASURES.keys()
    for name, value in found.items():
        if name in ("sharpness_in_time", "offset"):
            continue
        np.testing.assert_allclose(value, 0, atol=1e-6, err_msg=name)
    assert found["sharpness_in_time"][0] == found["sharpness_in_time"][1] > 0 and found["offset"] < 0.02
    without = compared(sound(), sound(), same=False)
    assert found.keys() - without.keys() == {"mel_distance", "multi_resolution"}


def test_loudness_does_not_count_where_levels_are_compared():
    found = compared(sound() / 4, sound())
    assert found.pop("loudness") == pytest.approx(-12.04, abs=0.05)
    for name in ("treble", "side_low", "side_high", "correlation", *stereo.OF_OCTAVES):
        np.testing.assert_allclose(found[name], 0, atol=0.01, err_msg=name)


def test_treble_is_measured_by_itself():
    found = compared(sound(treble=0.5), sound())
    gain = found["channels"].mean()  # what is lost above is given to all when it is brought to equal loudness
    assert found["treble"] - gain == pytest.approx(-6.02, abs=0.1) and 0 < gain < 4
    assert abs(found["side_low"]) < 0.01 and abs(found["side_high"]) < 0.01
    assert "treble" not in compared(sound(), sound(treble=0.0))  # what the truth lacks is not asked for


def test_a_wider_sound_loses_by_folding():
    found = compared(sound(side=1.0), sound(side=0.5))
    assert found["side_low"] == pytest.approx(6.02, abs=0.01) == found["side_high"]
    # The middle has 1 / 1.25 of the energy, and 1 / 2 in the wider sound: the correlation tells the same.
    np.testing.assert_allclose(found["folding"], 10 * np.log10(1.25 / 2), atol=0.4)
    np.testing.assert_allclose(found["folding"], found["fold"] - found["channels"])
    assert found["correlation"] == pytest.approx(-0.6, abs=0.02)
    opposite = stereo.traits(sound(middle=0.0, side=1.0))
    assert opposite["correlation"] == pytest.approx(-1, abs=1e-4) and opposite["folding"].max() < -40


def test_what_is_mono_is_counted_apart():
    found = compared(sound(side=0.1), sound(side=0.0))
    assert not {"side_low", "side_high"} & found.keys()
    assert found["mono_side_low"] == pytest.approx(-20, abs=0.7) == found["mono_side_high"]
    quiet = compared(sound(side=0.1) / 300, sound(side=0.0) / 300)
    assert quiet["mono_side_low"] == pytest.approx(found["mono_side_low"], abs=0.01)


def test_faults_are_those_of_either_channel():
    made = sound()
    made[:, 1] += 0.1
    assert stereo.traits(made)["offset"] == pytest.approx(0.1 / np.hypot(0.1, made[:, 0].std()), rel=0.05)


def rows(tunes=range(4), off={"jazz": 1.0, "rock": -3.0}):
    """Clips in two genres, one further off than the other."""
    for tune in tunes:
        for genre, by in off.items():
            one = {name: by + 0.01 * tune for name in stereo.MEASURES}
            octaves = {name: by * np.linspace(0, 1, 8) for name in stereo.OF_OCTAVES}
            yield stereo.Row("truth", genre, tune, one | octaves | {"sharpness_in_time": (1.0, 1.0)})
            made = one | octaves | {"sharpness_in_time": (2.0 - (genre == "jazz"), 1.0)}
            if tune == 0:
                del made["side_low"]
                made["mono_side_low"] = -33.0
            yield from (stereo.Row(stage, genre, tune, made) for stage in stereo.STAGES)


def test_figures_are_summed_up_and_the_worst_genre_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(stereo, "measure", lambda *_: [list(rows())])
    for place in ("jazz/one.wav", "two.mp3"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).touch()
    out = tmp_path / "stereo.json"
    with pytest.raises(UserError, match="no file"):
        stereo.report(2, soundfont=tmp_path / "none.sf2", out=out)
    figures = stereo.report(2, soundfont=tmp_path / "two.mp3", data=tmp_path, out=out)
    assert json.loads(out.read_text()) == figures and len(figures["sets"]) == 3
    jazz = figures["sets"]["unseen instruments"]["stages"]["decoded"]["genres"]["jazz"]
    assert jazz["treble"] == [pytest.approx(1.015), *jazz["treble"][1:3], pytest.approx(1.015)]
    assert jazz["treble"][1] < 1.015 < jazz["treble"][2] and jazz["clips"] == 4
    assert jazz["hertz"]["fold"] == 8000 and jazz["octaves"]["fold"][0] == 0 and jazz["fold"][3] == 1
    assert jazz["counted"] == {"side_low": 3, "mono_side_low": 1} and jazz["mono_side_low"][0] == -33
    told = "\n".join(stereo.lines(figures))
    worst = next(line for line in told.splitlines() if line.startswith("| 11 to 16 kHz, dB |"))
    assert worst.count("rock -3.0") == 3 and "jazz" not in worst
    assert (
        "rock 2.00; mean 2.00 [2.00, 2.00]" in told and "| -3.0 (8000) / -3.0 (8000) / -3.0 (8000) |" in told
    )
    assert "side below 500 Hz, dB, where 2 of them are mono: -33 / -33 / -33." in told


def test_all_stages_are_measured_beside_the_truth(monkeypatch, tmp_path):
    songs = [load(path, duration=4.0) for path in sorted((data_folder() / "songs").glob("*.mp3"))[:2]]
    true = [np.repeat(np.repeat(song, 2)[:, None], 2, 1) for song in songs]
    piece = Piece(0, "rock", [], dict(zip(("jazz", "rock"), true)))
    monkeypatch.setattr(stereo, "make_piece", lambda *_, stereo: piece)
    found = stereo.measure_tune(0, 0, "test")
    assert [(row.genre, row.stage) for row in found] == [
        (genre, stage) for genre in ("jazz", "rock") for stage in ("truth", *stereo.STAGES)
    ]
    by_stage = {row.stage: row.figures for row in found}
    assert by_stage["vocoder"]["mel_distance"] < by_stage["decoded"]["mel_distance"] < 0.5
    assert "mel_distance" not in by_stage["converter"] and "mono_side_low" in by_stage["converter"]
    soundfile.write(tmp_path / "long.wav", np.tile(songs[0], 3), SAMPLE_RATE)
    soundfile.write(tmp_path / "short.wav", songs[0], SAMPLE_RATE)
    soundfile.write(tmp_path / "silent.wav", 0 * np.tile(songs[0], 3), SAMPLE_RATE)
    (tmp_path / "broken.wav").write_bytes(b"nothing")
    kept = [stereo.measure_file(job) for job in stereo.plan(1, 0, "test", tmp_path)]
    (file,) = filter(None, kept)
    assert [row.stage for row in file] == ["truth", "vocoder", "decoded"] and len(kept) == 4
    assert "treble" not in file[1].figures and file[1].figures["mono_side_high"] < 20
