"""Rendering: loud enough, never clipped, equal to the byte, in tune and in step by ear."""

import warnings

import numpy as np
import pyloudnorm
import pytest
from test_band import make_tune

from noteninja_lib.arranger import mixing
from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.performance import Note, Part, Performance
from noteninja_lib.arranger.recipe import GENRES, load_recipe
from noteninja_lib.arranger.synthesis import default_soundfont, render, render_stems, sketch
from noteninja_lib.errors import UserError

RATE = 22050


def performance_of(genre, seed=0, duration=5.0, **options):
    return arrange(make_tune(), load_recipe(genre), seed, tempo=112, swing=0.2, duration=duration, **options)


@pytest.mark.parametrize("genre", GENRES)
def test_level_length_and_peak(genre):
    audio = render(performance_of(genre))
    assert audio.dtype == np.float32 and audio.shape == (5 * RATE,)
    assert np.isfinite(audio).all() and np.abs(audio).max() <= 0.98
    assert abs(pyloudnorm.Meter(RATE).integrated_loudness(audio) + 16) < 1.5
    # Music at once and all the time: no half second is silent.
    assert min(np.abs(part).max() for part in np.array_split(audio, 10)) > 0.02


@pytest.mark.parametrize("genre", GENRES)
def test_intro_and_ending_are_heard(genre):
    """Somebody plays from the first second on; the last chord is as loud as the piece, and rings out."""
    audio = render(performance_of(genre, duration=8.5, intro=1, ending=True))
    end = int(performance_of(genre, duration=8.5, intro=1, ending=True).chords[-1][0] * RATE)
    loud = np.sqrt(np.mean(audio**2))
    assert np.sqrt(np.mean(audio[:RATE] ** 2)) > 0.1 * loud
    assert np.sqrt(np.mean(audio[end : end + RATE // 3] ** 2)) > 0.5 * loud
    assert np.abs(audio[-RATE // 50 :]).max() < 0.05


def test_equal_bytes_also_after_other_music():
    first, other = performance_of("pop", 1, 3.0), performance_of("metal", 2, 3.0)
    before = render(first).tobytes()
    render(other)
    assert render(first).tobytes() == before
    assert render(performance_of("pop", 3, 3.0)).tobytes() != before


def test_a_sketch_is_mono_for_networks_and_stereo_for_ears():
    notes = [Note(0.0, 0.9, 60, 90)], [Note(0.0, 0.9, 48, 90)]
    mono, stereo = sketch(*notes, 1.0), sketch(*notes, 1.0, stereo=True)
    assert mono.shape == (22050,) and stereo.shape == (44100, 2)
    assert min(np.abs(mono).max(), np.abs(stereo).max(0).min()) > 0.05


def test_other_sample_rate():
    performance = performance_of("jazz", duration=2.0)
    assert render(performance, sample_rate=44100).shape == (88200,)
    wide = render(performance, stereo=True)
    assert wide.shape == (88200, 2) and wide.dtype == np.float32 and np.abs(wide).max() < 0.981
    assert 0.02 < (wide[:, 0] - wide[:, 1]).std() / wide.sum(1).std() < 1


def test_a_stem_sounds_its_notes():
    """The flute's stem holds the energy of A4 while A4 is written, and silence before it."""
    part = Part("melody", 73, False, [Note(1.0, 2.0, 69, 100)])
    performance = Performance(None, "test", 0, 120.0, 0.0, 0, 3.0, [part], mix={"levels": {}, "chains": {}})
    stem = render_stems(performance)["melody"]
    assert stem.shape == (3 * 44100,)
    assert np.abs(stem[: int(0.9 * 44100)]).max() < 1e-4 < np.abs(stem[44100 + 4410 : 2 * 44100]).max()
    spectrum = np.abs(np.fft.rfft(stem[int(1.3 * 44100) : int(1.8 * 44100)] * np.hanning(22050)))
    assert abs(np.argmax(spectrum) * 2 - 440) <= 6


def test_a_repeated_key_sounds_again():
    """The first note's late release must not silence the second."""
    notes = [Note(0.0, 0.62, 60, 100), Note(0.5, 1.0, 60, 100)]
    performance = Performance(None, "test", 0, 120.0, 0.0, 0, 1.0, [Part("melody", 19, False, notes)], mix={})
    stem = render_stems(performance)["melody"]
    assert np.abs(stem[int(0.85 * 44100) : int(0.95 * 44100)]).max() > 0.2 * np.abs(stem).max()


def test_a_tail_rings_and_ends():
    """A harp string rings on after its note, but not for ever: that would be paid for in every part."""
    part = Part("comp", 46, False, [Note(0.1, 0.3, 60, 100)])
    performance = Performance(None, "test", 0, 120.0, 0.0, 0, 3.0, [part], mix={})
    stem = np.abs(render_stems(performance)["comp"])
    assert stem[int(0.6 * 44100) : int(0.9 * 44100)].max() > 0.02 * stem.max()
    assert stem[int(1.5 * 44100) :].max() < 1e-4


def test_slow_instruments_are_in_step_by_ear():
    """Strings and piano reach the ear within 15 ms of each other."""
    heard = []
    for program in (0, 40, 48, 30):
        part = Part("melody", program, False, [Note(0.5, 1.0, 72, 95)])
        performance = Performance(None, "test", 0, 120.0, 0.0, 0, 1.2, [part], mix={})
        stem = np.abs(render_stems(performance)["melody"])
        heard.append(np.argmax(stem > 0.2 * stem[: int(0.62 * 44100)].max()) / 44100)
    assert np.ptp(heard) < 0.015


def test_melody_leads():
    """With no effects and equal sounds, the mix keeps the melody above each chord part."""
    noise = np.random.default_rng(0).normal(0, 0.1, 44100).astype(np.float32)
    for genre in GENRES:
        mix = performance_of(genre, duration=1.0).mix
        alone = {
            name: mixing.mix_stems({name: noise}, {"levels": mix["levels"], "chains": {}}, 44100)
            for name in mix["levels"]
        }
        for name in set(alone) & {"comp", "comp2", "pad", "stabs"}:
            assert np.std(alone["melody"]) > 1.25 * np.std(alone[name]), (genre, name)


def test_arousal_brightens():
    pytest.importorskip("pedalboard")

    def treble(arousal):
        audio = render(performance_of("pop", 4, arousal=arousal))
        power = np.abs(np.fft.rfft(audio)) ** 2
        return power[int(3000 * 5) :].sum() / power.sum()

    assert treble(0.9) > 1.3 * treble(-0.9)


def test_effects_change_the_sound():
    pytest.importorskip("pedalboard")
    performance = performance_of("metal", duration=2.0)
    assert not np.allclose(render(performance), render(performance, mixed=False), atol=0.02)


def test_without_pedalboard_one_sentence(monkeypatch):
    import builtins

    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "pedalboard":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    mixing._pedalboard.cache_clear()
    performance = performance_of("rock", duration=1.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert np.abs(render(performance)).max() > 0.1
        render(performance)
    mixing._pedalboard.cache_clear()
    assert len([w for w in caught if "pedalboard" in str(w.message)]) == 1


def test_silence_in_silence_out():
    performance = Performance(None, "test", 0, 120.0, 0.0, 0, 1.0, [], mix={"levels": {}, "chains": {}})
    assert not render(performance).any()


@pytest.mark.parametrize("content", [None, b"not a soundfont"])
def test_wrong_soundfont(tmp_path, content):
    path = tmp_path / "font.sf2"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match="SoundFont"):
        render(performance_of("rock", duration=1.0), path)


def test_default_soundfont_is_there():
    assert default_soundfont().stat().st_size > 1e6
