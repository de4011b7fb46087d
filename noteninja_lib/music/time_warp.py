"""Piano rolls stretched, cut, joined and mixed: the music changes, and only then is made to sound.

Stretched sound smears its drums; a stretched piano roll has its onsets moved, each as sharp as it was, and
the denoiser plays them anew. A time map says, for each new frame, which old frame it shows: rising numbers,
whole only by chance. Lesson: 09_tempo_mood_and_length.
"""

import numpy as np

from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.piano_roll import PianoRoll

REACH = 2  # frames on either side of an onset that move with it
FAINT = 0.02  # what is less than this is no onset


def warp(roll: PianoRoll, time_map: np.ndarray) -> PianoRoll:
    """A piano roll whose time runs otherwise.

    Parameters
    ----------
    roll : PianoRoll
    time_map : numpy.ndarray, shape (frames,)
        The old frame that each new frame shows.

    Returns
    -------
    PianoRoll
        Onsets are moved and stay as wide as they were; what sounds, and the beat, is stretched.
    """
    nearest = np.clip(np.round(time_map).astype(int), 0, roll.frames - 1)
    melody, notes = (
        np.stack([_move_onsets(layer[0], time_map), layer[1][:, nearest]])
        for layer in (roll.melody, roll.notes)
    )
    old = roll.beats * FRAME_RATE
    old = old[(old >= time_map[0] - 1e-6) & (old <= time_map[-1] + 1e-6)]
    beats = np.interp(old, time_map, np.arange(len(time_map))) / FRAME_RATE
    return PianoRoll(melody, notes, _move_onsets(roll.onsets, time_map), beats)


def _move_onsets(layer: np.ndarray, time_map: np.ndarray) -> np.ndarray:
    """Each onset of a layer (rows, frames), with what is around it, where it belongs by the time map."""
    before, after = np.pad(layer, ((0, 0), (1, 0)))[:, :-1], np.pad(layer, ((0, 0), (0, 1)))[:, 1:]
    rows, frames = np.nonzero((layer > FAINT) & (layer > before) & (layer >= after))
    inside = (frames >= time_map[0] - 0.5) & (frames <= time_map[-1] + 0.5)
    rows, frames = rows[inside], frames[inside]
    targets = np.round(np.interp(frames, time_map, np.arange(len(time_map)))).astype(int)
    moved = np.zeros((len(layer), len(time_map)), layer.dtype)
    for shift in range(-REACH, REACH + 1):
        source, target = frames + shift, targets + shift
        ok = (source >= 0) & (source < layer.shape[1]) & (target >= 0) & (target < len(time_map))
        np.maximum.at(moved, (rows[ok], target[ok]), layer[rows[ok], source[ok]])
    return moved


def even_map(frames: int, rate: float) -> np.ndarray:
    """The time map that plays some frames at another tempo; a rate of 2 is twice as fast and half as long."""
    return np.arange(max(1, round(frames / rate))) * rate


def stretch(roll: PianoRoll, rate: float) -> PianoRoll:
    """The same music at another tempo; a rate of 2 is twice as fast and half as long."""
    return warp(roll, even_map(roll.frames, rate))


def beat_map(roll: PianoRoll, tempo: float, beats: float) -> np.ndarray:
    """The time map that sets a number of beats on an even tempo (beats a minute), from the first beat on."""
    frames = np.arange(round(beats * 60 / tempo * FRAME_RATE))
    return np.interp(frames / FRAME_RATE * tempo / 60, np.arange(len(roll.beats)), roll.beats * FRAME_RATE)


def align(first: PianoRoll, second: PianoRoll, share: float) -> tuple[np.ndarray, np.ndarray]:
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
        A time map for each of the two.
    """
    if min(len(first.beats), len(second.beats)) < 2:
        return np.arange(first.frames), np.arange(second.frames)
    # A song in half time is met at every other beat.
    octave = 2.0 ** round(np.log2(second.tempo / first.tempo))
    tempo = first.tempo * (second.tempo / octave / first.tempo) ** share
    length = min(len(first.beats) - 1, (len(second.beats) - 1) / octave)
    return beat_map(first, tempo, length), beat_map(second, tempo * octave, length * octave)


def cut(roll: PianoRoll, start: float, end: float) -> PianoRoll:
    """The part of a piano roll between two times in seconds."""
    return roll[round(start * FRAME_RATE) : round(end * FRAME_RATE)]


def mix(first: PianoRoll, second: PianoRoll, share: float) -> PianoRoll:
    """Two piano rolls at once, which `align` set on one beat; share 0 is the first alone, 1 the second alone.

    The shorter one ends in silence. The beats are those of the stronger one.
    """
    frames = max(first.frames, second.frames)

    def blend(one, other):
        one, other = (
            np.pad(layer.astype(np.float32), [(0, 0)] * (layer.ndim - 1) + [(0, frames - layer.shape[-1])])
            for layer in (one, other)
        )
        return (1 - share) * one + share * other

    near, far = (second, first) if share > 0.5 else (first, second)
    beats = near.beats if len(near.beats) or share in (0, 1) else far.beats
    melody, notes = blend(first.melody, second.melody), blend(first.notes, second.notes)
    return PianoRoll(melody, notes, blend(first.onsets, second.onsets), beats)
