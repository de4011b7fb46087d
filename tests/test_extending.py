"""A clip made longer: its form, its beat, its key and its end."""

import numpy as np
import pytest

from noteninja_lib.arranger.performance import Note
from noteninja_lib.audio.spectrogram import HOP_LENGTH
from noteninja_lib.errors import UserError
from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.extension import (
    EARLY,
    extend,
    sections,
    set_on_grid,
    without_melody,
)
from noteninja_lib.music.generation import invent
from noteninja_lib.music.piano_roll import PianoRoll, cut, from_notes
from noteninja_lib.music.playback import from_score
from noteninja_lib.music.style import fade_out
from noteninja_lib.music.transcription import key_of_music


def clip_of(seconds=20.0, seed=3, tempo=110.0):
    """The beginning of an invented tune in 4/4 as a piano roll."""
    return cut(from_score(invent(seed, mode="major"), tempo), 0, seconds)


@pytest.fixture(scope="module")
def clip():
    return clip_of()


@pytest.fixture(scope="module")
def longer(clip):
    return extend(clip, 120.0)


def test_length_is_as_asked_for(clip):
    for seconds in (20.0, 33.3, 61.7, 120.0):
        assert extend(clip, seconds).frames == round(seconds * FRAME_RATE)


def test_bars_are_those_of_the_clip():
    """A clip that begins in the middle of a bar is cut at its bar lines, within 30 ms."""
    tempo = 104.0
    roll = cut(from_score(invent(7, mode="major"), tempo), 0.9, 21.0)
    grid, bar, beats_in_bar = set_on_grid(roll)
    assert beats_in_bar == 4 and bar / FRAME_RATE == pytest.approx(4 * 60 / tempo, rel=0.003)
    for shift, same in (
        (0, True),
        (1, False),
        (2, False),
        (4, False),
    ):  # beats from the second bar line of the tune
        start = (4 + shift) * 60 / tempo - 0.9 - EARLY / FRAME_RATE
        begin = cut(roll, start, start + 2.4).melody[1][:, :bar]
        assert (np.abs(grid.melody[1][:, :bar] - begin).mean() < 0.1 * begin.mean()) == same


def test_repeated_sections_are_equal(clip, longer):
    grid, bar, _ = set_on_grid(clip)
    a, b = sections(grid, bar)
    intro = next(
        bar * n
        for n in (1, 2, 4)
        if np.array_equal(longer.melody[..., bar * n : bar * n + a.frames], a.melody)
    )
    assert not longer.melody[..., :intro].any() and longer.notes[..., :intro].any()
    rounds = [longer[start : start + a.frames] for start in range(intro, longer.frames - 2 * bar, a.frames)]
    for number, section in enumerate(rounds[:8]):
        expected = b if number % 4 == 2 else a
        assert np.array_equal(section.melody, expected.melody) and np.array_equal(
            section.notes, expected.notes
        )
    assert not np.array_equal(a.notes, b.notes)


def test_the_beat_goes_on_over_all_joins(clip, longer):
    phase = np.unwrap(np.arctan2(*longer.network_input()[:-3:-1].astype(float)))
    assert np.diff(phase).std() < 1e-4 * np.diff(phase).mean()
    assert longer.tempo == pytest.approx(clip.tempo, rel=0.01)
    gaps = np.diff(longer.beats)
    assert np.ptp(gaps) < 1 / FRAME_RATE
    # Notes lie on that beat as they do in the clip, to the end.
    for start in (0, 40, 80):
        times = np.array([note.start for note in cut(longer, start, start + 30).melody_notes()]) + start
        halves = (times - longer.beats[0]) / np.median(gaps) * 4
        assert np.abs(halves - np.round(halves)).mean() < 0.12


def test_an_uneven_clip_comes_out_even():
    beats = np.cumsum([0.0] + [0.5 + 0.02 * np.sin(n) for n in range(40)])
    notes = [Note(t, t + 0.3, 60 + (n % 4 == 0) * 7, 90) for n, t in enumerate(beats[:-1])]
    chords = [
        Note(beats[n], beats[n + 4] - 0.05, pitch + n % 8, 80)
        for n in range(0, 36, 4)
        for pitch in (40, 43, 47)
    ]
    longer = extend(from_notes(notes, chords, beats[-1], beats), 60.0)
    starts = np.array([note.start for note in longer.melody_notes()])
    steps = np.diff(starts)
    steps = steps[steps < 0.75]
    assert len(steps) > 80 and np.ptp(steps) < 4 / FRAME_RATE  # in the clip they differ by 80 ms


def test_key_stays_and_the_end_is_the_tonic(clip, longer):
    tonic, mode = key_of_music(clip)
    assert key_of_music(longer) == (tonic, mode)
    third = longer.frames // 3
    shares = longer.chroma()
    assert np.corrcoef(shares[:, :third].sum(1), shares[:, -third:].sum(1))[0, 1] > 0.9
    last = longer.melody_notes()[-1]
    assert last.pitch % 12 == tonic and last.end - last.start > 0.8
    sounding = np.flatnonzero(longer.notes[1].max(0))
    assert 0.9 < (longer.frames - sounding[-1]) / FRAME_RATE < 1.2
    held = set(np.flatnonzero(longer.notes[1][:, sounding[-1]]) % 12)
    assert len(held) == 3


@pytest.mark.parametrize("seconds, whole_bars", [(5.0, 2), (9.5, 4), (12.0, 5)])
def test_a_short_clip_has_a_break_in_place_of_a_second_half(seconds, whole_bars):
    clip = clip_of(seconds)
    grid, bar, _ = set_on_grid(clip)
    assert grid.frames // bar == whole_bars
    a, b = sections(grid, bar)
    half = a.frames // 2
    assert a.frames == b.frames == whole_bars // 2 * 2 * bar
    assert not b.melody[..., :half].any() and np.array_equal(b.melody[..., half:], a.melody[..., half:])
    assert extend(clip, 40.0).frames == round(40 * FRAME_RATE)


def test_seeds_differ_in_the_intro(clip, longer):
    assert np.array_equal(extend(clip, 120.0).network_input(), longer.network_input())
    begins = {int(np.flatnonzero(extend(clip, 120.0, seed=seed).melody[0].max(0))[0]) for seed in range(8)}
    assert len(begins) > 1


def test_the_accompaniment_alone_has_no_tune(clip):
    alone = without_melody(clip)
    tune, rest = clip.melody[1] > 0.5, clip.melody.max(0) == 0
    assert clip.notes[1][tune].min() > 0.5 and alone.notes[1][tune].max() == 0
    assert np.array_equal(alone.notes[:, rest], clip.notes[:, rest]) and alone.notes[1].any()


def test_recordings_keep_their_kind_of_numbers(clip):
    """Half precision halves the memory of an hour."""
    half = PianoRoll(clip.melody.astype(np.float16), clip.notes.astype(np.float16), clip.onsets, clip.beats)
    longer = extend(half, 60.0)
    assert longer.melody.dtype == longer.notes.dtype == np.float16 and longer.onsets.dtype == np.float32


def test_sound_dies_away_where_the_notes_have_ended(longer):
    audio = np.ones(longer.frames * HOP_LENGTH, np.float32)
    faded = fade_out(audio.copy(), longer)
    assert len(faded) == len(audio) and faded.dtype == np.float32 and abs(faded[-1]) < 1e-3
    assert (faded[: -round(1.1 * FRAME_RATE) * HOP_LENGTH] == 1).all() and (np.diff(faded) <= 0).all()
    playing = cut(longer, 0, 20)
    assert (fade_out(audio[: 20 * 22050], playing) == 1).all()


@pytest.mark.parametrize(
    "seconds, word",
    [(10.0, "20.0 seconds"), (3601.0, "3600"), (float("nan"), "must lie"), (float("inf"), "must lie")],
)
def test_lengths_that_are_refused(clip, seconds, word):
    with pytest.raises(UserError, match=word):
        extend(clip, seconds)


def test_clips_that_are_refused(clip):
    with pytest.raises(UserError, match="two whole bars"):
        extend(clip_of(3.5), 60.0)
    still = PianoRoll(clip.melody, clip.notes, clip.onsets, [])
    with pytest.raises(UserError, match="no beat"):
        extend(still, 60.0)
