"""A tune from the notes that were heard: where its beats and bar lines are, its key and its chords.

Notes come at any moment; the beats are the ruler by which they are written down.
:mod:`noteninja_lib.music.score_io` then gives them values that can be read. Lesson: 00_genre_converter.
"""

import numpy as np
from music21 import note, stream

from noteninja_lib.arranger.performance import Note
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.music.beats import FRAME_RATE, hear_rhythm, mel_rise
from noteninja_lib.music.harmony import bar_length, beat_length, harmonise
from noteninja_lib.music.metre import TICKS, find_metre, likely_key, place_on_beats
from noteninja_lib.music.piano_roll import PianoRoll, pick_notes
from noteninja_lib.music.score_io import SHORTEST_REST
from noteninja_lib.music.tunes import Tune

BASS = 31  # lowest rows of the piano roll: A0 to D#3
HEARD_WITHIN = 0.03  # seconds
#: Beats in a bar, and how likely so many are before anything is heard.
BARS = {4: 0.88, 3: 0.1, 5: 0.02}


def write_down(notes: list[Note], audio: np.ndarray) -> tuple[Tune, float, float]:
    """A tune with chords from the notes that were heard: tempo, bar lines and key are estimated.

    Parameters
    ----------
    notes : list of Note
    audio : numpy.ndarray, shape (samples,)

    Returns
    -------
    (Tune, float, float)
        The tune, the time of its first bar line in seconds (0 or earlier), and the tempo in beats a minute.
    """
    beats, strength, seconds = hear_rhythm(audio)[1], mel_rise(audio)[:20].mean(0), len(audio) / SAMPLE_RATE
    step = float(np.median(np.diff(beats))) if len(beats) > 1 else 0.5
    start = float(beats[0]) if len(beats) else 0.0
    even = np.arange(start, max(len(strength) / FRAME_RATE - 0.1, start + 1.5 * step), step)
    frames = np.clip((even * FRAME_RATE).astype(int), 0, len(strength) - 4)
    metre, downbeat = find_bar(np.array([strength[frame : frame + 4].max() for frame in frames]))
    first = downbeat - bar_length(metre)
    if start + first * step > 0:
        first -= bar_length(metre)
    tune = set_in_bars(notes, even, metre, key_of_notes(notes), first, seconds)
    return tune, start + first * step, 60 / step


def find_bars(roll: PianoRoll) -> tuple[np.ndarray, str, float]:
    """Beats in seconds, metre ("4/4", "3/4" or "5/4"), and the bar line before the first sound, in beats from
    the first beat."""
    beats = settle(roll.beats if len(roll.beats) > 1 else np.arange(0, roll.seconds + 1, 0.5), roll)
    metre, downbeat = find_bar(accents(roll, beats))
    bar, step = bar_length(metre), (beats[-1] - beats[0]) / (len(beats) - 1)
    return beats, metre, downbeat - bar * np.ceil((downbeat + beats[0] / step) / bar - 0.01)


def hummed_tune(
    notes: list[Note], beats: np.ndarray | None = None, metre: str = "4/4"
) -> tuple[Tune, np.ndarray]:
    """The tune of somebody who hums, sings or whistles alone, as it can be printed.

    Parameters
    ----------
    notes : list of Note
        Four or more, one at a time.
    beats : numpy.ndarray, optional
        Times in seconds of a metronome's beats, the first of them on a bar line; if None, beats and metre are
        found in the notes.
    metre : str
        Of the metronome: "4/4" or "3/4".

    Returns
    -------
    (Tune, numpy.ndarray)
        The tune, and the times of its felt beats in seconds, from its first bar line to its last, or beyond.
    """
    starts = np.array([one.start for one in notes])
    if beats is None:
        metre, ticks, beats = find_metre(starts)
    else:
        # A recording begins later than the page thinks, and a singer hears the metronome later.
        step, halves = float(np.median(np.diff(beats))), np.exp(4j * np.pi * in_beats(starts, beats)).mean()
        beats = beats + np.angle(halves) / (4 * np.pi) * step
        metre, ticks = place_on_beats(in_beats(starts, beats), step, metre)
    placed = {}
    for one, tick in zip(notes, ticks):  # of two at one place the longer stays
        if tick not in placed or one.end - one.start > placed[tick].end - placed[tick].start:
            placed[int(tick)] = one
    written = []
    for (tick, one), following in zip(placed.items(), [*list(placed)[1:], int(ticks[-1]) + TICKS]):
        last = max(tick + 1, round(float(in_beats(one.end, beats)) * beat_length(metre) * TICKS))
        lasts = (following if following - last < SHORTEST_REST * TICKS else last) - tick
        written.append((tick / TICKS, lasts / TICKS, one.pitch))
    bar = bar_length(metre)
    length, key = bar * np.ceil((written[-1][0] + written[-1][1]) / bar - 1e-6), likely_key(written)
    chords = harmonise(written, *key, metre, length)
    tune = Tune("heard", "hummed", "heard", metre, *key, tuple(written), chords, length, "heard", "test")
    missing, step = round(length / tune.beat) + 1 - len(beats), (beats[-1] - beats[0]) / (len(beats) - 1)
    return tune, np.append(beats, beats[-1] + step * np.arange(1, missing + 1))


def in_beats(times: np.ndarray | float, beats: np.ndarray) -> np.ndarray:
    """Times in seconds as numbers of beats; before the first and after the last one the beat goes on."""
    step, beats = float(np.median(np.diff(beats))), np.asarray(beats)
    inside = np.interp(times, beats, np.arange(len(beats)))
    return inside + (np.minimum(times - beats[0], 0) + np.maximum(times - beats[-1], 0)) / step


def settle(beats: np.ndarray, roll: PianoRoll) -> np.ndarray:
    """Beats moved to where long notes of the tune and the bass begin; trackers often follow the snare.

    An even pulse of nearly the same tempo is tried as well, and taken where the music keeps to it better.

    Parameters
    ----------
    beats : numpy.ndarray
        Times in seconds.
    roll : PianoRoll

    Returns
    -------
    numpy.ndarray
        Times in seconds.
    """
    tune, bass = roll.melody_notes(), pick_notes(roll.notes[0][:BASS], roll.notes[1][:BASS])
    times = np.array([one.start for one in (*tune, *bass)])
    lengths = (np.array([min(one.end - one.start, 1.0) for one in tune]), np.ones(len(bass)))
    weights = np.concatenate([part / (part.sum() + 1e-9) for part in lengths])
    if not len(times):
        return beats
    step = float(np.median(np.diff(beats)))
    periods = step * np.linspace(0.97, 1.03, 1 + 2 * len(beats))
    fit = [abs(np.exp(2j * np.pi * times / period) @ weights) for period in periods]  # Fourier
    even = [np.arange(-1, (beats[-1] + step) / period) * period for period in periods[np.argsort(fit)[-9:]]]
    shifts = np.arange(24) / 24 * step
    beats = max(
        (grid + shift for grid in (beats, *even) for shift in shifts),
        key=lambda grid: weights @ np.exp(-0.5 * (_off(times, grid) * step / HEARD_WITHIN) ** 2),
    )
    quarters = 4 * in_beats(times, beats)
    return beats + np.median(quarters - np.round(quarters)) / 4 * step  # trackers are early by some 15 ms


def _off(times, beats):
    """How far times in seconds lie from the nearest beat, in beats."""
    found = in_beats(times, beats)
    return found - np.round(found)


def set_in_bars(
    notes: list[Note], beats: np.ndarray, metre: str, key: tuple[int, str], first: float, seconds: float
) -> Tune:
    """A tune with key and chords, its notes where they were heard, in beats from a bar line.

    Parameters
    ----------
    notes : list of Note
    beats : numpy.ndarray
        At least two times in seconds.
    metre : {"4/4", "3/4", "5/4"}
    key : (int, str)
        Pitch class of the tonic, and mode.
    first : float
        The first bar line, in beats from the first beat.
    seconds : float
        Length of the recording.

    Returns
    -------
    Tune
    """
    bar, written = bar_length(metre), []
    for one in notes:
        start, end = in_beats(np.array([one.start, one.end]), beats) - first
        written.append((float(start), float(max(end - start, 0.1)), one.pitch))
    length = float(bar * np.ceil((in_beats(seconds, beats) - first) / bar - 1e-6))
    chords = harmonise(written, *key, metre, length)
    return Tune("heard", "heard", "heard", metre, *key, tuple(written), chords, length, "heard", "test")


def harmony_changes(roll: PianoRoll, beats: np.ndarray) -> np.ndarray:
    """How much what sounds changes at each beat, 0 to 1: bar lines are where chords change."""
    chroma, step = np.cumsum(np.pad(roll.chroma(), ((0, 0), (1, 0))), axis=1), np.median(np.diff(beats))
    edges = np.round(np.array([beats - step, beats, beats + step]) * FRAME_RATE)
    edges = np.clip(edges, 0, chroma.shape[1] - 1).astype(int)
    before, after = chroma[:, edges[1]] - chroma[:, edges[0]], chroma[:, edges[2]] - chroma[:, edges[1]]
    lengths = np.linalg.norm(before, axis=0) * np.linalg.norm(after, axis=0)
    return np.where(lengths > 0, 1 - (before * after).sum(0) / np.maximum(lengths, 1e-9), 0)


def accents(roll: PianoRoll, beats: np.ndarray) -> np.ndarray:
    """How likely each beat begins a bar: chords change there, basses and low sounds begin."""
    around = np.clip(np.round(beats * FRAME_RATE).astype(int)[:, None] + np.arange(-3, 5), 0, roll.frames - 1)
    lows = roll.notes[0][:BASS].max(0), roll.onsets[0]
    strong = [low.astype(np.float32)[around].max(1) for low in lows]
    return _standard(harmony_changes(roll, beats)) + 0.5 * sum(map(_standard, strong))


def _standard(values):
    return (values - values.mean()) / (values.std() + 1e-9)


def find_bar(accents: np.ndarray) -> tuple[str, int]:
    """Metre (as in `BARS`) and number of the first beat on a bar line, from how strong beats (n,) are.

    The likeliest of all: beats on bar lines are normally distributed around another mean than those between.
    So a few strong beats, which fit some bar by chance, count for less than many.
    """
    accents, found = _standard(accents), {}
    for bar, likely in BARS.items():
        for first in range(bar):
            count, strong = len(accents[first::bar]), max(accents[first::bar].sum(), 0.0)
            explained = strong**2 / max(count * (len(accents) - count), 1)  # share of the variance
            gain = -len(accents) / 2 * np.log(1 - min(explained, 0.99))
            found[bar, first] = gain + np.log(likely / bar)
    beats_in_bar, downbeat = max(found, key=lambda place: found[place])
    return f"{beats_in_bar}/4", downbeat


def key_of_notes(notes: list[Note]) -> tuple[int, str]:
    """Tonic (pitch class) and mode of some notes, by the profiles that music21 prefers (Aarden's)."""
    if not notes:
        return 0, "major"
    found = _analyse([(one.pitch, max(round(4 * (one.end - one.start)) / 4, 0.25)) for one in notes], "key")
    return found.tonic.pitchClass, found.mode


def key_of_music(roll: PianoRoll) -> tuple[int, str]:
    """Tonic and mode of a piano roll, by Krumhansl's profiles: the tune and all that sounds weigh alike."""
    fits = fit_of_keys(roll)
    return max(fits, key=lambda key: fits[key])


def fit_of_keys(roll: PianoRoll) -> dict[tuple[int, str], float]:
    """How well each of the 24 keys, (tonic, mode), fits: the correlation with Krumhansl's profile of it."""
    heard, tune = roll.chroma().sum(1).astype(float), np.zeros(12)
    for one in roll.melody_notes():
        tune[one.pitch % 12] += one.end - one.start
    shares = heard / (heard.sum() or 1) + tune / (tune.sum() or 1)
    if not shares.any():
        return {(0, "major"): 0.0}
    lengths = [(60 + int(pitch), float(shares[pitch])) for pitch in np.flatnonzero(shares)]
    best = _analyse(lengths, "krumhansl")
    keys = [best, *best.alternateInterpretations]
    return {(one.tonic.pitchClass, one.mode): one.correlationCoefficient for one in keys}


def _analyse(lengths, method):
    """The key by one of music21's methods, from (MIDI pitch, length) pairs."""
    return stream.Stream([note.Note(pitch, quarterLength=length) for pitch, length in lengths]).analyze(
        method
    )
