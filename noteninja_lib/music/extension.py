"""Extending: a piece of any length from a short clip, with the form of a song.

The clip is set on a steady beat and cut at its bar lines; its bars are then joined anew: an intro without the tune, A A B A as
often as there is time for, and a last chord. As all of this happens in the piano roll, nothing is heard of the cuts.
Lesson: 09_tempo_mood_and_length.
"""

import numpy as np

from noteninja_lib.arranger.performance import Note
from noteninja_lib.audio.spectrogram import HOP_LENGTH
from noteninja_lib.errors import UserError
from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.harmony import QUALITIES, bar_length
from noteninja_lib.music.piano_roll import PianoRoll, draw_notes
from noteninja_lib.music.time_warp import beats_of, join, warp

LONGEST = 3600.0  # seconds
EARLY = 5  # columns (58 ms) before each bar line where cuts are made: some notes come a little early
INTROS = (1, 2, 4)  # bars
ROUND = "AABA"
BOTH_HALVES = 8  # bars from which on a clip gives two sections; a shorter one is A as a whole
SILENCE = 1.0  # seconds after the last chord, in which what still sounds dies away
UNHEARD, ENDED = (
    0.2,
    0.25,
)  # strength below which nothing is played; seconds of that at the end make an ending


def extend(roll, seconds, *, seed=0):
    """A longer piece from the bars of a clip: intro, A A B A again and again, ending.

    Parameters
    ----------
    roll : PianoRoll
        Of the clip: two bars or more.
    seconds : float
        From the length of the clip to 3600.
    seed : int
        Draws the length of the intro.

    Returns
    -------
    PianoRoll
        Of this length, all bars equally long, in the clip's key.

    Raises
    ------
    UserError
        If the length is out of range, or the clip has no beat or less than two bars.
    """
    frames, columns = roll.rhythm.shape[-1], round(seconds * FRAME_RATE) if np.isfinite(seconds) else 0
    if not frames <= columns <= LONGEST * FRAME_RATE:
        raise UserError(
            f"The length must lie between that of the clip, {frames / FRAME_RATE:.1f} seconds, "
            f"and {LONGEST:g} seconds, not {seconds:g}."
        )
    clip, bar, beats_in_bar = set_on_grid(roll)
    a, b = sections(clip, bar)
    plan = lay_out(columns // bar, length_of(a) // bar, np.random.default_rng(seed))
    make = {
        "intro": lambda count: without_melody(bars(a, bar, 0, count)),
        "A": lambda count: a,
        "B": lambda count: b,
        "tag": lambda count: bars(a, bar, -count, None),
    }
    pieces = [make[name](count) for name, count in plan]
    body = sum(map(length_of, pieces))
    whole = join([*pieces, last_chord(roll, a, columns - body)])
    phase = 2 * np.pi * (np.arange(columns) - EARLY) * beats_in_bar / bar
    whole.rhythm[3:] = np.stack([np.cos(phase), np.sin(phase)])
    return whole


def length_of(roll):
    """Columns of a piano roll."""
    return roll.rhythm.shape[-1]


def bars(roll, bar, first, last):
    """Some bars of a piano roll; `bar` columns make one."""
    columns = slice(first * bar, None if last is None else last * bar)
    return PianoRoll(*(layer[..., columns] for layer in (roll.melody, roll.notes, roll.rhythm)))


def set_on_grid(roll):
    """The whole bars of a clip at its median tempo, each equally long.

    Returns
    -------
    (PianoRoll, int, int)
        The bars, from `EARLY` columns before the first bar line; columns in a bar; beats in a bar.
    """
    from noteninja_lib.music.transcription import find_bar, harmony_changes, settle  # loads music21

    beats, seconds = beats_of(roll), length_of(roll) / FRAME_RATE
    if len(beats) < 2:
        raise UserError("The clip has no beat that could be found: choose one with a steady beat.")
    beats = settle(beats, roll)
    metre, downbeat = find_bar(harmony_changes(roll, beats))
    beats_in_bar, reach = int(bar_length(metre)), EARLY / FRAME_RATE
    step = float(np.median(np.diff(beats)))
    more = step * np.arange(1, beats_in_bar + 1)  # a bar on either side
    beats = np.concatenate([beats[0] - more[::-1], beats, beats[-1] + more])
    lines = beats[downbeat % beats_in_bar :: beats_in_bar]
    lines = (
        np.flatnonzero((lines > -reach) & (lines < seconds + reach)) * beats_in_bar + downbeat % beats_in_bar
    )
    if len(lines) < 3:
        raise UserError("The clip has less than two whole bars: choose a longer one.")
    bar, count = round(step * beats_in_bar * FRAME_RATE), len(lines) - 1
    numbers = lines[0] + (np.arange(count * bar) - EARLY) * beats_in_bar / bar
    return warp(roll, np.interp(numbers, np.arange(len(beats)), beats) * FRAME_RATE), bar, beats_in_bar


def sections(clip, bar):
    """Sections A and B, of the same even number of bars (list of two PianoRoll).

    They are the two halves of a clip of eight bars or more. A shorter one is all A; B then is a break: its second half without
    the tune, and then with it.
    """
    count = length_of(clip) // bar
    if count >= BOTH_HALVES:
        half = count // 4 * 2
        return [bars(clip, bar, 0, half), bars(clip, bar, half, 2 * half)]
    a = bars(clip, bar, 0, count // 2 * 2)
    half = bars(a, bar, count // 2, None)
    return [a, join([without_melody(half), half])]


def without_melody(roll):
    """The accompaniment alone."""
    return PianoRoll(
        np.zeros_like(roll.melody), roll.notes * (1 - roll.melody.max(0)).clip(0, 1), roll.rhythm
    )


def lay_out(count, section, rng):
    """The form as a list of (name, bars): intro, A and B, at the end of A its last bars again where a section is too long.

    Parameters
    ----------
    count : int
        Whole bars in all; the last one is for the last chord.
    section : int
        Bars of A, and of B.
    rng : numpy.random.Generator
    """
    fitting = [intro for intro in INTROS if intro <= section and 8 * intro <= count]
    plan = [("intro", int(rng.choice(fitting)))] if fitting else []
    left = count - 1 - sum(length for _, length in plan)
    plan += [(ROUND[number % len(ROUND)], section) for number in range(left // section)]
    return plan + ([("tag", left % section)] if left % section else [])


def last_chord(roll, a, columns):
    """The tonic chord, held until shortly before the end; its attack is that of section `a`."""
    from noteninja_lib.music.transcription import key_of_music

    tonic, mode = key_of_music(roll)
    pitches = [note.pitch for note in roll.melody_notes()] or [72]
    high = int(np.median(pitches))
    lead = high - (high - tonic + 6) % 12 + 6  # the tonic nearest to the middle of the tune
    start, end = EARLY / FRAME_RATE, columns / FRAME_RATE - SILENCE
    quality = "min" if mode == "minor" else "maj"
    chord = [36 + tonic, *(48 + tonic + interval for interval in QUALITIES[quality])]
    roll = draw_notes([Note(start, end, lead, 90)], columns)
    notes = np.maximum(roll, draw_notes([Note(start, end, pitch, 80) for pitch in chord], columns))
    rhythm = np.zeros((5, columns), np.float32)
    rhythm[:3, : 2 * EARLY] = a.rhythm[:3, : 2 * EARLY]
    return PianoRoll(roll.astype(a.melody.dtype), notes.astype(a.notes.dtype), rhythm)


def fade_out(audio, roll):
    """A recording that dies away where the notes that it was made from have ended: left alone, the networks play on.

    Parameters
    ----------
    audio : numpy.ndarray, shape (samples,)
    roll : PianoRoll
        What was played; may be longer.

    Returns
    -------
    numpy.ndarray, shape (samples,)
    """
    columns = len(audio) // HOP_LENGTH
    playing = np.maximum(roll.notes[1].max(0), roll.rhythm[:3].max(0))[:columns] > UNHEARD
    last = np.flatnonzero(playing)
    if not len(last) or columns - last[-1] < ENDED * FRAME_RATE:
        return audio
    end = (last[-1] + 1) * HOP_LENGTH
    return np.concatenate(
        [audio[:end], audio[end:] * np.linspace(1, 0, len(audio) - end, dtype=audio.dtype) ** 2]
    )
