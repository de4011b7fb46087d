"""Chance changes to sound that leave the music as it is, so that a network learns the music and not the mixing desk."""
import numpy as np
from scipy import fft

from . import SAMPLE_RATE


def change_speed(recordings, speeds, samples):
    """Play recordings faster or slower, as a tape does: tempo and pitch move together.

    Parameters
    ----------
    recordings : list of ndarray, shape (n,)
        Each at least `samples * speed` long.
    speeds : sequence of float
        1.06 is a semitone up.
    samples : int
        Length of the results.

    Returns
    -------
    ndarray of float32, shape (len(recordings), samples)
    """
    places = np.arange(samples)
    return np.stack([np.interp(places * speed, np.arange(len(recording)), recording)
                     for recording, speed in zip(recordings, speeds)]).astype(np.float32)


def change_tone(audio, draw, shelf=6.0, lowpass=(5000.0, 11000.0)):
    """Another tone for each recording of a batch: bass and treble up or down, and a random upper limit.

    Parameters
    ----------
    audio : ndarray of float32, shape (batch, samples)
    draw : numpy.random.Generator
    shelf : float
        The most that bass and treble are raised or lowered, in dB.
    lowpass : (float, float)
        Range of the upper limit in Hz, where the sound is 3 dB weaker (and falls by 24 dB an octave above).

    Returns
    -------
    ndarray of float32, shape (batch, samples)
    """
    batch, samples = audio.shape
    frequency = fft.rfftfreq(samples, 1 / SAMPLE_RATE).astype(np.float32)
    bass, treble = draw.uniform(-shelf, shelf, (2, batch, 1)).astype(np.float32)
    low = np.exp(draw.uniform(np.log(100), np.log(500), (batch, 1))).astype(np.float32)
    high = np.exp(draw.uniform(np.log(1500), np.log(6000), (batch, 1))).astype(np.float32)
    limit = draw.uniform(*lowpass, (batch, 1)).astype(np.float32)
    treble_share = 1 / (1 + (high / np.maximum(frequency, 1)) ** 2)
    decibels = bass / (1 + (frequency / low) ** 2) + treble * treble_share
    gain = 10 ** (decibels / 20) / np.sqrt(1 + (frequency / limit) ** 8)
    return fft.irfft(fft.rfft(audio) * gain, samples).astype(np.float32)
