"""Random changes to sound that leave the music as it is, so that a network learns it and not its recording.

Tone and speed are changed for batches; `degrade` makes of one recording what it might be after a phone in a
room, an old tape and a small mp3. Everything that sounds stays where it was in time. `rng` decides what is
left to chance.
"""

import io
from collections.abc import Sequence

import numpy as np
import soundfile
import soxr
from scipy import fft, signal

from noteninja_lib.audio import SAMPLE_RATE

MP3_RATES = {True: (32, 320), False: (8, 160)}  # kbit/s that mp3 has, from 32 kHz on and below
MP3_DELAY = 1105  # samples that LAME (576) and every decoder (529) add at the beginning
NOISES = ("white", "pink", "hum")
EARLY = (0.004, 0.05)  # seconds after the direct sound at which walls are first heard
Range = tuple[float, float]


def change_speed(recordings: Sequence, speeds: Sequence[float] | np.ndarray, samples: int) -> np.ndarray:
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
    times = np.arange(samples)
    pairs = zip(recordings, speeds)
    changed = [np.interp(times * speed, np.arange(len(one)), one) for one, speed in pairs]
    return np.stack(changed).astype(np.float32)


def change_tone(
    audio: np.ndarray, rng: np.random.Generator, shelf: float = 6.0, lowpass: Range = (5000.0, 11000.0)
) -> np.ndarray:
    """Another tone for each recording of a batch: bass and treble up or down, and a random upper limit.

    Parameters
    ----------
    audio : ndarray of float32, shape (batch, samples)
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
    bass, treble = rng.uniform(-shelf, shelf, (2, batch, 1)).astype(np.float32)
    low = np.exp(rng.uniform(np.log(100), np.log(500), (batch, 1))).astype(np.float32)
    high = np.exp(rng.uniform(np.log(1500), np.log(6000), (batch, 1))).astype(np.float32)
    limit = rng.uniform(*lowpass, (batch, 1)).astype(np.float32)
    treble_share = 1 / (1 + (high / np.maximum(frequency, 1)) ** 2)
    decibels = bass / (1 + (frequency / low) ** 2) + treble * treble_share
    gain = 10 ** (decibels / 20) / np.sqrt(1 + (frequency / limit) ** 8)
    return fft.irfft(fft.rfft(audio) * gain, samples).astype(np.float32)


def mp3_bytes(audio: np.ndarray, kilobits: int, rate: int = SAMPLE_RATE) -> bytes:
    """A mono recording, shape (samples,) at `rate` samples a second, as an mp3 file at a constant bit rate.

    `kilobits` are thousands of bits a second: 8 to 160, and 32 to 320 where `rate` is 32 kHz or more.
    """
    low, high = MP3_RATES[rate >= 32000]
    # libsndfile spreads its level 0..1 evenly over LAME's rates, from the highest to the lowest; it refuses
    # 1.
    level, memory = min((high - kilobits) / (high - low), 0.999), io.BytesIO()
    options = dict(subtype="MPEG_LAYER_III", bitrate_mode="CONSTANT", compression_level=level)
    soundfile.write(memory, np.clip(audio, -1, 1), rate, format="MP3", **options)
    return memory.getvalue()


def through_mp3(audio: np.ndarray, kilobits: int, rate: int = SAMPLE_RATE) -> np.ndarray:
    """A recording written as an mp3 and read again, in time and as many samples as before.

    Parameters
    ----------
    audio : numpy.ndarray, shape (samples,)
        Mono, 22,050 Hz.
    kilobits : int
        See `mp3_bytes`.
    rate : int
        Samples a second of the mp3; songs have 44,100, and sound worse than at 22,050 with as many bits.

    Returns
    -------
    numpy.ndarray of float32, shape (samples,)
    """
    written = audio if rate == SAMPLE_RATE else soxr.resample(audio, SAMPLE_RATE, rate)
    again, _ = soundfile.read(io.BytesIO(mp3_bytes(written, kilobits, rate)), dtype="float32")
    if len(again) > len(written):  # small frames have no room for the note that says where the sound begins
        again = again[MP3_DELAY:]
    again = (again if rate == SAMPLE_RATE else soxr.resample(again, rate, SAMPLE_RATE))[: len(audio)]
    return np.pad(again, (0, len(audio) - len(again)))


def add_room(
    audio: np.ndarray, rng: np.random.Generator, seconds: Range = (0.2, 1.2), wet: Range = (0.1, 0.7)
) -> np.ndarray:
    """Let a recording sound in a room: a few early reflections, then noise that dies away, its treble first.

    Parameters
    ----------
    audio : numpy.ndarray of float32, shape (samples,)
    seconds : (float, float)
        Range of the reverberation time, in which the sound falls by 60 dB.
    wet : (float, float)
        Range of the share of the energy that comes from the walls.

    Returns
    -------
    numpy.ndarray of float32, shape (samples,)
        The direct sound is as loud and as early as before.
    """
    fall, share, limit = rng.uniform(*seconds), rng.uniform(*wet), rng.uniform(1500, 8000)
    length = round(fall * SAMPLE_RATE)
    time = np.arange(length, dtype=np.float32) / SAMPLE_RATE
    room = rng.standard_normal(length, np.float32) * 10 ** (-3 * time / fall)
    room[: round(EARLY[0] * SAMPLE_RATE)] = 0
    echoes = (rng.uniform(*EARLY, rng.integers(3, 9)) * SAMPLE_RATE).astype(int)
    room[echoes] += rng.choice([-1, 1], len(echoes)) * rng.uniform(3, 12, len(echoes))
    room = fft.irfft(fft.rfft(room) / (1 + (fft.rfftfreq(length, 1 / SAMPLE_RATE) / limit) ** 2), length)
    room *= np.sqrt(share / (1 - share) / np.sum(room**2))
    room[0] += 1
    return signal.fftconvolve(audio, room.astype(np.float32))[: len(audio)].astype(np.float32)


def add_noise(audio: np.ndarray, rng: np.random.Generator, snr: float, kind: str | None = None) -> np.ndarray:
    """Add noise to a recording.

    Parameters
    ----------
    audio : numpy.ndarray of float32, shape (samples,)
    snr : float
        Mean power of the recording above that of the noise, in dB.
    kind : {'white', 'pink', 'hum'}, optional
        Drawn if not given. Pink falls by 3 dB an octave; hum is the mains' (50 or 60 Hz) with its overtones.

    Returns
    -------
    numpy.ndarray of float32, shape (samples,)
    """
    kind, samples = kind or str(rng.choice(NOISES)), len(audio)
    if kind == "hum":
        tones = rng.choice([50, 60]) * np.arange(1, 9)
        angle = 2 * np.pi * np.arange(samples, dtype=np.float32) / SAMPLE_RATE
        noise = sum(
            rng.uniform(0, 1 / number) * np.sin(angle * tone + rng.uniform(0, 6.28))
            for number, tone in enumerate(tones, 1)
        )
    else:
        noise = rng.standard_normal(samples, np.float32)
    if kind == "pink":
        frequency = np.maximum(fft.rfftfreq(samples, 1 / SAMPLE_RATE), 20).astype(np.float32)
        noise = fft.irfft(fft.rfft(noise) / np.sqrt(frequency), samples)
    gain = np.sqrt(np.mean(audio**2) / np.mean(noise**2) * 10 ** (-snr / 10))
    return (audio + gain * noise).astype(np.float32)


def degrade(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A recording as it might have come to us: another tone, a room, noise and mp3, each by chance.

    In a quarter of the cases nothing but the tone is changed, or nothing at all.

    Parameters
    ----------
    audio : numpy.ndarray of float32, shape (samples,)
        Mono, 22,050 Hz.

    Returns
    -------
    numpy.ndarray of float32, shape (samples,)
        In time with what was given, and turned down where it would go beyond -1..1.
    """
    tone, room, noise, mp3 = rng.random(4) < (0.5, 0.4, 0.4, 0.35)
    if tone:
        audio = change_tone(audio[None], rng)[0]
    if room:
        audio = add_room(audio, rng)
    if noise:
        audio = add_noise(audio, rng, rng.uniform(5, 30))
    if mp3:
        audio = through_mp3(_turned_down(audio), int(rng.choice((32, 40, 48, 64, 96, 128))))
    return _turned_down(audio)


def _turned_down(audio, peak=0.98):
    return (audio * min(1.0, peak / max(np.abs(audio).max(), 1e-9))).astype(np.float32)
