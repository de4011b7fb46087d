"""The content picture of written music: notes, MIDI files and scores. Lesson: 00_genre_converter."""
import numpy as np

from ..errors import UserError
from .performance import Note
from .content import FRAME_RATE, LOWEST, PITCHES, Content
from .rhythm import beat_phase
from .theory import Tune, tune_from_score

CHORDS = {"maj": (0, 4, 7), "min": (0, 3, 7), "dom7": (0, 4, 7, 10), "dim": (0, 3, 6)}   # semitones above the root


def draw_notes(notes, frames):
    """Piano roll of notes: shape (2, 88, frames), onsets (three columns wide, as Basic Pitch shows them) and sustain."""
    roll = np.zeros((2, PITCHES, frames), np.float32)
    for note in notes:
        row, start = note.pitch - LOWEST, round(note.start * FRAME_RATE)
        if 0 <= row < PITCHES and start < frames:
            end = max(start + 1, round(note.end * FRAME_RATE))
            roll[0, row, max(start - 1, 0):start + 2] = [0.5, 1.0, 0.5][max(1 - start, 0):][:frames - max(start - 1, 0)]
            roll[1, row, start:end] = 1
    return roll


def from_notes(lead, others, duration, beats=()):
    """Content picture of known notes, as sheet music or MIDI give them.

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
    Content
    """
    frames = int(duration * FRAME_RATE)
    roll = draw_notes(lead, frames)
    rhythm = np.zeros((5, frames), np.float32)
    rhythm[3:] = beat_phase(np.asarray(beats, float), frames)
    return Content(roll, np.maximum(roll, draw_notes(others, frames)), rhythm)


def from_score(score, tempo=110.0):
    """Content picture of a music21 score or a `Tune`: its highest part is the lead, its chords the rest.

    Parameters
    ----------
    score : music21.stream.Stream or Tune
    tempo : float
        Felt beats per minute.

    Returns
    -------
    Content
    """
    tune = score if isinstance(score, Tune) else tune_from_score(score)
    second = 60 / tempo / tune.beat
    lead = [Note(s * second, (s + d) * second, p, 90) for s, d, p in tune.notes]
    chords = [Note(s * second, (s + d) * second, p, 70) for s, d, root, quality in tune.chords
              for p in (48 + root + interval for interval in CHORDS[quality])]
    beats = np.arange(0, tune.length + 1e-6, tune.beat) * second
    return from_notes(lead, chords, tune.length * second, beats)


def from_midi(path):
    """Content picture of a MIDI file: the upper voice of the part that lies highest is the lead."""
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
    lead, under = upper_voice(upper)
    return from_notes(lead, sum(others, under), midi.get_end_time(), midi.get_beats())


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
