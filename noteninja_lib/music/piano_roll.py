"""The piano roll: what is played, apart from how it is played.

One picture, whether the music came as sound, as MIDI or as a score: pitch along the rows (the 88 keys of a piano),
time along the columns (one every 256 samples, as in the spectrogram). It has three layers: the lead (the tune),
all notes, and the rhythm. Lesson: 00_genre_converter.
"""

from dataclasses import dataclass

import numpy as np

from noteninja_lib.arranger.performance import Note
from noteninja_lib.errors import UserError
from noteninja_lib.models.basic_pitch import LOWEST, PITCHES, transcribe
from noteninja_lib.models.classifiers import extract_melody
from noteninja_lib.music.beats import FRAME_RATE, beat_phase, rhythm_of
from noteninja_lib.music.tunes import Tune, tune_from_score


@dataclass
class PianoRoll:
    """What is played.

    Attributes
    ----------
    lead : numpy.ndarray, float32, shape (2, 88, frames)
        How surely a note of the tune begins (0) and sounds (1) at each pitch, 0 to 1.
    notes : numpy.ndarray, float32, shape (2, 88, frames)
        The same for all notes, the accompaniment included.
    rhythm : numpy.ndarray, float32, shape (5, frames)
        Onset strength of low, middle and high sounds (0 to 1), and the beat as cosine and sine of its phase.
    """

    melody: np.ndarray
    notes: np.ndarray
    rhythm: np.ndarray

    def stack(self, columns=slice(None)):
        """All layers of some columns as one float32 array of shape (357, columns), the networks' input."""
        layers = [layer[..., columns].astype(np.float32) for layer in (self.melody, self.notes, self.rhythm)]
        return np.concatenate([layer.reshape(-1, layer.shape[-1]) for layer in layers])

    def chroma(self):
        """Strength of the 12 pitch classes (C first) over time, shape (12, frames)."""
        sustain = np.pad(self.notes[1].astype(np.float32), ((LOWEST % 12, 0), (0, 0)))
        sustain = np.pad(sustain, ((0, -len(sustain) % 12), (0, 0)))
        return sustain.reshape(-1, 12, sustain.shape[-1]).sum(0)

    def melody_notes(self):
        """The notes of the tune that were heard, as a list of `Note`."""
        return pick_notes(self.melody[0], self.melody[1], single=True)

    def accompaniment(self):
        """The notes that were heard besides the tune, as a list of `Note`."""
        tune = {(round(note.start * FRAME_RATE), note.pitch) for note in self.melody_notes()}
        return [
            note
            for note in pick_notes(self.notes[0], self.notes[1])
            if not any(
                (round(note.start * FRAME_RATE) + shift, note.pitch) in tune for shift in (-2, -1, 0, 1, 2)
            )
        ]


def from_audio(audio, progress=lambda done: None):
    """Piano roll of a recording.

    Parameters
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
        Mono, 22,050 Hz.
    progress : callable
        Called with the fraction done.

    Returns
    -------
    PianoRoll
    """
    notes = transcribe(audio, progress)
    return PianoRoll(extract_melody(notes), notes, rhythm_of(audio))


def pick_notes(onset, sustain, *, threshold=0.4, single=False):
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
    rows, columns = np.nonzero((onset > threshold) & (onset >= before) & (onset > after))
    notes = []
    for row, column in sorted(zip(rows, columns), key=lambda place: (place[1], -onset[place])):
        if single and notes and column - notes[-1][1] < 4:
            continue  # the surer of two at once was taken first
        silent = np.flatnonzero(sustain[row, column + 1 :] < threshold / 2)
        notes.append(
            [row, column, column + 1 + (silent[0] if len(silent) else sustain.shape[1] - column - 1)]
        )
    if single:
        for note, following in zip(notes, notes[1:]):
            note[2] = min(note[2], following[1])
    return [
        Note(c / FRAME_RATE, max(e, c + 3) / FRAME_RATE, int(r) + LOWEST, int(50 + 60 * onset[r, c]))
        for r, c, e in notes
    ]


def tune_likeness(tune, heard, tolerance=0.05):
    """How much of a tune is heard in a recording, at the same time and in any octave.

    Parameters
    ----------
    tune : list of Note
    heard : numpy.ndarray, shape (2, 88, frames)
        What `transcribe` hears in the recording; all notes count, since another instrument may have taken the tune.
    tolerance : float
        Seconds by which an onset may be off (50 ms, as in MIREX).

    Returns
    -------
    float
        Share of the tune's notes with an onset of their pitch class, 0 to 1; less a penalty where onsets are so dense
        that any tune would be found: the same share for the tune moved by a tritone.
    """
    if not tune:
        return 0.0
    onsets = np.pad(heard[0], ((LOWEST % 12, 0), (0, 0)))
    onsets = np.pad(onsets, ((0, -len(onsets) % 12), (0, 0))).reshape(-1, 12, onsets.shape[-1]).max(0)
    reach, found = round(tolerance * FRAME_RATE), np.zeros(2)
    for note in tune:
        column = round(note.start * FRAME_RATE)
        around = onsets[:, max(0, column - reach) : column + reach + 1]
        for number, move in enumerate((0, 6)):
            found[number] += around.shape[1] > 0 and around[(note.pitch + move) % 12].max() > 0.4
    return float((found[0] - found[1]) / len(tune))


# The piano roll of written music: notes, MIDI files and scores. Lesson: 00_genre_converter.

CHORDS = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "dom7": (0, 4, 7, 10),
    "dim": (0, 3, 6),
}  # semitones above the root


def draw_notes(notes, frames):
    """Piano roll of notes: shape (2, 88, frames), onsets (three columns wide, as Basic Pitch shows them) and sustain."""
    roll = np.zeros((2, PITCHES, frames), np.float32)
    for note in notes:
        row, start = note.pitch - LOWEST, round(note.start * FRAME_RATE)
        if 0 <= row < PITCHES and start < frames:
            end = max(start + 1, round(note.end * FRAME_RATE))
            roll[0, row, max(start - 1, 0) : start + 2] = [0.5, 1.0, 0.5][max(1 - start, 0) :][
                : frames - max(start - 1, 0)
            ]
            roll[1, row, start:end] = 1
    return roll


def from_notes(melody, others, duration, beats=()):
    """Piano roll of known notes, as sheet music or MIDI give them.

    Parameters
    ----------
    lead, others : list of Note
        The tune, and everything else (may be empty).
    duration : float
        Seconds.
    beats : sequence of float
        Beat times in seconds.

    Returns
    -------
    PianoRoll
    """
    frames = int(duration * FRAME_RATE)
    roll = draw_notes(melody, frames)
    rhythm = np.zeros((5, frames), np.float32)
    rhythm[3:] = beat_phase(np.asarray(beats, float), frames)
    return PianoRoll(roll, np.maximum(roll, draw_notes(others, frames)), rhythm)


def from_score(score, tempo=110.0):
    """Piano roll of a music21 score or a `Tune`: its highest part is the lead, its chords the rest.

    Parameters
    ----------
    score : music21.stream.Stream or Tune
    tempo : float
        Felt beats per minute.

    Returns
    -------
    PianoRoll
    """
    tune = score if isinstance(score, Tune) else tune_from_score(score)
    second = 60 / tempo / tune.beat
    melody = [Note(s * second, (s + d) * second, p, 90) for s, d, p in tune.notes]
    chords = [
        Note(s * second, (s + d) * second, p, 70)
        for s, d, root, quality in tune.chords
        for p in (48 + root + interval for interval in CHORDS[quality])
    ]
    beats = np.arange(0, tune.length + 1e-6, tune.beat) * second
    return from_notes(melody, chords, tune.length * second, beats)


def from_midi(path):
    """Piano roll of a MIDI file: the upper voice of the part that lies highest is the lead."""
    import pretty_midi

    try:
        midi = pretty_midi.PrettyMIDI(str(path))
    except Exception as problem:
        raise UserError(f"{path} can't be read as MIDI: choose a .mid file.") from problem
    parts = [part.notes for part in midi.instruments if part.notes and not part.is_drum]
    if not parts:
        raise UserError(f"{path} holds no notes besides drums: choose a MIDI file with a tune.")
    parts.sort(key=lambda notes: -np.mean([n.pitch for n in notes]))
    upper, *others = [[Note(n.start, n.end, n.pitch, n.velocity) for n in part] for part in parts]
    melody, under = upper_voice(upper)
    return from_notes(melody, sum(others, under), midi.get_end_time(), midi.get_beats())


def upper_voice(notes, together=0.05):
    """The highest notes of a part, and all that lies below them (the skyline of Uitdenbogerd and Zobel 1999,
    doi 10.1145/319463.319470).

    Parameters
    ----------
    notes : list of Note
    together : float
        Seconds within which two onsets are one chord's.

    Returns
    -------
    (list of Note, list of Note)
    """
    voice, under = [], []
    for note in sorted(notes, key=lambda one: (round(one.start / together), -one.pitch)):
        covered = voice and voice[-1].pitch > note.pitch and voice[-1].end > note.start + together
        (under if covered else voice).append(note)
    return voice, under
