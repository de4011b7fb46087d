"""The piano roll: what is played, apart from how it is played.

One form, whether the music came as sound, as MIDI or as a score: pitch along the rows (the 88 keys of a
piano), time along the frames (one every 256 samples, as in the spectrogram). Lesson: 00_genre_converter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from noteninja_lib.arranger.performance import Note
from noteninja_lib.audio.spectrogram import LOWEST, PITCHES
from noteninja_lib.errors import UserError
from noteninja_lib.music.beats import FRAME_RATE, beat_phase, fill_beats

LONGEST = 10_800.0  # seconds
SAME = 0.03  # seconds within which two onsets of one pitch are one note's


@dataclass
class PianoRoll:
    """What is played.

    Attributes
    ----------
    melody : numpy.ndarray, shape (2, 88, frames)
        How surely a note of the tune begins (0) and sounds (1) at each pitch, 0 to 1.
    notes : numpy.ndarray, shape (2, 88, frames)
        The same for all notes, the accompaniment included.
    onsets : numpy.ndarray, float32, shape (3, frames)
        Onset strength of low, middle and high sounds, 0 to 1.
    beats : numpy.ndarray, shape (n,)
        Times of the beats in seconds, up to both ends; empty where fewer than two are known.
    """

    melody: np.ndarray
    notes: np.ndarray
    onsets: np.ndarray
    beats: np.ndarray

    def __post_init__(self):
        self.beats = fill_beats(np.asarray(self.beats, float), self.seconds)

    @property
    def frames(self) -> int:
        """Length in frames of 256 samples."""
        return self.onsets.shape[-1]

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.frames / FRAME_RATE

    @property
    def tempo(self) -> float:
        """Felt beats a minute, by the median distance of two beats; 0 where no beat was found."""
        return 60 / float(np.median(np.diff(self.beats))) if len(self.beats) > 1 else 0.0

    def __getitem__(self, part: slice) -> "PianoRoll":
        """The music in some frames, such as `roll[100:200]`."""
        start, stop, _ = part.indices(self.frames)
        inside = self.beats[(self.beats >= start / FRAME_RATE - 1e-6) & (self.beats < stop / FRAME_RATE)]
        return self.map(lambda layer: layer[..., start:stop], inside - start / FRAME_RATE)

    def map(self, change: Callable[[np.ndarray], np.ndarray], beats: np.ndarray) -> "PianoRoll":
        """A roll of changed layers (each of shape (..., frames)), with beats of its own."""
        return PianoRoll(change(self.melody), change(self.notes), change(self.onsets), beats)

    def padded(self, multiple: int = 16) -> "PianoRoll":
        """The same with silence at its end, so that its length is a multiple of some frames."""
        short = -self.frames % multiple
        if not short:
            return self
        return self.map(lambda layer: np.pad(layer, [(0, 0)] * (layer.ndim - 1) + [(0, short)]), self.beats)

    def network_input(self, part: slice = slice(None)) -> np.ndarray:
        """The networks' input: melody, notes, onsets and the beat's phase; float32, shape (357, frames)."""
        start, stop, _ = part.indices(self.frames)
        layers = [
            layer[..., start:stop].reshape(-1, stop - start)
            for layer in (self.melody, self.notes, self.onsets)
        ]
        return np.concatenate([*layers, beat_phase(self.beats, stop, start)], dtype=np.float32)

    def chroma(self) -> np.ndarray:
        """Strength of the 12 pitch classes (C first) over time, shape (12, frames)."""
        return by_pitch_class(self.notes[1].astype(np.float32)).sum(0)

    def melody_notes(self) -> list[Note]:
        """The notes of the tune."""
        return pick_notes(*self.melody, single=True)

    def accompaniment(self, same: float = SAME) -> list[Note]:
        """The notes besides the tune; an onset of its pitch within `same` seconds is the tune's."""
        tune = {}
        for note in self.melody_notes():
            tune.setdefault(note.pitch, []).append(note.start)
        return [
            note
            for note in pick_notes(*self.notes)
            if all(abs(note.start - start) > same for start in tune.get(note.pitch, []))
        ]


def by_pitch_class(rows: np.ndarray) -> np.ndarray:
    """Rows of 88 pitches sorted into octaves of 12 pitch classes, C first; shape (octaves, 12, frames)."""
    padded = np.pad(rows, ((LOWEST % 12, -(LOWEST + len(rows)) % 12), (0, 0)))
    return padded.reshape(-1, 12, rows.shape[-1])


def strongest_octave(rows: np.ndarray) -> np.ndarray:
    """How surely each pitch class (C first) sounds in any octave, (12, frames), from rows of 88 pitches."""
    return by_pitch_class(rows.astype(np.float32)).max(0)


def pick_notes(
    onset: np.ndarray, sustain: np.ndarray, *, threshold: float = 0.4, single: bool = False
) -> list[Note]:
    """Notes from onset and sustain posteriors.

    Parameters
    ----------
    onset, sustain : numpy.ndarray, shape (88, frames)
    threshold : float
        An onset is a local maximum above this; the note lasts while its sustain stays above half of it.
    single : bool
        One note at a time: each ends where the next begins.

    Returns
    -------
    list of Note
        In order of time.
    """
    before, after = np.pad(onset, ((0, 0), (1, 0)))[:, :-1], np.pad(onset, ((0, 0), (0, 1)))[:, 1:]
    rows, frames = np.nonzero((onset > threshold) & (onset >= before) & (onset > after))
    notes = []
    for row, frame in sorted(zip(rows, frames), key=lambda found: (found[1], -onset[found])):
        if single and notes and frame - notes[-1][1] < 4:
            continue  # the surer of two at once was taken first
        silent = np.flatnonzero(sustain[row, frame + 1 :] < threshold / 2)
        notes.append([row, frame, frame + 1 + (silent[0] if len(silent) else sustain.shape[1] - frame - 1)])
    if single:
        for note, following in zip(notes, notes[1:]):
            note[2] = min(note[2], following[1])
    return [
        Note(
            start / FRAME_RATE,
            max(end, start + 3) / FRAME_RATE,
            int(row) + LOWEST,
            int(50 + 60 * onset[row, start]),
        )
        for row, start, end in notes
    ]


def tune_likeness(tune: list[Note], heard: np.ndarray, tolerance: float = 0.05) -> float:
    """How much of a tune is heard in a recording, at the same time and in any octave.

    Parameters
    ----------
    tune : list of Note
    heard : numpy.ndarray, shape (2, 88, frames)
        What `transcribe` hears in the recording; all notes count, since another instrument may have taken the
        tune.
    tolerance : float
        Seconds by which an onset may be off (50 ms, as in MIREX).

    Returns
    -------
    float
        Share of the tune's notes with an onset of their pitch class, less the same share for the tune moved
        by a tritone: what chance finds where onsets are dense. From -1 to 1, near 0 for another song.
    """
    if not tune:
        return 0.0
    onsets = strongest_octave(heard[0])
    reach, found = round(tolerance * FRAME_RATE), np.zeros(2)
    for note in tune:
        frame = round(note.start * FRAME_RATE)
        around = onsets[:, max(0, frame - reach) : frame + reach + 1]
        for number, move in enumerate((0, 6)):
            found[number] += around.shape[1] > 0 and around[(note.pitch + move) % 12].max() > 0.4
    return float((found[0] - found[1]) / len(tune))


def sounding(tune: list[Note], sustain: np.ndarray, threshold: float = 0.3) -> float:
    """For how much of its time a tune is heard to sound in a recording, in any octave.

    Parameters
    ----------
    tune : list of Note
    sustain : numpy.ndarray, shape (12, frames)
        How surely each pitch class sounds, 0 to 1.
    threshold : float
        Above it, it does.

    Returns
    -------
    float
        Share of the tune's frames, less the same for the tune moved by a tritone; -1 to 1.
    """
    found, frames = np.zeros(2), 0
    for note in tune:
        start = round(note.start * FRAME_RATE)
        part = sustain[:, start : max(start + 1, round(note.end * FRAME_RATE))]
        found += [(part[(note.pitch + move) % 12] > threshold).sum() for move in (0, 6)]
        frames += part.shape[1]
    return float((found[0] - found[1]) / max(frames, 1))


def draw_notes(notes: list[Note], frames: int) -> np.ndarray:
    """Notes as a layer (2, 88, frames): onsets, three frames wide as Basic Pitch shows them, and sustain."""
    layer = np.zeros((2, PITCHES, frames), np.float32)
    for note in notes:
        row, start = note.pitch - LOWEST, max(round(note.start * FRAME_RATE), 0)
        if 0 <= row < PITCHES and start < frames and note.end > 0:
            first, last = max(start - 1, 0), min(start + 2, frames)
            layer[0, row, first:last] = (0.5, 1.0, 0.5)[first - start + 1 : last - start + 1]
            layer[1, row, start : max(start + 1, round(note.end * FRAME_RATE))] = 1
    return layer


def edited(roll: PianoRoll, gone: Sequence[Note], new: Sequence[Note]) -> PianoRoll:
    """A piano roll with some notes of its tune taken out, and others put in."""
    melody, notes = roll.melody.copy(), roll.notes.copy()
    for note in gone:
        there = slice(max(0, round(note.start * FRAME_RATE) - 2), round(note.end * FRAME_RATE) + 1)
        melody[:, note.pitch - LOWEST, there] = notes[:, note.pitch - LOWEST, there] = 0
    for layer in (melody, notes):
        np.maximum(layer, draw_notes(list(new), roll.frames), out=layer, casting="same_kind")
    return replace(roll, melody=melody, notes=notes)


def from_notes(
    melody: list[Note], others: list[Note], seconds: float, beats: Sequence[float] | np.ndarray = ()
) -> PianoRoll:
    """Piano roll of known notes, as sheet music or MIDI give them.

    Parameters
    ----------
    melody, others : list of Note
        The tune, and everything else (may be empty).
    seconds : float
        Length of the music.
    beats : sequence of float
        Beat times in seconds.
    """
    if seconds > LONGEST:
        raise UserError("This music lasts longer than three hours: choose a shorter piece.")
    frames = int(seconds * FRAME_RATE)
    drawn, onsets = draw_notes(melody, frames), np.zeros((3, frames), np.float32)
    return PianoRoll(drawn, np.maximum(drawn, draw_notes(others, frames)), onsets, np.asarray(beats))


# ---- its time stretched, cut, and laid along another's -----------------------------------------------------

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
