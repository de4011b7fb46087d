"""Spectrograms: waveform to log-mel picture, and the classic way back.

A log-mel spectrogram is a picture of sound: time runs along its columns, pitch height along its rows, and each
pixel holds the logarithm of the sound's strength there. All networks of the project work on such pictures.
Lesson: 01_sound_and_spectrograms.
"""

from functools import lru_cache

import librosa
import numpy as np
import torch

from noteninja_lib.audio.io import SAMPLE_RATE

N_FFT = 2048  # 93 ms window: long enough to part the notes of a bass
HOP_LENGTH = 256  # 11.6 ms between columns
N_MELS = 96
F_MIN, F_MAX = 20.0, SAMPLE_RATE / 2
BLOCK = 4096  # columns worked on at once
FLOOR = 1e-4  # magnitudes below this are silence; its logarithm is -9.2
MEL_MEAN, MEL_STD = -4.0, 2.3  # over the band's training recordings; the networks see (mel - mean) / std


@lru_cache(maxsize=4)
def mel_filters(n_mels=N_MELS, n_fft=N_FFT):
    """Triangular mel filters with unit peak-area norm, HTK scale.

    Parameters
    ----------
    n_mels : int
        Number of mel bins.
    n_fft : int
        Length of the Fourier transform in samples.

    Returns
    -------
    torch.Tensor, shape (n_mels, n_fft // 2 + 1)
    """
    return torch.from_numpy(
        librosa.filters.mel(
            sr=SAMPLE_RATE, n_fft=n_fft, n_mels=n_mels, fmin=F_MIN, fmax=F_MAX, htk=True, norm=None
        ).astype(np.float32)
        * (2048 / n_fft)
    )


def mel_frequencies(n_mels=N_MELS):
    """Centre frequency of each mel bin in Hz.

    Returns
    -------
    numpy.ndarray, shape (n_mels,)
    """
    return librosa.mel_frequencies(n_mels + 2, fmin=F_MIN, fmax=F_MAX, htk=True)[1:-1]


def magnitude(audio, n_fft=N_FFT, hop_length=HOP_LENGTH):
    """Magnitudes of the short-time Fourier transform, one column per whole hop.

    Parameters
    ----------
    audio : torch.Tensor, shape (..., samples)
    n_fft, hop_length : int
        Window length and step in samples; the window is a Hann window.

    Returns
    -------
    torch.Tensor, shape (..., n_fft // 2 + 1, samples // hop_length)
        Scaled so that a full-scale sine has magnitude of about 1.
    """
    shape = audio.shape
    window = torch.hann_window(n_fft, device=audio.device)
    spectrum = torch.stft(
        audio.reshape(-1, shape[-1]),
        n_fft,
        hop_length,
        window=window,
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    spectrum = spectrum[..., : shape[-1] // hop_length].abs() * (2 / window.sum())
    return spectrum.reshape(*shape[:-1], *spectrum.shape[-2:])


def log_mel_tensor(audio, n_mels=N_MELS, n_fft=N_FFT):
    """Log-mel spectrogram of a batch; can be differentiated.

    Parameters
    ----------
    audio : torch.Tensor, shape (..., samples)

    Returns
    -------
    torch.Tensor, shape (..., n_mels, samples // 256)
        Natural logarithm of mel magnitudes, not below log(1e-4).
    """
    return torch.log(
        torch.clamp(mel_filters(n_mels, n_fft).to(audio.device) @ magnitude(audio, n_fft), min=FLOOR)
    )


def log_mel(audio, n_mels=N_MELS):
    """Log-mel spectrogram of one recording.

    Parameters
    ----------
    audio : numpy.ndarray, shape (samples,)
        Mono, 22,050 Hz.

    Returns
    -------
    numpy.ndarray, float32, shape (n_mels, samples // 256)
        Natural logarithm of mel magnitudes.
    """
    frames, margin = len(audio) // HOP_LENGTH, N_FFT // HOP_LENGTH
    mel = np.empty((n_mels, frames), np.float32)
    for start in range(0, frames, BLOCK):  # in blocks, so that an hour needs no gigabytes
        first, last = max(0, start - margin), min(frames, start + BLOCK + margin)
        end = len(audio) if last == frames else last * HOP_LENGTH
        piece = torch.from_numpy(np.ascontiguousarray(audio[first * HOP_LENGTH : end], np.float32))
        with torch.no_grad():
            columns = log_mel_tensor(piece, n_mels).numpy()
        mel[:, start : start + BLOCK] = columns[:, start - first : start - first + BLOCK][:, : frames - start]
    return mel


def fit_to_mel(audio, mel, rounds=3, pace=1.5, limit=1.0):
    """Bring sound closer to a log-mel picture, with the phase that it has; can be differentiated.

    Each round measures by how much every mel bin is off, and multiplies the Fourier bins below it by that.

    Parameters
    ----------
    audio : torch.Tensor, shape (batch, samples)
    mel : torch.Tensor, shape (batch, n_mels, samples // 256)
        The picture wanted, in nats.
    rounds : int
    pace : float
        How much of what is missing is given in a round; above 1, since neighbouring windows take part of it away again.
    limit : float
        The most that is taken for missing, in nats.

    Returns
    -------
    torch.Tensor, shape (batch, samples)
    """
    filters, window = (
        mel_filters(mel.shape[1]).to(audio.device),
        torch.hann_window(N_FFT, device=audio.device),
    )
    shares = (filters / filters.sum(0).clamp(min=1e-9)).T  # of the mel bins in the gain of a Fourier bin
    for _ in range(rounds):
        spectrum = torch.stft(
            audio, N_FFT, HOP_LENGTH, window=window, pad_mode="constant", return_complex=True
        )
        heard = torch.log((filters @ (spectrum[..., :-1].abs() * (2 / window.sum()))).clamp(min=FLOOR))
        gains = pace * shares @ (mel - heard).clamp(-limit, limit)
        gains = torch.cat([gains, gains[..., -1:]], -1)  # the transform has a column at either end
        audio = torch.istft(
            spectrum * torch.exp(gains), N_FFT, HOP_LENGTH, window=window, length=audio.shape[-1]
        )
    return audio


def griffin_lim(mel, n_iter=64, seed=0):
    """Sound of a log-mel spectrogram by Griffin and Lim's guesses of the phase.

    Parameters
    ----------
    mel : numpy.ndarray, shape (n_mels, frames)
        Natural logarithm of mel magnitudes.
    n_iter : int
        Rounds of guessing; the momentum is Perraudin's (0.99).

    Returns
    -------
    numpy.ndarray, float32, shape (frames * 256,)

    References
    ----------
    Griffin and Lim 1984, doi 10.1109/TASSP.1984.1164317; Perraudin et al. 2013, doi 10.1109/WASPAA.2013.6701851.
    """
    filters = mel_filters(mel.shape[0]).numpy()
    linear = librosa.util.nnls(filters, np.exp(mel)).astype(np.float32)
    linear = np.pad(linear, ((0, 0), (0, 1)), mode="edge")  # librosa counts a column at either end
    window_sum = np.hanning(N_FFT + 1)[:-1].sum()
    return librosa.griffinlim(
        linear * window_sum / 2,
        n_iter=n_iter,
        hop_length=HOP_LENGTH,
        n_fft=N_FFT,
        length=mel.shape[1] * HOP_LENGTH,
        random_state=seed,
    ).astype(np.float32)
