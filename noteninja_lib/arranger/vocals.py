"""Voices: rap without words, and singing on vowels.

Someone who speaks in rhythm tells hip-hop from other music with a slow beat, and most songs have a singer. No
soundfont can do that, so this module makes both: it says when the folds swing, how fast and how strongly, and
how the mouth moves from vowel to vowel; then a throat and a mouth make the sound of pitch, loudness, formants
and noise, frame by frame. Vowels and consonants are drawn by chance: there is nothing to understand.

Source and filter (Klatt, 1980): glottal pulses (Rosenberg, 1971) are shaped by the resonances of a mouth.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import soxr
from numpy.random import Generator
from scipy.signal import istft, stft

from noteninja_lib.arranger.performance import Note

VOICE_RATE = 22050
HOP, _WINDOW = 256, 512  # samples; frames of 12 ms are fast enough for a mouth
_STFT = {"nperseg": _WINDOW, "noverlap": _WINDOW - HOP}
_BANDWIDTHS = (70.0, 90.0, 130.0, 180.0, 280.0, 350.0, 450.0, 550.0, 650.0, 750.0)
_HISS = 0.004  # of consonants beside the voice, in the unit of the transform

#: Formants 1 to 4 in Hz, rounded; the first three after Peterson and Barney (1952, men).
VOWELS = {"a": (730, 1090, 2440, 3400), "e": (530, 1840, 2480, 3500), "i": (300, 2200, 2900, 3600)}
VOWELS |= {"o": (500, 900, 2400, 3300), "u": (320, 870, 2240, 3200), "er": (490, 1350, 1690, 3300)}
VOWELS |= {"ae": (660, 1700, 2400, 3500), "uh": (600, 1200, 2400, 3400)}
#: Formants of consonants that are sung themselves, and are softer than a vowel.
SONORANTS = {"m": (270, 1100, 2200, 3300), "n": (270, 1600, 2600, 3400), "l": (360, 1100, 2700, 3300)}
SONORANTS |= {"w": (300, 650, 2300, 3300), "y": (280, 2250, 3000, 3600), "r": (330, 1100, 1500, 3300)}
_UPPER = (4500, 5500, 6500, 7500, 8500, 9500)  # a singer's further formants: speech does without
#: Noise of a consonant: centre and width in Hz, seconds, loudness 0..1.
CONSONANTS = {"s": (5500, 2500, 0.07, 0.5), "sh": (3000, 1500, 0.07, 0.5), "f": (6500, 5000, 0.05, 0.25)}
CONSONANTS |= {"t": (4000, 3000, 0.025, 0.9), "k": (1900, 900, 0.03, 0.9), "p": (900, 800, 0.02, 0.8)}
CONSONANTS |= {"d": (3000, 2000, 0.012, 0.6), "b": (500, 400, 0.01, 0.4), "none": (1000, 1000, 0.01, 0.0)}
_INHALING = (2000, 1300, 0.08)  # centre, width, loudness
_SUNG = np.float32(0.15)  # what singing is multiplied by, to be as loud as an instrument
_GLIDE = 3.3  # semitones above its own pitch at which a syllable begins; it ends as far below
_BOUND = 0.03  # seconds between notes that are sung without a break, at most
_REST, _BREATH, _PHRASE = 0.5, 0.25, (3.5, 6.0)  # seconds: a rest, a breath, and after how long it is taken


@dataclass(frozen=True)
class Singer:
    """One singer: what multiplies a man's formants, vibrato in Hz and semitones, singer's formant, air."""

    name: str  # "female" or "male"
    tract: float
    rate: float
    depth: float
    ring: float  # gain at 3 kHz, less one
    air: float


def speak(notes: list[Note], samples: int, sample_rate: int, seed: int) -> np.ndarray:
    """The sound of syllables.

    Parameters
    ----------
    notes : list of Note
        One a syllable: start and end, the pitch that the voice passes through, velocity as stress.
    samples, sample_rate : int
        Length of the result, and its rate in Hz.
    seed : int
        Draws vowels and consonants; equal input gives equal bytes.

    Returns
    -------
    ndarray of float32, shape (samples,)
    """
    rng = np.random.default_rng(seed)
    length = int(np.ceil(samples / sample_rate * VOICE_RATE))
    pitch, loud, formants, noise = _spoken(notes, length // HOP + 1, rng)
    flow = glottis(pitch, loud, length, rng)
    return radiate(flow, resonances(formants), noise, samples, sample_rate, rng)


def sing(notes: list[Note], samples: int, sample_rate: int, seed: int) -> np.ndarray:
    """The sound of a sung line: vowels, a consonant where a syllable begins, glides, vibrato, breath.

    The voice slides from note to note within a phrase, and vibrato sets in on long notes (Sundberg, 1987). A
    gap between two notes is a rest; before the next note the singer breathes. The first formant rises with
    the pitch where that is higher, as with sopranos, and some singers gather formants near 3 kHz.

    Parameters
    ----------
    notes : list of Note
        One at a time, in order of time; sung in the singer's octave (see `octave`).
    samples, sample_rate : int
        Length of the result, and its rate in Hz.
    seed : int
        Draws the singer (see `singer`), vowels and consonants; equal input gives equal bytes.

    Returns
    -------
    ndarray of float32, shape (samples,)
    """
    if not notes:
        return np.zeros(samples, np.float32)
    rng, one = np.random.default_rng(seed), singer(seed)
    length, shift = int(np.ceil(samples / sample_rate * VOICE_RATE)), octave(notes, seed)
    pitch, loud, formants, noise = _sung([replace(n, pitch=n.pitch + shift) for n in notes], length, rng, one)
    flow = glottis(pitch, loud, length, rng, unrest=0.011, air=one.air, finer=2)
    corner = (6000 + 5000 * loud).astype(np.float32)  # louder is brighter
    gain = resonances(formants, corner, width=1.4)
    ring = np.exp(-0.5 * ((frequencies() - 2900 * one.tract**0.5) / 400) ** 2)
    return _SUNG * radiate(flow, gain * (1 + np.float32(one.ring) * ring), noise, samples, sample_rate, rng)


def singer(seed: int) -> Singer:
    """Who sings with this seed."""
    rng = np.random.default_rng([seed, 83])
    name, low, high = ("female", 1.12, 1.2) if rng.random() < 0.5 else ("male", 0.93, 1.0)
    ring = rng.uniform(0.3, 1.5) if rng.random() < 0.6 else 0.0
    tract, rate, depth, air = rng.uniform((low, 5.0, 0.3, 0.03), (high, 6.5, 0.6, 0.08)).tolist()
    return Singer(name, tract, rate, depth, float(ring), air)


def octave(notes: list[Note], seed: int) -> int:
    """Semitones from the notes to what is sung: the octave in which the singer of this seed is at ease."""
    centre = 66 if singer(seed).name == "female" else 57
    return 12 * int(np.round((centre - np.median([note.pitch for note in notes])) / 12)) if notes else 0


def phrased(notes: list[Note]) -> list[Note]:
    """A melody as a singer binds it: each note lasts until the next, but for rests and breaths."""
    sung, began = [], notes[0].start if notes else 0.0
    for note, after in pairwise(notes):
        end, length = after.start, after.start - note.start
        if after.start - note.end > _REST:
            end = note.end
        elif end - began > _PHRASE[int(length < _BREATH)]:  # sooner after a note that is long enough for both
            end -= min(_BREATH, 0.4 * length)
        began = began if end == after.start else after.start
        sung.append(replace(note, end=end))
    return sung + notes[-1:]


def _spoken(notes, frames, rng):
    """By frame: pitch in Hz, loudness, formants (frames, 4), noise (frames, 3: centre, width, loudness)."""
    pitch, loud, formants = np.full(frames, np.nan), np.zeros(frames), np.full((frames, 4), np.nan)
    noise = np.tile([1000.0, 1000.0, 0.0], (frames, 1))
    for note in notes:
        start = int(note.start * VOICE_RATE / HOP)
        if start >= frames:
            continue
        stop = min(frames, max(start + 2, int(note.end * VOICE_RATE / HOP)))
        stress, along = 0.5 + 0.5 * note.velocity / 127, np.linspace(0, 1, stop - start)
        centre, width, seconds, loudness = list(CONSONANTS.values())[rng.integers(len(CONSONANTS))]
        first = max(0, start - max(1, int(seconds * VOICE_RATE / HOP)))  # the vowel is on the beat
        noise[first:start] = centre, width, loudness * stress
        vowels = np.array(list(VOWELS.values()), float)[rng.integers(len(VOWELS), size=2)]
        goal = vowels[1] if rng.random() < 0.35 else vowels[0]  # one in three is a diphthong
        formants[start:stop] = vowels[0] + along[:, None] * (goal - vowels[0])
        seconds = (stop - start) * HOP / VOICE_RATE
        edges = np.minimum(np.minimum(along / 0.015, (1 - along) / 0.03) * seconds, 1)
        loud[start:stop] = edges * stress * (1 - 0.3 * along)
        pitch[start:stop] = 440 * 2 ** ((note.pitch - 69 + _GLIDE * (1 - 2 * along)) / 12)
    return _fill(pitch), loud, np.stack([_smooth(_fill(track)) for track in formants.T], 1), noise


def _sung(notes, length, rng, one):
    """As `_spoken`, for a line that is sung, with a singer's ten formants."""
    time = np.arange(length // HOP + 1) * (HOP / VOICE_RATE)
    pitch, depth, gate, loud = np.zeros((4, len(time)))
    formants, noise = np.zeros((len(time), 4)), np.tile([1000.0, 1000.0, 0.0], (len(time), 1))
    syllable, before = 0.0, None
    for note, after in zip(notes, [*notes[1:], None]):
        bound = before is not None and note.start - before.end < _BOUND
        binds = after is not None and after.start - note.end < _BOUND
        # From the note before, or from a little below: most of the way lies before the beat.
        short = min(note.end - note.start, before.end - before.start if bound else 1.0)
        glide = min(rng.uniform(0.05, 0.12), max(0.01, 0.5 * short))
        begins = before.pitch if bound else note.pitch - rng.uniform(0.2, 1.0)
        first, start, stop = np.searchsorted(time, (note.start - 0.65 * glide, note.start, note.end))
        along = np.clip((time[first:stop] - note.start) / glide + 0.65, 0, 1)
        pitch[first if before else 0 :] = note.pitch
        pitch[first:stop] = begins + (note.pitch - begins) * along**2 * (3 - 2 * along)
        since, left = time[start:stop] - note.start, note.end - time[start:stop]
        depth[start:stop] = rng.uniform(0.8, 1) * np.clip((since - 0.25) / 0.2, 0, 1)
        gate[start:stop] = np.minimum(1 if bound else since / 0.04 + 0.4, 1 if binds else left / 0.1)
        loud[start:] = (0.3 + 0.7 * note.velocity / 127) * (1 + 0.02 * (note.pitch - notes[0].pitch))
        if not bound or note.start - syllable > rng.uniform(0.2, 0.6):  # else the vowel goes on: a melisma
            syllable, vowel = note.start, list(VOWELS.values())[rng.integers(len(VOWELS))]
            formants[start if before else 0 :] = vowel
            free = 0.4 * short if bound else note.start - (before.end if before else 0)
            _consonant(start, min(start, int(free * VOICE_RATE / HOP)), rng, formants, gate, noise)
        before = note
    turns = np.cumsum(one.rate * (1 + 0.03 * _wander(time, 0.5, rng))) * (HOP / VOICE_RATE)
    vibrato = np.sin(2 * np.pi * turns)
    pitch += one.depth * _smooth(depth) * vibrato + 0.1 * _wander(time, 0.4, rng)
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    loud = _smooth(loud) * _smooth(np.clip(gate, 0, 1)) * (1 + 0.08 * depth * vibrato)
    loud *= 1 + 0.1 * _wander(time, 1.5, rng).clip(-2, 2) + 0.03 * _wander(time, 0.1, rng)
    tract = one.tract * (1 + 0.015 * _wander(time, 0.3, rng))
    formants = np.stack([_smooth(track) * tract for track in formants.T], 1)
    formants[:, 0] = np.maximum(formants[:, 0], 1.03 * hertz)
    formants[:, 1] = np.maximum(formants[:, 1], formants[:, 0] + 250)
    return hertz, loud, np.hstack([formants, np.outer(tract, _UPPER)]), noise


def _consonant(start, free, rng, formants, gate, noise):
    """Before frame `start`, where so many are free: a consonant, sung or noise; after a rest, breath."""
    if free > 16:
        noise[start - min(free - 4, 24) : start - 8] = _INHALING
    if rng.random() < 0.55:
        here = slice(start - min(free, 6), start)
        formants[here], gate[here] = list(SONORANTS.values())[rng.integers(len(SONORANTS))], 0.4
    else:
        name = list(CONSONANTS)[rng.integers(len(CONSONANTS))]
        centre, width, seconds, loudness = CONSONANTS[name]
        burst = min(free, max(1, int(1.3 * seconds * VOICE_RATE / HOP)))
        here = slice(start - min(free, max(burst, 5)), start)  # lips or tongue close first
        noise[start - burst : start] = centre, width, loudness
        formants[here, 0], gate[here] = 350, 0.15 if name in ("d", "b", "none") else 0.0


def _wander(time, seconds, rng):
    """A small human inexactness: normal numbers so many seconds apart, straight lines between."""
    knots = np.arange(0, time[-1] + 2 * seconds, seconds)
    return np.interp(time, knots, rng.normal(size=len(knots)))


def _fill(track):
    """A track with straight lines where nothing is said."""
    known = ~np.isnan(track)
    return np.interp(np.arange(len(track)), np.flatnonzero(known), track[known])


def _smooth(track):
    """A tongue does not jump."""
    return np.convolve(np.pad(track, 3, "edge"), np.hanning(7) / np.hanning(7).sum(), "valid")


# ---- a throat and a mouth --------------------------------------------------------------------------------


def glottis(
    pitch: np.ndarray,
    loud: np.ndarray,
    length: int,
    rng: Generator,
    unrest: float = 0.006,
    air: float = 0.02,
    finer: int = 1,
) -> np.ndarray:
    """Air through the vocal folds: opening, quick closing, rest; with the small unrest of a throat.

    Parameters
    ----------
    pitch, loud : ndarray, shape (frames,)
        Hz, and loudness.
    length : int
        Samples of the result.
    rng : numpy.random.Generator
    unrest : float
        Share of the pitch by which it errs from frame to frame (standard deviation).
    air : float
        Strength of the hiss.
    finer : int
        Pulses are made at so many times the rate, so that high ones do not alias.

    Returns
    -------
    ndarray of float32, shape (length,)
    """
    phase = np.arange(1024) / 1024
    opening, closing = 0.5 - 0.5 * np.cos(np.pi * phase / 0.4), np.cos(np.pi / 2 * (phase - 0.4) / 0.16)
    pulse = np.where(phase < 0.4, opening, np.where(phase < 0.56, closing, 0)).astype(np.float32)
    time, frames = np.arange(length * finer) / (HOP * finer), np.arange(len(pitch))
    pitch = pitch * (1 + unrest * rng.normal(size=len(pitch)))
    phase = np.cumsum(np.interp(time, frames, pitch)) / (VOICE_RATE * finer)
    flow = pulse[(1024 * phase).astype(np.int64) % 1024]
    flow = soxr.resample(flow, finer, 1)[:length] if finer > 1 else flow
    # Lips radiate changes of flow; some air hisses as it passes.
    sound = 5 * np.diff(flow, prepend=np.float32(0))
    sound += air * rng.standard_normal(length, np.float32) * (flow + np.float32(0.1))
    return sound * np.interp(time[::finer], frames, loud).astype(np.float32)


def frequencies() -> np.ndarray:
    """Hz of the rows of the transform in which a mouth works, shape (rows, 1)."""
    return np.fft.rfftfreq(_WINDOW, 1 / VOICE_RATE).astype(np.float32)[:, None]


def resonances(formants: np.ndarray, corner: float | np.ndarray = 4000.0, width: float = 1.0) -> np.ndarray:
    """Gain by frequency and frame: resonances in a row, and the fall above a corner.

    Parameters
    ----------
    formants : ndarray, shape (frames, n)
        Hz, n at most 10.
    corner : float or ndarray of shape (frames,)
        Hz.
    width : float
        Widens the resonances, so that none rings louder than all the rest.

    Returns
    -------
    ndarray of float32, shape (rows, frames)
    """
    power, rows = np.ones((1, len(formants)), np.float32), frequencies()
    for centre, bandwidth in zip(formants.T.astype(np.float32) ** 2, _BANDWIDTHS):
        power = power * (((centre - rows**2) / centre) ** 2 + (width * bandwidth * rows / centre) ** 2)
    return 1 / np.sqrt(power) / (1 + (rows / corner) ** 2)


def radiate(
    flow: np.ndarray, gain: np.ndarray, noise: np.ndarray, samples: int, sample_rate: int, rng: Generator
) -> np.ndarray:
    """What leaves a mouth.

    Parameters
    ----------
    flow : ndarray, shape (n,)
        From the `glottis`, at `VOICE_RATE`.
    gain : ndarray, shape (rows, frames)
        As from `resonances`.
    noise : ndarray, shape (frames, 3)
        Of consonants: centre and width in Hz, loudness.
    samples, sample_rate : int
        Length of the result, and its rate in Hz.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float32, shape (samples,)
    """
    voiced = stft(flow, **_STFT)[2]
    at = np.minimum(np.arange(voiced.shape[1]), len(noise) - 1)
    centre, width, loudness = noise[at].T
    hiss = _HISS * loudness * np.exp(-0.5 * ((frequencies() - centre) / width) ** 2)
    breath = rng.standard_normal((2, *voiced.shape), np.float32)
    sounding = voiced * gain[:, at] + (breath[0] + 1j * breath[1]) * hiss
    sound = soxr.resample(istft(sounding, **_STFT)[1], VOICE_RATE, sample_rate)[:samples]
    return np.pad(sound, (0, samples - len(sound))).astype(np.float32)
