"""Piano rolls stretched, cut, joined and mixed: the music changes, and only then is made to sound.

Stretched sound smears its drums; a stretched piano roll has its onsets moved, each as sharp as it was, and the
denoiser plays them anew. Lesson: 09_tempo_mood_and_length.
"""

import numpy as np

from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.piano_roll import PianoRoll

REACH = 2  # columns on either side of an onset that move with it
FAINT = 0.02  # what is less than this is no onset


def beats_of(roll):
    """Times of the beats in seconds, read from the phase rows; empty where no beat was found."""
    cosine, sine = roll.rhythm[3:].astype(float)
    if not cosine.any():
        return np.zeros(0)
    phase = np.unwrap(np.arctan2(sine, cosine)) / (2 * np.pi)
    numbers = np.arange(np.ceil(phase[0] - 1e-3), np.floor(phase[-1] + 1e-3) + 1)
    return np.interp(numbers, phase, np.arange(len(phase)) / FRAME_RATE)


def tempo_of(roll):
    """Felt beats a minute, by the median distance of two beats; 0 where no beat was found."""
    beats = beats_of(roll)
    return 60 / float(np.median(np.diff(beats))) if len(beats) > 1 else 0.0


def warp(roll, places):
    """A piano roll whose time runs otherwise.

    Parameters
    ----------
    roll : PianoRoll
    places : numpy.ndarray, shape (frames,)
        For each new column, the old column that it shows; rising, and whole only by chance.

    Returns
    -------
    PianoRoll
        Onsets are moved and stay as wide as they were; what sounds, and the beat, is stretched.
    """
    frames = roll.rhythm.shape[-1]
    nearest = np.clip(np.round(places).astype(int), 0, frames - 1)
    rolls = [
        np.stack([_move_onsets(layer[0], places), layer[1][:, nearest]])
        for layer in (roll.melody, roll.notes)
    ]
    phase = _turn(roll.rhythm[3:], places)
    strength = _move_onsets(roll.rhythm[:3], places)
    return PianoRoll(*rolls, np.concatenate([strength, phase]).astype(np.float32))


def _move_onsets(layer, places):
    """Each onset of a layer (rows, frames) with what is around it, where it belongs by `places`."""
    before, after = np.pad(layer, ((0, 0), (1, 0)))[:, :-1], np.pad(layer, ((0, 0), (0, 1)))[:, 1:]
    rows, columns = np.nonzero((layer > FAINT) & (layer > before) & (layer >= after))
    moved, frames = np.zeros((len(layer), len(places)), layer.dtype), layer.shape[1]
    inside = (columns >= places[0] - 0.5) & (columns <= places[-1] + 0.5)
    rows, columns = rows[inside], columns[inside]
    targets = np.round(np.interp(columns, places, np.arange(len(places)))).astype(int)
    for shift in range(-REACH, REACH + 1):
        ok = (
            (columns + shift >= 0)
            & (columns + shift < frames)
            & (targets + shift >= 0)
            & (targets + shift < len(places))
        )
        np.maximum.at(moved, (rows[ok], targets[ok] + shift), layer[rows[ok], columns[ok] + shift])
    return moved


def _turn(phase, places):
    """Beat phase rows (2, frames), read at places between the columns."""
    if not phase[0].any():
        return np.zeros((2, len(places)), np.float32)
    angle = np.interp(places, np.arange(phase.shape[1]), np.unwrap(np.arctan2(*phase[::-1].astype(float))))
    return np.stack([np.cos(angle), np.sin(angle)])


def stretch(roll, rate):
    """The same music at another tempo.

    Parameters
    ----------
    roll : PianoRoll
    rate : float
        2 is twice as fast and half as long.
    """
    frames = roll.rhythm.shape[-1]
    return warp(roll, np.arange(max(1, round(frames / rate))) * rate)


def grid_places(roll, tempo, beats):
    """Places, as `warp` takes them, that set a number of beats on an even tempo (beats a minute), from the first beat on."""
    frames = round(beats * 60 / tempo * FRAME_RATE)
    found = beats_of(roll) * FRAME_RATE
    return np.interp(np.arange(frames) / FRAME_RATE * tempo / 60, np.arange(len(found)), found)


def align(first, second, share):
    """How to set two piano rolls on one beat, as long as the shorter one in beats, at a tempo between theirs.

    Parameters
    ----------
    first, second : PianoRoll
        Where one has no beat, both stay as they are.
    share : float
        0 keeps the tempo of the first, 1 that of the second; in between it lies on a geometric scale.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray)
        Places, as `warp` takes them, for each of the two.
    """
    beats = [beats_of(one) for one in (first, second)]
    if min(map(len, beats)) < 2:
        return tuple(np.arange(one.rhythm.shape[-1]) for one in (first, second))
    tempi = [tempo_of(one) for one in (first, second)]
    # A song in half time is met at every other beat.
    octave = round(np.log2(tempi[1] / tempi[0]))
    tempo = tempi[0] * (tempi[1] / 2.0**octave / tempi[0]) ** share
    length = min(len(beats[0]) - 1, (len(beats[1]) - 1) / 2.0**octave)
    return grid_places(first, tempo, length), grid_places(second, tempo * 2.0**octave, length * 2.0**octave)


def whole_columns(roll, multiple=16):
    """A piano roll with silence at its end, so that its length is a multiple of some columns."""
    short = -roll.rhythm.shape[-1] % multiple
    silent = [
        np.zeros((*layer.shape[:-1], short), layer.dtype) for layer in (roll.melody, roll.notes, roll.rhythm)
    ]
    return join([roll, PianoRoll(*silent)]) if short else roll


def cut(roll, start, end):
    """The part of a piano roll between two times in seconds."""
    columns = slice(round(start * FRAME_RATE), round(end * FRAME_RATE))
    return PianoRoll(*(layer[..., columns] for layer in (roll.melody, roll.notes, roll.rhythm)))


def join(rolls):
    """Piano rolls one after another."""
    return PianoRoll(
        *(np.concatenate([getattr(one, name) for one in rolls], -1) for name in ("melody", "notes", "rhythm"))
    )


def mix(first, second, share):
    """Two piano rolls at once; share 0 is the first alone, 1 the second alone. The shorter one ends in silence."""
    frames = max(one.rhythm.shape[-1] for one in (first, second))
    layers = []
    for name in ("melody", "notes", "rhythm"):
        pair = [getattr(one, name).astype(np.float32) for one in (first, second)]
        pair = [
            np.pad(layer, [(0, 0)] * (layer.ndim - 1) + [(0, frames - layer.shape[-1])]) for layer in pair
        ]
        layers.append((1 - share) * pair[0] + share * pair[1])
    phase = layers[2][3:]
    phase /= np.maximum(np.hypot(*phase), 1e-6)  # halfway between two beats lies a beat of full strength
    return PianoRoll(*layers)
