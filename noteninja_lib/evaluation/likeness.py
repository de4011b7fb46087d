"""Does it sound like the true recording? Measures of spectrum, sharpness and genre.

Lesson: 11_judging_a_converter.
"""
import librosa
import numpy as np
import scipy.linalg
import torch

from ..model.listener import JUDGED
from ..sound.spectrogram import log_mel, mel_frequencies

TREBLE = 4000.0       # Hz: above it lie cymbals, breath and the edge of plucked strings


def spectral_distance(first, second):
    """Mean absolute difference of two log-mel spectrograms in nats, each freed of its mean over time and mels."""
    return mean_difference(centred_mel(first), centred_mel(second))


def centred_mel(audio):
    """Log-mel spectrogram without its mean: loudness does not count."""
    mel = log_mel(audio)
    return mel - mel.mean()


def mean_difference(first, second):
    """Mean absolute difference of two arrays."""
    return float(np.abs(first - second).mean())


def log_spectral_distance(first, second):
    """Log-spectral distance in dB: root mean square over frequency, mean over time (Gray and Markel 1976,
    doi 10.1109/TASSP.1976.1162849); 2048-sample windows every 512, levels below -80 dB count as -80.

    Parameters
    ----------
    first, second : numpy.ndarray, shape (samples,)
        Mono, 22,050 Hz.
    """
    levels = []
    for audio in (first, second):
        spectrum = np.abs(librosa.stft(np.asarray(audio, np.float32), n_fft=2048, hop_length=512)) / 1024
        levels.append(20 * np.log10(np.maximum(spectrum, 1e-4)))
    length = min(level.shape[1] for level in levels)
    return float(np.sqrt(np.mean((levels[0][:, :length] - levels[1][:, :length]) ** 2, axis=0)).mean())


def edges(audio):
    """How sharp a spectrogram is: energy of the log-mel gradient in time and in frequency, and treble above 4 kHz.

    A blurred picture has weak gradients and gives noisy sound. The figures mean something beside the true recording's.

    Returns
    -------
    dict of str to float
        `sharpness_in_time`, `sharpness_in_frequency` (squared nats), `treble` (mean magnitude).
    """
    return mel_edges(log_mel(audio))


def mel_edges(mel):
    """The same of a log-mel spectrogram, shape (mels, frames)."""
    return {"sharpness_in_time": float(np.mean(np.diff(mel, axis=1) ** 2)),
            "sharpness_in_frequency": float(np.mean(np.diff(mel, axis=0) ** 2)),
            "treble": float(np.exp(mel[mel_frequencies() > TREBLE]).mean())}


def embeddings(judge, audio):
    """What the judge network makes of a recording before it decides: windows of 3 s, shape (windows, 64)."""
    return mel_embeddings(judge, log_mel(audio))


def mel_embeddings(judge, mel):
    """The same of a log-mel spectrogram, shape (mels, frames)."""
    mel = torch.from_numpy(mel)
    windows = mel.unfold(1, min(JUDGED, mel.shape[1]), JUDGED // 2).transpose(0, 1)
    with torch.no_grad():
        return judge.embedding(windows.to(judge.device)).cpu().numpy()


def nearest(made, recordings, distance):
    """Key of the recording that is nearest to `made`."""
    return min(recordings, key=lambda name: distance(made, recordings[name]))


def euclidean(first, second):
    """Distance of two vectors."""
    return float(np.linalg.norm(first - second))


def frechet_distance(first, second):
    """Fréchet distance of two sets of embeddings, each taken for a Gaussian (Heusel et al. 2017, arXiv 1706.08500; for
    music Kilgour et al. 2019, arXiv 1812.08466).

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
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    return float(np.sum((means[0] - means[1]) ** 2) + np.trace(covariances[0] + covariances[1] - 2 * np.real(root)))
