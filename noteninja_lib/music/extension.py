"""Extending: a piece of any length from a short clip, with the form of a song.

The clip is set on a steady beat and cut at its bar lines; its bars are then joined anew: an intro without the
tune, A A B A as often as there is time for, and a last chord. All of this happens in the piano roll, so no
cut is heard. Lesson: 09_tempo_mood_and_length.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from noteninja_lib.arranger.performance import Note
from noteninja_lib.errors import UserError
from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.harmony import QUALITIES, bar_length
from noteninja_lib.music.piano_roll import PianoRoll, from_notes, warp

LONGEST = 3600.0  # seconds
EARLY = 5  # frames (58 ms) before each bar line where cuts are made: some notes come a little early
INTROS = (1, 2, 4)  # bars
ROUND = "AABA"
BOTH_HALVES = 8  # bars from which on a clip gives two sections; a shorter one is A as a whole
SILENCE = 1.0  # seconds after the last chord, in which what still sounds dies away


def extend(roll: PianoRoll, seconds: float, *, seed: int = 0) -> PianoRoll:
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
    frames = round(seconds * FRAME_RATE) if np.isfinite(seconds) else 0
    if not roll.frames <= frames <= LONGEST * FRAME_RATE:
        raise UserError(
            f"The length must lie between that of the clip, {roll.seconds:.1f} seconds, "
            f"and {LONGEST:g} seconds, not {seconds:g}."
        )
    from noteninja_lib.music.transcription import key_of_music  # loads music21

    key, (clip, bar, beats_in_bar) = key_of_music(roll), set_on_grid(roll)
    a, b = sections(clip, bar)
    pieces = []
    for name, count in lay_out(frames // bar, a.frames // bar, np.random.default_rng(seed)):
        if name == "intro":
            pieces.append(without_melody(a[: count * bar]))
        else:
            pieces.append(a[-count * bar :] if name == "tag" else {"A": a, "B": b}[name])
    end = last_chord(key, roll, a, frames - sum(piece.frames for piece in pieces))
    whole = join([*pieces, end])
    beats = (np.arange(frames // bar * beats_in_bar) * bar / beats_in_bar + EARLY) / FRAME_RATE
    return replace(whole, beats=beats)


def join(rolls: Iterable[PianoRoll]) -> PianoRoll:
    """Piano rolls one after another."""
    rolls = list(rolls)
    begins = np.cumsum([0] + [one.seconds for one in rolls])
    melody, notes, onsets = (
        np.concatenate([getattr(one, name) for one in rolls], -1) for name in ("melody", "notes", "onsets")
    )
    beats = np.concatenate([one.beats + begin for one, begin in zip(rolls, begins)])
    return PianoRoll(melody, notes, onsets, beats)


def set_on_grid(roll: PianoRoll) -> tuple[PianoRoll, int, int]:
    """The whole bars of a clip at its median tempo, each equally long.

    Returns
    -------
    (PianoRoll, int, int)
        The bars, from `EARLY` frames before the first bar line; frames in a bar; beats in a bar.
    """
    from noteninja_lib.music.transcription import accents, find_bar, settle  # loads music21

    if len(roll.beats) < 2:
        raise UserError("The clip has no beat that could be found: choose one with a steady beat.")
    beats = settle(roll.beats, roll)
    metre, downbeat = find_bar(accents(roll, beats))
    beats_in_bar, reach = int(bar_length(metre)), EARLY / FRAME_RATE
    step = float(np.median(np.diff(beats)))
    more = step * np.arange(1, beats_in_bar + 1)  # a bar on either side
    beats = np.concatenate([beats[0] - more[::-1], beats, beats[-1] + more])
    numbers = np.arange(downbeat % beats_in_bar, len(beats), beats_in_bar)  # beats on a bar line
    lines = numbers[(beats[numbers] > -reach) & (beats[numbers] < roll.seconds + reach)]
    if len(lines) < 3:
        raise UserError("The clip has less than two whole bars: choose a longer one.")
    bar, count = round(step * beats_in_bar * FRAME_RATE), len(lines) - 1
    numbers = lines[0] + (np.arange(count * bar) - EARLY) * beats_in_bar / bar
    return warp(roll, np.interp(numbers, np.arange(len(beats)), beats) * FRAME_RATE), bar, beats_in_bar


def sections(clip: PianoRoll, bar: int) -> list[PianoRoll]:
    """Sections A and B, of the same even number of bars, each `bar` frames long.

    They are the two halves of a clip of eight bars or more. A shorter one is all A; B then is a break: its
    second half without the tune, and then with it.
    """
    count = clip.frames // bar
    if count >= BOTH_HALVES:
        half = count // 4 * 2 * bar
        return [clip[:half], clip[half : 2 * half]]
    a = clip[: count // 2 * 2 * bar]
    half = a[count // 2 * bar :]
    return [a, join([without_melody(half), half])]


def without_melody(roll: PianoRoll) -> PianoRoll:
    """The accompaniment alone."""
    return replace(
        roll, melody=np.zeros_like(roll.melody), notes=roll.notes * (1 - roll.melody.max(0)).clip(0, 1)
    )


def lay_out(count: int, section: int, rng: np.random.Generator) -> list[tuple[str, int]]:
    """The form as a list of (name, bars): intro, A and B, and the last bars of A where a section is too long.

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


def last_chord(key: tuple[int, str], roll: PianoRoll, a: PianoRoll, frames: int) -> PianoRoll:
    """The tonic chord of a key, held until shortly before the end; its attack is that of section `a`."""
    tonic, mode = key
    high = int(np.median([note.pitch for note in roll.melody_notes()] or [72]))
    start, end = EARLY / FRAME_RATE, frames / FRAME_RATE - SILENCE
    melody = [
        Note(start, end, high - (high - tonic + 6) % 12 + 6, 90)
    ]  # the tonic nearest to the middle of the tune
    triad = [48 + tonic + interval for interval in QUALITIES["min" if mode == "minor" else "maj"]]
    whole = from_notes(
        melody, [Note(start, end, pitch, 80) for pitch in (36 + tonic, *triad)], frames / FRAME_RATE
    )
    whole.onsets[:, : 2 * EARLY] = a.onsets[:, : 2 * EARLY]
    return replace(whole, melody=whole.melody.astype(a.melody.dtype), notes=whole.notes.astype(a.notes.dtype))
