"""The content picture: what is played, apart from how it is played.

One picture, whether the music came as sound, as MIDI or as a score: pitch along the rows (the 88 keys of a piano),
time along the columns (one every 256 samples, as in the spectrogram). It has three layers: the lead (the tune),
all notes, and the rhythm. Lesson: 00_genre_converter.
"""
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import librosa
import numpy as np
import torch

from ..errors import UserError
from ..model.listener import LeadFinder
from ..model.weights import load_model
from ..sound.audio import SAMPLE_RATE
from ..sound.spectrogram import HOP_LENGTH, log_mel, mel_frequencies
from .band import Note

LOWEST, PITCHES = 21, 88               # A0 to C8
FRAME_RATE = SAMPLE_RATE / HOP_LENGTH  # 86.1 columns a second
WINDOW, MARGIN = 43844, 15             # Basic Pitch hears windows of 43,844 samples; 15 columns at each end are cut
KEPT = 142                             # columns kept of each window


@dataclass
class Content:
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
    lead: np.ndarray
    notes: np.ndarray
    rhythm: np.ndarray

    def stack(self):
        """All layers as one array of shape (357, frames), the networks' input."""
        frames = self.rhythm.shape[-1]
        return np.concatenate([self.lead.reshape(-1, frames), self.notes.reshape(-1, frames), self.rhythm])

    def chroma(self):
        """Strength of the 12 pitch classes (C first) over time, shape (12, frames)."""
        sustain = np.roll(np.pad(self.notes[1], ((LOWEST % 12, 0), (0, 0))), 0, axis=0)
        sustain = np.pad(sustain, ((0, -len(sustain) % 12), (0, 0)))
        return sustain.reshape(-1, 12, sustain.shape[-1]).sum(0)

    def melody(self):
        """The notes of the tune that were heard, as a list of `Note`."""
        return pick_notes(self.lead[0], self.lead[1], single=True)


@lru_cache(maxsize=1)
def transcriber():
    """Basic Pitch's network (Bittner et al. 2022, arXiv 2203.09893) as an onnxruntime session."""
    import onnxruntime
    package = find_spec("basic_pitch")
    if package is None:
        raise UserError("The note-hearing network is missing: run `pip install --no-deps basic-pitch`.")
    model = Path(package.origin).parent / "saved_models" / "icassp_2022" / "nmp.onnx"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def transcribe(audio):
    """How surely each of 88 notes begins and sounds in each column.

    Parameters
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
        Mono, 22,050 Hz.

    Returns
    -------
    numpy.ndarray, float32, shape (2, 88, samples // 256)
        Onset and sustain posteriors of Basic Pitch, 0 to 1.
    """
    frames = len(audio) // HOP_LENGTH
    starts = np.arange(0, max(frames, 1), KEPT) * HOP_LENGTH
    padded = np.pad(audio, (MARGIN * HOP_LENGTH, WINDOW + KEPT * HOP_LENGTH))
    found = []
    for group in np.array_split(starts, -(-len(starts) // 8)):
        windows = np.stack([padded[start:start + WINDOW] for start in group])[..., None].astype(np.float32)
        onset, note, _ = transcriber().run(None, {"serving_default_input_2:0": windows})
        found.append(np.stack([onset, note])[:, :, MARGIN:MARGIN + KEPT].reshape(2, -1, PITCHES))
    return np.concatenate(found, 1)[:, :frames].transpose(0, 2, 1)


def find_lead(notes):
    """The tune among all notes, by a small network trained on the band's known scores.

    Parameters
    ----------
    notes : numpy.ndarray, shape (2, 88, frames)
        As `transcribe` gives them.

    Returns
    -------
    numpy.ndarray, float32, shape (2, 88, frames)
    """
    with torch.no_grad():
        return load_model(LeadFinder)(torch.from_numpy(notes)[None])[0].sigmoid().numpy()


def rhythm_of(audio, beats=None):
    """Onset strength in three bands, and the beat's phase, for each column.

    Parameters
    ----------
    audio : numpy.ndarray, shape (samples,)
    beats : numpy.ndarray, optional
        Beat times in seconds; tracked from the sound (Ellis 2007, doi 10.1080/09298210701653344) if not given.

    Returns
    -------
    numpy.ndarray, float32, shape (5, samples // 256)
    """
    mel = log_mel(audio)
    rise = np.maximum(np.diff(mel, axis=1, prepend=mel[:, :1]), 0)
    centres = mel_frequencies()
    bands = [rise[(centres >= low) & (centres < high)].mean(0) for low, high in ((0, 200), (200, 4000), (4000, 11025))]
    if beats is None:
        _, beats = librosa.beat.beat_track(onset_envelope=rise.mean(0), sr=SAMPLE_RATE, hop_length=HOP_LENGTH,
                                           units="time", trim=False)
    return np.concatenate([np.clip(np.stack(bands) / 2, 0, 1), beat_phase(beats, mel.shape[1])]).astype(np.float32)


def beat_phase(beats, frames):
    """Cosine and sine of the beat's phase, 1 and 0 on each beat; zeros where fewer than two beats are known."""
    if len(beats) < 2:
        return np.zeros((2, frames), np.float32)
    step = np.median(np.diff(beats))
    beats = np.concatenate([np.arange(beats[0] - step, -step, -step)[::-1], beats,
                            np.arange(beats[-1] + step, frames / FRAME_RATE + 2 * step, step)])
    phase = 2 * np.pi * np.interp(np.arange(frames) / FRAME_RATE, beats, np.arange(len(beats)))
    return np.stack([np.cos(phase), np.sin(phase)]).astype(np.float32)


def from_audio(audio):
    """Content picture of a recording.

    Parameters
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
        Mono, 22,050 Hz.

    Returns
    -------
    Content
    """
    notes = transcribe(audio)
    return Content(find_lead(notes), notes, rhythm_of(audio))


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


def from_score(score, tempo=None):
    """Content picture of a music21 score or a `Tune`: its highest part is the lead, its chords the rest.

    Parameters
    ----------
    score : music21.stream.Stream or Tune
    tempo : float, optional
        Felt beats per minute; 110 if the score does not tell.

    Returns
    -------
    Content
    """
    from .theory import Tune, chord_pitches, tune_from_score
    tune = score if isinstance(score, Tune) else tune_from_score(score)
    second = 60 / (tempo or 110) / tune.beat
    lead = [Note(s * second, (s + d) * second, p, 90) for s, d, p in tune.notes]
    chords = [Note(s * second, (s + d) * second, p, 70) for s, d, root, quality in tune.chords
              for p in chord_pitches(root, quality)]
    beats = np.arange(0, tune.length + 1e-6, tune.beat) * second
    return from_notes(lead, chords, tune.length * second, beats)


def from_midi(path):
    """Content picture of a MIDI file: the part that lies highest is the lead."""
    import pretty_midi
    try:
        midi = pretty_midi.PrettyMIDI(str(path))
    except Exception as problem:
        raise UserError(f"{path} can't be read as MIDI: choose a .mid file.") from problem
    parts = [part.notes for part in midi.instruments if part.notes and not part.is_drum]
    if not parts:
        raise UserError(f"{path} holds no notes besides drums: choose a MIDI file with a tune.")
    parts.sort(key=lambda notes: -np.mean([n.pitch for n in notes]))
    lead, *others = [[Note(n.start, n.end, n.pitch, n.velocity) for n in part] for part in parts]
    return from_notes(lead, sum(others, []), midi.get_end_time(), midi.get_beats())


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
            continue                                   # the surer of two at once was taken first
        silent = np.flatnonzero(sustain[row, column + 1:] < threshold / 2)
        notes.append([row, column, column + 1 + (silent[0] if len(silent) else sustain.shape[1] - column - 1)])
    if single:
        for note, following in zip(notes, notes[1:]):
            note[2] = min(note[2], following[1])
    return [Note(c / FRAME_RATE, max(e, c + 3) / FRAME_RATE, int(r) + LOWEST, int(50 + 60 * onset[r, c]))
            for r, c, e in notes]
