"""Is it the same tune, in the asked-for genre, and as sharp as a recording? Measures of conversions.

Each is as in the paper that it comes from, with that paper's settings, so that figures can be laid beside
published ones. Recordings are mono arrays of float32 at 22,050 Hz, shape (samples,). Lesson:
11_judging_a_converter.
"""

from collections.abc import Iterable, Sequence

import librosa
import mir_eval
import numpy as np
import torch

from noteninja_lib.arranger.performance import Note
from noteninja_lib.audio import rate_of
from noteninja_lib.audio.io import loudness
from noteninja_lib.audio.spectrogram import log_mel, magnitude, mel_frequencies
from noteninja_lib.lead_sheet import hear_lead
from noteninja_lib.models.basic_pitch import transcribe
from noteninja_lib.models.classifiers import extract_melody
from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.piano_roll import PianoRoll, pick_notes

# --- The moods on the way of a journey ---


def heard_moods(heard: PianoRoll, audio: np.ndarray, places: Sequence[float]) -> list[dict]:
    """What tells the mood around some places of a piece, from half way to each neighbour.

    Valence shows in the chords, arousal in tempo and loudness (Gabrielsson and Lindström 2010, in Juslin and
    Sloboda, Handbook of Music and Emotion).

    Parameters
    ----------
    heard : PianoRoll
        What is heard in the piece, as `source.hear` gives it.
    audio : numpy.ndarray, shape (n,) at 22,050 Hz, or (n, 2) at 44,100 Hz
    places : sequence of float
        Rising, from 0, the beginning, to 1, the end.

    Returns
    -------
    list of dict
        Each with the "place", "from" and "to" in seconds, the "tempo" in beats a minute, "major_chords"
        (their share of the time, as the chord recogniser hears them) and the loudness in "lufs"; places with
        less than a second around them are left out.
    """
    found, rate = [], rate_of(audio)
    middles = [(one + other) / 2 for one, other in zip(places, places[1:])]
    chords = hear_lead(heard).chords()
    for place, *edges in zip(places, [0, *middles], [*middles, 1]):
        start, end = (edge * heard.seconds for edge in edges)
        if end - start < 1:
            continue
        inside = [(min(last, end) - max(first, start), kind) for first, last, _, kind in chords]
        lasting = sum(length for length, _ in inside if length > 0) or 1.0
        major = sum(length for length, kind in inside if length > 0 and kind != "min") / lasting
        tempo = heard[round(start * FRAME_RATE) : round(end * FRAME_RATE)].tempo
        lufs = max(-99, loudness(audio[round(start * rate) : round(end * rate)], rate))
        figures = {"from": start, "to": end, "tempo": tempo, "major_chords": major, "lufs": lufs}
        found.append({"place": place} | {name: round(float(figure), 2) for name, figure in figures.items()})
    return found


# --- The tune, against the known score and against the source ---


def hear(audio: np.ndarray) -> PianoRoll:
    """The piano roll of a recording as far as these measures look at it: melody and notes, no rhythm."""
    notes = transcribe(audio)
    return PianoRoll(extract_melody(notes), notes, np.zeros((3, notes.shape[-1]), np.float32), np.zeros(0))


def note_f1(melody: list[Note], heard: PianoRoll, *, octaves: bool = False) -> float:
    """F-measure of the notes that are heard as the tune: pitch right and onset within 50 ms.

    Parameters
    ----------
    melody : list of Note
        The known score.
    heard : PianoRoll
    octaves : bool
        False folds all pitches into one octave: a tune that moved to another octave is still the tune.

    Returns
    -------
    float
        0 to 1, as in MIREX (Raffel et al. 2014, mir_eval); offsets do not count.
    """
    return matched_notes(melody, melody_of(heard), octaves=octaves)


def melody_of(heard: PianoRoll) -> list[Note]:
    """The notes that are heard as the tune."""
    return pick_notes(*(layer.astype(np.float32) for layer in heard.melody), single=True)


def matched_notes(
    melody: list[Note], found: list[Note], *, octaves: bool = False, tolerance: float = 0.05
) -> float:
    """F-measure of two lists of notes, onsets within `tolerance` seconds; see `note_f1`."""
    if not found or not melody:
        return 0.0
    lists = []
    for notes in (melody, found):
        lists.append(np.array([[n.start, max(n.end, n.start + 0.01)] for n in notes]))
        lists.append(librosa.midi_to_hz(np.array([n.pitch if octaves else n.pitch % 12 for n in notes])))
    return float(mir_eval.transcription.precision_recall_f1_overlap(*lists, tolerance, offset_ratio=None)[2])


def sdr(truth: np.ndarray, estimate: np.ndarray) -> float:
    """Signal-to-distortion ratio in dB: how much stronger the truth is than an estimate's error."""
    return float(10 * np.log10(np.sum(truth**2) / np.sum((truth - estimate) ** 2)))


# --- What a network does to a sound, beside the recording that went in: lesson 05 ---

FLUX_STEP, FLUX_WINDOW = 128, 512  # samples: short, so that a seam is not smeared


def flux(audio: np.ndarray) -> np.ndarray:
    """How much louder the spectrum grows from frame to frame, in nats; shape (samples // 128,)."""
    with torch.no_grad():
        spectrum = magnitude(torch.from_numpy(np.ascontiguousarray(audio)), FLUX_WINDOW, FLUX_STEP)
        levels = spectrum.clamp(min=1e-4).log().numpy()
    return np.maximum(np.diff(levels, axis=1, prepend=levels[:, :1]), 0).mean(0)


def seams(audio: np.ndarray, edges: Iterable[int], reach: int = 4 * FLUX_STEP) -> list[tuple[float, float]]:
    """How much a sound jumps at the edges of windows, beside how much it jumps elsewhere.

    Parameters
    ----------
    audio : numpy.ndarray, shape (samples,)
    edges : sequence of int
        Samples at which one window ends and the next begins.
    reach : int
        Samples on either side that belong to the edge.

    Returns
    -------
    list of (float, float)
        For each edge, its greatest flux, and the mean of the same over equally long stretches elsewhere: 1 to
        1 without seams.
    """
    rise, width = flux(audio), reach // FLUX_STEP
    stretches = rise[: len(rise) // (2 * width) * 2 * width].reshape(-1, 2 * width).max(1)
    frames = [edge // FLUX_STEP for edge in edges if reach <= edge <= len(audio) - reach]
    middles = (np.arange(len(stretches)) + 0.5) * 2 * width
    apart = np.all([np.abs(middles - frame) >= 2 * width for frame in frames], axis=0)
    usual = float(stretches[apart].mean()) if frames else 0.0
    return [(float(rise[frame - width : frame + width].max()), usual) for frame in frames]


# --- Does it sound like the true recording? Spectrum, sharpness and genre. Lesson: 11_judging_a_converter ---

TREBLE_FROM = 4000.0  # Hz: above it lie cymbals, breath and the edge of plucked strings


def edges(audio: np.ndarray) -> dict[str, float]:
    """How sharp a spectrogram is: energy of the log-mel gradient, and treble above 4 kHz.

    A blurred picture has weak gradients and gives noisy sound. The figures mean something beside the true
    recording's.

    Returns
    -------
    dict of str to float
        `sharpness_in_time`, `sharpness_in_frequency` (squared nats), `treble` (mean magnitude).
    """
    return mel_edges(log_mel(audio))


def mel_edges(mel: np.ndarray) -> dict[str, float]:
    """The same of a log-mel spectrogram, shape (mels, frames)."""
    return {
        "sharpness_in_time": float(np.mean(np.diff(mel, axis=1) ** 2)),
        "sharpness_in_frequency": float(np.mean(np.diff(mel, axis=0) ** 2)),
        "treble": float(np.exp(mel[mel_frequencies() > TREBLE_FROM]).mean()),
    }


# --- Intervals: the bootstrap, over tunes, since conversions of one tune are not independent ---


def bootstrap(values: Sequence, groups: Sequence | None = None, seed: int = 0) -> list[float]:
    """Mean with its 95 % interval.

    Parameters
    ----------
    values : array of numbers, or of pairs (numerator, denominator)
        Of pairs, the ratio of the two means is taken.
    groups : sequence, optional
        Tune of each value: whole tunes are drawn, with all their values. Each value by itself if not given.
    seed : int

    Returns
    -------
    list of float
        [mean, low, high] (Efron 1979, doi 10.1214/aos/1176344552), to four decimals.
    """
    return _intervals(values, groups, seed, lambda mean: mean[0] / mean[1] if len(mean) == 2 else mean[0])


def place_between(
    values: Sequence, low: Sequence, high: Sequence, groups: Sequence | None = None, seed: int = 0
) -> list[float]:
    """Where the mean of `values` lies between two fixed points (0: `low`, 1: `high`), with its interval.

    Parameters
    ----------
    values, low, high : array of numbers
        Of the same conversions, so that the fixed points are drawn anew together with the values.
    groups, seed
        See `bootstrap`.

    Returns
    -------
    list of float
        [place, low, high].
    """
    stacked = np.stack([values, low, high], 1)
    return _intervals(stacked, groups, seed, lambda mean: (mean[0] - mean[1]) / (mean[2] - mean[1]))


def _intervals(values, groups, seed, figure, draws=1000):
    values = np.asarray(values, float).reshape(len(values), -1)
    _, group = np.unique(np.arange(len(values)) if groups is None else groups, return_inverse=True)
    sums = np.zeros((group.max() + 1, values.shape[1]))
    np.add.at(sums, group, values)
    counts = np.bincount(group)
    drawn = np.random.default_rng(seed).integers(len(sums), size=(draws, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)[:, None]
    figures = (figure(values.mean(0)), *np.percentile(figure(means.T), [2.5, 97.5]))
    return [round(float(value), 4) for value in figures]


def align(truth: Sequence, found: Sequence) -> list[tuple]:
    """The cheapest way from one sequence to another by deletions, insertions, exchanges (Levenshtein 1966).

    Returns
    -------
    list of (item or None, item or None)
        Pairs in order; None where the other one has nothing.
    """
    costs = np.zeros((len(truth) + 1, len(found) + 1), int)
    costs[:, 0], costs[0] = np.arange(len(truth) + 1), np.arange(len(found) + 1)
    for i, one in enumerate(truth, 1):
        for j, other in enumerate(found, 1):
            costs[i, j] = min(costs[i - 1, j] + 1, costs[i, j - 1] + 1, costs[i - 1, j - 1] + (one != other))
    pairs, i, j = [], len(truth), len(found)
    while i or j:
        if i and j and costs[i, j] == costs[i - 1, j - 1] + (truth[i - 1] != found[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((truth[i], found[j]))
        elif i and costs[i, j] == costs[i - 1, j] + 1:
            i -= 1
            pairs.append((truth[i], None))
        else:
            j -= 1
            pairs.append((None, found[j]))
    return pairs[::-1]
