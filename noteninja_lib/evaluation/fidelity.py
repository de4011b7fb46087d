"""What did the way through a network do to a sound? Measures beside the very recording that went in, and of plain defects.

`likeness` compares recordings that differ by right; here they should be the same. Lesson: 05_autoencoders_and_latent_space.
"""
import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import welch

from ..sound.audio import SAMPLE_RATE
from ..sound.spectrogram import magnitude

RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))   # Fourier length, step, window in samples: the paper's
BASS, TREBLE, CYMBALS = (20.0, 200.0), (4000.0, SAMPLE_RATE / 2), (6000.0, SAMPLE_RATE / 2)      # Hz
SILENT_BAND = 1e-9       # mean square (-90 dB) that is added to both sides: what nobody hears must not decide a ratio
CLICK_BLOCK, CLICK_REACH, CLICK = 64, 4, 10.0    # samples; blocks on either side; times the usual roughness around it
SMOOTH = 1e-3            # least roughness taken for usual: in silence a click of .002 (-55 dB) is the smallest that counts
FLUX_STEP, FLUX_WINDOW = 128, 512                # samples: short, so that a seam is not smeared


def multi_resolution_distance(made, truth):
    """Multi-resolution STFT distance: spectral convergence and mean difference of log magnitudes, mean of three resolutions.

    Yamamoto et al. 2020, arXiv 1910.11480; magnitudes are floored as in its authors' code.

    Parameters
    ----------
    made, truth : numpy.ndarray, shape (samples,)
        In step with each other.
    """
    total = 0.0
    for n_fft, step, length in RESOLUTIONS:
        first, second = (torch.stft(torch.from_numpy(one), n_fft, step, length, torch.hann_window(length), return_complex=True)
                         .abs().square().clamp(min=1e-7).sqrt() for one in (made, truth))
        total += float((second - first).norm() / second.norm() + (second.log() - first.log()).abs().mean())
    return total / len(RESOLUTIONS)


def band_level(made, truth, band):
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


def clicks(audio):
    """Clicks a second: places where the fourth difference of the samples stands far out of what is usual around them.

    Differences flatten the spectrum of music, in which a single wrong sample or a jump hides otherwise. Hard strokes of a drum
    count too, so the figure means something beside the true recording's.

    Parameters
    ----------
    audio : numpy.ndarray, shape (samples,)
    """
    rough = np.abs(np.diff(audio.astype(np.float64), 4))
    rough = rough[:len(rough) // CLICK_BLOCK * CLICK_BLOCK].reshape(-1, CLICK_BLOCK)
    usual = np.pad(np.median(rough, axis=1), CLICK_REACH, mode="edge")
    usual = np.maximum(sliding_window_view(usual, 2 * CLICK_REACH + 1).max(1), SMOOTH)
    struck = rough.max(1) > CLICK * usual
    return float((struck & ~np.append(False, struck[:-1])).sum() * SAMPLE_RATE / len(audio))    # neighbours are one click


def offset(audio):
    """Constant part of a sound (DC) as a share of its root mean square."""
    return float(abs(audio.mean()) / (np.sqrt(np.mean(audio.astype(np.float64) ** 2)) + 1e-9))


def flux(audio):
    """How much louder the spectrum grows from column to column, in nats; shape (samples // 128,)."""
    with torch.no_grad():
        levels = magnitude(torch.from_numpy(np.ascontiguousarray(audio)), FLUX_WINDOW, FLUX_STEP).clamp(min=1e-4).log().numpy()
    return np.maximum(np.diff(levels, axis=1, prepend=levels[:, :1]), 0).mean(0)


def seams(audio, edges, reach=4 * FLUX_STEP):
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
        For each edge, its greatest flux, and the mean of the same over equally long stretches elsewhere: 1 to 1 without seams.
    """
    rise, width = flux(audio), reach // FLUX_STEP
    stretches = rise[:len(rise) // (2 * width) * 2 * width].reshape(-1, 2 * width).max(1)
    columns = [edge // FLUX_STEP for edge in edges if reach <= edge <= len(audio) - reach]
    middles = (np.arange(len(stretches)) + 0.5) * 2 * width
    apart = np.all([np.abs(middles - column) >= 2 * width for column in columns], axis=0)
    return [(float(rise[column - width:column + width].max()), float(stretches[apart].mean())) for column in columns]
