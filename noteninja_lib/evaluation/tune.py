"""Is it the same tune? Measures of melody against the known score and against the source.

Each is as in the paper that it comes from, with that paper's settings, so that figures can be laid beside published ones.
Lesson: 11_judging_a_converter.
"""
from functools import lru_cache

import librosa
import mir_eval
import numpy as np
import soxr

from ..music.content import FRAME_RATE, LOWEST, Content, find_lead, pick_notes, transcribe
from ..sound.audio import SAMPLE_RATE


def hear(audio):
    """The content of a recording as far as these measures look at it: lead and notes, without the rhythm."""
    notes = transcribe(audio)
    return Content(find_lead(notes), notes, None)


def note_f1(melody, heard, *, octaves=False):
    """F-measure of the notes that are heard as the tune: pitch right and onset within 50 ms.

    Parameters
    ----------
    melody : list of Note
        The known score.
    heard : Content
    octaves : bool
        False folds all pitches into one octave: a tune that moved to another octave is still the tune.

    Returns
    -------
    float
        0 to 1, as in MIREX (Raffel et al. 2014, mir_eval); offsets do not count.
    """
    return matched_notes(melody, lead_notes(heard), octaves=octaves)


def lead_notes(heard):
    """The notes that are heard as the tune, as a list of `Note`."""
    return pick_notes(*(layer.astype(np.float32) for layer in heard.lead), single=True)


def matched_notes(melody, found, *, octaves=False):
    """F-measure of two lists of notes; see `note_f1`."""
    if not found or not melody:
        return 0.0
    intervals = [np.array([[n.start, max(n.end, n.start + 0.01)] for n in notes]) for notes in (melody, found)]
    pitches = [librosa.midi_to_hz(np.array([n.pitch if octaves else n.pitch % 12 for n in notes])) for notes in (melody, found)]
    return float(mir_eval.transcription.precision_recall_f1_overlap(
        intervals[0], pitches[0], intervals[1], pitches[1], offset_ratio=None)[2])


def raw_pitch_accuracy(melody, heard, *, octaves=True):
    """Share of the time in which the tune sounds where its pitch is heard right, whatever is heard elsewhere.

    Parameters
    ----------
    melody : list of Note
        The known score.
    heard : Content
        The surest sustained pitch of its lead counts as the one heard.
    octaves : bool
        False forgives octaves: raw chroma accuracy.

    Returns
    -------
    float
        0 to 1, as in MIREX (Salamon et al. 2014, doi 10.1109/MSP.2013.2271648).
    """
    sustain = heard.lead[1].astype(np.float32)
    times = np.arange(sustain.shape[1]) / FRAME_RATE
    pitches = librosa.midi_to_hz(LOWEST + sustain.argmax(0)) * (sustain.max(0) > 0)
    truth = np.zeros(len(times))
    for note in melody:
        truth[round(note.start * FRAME_RATE):round(note.end * FRAME_RATE)] = librosa.midi_to_hz(note.pitch)
    if not truth.any():
        return 0.0
    voiced, truth_cents = mir_eval.melody.freq_to_voicing(truth)[1], mir_eval.melody.hz2cents(truth)
    found_cents = mir_eval.melody.hz2cents(pitches)
    measure = mir_eval.melody.raw_pitch_accuracy if octaves else mir_eval.melody.raw_chroma_accuracy
    return float(measure(voiced, truth_cents, (pitches > 0).astype(float), found_cents))


def onset_chroma(onsets):
    """Onsets by pitch class over time, smoothed over +-50 ms and normalised to length 1; a vector.

    Parameters
    ----------
    onsets : numpy.ndarray, shape (88, frames)
        Posteriors of note onsets, 0 to 1.
    """
    folded = np.pad(onsets.astype(np.float32), ((9, 11), (0, 0))).reshape(9, 12, -1).max(0)
    kernel = np.hanning(11)[1:-1]
    smooth = np.stack([np.convolve(row, kernel, "same") for row in folded])
    smooth = (smooth - smooth.mean(1, keepdims=True)).ravel()
    return (smooth / (np.linalg.norm(smooth) + 1e-9)).astype(np.float32)


@lru_cache(maxsize=4)
def _chroma_filters(rate, n_fft):
    return librosa.filters.chroma(sr=rate, n_fft=n_fft, tuning=0)


def remembered(measure):
    """A function of a recording that keeps its last few answers: one source is compared with many versions."""
    cached = lru_cache(maxsize=6)(lambda data, **settings: measure(np.frombuffer(data, np.float32), **settings))
    return lambda audio, **settings: cached(np.asarray(audio, np.float32).tobytes(), **settings)


@remembered
def _strongest_class(audio, rate, n_fft, hop_length, highpass=0.0):
    """Strongest pitch class of each column (C is 0), and -1 where there is silence."""
    audio = soxr.resample(audio, SAMPLE_RATE, rate) if rate != SAMPLE_RATE else audio
    power = np.abs(librosa.stft(audio, n_fft=n_fft, hop_length=hop_length)) ** 2
    power[librosa.fft_frequencies(sr=rate, n_fft=n_fft) < highpass] = 0
    chroma = _chroma_filters(rate, n_fft) @ power
    return np.where(power.sum(0) > 1e-6 * n_fft, chroma.argmax(0), -1)


def chroma_cosine(first, second):
    """Chroma cosine similarity: mean cosine of the two recordings' quantised chromagrams.

    Quantised: the strongest of the twelve classes is 1, the others 0, so that the cosine of a frame is 1 or 0. A silent frame
    has no class and is like nothing. 32 kHz, windows of 2^14 samples every 2^12, as in MusicGen (Copet et al. 2023,
    arXiv 2306.05284, where its melody model reaches .66).

    Parameters
    ----------
    first, second : numpy.ndarray, shape (samples,)
        Mono, 22,050 Hz.
    """
    classes = [_strongest_class(audio, rate=32000, n_fft=2 ** 14, hop_length=2 ** 12) for audio in (first, second)]
    length = min(map(len, classes))
    return float(np.mean((classes[0][:length] == classes[1][:length]) & (classes[0][:length] >= 0)))


def melody_accuracy(reference, audio):
    """Share of frames in which the melody's pitch class is the same, where the reference sounds.

    The melody is the strongest pitch class above middle C, frame by frame, as in Music ControlNet (Wu et al. 2023,
    arXiv 2311.07069; 2048-sample windows, bass cut off at 261.2 Hz).

    Parameters
    ----------
    reference, audio : numpy.ndarray, shape (samples,)
        Mono, 22,050 Hz.
    """
    wanted, found = (_strongest_class(one, rate=SAMPLE_RATE, n_fft=2048, hop_length=512, highpass=261.2)
                     for one in (reference, audio))
    length = min(len(wanted), len(found))
    right, sounding = wanted[:length] == found[:length], wanted[:length] >= 0
    return float(right[sounding].mean()) if sounding.any() else 0.0


@remembered
def _strongest_bin(audio):
    """Strongest of 128 constant-Q bins of each column."""
    spectrum = librosa.cqt(soxr.resample(audio, SAMPLE_RATE, 16000), sr=16000, hop_length=512, fmin=65.0, n_bins=128,
                           bins_per_octave=24)
    return np.abs(spectrum).argmax(0)


def cqt1_correlation(first, second):
    """Pearson correlation of the strongest constant-Q bin over time (CQT1-PCC).

    16 kHz, 128 bins from 65 Hz, 24 to the octave, a frame every 512 samples, as in SteerMusic (Niu et al. 2025,
    arXiv 2504.10826). 0 where one of them does not move.

    Parameters
    ----------
    first, second : numpy.ndarray, shape (samples,)
        Mono, 22,050 Hz.
    """
    bins = [_strongest_bin(audio) for audio in (first, second)]
    first, second = (one[:min(map(len, bins))] for one in bins)
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
