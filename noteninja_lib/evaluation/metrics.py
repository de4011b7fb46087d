"""Is it the same tune, in the asked-for genre, and as sharp as a recording? Measures of conversions.

Each is as in the paper that it comes from, with that paper's settings, so that figures can be laid beside
published ones. Recordings are mono arrays of float32 at 22,050 Hz, shape (samples,). Lesson:
11_judging_a_converter.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

import librosa
import mir_eval
import numpy as np
import scipy.linalg
import soxr
import torch
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import welch

from noteninja_lib.arranger.performance import Note
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.audio.spectrogram import log_mel, magnitude, mel_frequencies
from noteninja_lib.models.basic_pitch import transcribe
from noteninja_lib.models.classifiers import CLASSIFIED, GenreClassifier, extract_melody
from noteninja_lib.music.beats import FRAME_RATE, hear_rhythm
from noteninja_lib.music.piano_roll import LOWEST, PianoRoll, pick_notes
from noteninja_lib.music.style import UNHEARD, chords_of, segments_of

MOMENTS, MOMENT = 12, 12.0  # at most so many moments of so many seconds tell the mood of a piece

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


def mood_heard(
    audio: np.ndarray, progress: Callable[[float], object] = lambda done: None
) -> dict[str, np.ndarray]:
    """How the mood of a piece goes on, as its sound tells: in moments that are spread evenly over it.

    Valence acts on the chords, arousal on onsets and tempo (see `music.style`); one moment alone is a rough
    measure.

    Parameters
    ----------
    audio : numpy.ndarray, shape (samples,)
    progress : callable, optional
        Is told the share that is done.

    Returns
    -------
    dict of str to numpy.ndarray, shape (moments,)
        ``seconds``, the middle of each moment; ``major``, the share of major chords; ``onsets`` a second;
        ``tempo`` in beats a minute; NaN where nothing is heard.
    """
    size = min(len(audio), round(MOMENT * SAMPLE_RATE))
    count = min(MOMENTS, max(1, len(audio) // size))
    rows = []
    for number, start in enumerate(np.linspace(0, len(audio) - size, count).astype(int)):
        moment = audio[start : start + size]
        heard = replace(hear(moment), beats=hear_rhythm(moment)[1])
        major = np.mean(chords_of(heard, segments_of(heard)) < 12) if heard.notes.max() > UNHEARD else np.nan
        onsets = len(librosa.onset.onset_detect(y=moment, sr=SAMPLE_RATE)) * SAMPLE_RATE / size
        rows.append(((start + size / 2) / SAMPLE_RATE, major, onsets, heard.tempo or np.nan))
        progress((number + 1) / count)
    return dict(zip(("seconds", "major", "onsets", "tempo"), np.array(rows).T))


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


def raw_pitch_accuracy(melody: list[Note], heard: PianoRoll, *, octaves: bool = True) -> float:
    """Share of the time in which the tune sounds where its pitch is heard right, whatever is heard elsewhere.

    Parameters
    ----------
    melody : list of Note
        The known score.
    heard : PianoRoll
        The surest sustained pitch of its melody counts as the one heard.
    octaves : bool
        False forgives octaves: raw chroma accuracy.

    Returns
    -------
    float
        0 to 1, as in MIREX (Salamon et al. 2014, doi 10.1109/MSP.2013.2271648).
    """
    sustain = heard.melody[1].astype(np.float32)
    pitches = librosa.midi_to_hz(LOWEST + sustain.argmax(0)) * (sustain.max(0) > 0)
    truth = np.zeros(sustain.shape[1])
    for note in melody:
        truth[round(note.start * FRAME_RATE) : round(note.end * FRAME_RATE)] = librosa.midi_to_hz(note.pitch)
    if not truth.any():
        return 0.0
    voiced, truth_cents = mir_eval.melody.freq_to_voicing(truth)[1], mir_eval.melody.hz2cents(truth)
    measure = mir_eval.melody.raw_pitch_accuracy if octaves else mir_eval.melody.raw_chroma_accuracy
    return float(measure(voiced, truth_cents, (pitches > 0).astype(float), mir_eval.melody.hz2cents(pitches)))


def onset_chroma(onsets: np.ndarray) -> np.ndarray:
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


def remembered(measure: Callable) -> Callable:
    """A function of a recording that keeps its last answers: one source is compared with many versions."""
    cached = lru_cache(maxsize=6)(lambda data, **options: measure(np.frombuffer(data, np.float32), **options))
    return lambda audio, **options: cached(np.asarray(audio, np.float32).tobytes(), **options)


@remembered
def _strongest_class(audio, rate, n_fft, hop_length, highpass=0.0):
    """Strongest pitch class of each frame (C is 0), and -1 where there is silence."""
    audio = soxr.resample(audio, SAMPLE_RATE, rate) if rate != SAMPLE_RATE else audio
    power = np.abs(librosa.stft(audio, n_fft=n_fft, hop_length=hop_length)) ** 2
    power[librosa.fft_frequencies(sr=rate, n_fft=n_fft) < highpass] = 0
    chroma = _chroma_filters(rate, n_fft) @ power
    return np.where(power.sum(0) > 1e-6 * n_fft, chroma.argmax(0), -1)


def _same_length(first, second):
    """Two sequences of frames, both as long as the shorter one."""
    length = min(first.shape[-1], second.shape[-1])
    return first[..., :length], second[..., :length]


def chroma_cosine(first: np.ndarray, second: np.ndarray) -> float:
    """Chroma cosine similarity: mean cosine of the two recordings' quantised chromagrams.

    Quantised: the strongest of the twelve classes is 1, the others 0, so that the cosine of a frame is 1 or
    0. A silent frame has no class and is like nothing. 32 kHz, windows of 2^14 samples every 2^12, as in
    MusicGen (Copet et al. 2023, arXiv 2306.05284, where its melody model reaches .66).
    """
    settings = {"rate": 32000, "n_fft": 2**14, "hop_length": 2**12}
    first, second = _same_length(*(_strongest_class(audio, **settings) for audio in (first, second)))
    return float(np.mean((first == second) & (first >= 0)))


def melody_accuracy(reference: np.ndarray, audio: np.ndarray) -> float:
    """Share of frames in which the melody's pitch class is the same, where the reference sounds.

    The melody is the strongest pitch class above middle C, frame by frame, as in Music ControlNet (Wu et al.
    2023, arXiv 2311.07069; 2048-sample windows, bass cut off at 261.2 Hz).
    """
    settings = {"rate": SAMPLE_RATE, "n_fft": 2048, "hop_length": 512, "highpass": 261.2}
    wanted, found = _same_length(*(_strongest_class(one, **settings) for one in (reference, audio)))
    sounding = wanted >= 0
    return float((wanted == found)[sounding].mean()) if sounding.any() else 0.0


@remembered
def _strongest_bin(audio):
    """Strongest of 128 constant-Q bins of each frame."""
    audio = soxr.resample(audio, SAMPLE_RATE, 16000)
    bins = {"fmin": 65.0, "n_bins": 128, "bins_per_octave": 24}
    return np.abs(librosa.cqt(audio, sr=16000, hop_length=512, **bins)).argmax(0)


def cqt1_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson correlation of the strongest constant-Q bin over time (CQT1-PCC).

    16 kHz, 128 bins from 65 Hz, 24 to the octave, a frame every 512 samples, as in SteerMusic (Niu et al.
    2025, arXiv 2504.10826). 0 where one of them does not move.
    """
    first, second = _same_length(*(_strongest_bin(audio) for audio in (first, second)))
    return float(np.corrcoef(first, second)[0, 1]) if first.std() and second.std() else 0.0


# --- What a network does to a sound, beside the recording that went in: lesson 05 ---

#: Fourier length, step and window in samples: the paper's.
RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
BASS, TREBLE, CYMBALS = (20.0, 200.0), (4000.0, SAMPLE_RATE / 2), (6000.0, SAMPLE_RATE / 2)  # Hz
#: Mean square (-90 dB) that is added to both sides: what nobody hears must not decide a ratio.
SILENT_BAND = 1e-9
#: Samples; blocks on either side; times the usual roughness around it.
CLICK_BLOCK, CLICK_REACH, CLICK = 64, 4, 10.0
#: Least roughness taken for usual: in silence a click of .002 (-55 dB) is the smallest that counts.
SMOOTH = 1e-3
FLUX_STEP, FLUX_WINDOW = 128, 512  # samples: short, so that a seam is not smeared


def multi_resolution_distance(made: np.ndarray, truth: np.ndarray) -> float:
    """Multi-resolution STFT distance: spectral convergence and mean difference of log magnitudes.

    Mean of three resolutions; Yamamoto et al. 2020, arXiv 1910.11480; magnitudes are floored as in its
    authors' code.
    """
    total = 0.0
    for n_fft, step, length in RESOLUTIONS:
        window, spectra = torch.hann_window(length), []
        for audio in map(torch.from_numpy, (made, truth)):
            spectrum = torch.stft(audio, n_fft, step, length, window, return_complex=True)
            spectra.append(spectrum.abs().square().clamp(min=1e-7).sqrt())
        first, second = spectra
        total += float((second - first).norm() / second.norm() + (second.log() - first.log()).abs().mean())
    return total / len(RESOLUTIONS)


def band_level(made: np.ndarray, truth: np.ndarray, band: tuple[float, float]) -> float:
    """Level of a frequency band beside the truth's, in dB: ten times the logarithm of the ratio of energies.

    Parameters
    ----------
    made, truth : numpy.ndarray, shape (samples,)
    band : (float, float)
        Its edges in Hz, such as `BASS`.
    """
    energies = []
    for audio in (made, truth):
        frequencies, power = welch(audio, SAMPLE_RATE, nperseg=2048)
        inside = (frequencies >= band[0]) & (frequencies < band[1])
        energies.append(power[inside].sum() * (frequencies[1] - frequencies[0]) + SILENT_BAND)
    return float(10 * np.log10(energies[0] / energies[1]))


def clicks(audio: np.ndarray) -> float:
    """Clicks a second: where the fourth difference of the samples is far larger than around it.

    Differences flatten the spectrum of music, in which a single wrong sample or a jump hides otherwise. Hard
    strokes of a drum count too, so the figure means something only beside the true recording's.
    """
    rough = np.abs(np.diff(audio.astype(np.float64), 4))
    rough = rough[: len(rough) // CLICK_BLOCK * CLICK_BLOCK].reshape(-1, CLICK_BLOCK)
    usual = np.pad(np.median(rough, axis=1), CLICK_REACH, mode="edge")
    usual = np.maximum(sliding_window_view(usual, 2 * CLICK_REACH + 1).max(1), SMOOTH)
    struck = rough.max(1) > CLICK * usual
    alone = struck & ~np.append(False, struck[:-1])  # neighbours are one click
    return float(alone.sum() * SAMPLE_RATE / len(audio))


def offset(audio: np.ndarray) -> float:
    """Constant part of a sound (DC) as a share of its root mean square."""
    return float(abs(audio.mean()) / (np.sqrt(np.mean(audio.astype(np.float64) ** 2)) + 1e-9))


def flux(audio: np.ndarray) -> np.ndarray:
    """How much louder the spectrum grows from frame to frame, in nats; shape (samples // 128,)."""
    with torch.no_grad():
        spectrum = magnitude(torch.from_numpy(np.ascontiguousarray(audio)), FLUX_WINDOW, FLUX_STEP)
        levels = spectrum.clamp(min=1e-4).log().numpy()
    return np.maximum(np.diff(levels, axis=1, prepend=levels[:, :1]), 0).mean(0)


def seams(audio: np.ndarray, edges: Iterable[int], reach: int = 4 * FLUX_STEP) -> list[tuple[float, float]]:
    """How much a sound jumps at the edges of windows, beside how much it jumps elsewhere.
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


def spectral_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Mean absolute difference of two log-mel spectrograms in nats, each without its mean."""
    return mean_difference(centred_mel(first), centred_mel(second))


def centred_mel(audio: np.ndarray) -> np.ndarray:
    """Log-mel spectrogram without its mean, shape (mels, frames): loudness does not count."""
    mel = log_mel(audio)
    return mel - mel.mean()


def mean_difference(first: np.ndarray, second: np.ndarray) -> float:
    """Mean absolute difference of two arrays."""
    return float(np.abs(first - second).mean())


def log_spectral_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Log-spectral distance in dB: root mean square over frequency, mean over time.

    Gray and Markel 1976, doi 10.1109/TASSP.1976.1162849; 2048-sample windows every 512, levels below -80 dB
    count as -80.
    """
    levels = []
    for audio in (first, second):
        spectrum = np.abs(librosa.stft(np.asarray(audio, np.float32), n_fft=2048, hop_length=512)) / 1024
        levels.append(20 * np.log10(np.maximum(spectrum, 1e-4)))
    first, second = _same_length(*levels)
    return float(np.sqrt(np.mean((first - second) ** 2, axis=0)).mean())


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


def embeddings(judge: GenreClassifier, audio: np.ndarray) -> np.ndarray:
    """What the genre classifier makes of windows of 3 s before it decides, shape (windows, 64)."""
    return mel_embeddings(judge, log_mel(audio))


def mel_embeddings(judge: GenreClassifier, mel: np.ndarray) -> np.ndarray:
    """The same of a log-mel spectrogram, shape (mels, frames)."""
    mel = torch.from_numpy(mel)
    windows = mel.unfold(1, min(CLASSIFIED, mel.shape[1]), CLASSIFIED // 2).transpose(0, 1)
    with torch.no_grad():
        return judge.embedding(windows.to(judge.device)).cpu().numpy()


def nearest(made: np.ndarray, recordings: dict[str, np.ndarray], distance: Callable) -> str:
    """Key of the recording that is nearest to `made`."""
    return min(recordings, key=lambda name: distance(made, recordings[name]))


def euclidean(first: np.ndarray, second: np.ndarray) -> float:
    """Distance of two vectors."""
    return float(np.linalg.norm(first - second))


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Fréchet distance of two sets of embeddings, each taken for a Gaussian.

    Heusel et al. 2017, arXiv 1706.08500; for music Kilgour et al. 2019, arXiv 1812.08466.

    Parameters
    ----------
    first, second : numpy.ndarray, shape (n, dimensions)
        More rows than dimensions.

    Returns
    -------
    float
        0 for equal means and covariances; grows with the squared distance of the means.
    """
    means, covariances = zip(*((rows.mean(0), np.cov(rows, rowvar=False)) for rows in (first, second)))
    root = np.real(scipy.linalg.sqrtm(covariances[0] @ covariances[1]))
    return float(np.sum((means[0] - means[1]) ** 2) + np.trace(covariances[0] + covariances[1] - 2 * root))


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
