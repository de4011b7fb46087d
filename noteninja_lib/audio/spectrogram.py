"""Spectrograms: from a waveform to a log-mel spectrogram, and the classic way back.

A log-mel spectrogram is a picture of sound: time runs along its frames, pitch height along its rows, and each
pixel holds the logarithm of the sound's strength there. All networks of the project work on them.
Lesson: 01_sound_and_spectrograms.
"""

from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional as F

from noteninja_lib.audio import SAMPLE_RATE
from noteninja_lib.audio.io import mono

N_FFT = 2048  # 93 ms window: long enough to part the notes of a bass
HOP_LENGTH = 256  # 11.6 ms between frames
LOWEST, PITCHES = 21, 88  # MIDI pitches that are told apart: the keys of a piano, from A0 to C8
N_MELS = 96
F_MIN, F_MAX = 20.0, SAMPLE_RATE / 2
BLOCK = 4096  # frames worked on at once
FLOOR = 1e-4  # magnitudes below this are silence; its logarithm is -9.2
MEL_MEAN, MEL_STD = -4.0, 2.3  # over the arranger's training recordings; the networks see (mel - mean) / std

# What a round of `fit_to_mel` gives of what is missing (above 1, as neighbouring windows take part of it away
# again), and the most that it takes for missing, in nats.
PACE, MOST = 1.5, 1.0
APART = 2  # frames from one measured frame to the next: their windows reach far beyond that


@lru_cache(maxsize=16)
def mel_filters(
    n_mels: int = N_MELS, n_fft: int = N_FFT, sample_rate: int = SAMPLE_RATE, highest: float = F_MAX
) -> torch.Tensor:
    """Triangular mel filters, HTK scale, from 20 Hz to `highest`; shape (n_mels, n_fft // 2 + 1).

    Of unit height for windows of 93 ms, and the higher the shorter they are.
    """
    edges = _mel_edges(n_mels, highest)
    away = edges[:, None] - np.fft.rfftfreq(n_fft, 1 / sample_rate)  # of each edge from each Fourier bin
    widths = np.diff(edges)[:, None]
    rising, falling = -away[:-2] / widths[:-1], away[2:] / widths[1:]
    filters = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    return torch.from_numpy(filters * (N_FFT * sample_rate / SAMPLE_RATE / n_fft))


def mel_frequencies(n_mels: int = N_MELS) -> np.ndarray:
    """Centre frequency of each mel bin in Hz, shape (n_mels,)."""
    return _mel_edges(n_mels)[1:-1]


def _mel_edges(n_mels, highest=F_MAX):
    """Where the triangles begin, peak and end, in Hz: evenly spaced in mel, as librosa's with `htk=True`."""
    low, high = 2595 * np.log10(1 + np.array([F_MIN, highest]) / 700)
    return 700 * (10 ** (np.linspace(low, high, n_mels + 2) / 2595) - 1)


def spectra(audio: torch.Tensor, n_fft: int, hop_length: int, window: torch.Tensor) -> torch.Tensor:
    """Short-time Fourier transform (batch, samples // hop_length + 1, n_fft // 2 + 1) of (batch, samples).

    What `torch.stft` gives with zeros around the sound, but frame by frame: the next step is quicker so.
    """
    around = F.pad(audio, (n_fft // 2, n_fft // 2))
    return torch.fft.rfft(around.unfold(1, n_fft, hop_length) * window, dim=2)


def strength(spectrum: torch.Tensor) -> torch.Tensor:
    """Absolute values, three times as quick as `abs`, which minds numbers too large or small to square."""
    power = torch.addcmul(spectrum.real.square(), spectrum.imag, spectrum.imag)
    return power.clamp(min=1e-20).sqrt()  # the root has no slope at 0


def overlap_add(spectrum: torch.Tensor, hop_length: int, window: torch.Tensor, length: int) -> torch.Tensor:
    """Undoes `spectra`: sound (batch, length); what `torch.istft` gives, in less than half of the time.

    `spectrum` has a frame at either end; the window's length is a multiple of the hop's.
    """
    count, width, times = spectrum.shape[1], len(window), len(window) // hop_length
    frames = torch.fft.irfft(spectrum, width, dim=2) * window
    # Each sample was seen through several windows, and goes through them again.
    frames = torch.cat([frames, window.square().expand(1, count, width)]).unflatten(2, (times, hop_length))
    total = frames.new_zeros(len(frames), count + times - 1, hop_length)
    for number in range(times):
        total[:, number : number + count] += frames[:, :, number]
    total = total.flatten(1)[:, width // 2 :][:, :length]
    return total[:-1] / total[-1:]


def magnitude(audio: torch.Tensor, n_fft: int = N_FFT, hop_length: int = HOP_LENGTH) -> torch.Tensor:
    """Magnitudes of the short-time Fourier transform, one frame per whole hop.

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
    *batch, samples = audio.shape
    window = torch.hann_window(n_fft, device=audio.device)
    spectrum = spectra(audio.reshape(-1, samples), n_fft, hop_length, window)[:, : samples // hop_length]
    found = (strength(spectrum) * (2 / window.sum())).transpose(1, 2)
    return found.reshape(*batch, *found.shape[-2:])


def log_mel_tensor(audio: torch.Tensor, n_mels: int = N_MELS, n_fft: int = N_FFT) -> torch.Tensor:
    """Log-mel spectrogram of a batch of shape (..., samples) at 22,050 Hz; can be differentiated.

    Returns
    -------
    torch.Tensor, shape (..., n_mels, samples // 256)
        Natural logarithm of mel magnitudes, not below log(1e-4).
    """
    mel = mel_filters(n_mels, n_fft).to(audio.device) @ magnitude(audio, n_fft)
    return torch.log(torch.clamp(mel, min=FLOOR))


def log_mel(audio: np.ndarray) -> np.ndarray:
    """Log-mel spectrogram of one recording: (n,) at 22,050 Hz, or (n, 2) at 44,100 Hz, folded to mono.

    Returns
    -------
    numpy.ndarray, float32, shape (96, mono samples // 256)
        Natural logarithm of mel magnitudes, not below log(1e-4).
    """
    audio = mono(audio)
    frames, margin = len(audio) // HOP_LENGTH, N_FFT // HOP_LENGTH
    mel = np.empty((N_MELS, frames), np.float32)
    for start in range(0, frames, BLOCK):  # in blocks, so that an hour needs no gigabytes
        first, last = max(0, start - margin), min(frames, start + BLOCK + margin)
        end = len(audio) if last == frames else last * HOP_LENGTH
        piece = torch.from_numpy(np.ascontiguousarray(audio[first * HOP_LENGTH : end], np.float32))
        with torch.no_grad():
            block = log_mel_tensor(piece).numpy()
        mel[:, start : start + BLOCK] = block[:, start - first : start - first + BLOCK][:, : frames - start]
    return mel


def fit_to_mel(
    audio: torch.Tensor, mel: torch.Tensor, rounds: int = 3, sample_rate: int = SAMPLE_RATE
) -> torch.Tensor:
    """Bring sound closer to a log-mel spectrogram, with the phase that it has; can be differentiated.

    Each round measures by how much every mel bin is off, and multiplies the Fourier bins below it by that.

    Parameters
    ----------
    audio : torch.Tensor, shape (batch, samples)
    mel : torch.Tensor, shape (batch, n_mels, frames)
        The spectrogram wanted, in nats.
    rounds : int
    sample_rate : int
        Of the sound: a multiple of 22,050 Hz. What is higher than the mel bins stays as it is.

    Returns
    -------
    torch.Tensor, shape (batch, samples)
    """
    times = sample_rate // SAMPLE_RATE
    n_fft, hop_length = times * N_FFT, times * HOP_LENGTH * APART
    mel = mel[..., ::APART][..., : audio.shape[-1] // hop_length].transpose(1, 2)
    filters = mel_filters(mel.shape[2], n_fft, sample_rate).to(audio.device)
    window = torch.hann_window(n_fft, device=audio.device)
    shares = PACE * filters / filters.sum(0).clamp(min=1e-9)  # of the mel bins in the gain of a Fourier bin
    for _ in range(rounds):
        spectrum = spectra(audio, n_fft, hop_length, window)
        heard = torch.log((strength(spectrum[:, :-1]) * (2 / window.sum()) @ filters.T).clamp(min=FLOOR))
        gains = torch.exp((mel - heard).clamp(-MOST, MOST) @ shares)
        # It has a frame at either end.
        spectrum = spectrum * torch.cat([gains, gains[:, -1:]], 1)
        audio = overlap_add(spectrum, hop_length, window, audio.shape[-1])
    return audio


def griffin_lim(mel: np.ndarray, n_iter: int = 64) -> np.ndarray:
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
    Griffin and Lim 1984, doi 10.1109/TASSP.1984.1164317.
    Perraudin et al. 2013, doi 10.1109/WASPAA.2013.6701851.
    """
    import librosa  # loads numba, which a conversion does without

    linear = librosa.util.nnls(mel_filters(mel.shape[0]).numpy(), np.exp(mel)).astype(np.float32)
    linear = np.pad(linear, ((0, 0), (0, 1)), mode="edge")  # librosa counts a frame at either end
    scaled, samples = linear * np.hanning(N_FFT + 1)[:-1].sum() / 2, mel.shape[1] * HOP_LENGTH
    options = dict(n_iter=n_iter, hop_length=HOP_LENGTH, n_fft=N_FFT, length=samples, random_state=0)
    return librosa.griffinlim(scaled, **options).astype(np.float32)
