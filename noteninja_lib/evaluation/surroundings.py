"""Where a song may have been recorded: a hall, a crowd. For measuring only.

Training hears rooms and noises too (`sound.augmentation`), but others: noise that dies away there, the echoes of a shoebox's
walls here; white noise and hum there, people who talk here.
"""
import numpy as np
from scipy import fft, signal

from ..music.performance import Note
from ..music.voice import speak
from ..sound import SAMPLE_RATE
from ..sound.augmentation import through_mp3

SOUND_SPEED = 343.0                                # m/s
WALLS = ((8, 14), (6, 10), (3, 5))                 # length, width and height of a hall in metres
RUMBLE, TREBLE = 60.0, 1500.0                      # Hz: walls give back nothing below, and above only for half as long
MOUTHS, SYLLABLES = 12, 4.5                        # people in a crowd, and what each says in a second
MP3_RATE = 44100                                   # Hz: songs are written at this rate

#: Difficulties: reverberation in seconds, strength of the crowd (source above it in dB) and bit rate in kbit/s; None: without.
CONDITIONS = {"clean": (None, None, None), "mp3_64": (None, None, 64), "hall": (1.5, None, None), "crowd_10": (None, 10.0, None),
              "crowd_5": (None, 5.0, None), "all": (1.5, 10.0, 64)}


def make_difficult(audio, condition, draw):
    """A recording as it comes from a difficult place, in time with the clean one and no louder than full scale.

    Parameters
    ----------
    audio : numpy.ndarray of float32, shape (samples,)
        Mono, 22,050 Hz.
    condition : str
        One of `CONDITIONS`.
    draw : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of float32, shape (samples,)
    """
    seconds, snr, kilobits = CONDITIONS[condition]
    samples, changed = len(audio), np.asarray(audio, np.float32)
    if seconds:
        changed = signal.fftconvolve(changed, hall(draw, seconds))[:samples]
    if snr is not None:
        noise = crowd(draw, samples)
        changed = changed + noise * np.sqrt(np.mean(changed ** 2) / np.mean(noise ** 2) * 10 ** (-snr / 10))
    changed = (changed * min(1, 0.98 / max(np.abs(changed).max(), 1e-9))).astype(np.float32)
    return through_mp3(changed, kilobits, MP3_RATE) if kilobits else changed


def hall(draw, seconds, distance=(3.0, 5.0)):
    """Impulse response of an empty hall with bare walls.

    The image-source model of a shoebox: each echo comes straight from a mirror image of the source (Allen and Berkley 1979,
    doi 10.1121/1.382599), weaker by its way and by each wall that it met.

    Parameters
    ----------
    draw : numpy.random.Generator
        Chooses the hall's size and the places of source and microphone.
    seconds : float
        Reverberation time after Eyring: the sound falls by 60 dB.
    distance : (float, float)
        Range of metres between source and microphone.

    Returns
    -------
    numpy.ndarray of float32, shape (samples,)
        Begins with the direct sound, which is about 1.
    """
    size = np.array([draw.uniform(*wall) for wall in WALLS])
    volume, surface = size.prod(), 2 * (size[0] * size[1] + size[1] * size[2] + size[0] * size[2])
    microphone = size * draw.uniform(0.3, 0.7, 3)
    source = microphone
    while not distance[0] <= np.linalg.norm(source - microphone) <= distance[1]:
        source = size * draw.uniform(0.1, 0.9, 3)
    squares, walls = np.zeros(1, np.float32), np.zeros(1, np.float32)
    for length, here, there in zip(size, microphone, source):
        reach = np.arange(-np.ceil(seconds * SOUND_SPEED / 2 / length), np.ceil(seconds * SOUND_SPEED / 2 / length) + 1)
        places = np.concatenate([there + 2 * length * reach, -there + 2 * length * reach]) - here
        met = np.concatenate([2 * np.abs(reach), np.abs(reach) + np.abs(reach - 1)])
        squares = np.add.outer(squares, places.astype(np.float32) ** 2).ravel()
        walls = np.add.outer(walls, met.astype(np.float32)).ravel()
    ways, direct = np.sqrt(squares), np.linalg.norm(source - microphone)
    late = np.rint((ways - direct) / SOUND_SPEED * SAMPLE_RATE).astype(int)
    samples = round(seconds * SAMPLE_RATE)
    heard = late < samples
    bands = []
    for fall in (seconds, seconds / 2):
        kept = np.exp(-0.161 * volume / surface / fall / 2)              # pressure that a wall gives back
        echoes = np.bincount(late[heard], kept ** walls[heard] * direct / ways[heard], samples)
        echoes[0] -= 1
        bands.append(fft.rfft(echoes))
    frequency = fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    low = 1 / (1 + (frequency / TREBLE) ** 2)
    echoes = fft.irfft((bands[0] * low + bands[1] * (1 - low)) / (1 + (RUMBLE / np.maximum(frequency, 1)) ** 2), samples)
    echoes[0] += 1
    return echoes.astype(np.float32)


def crowd(draw, samples):
    """People who talk at the same time, each of them in syllables without a meaning.

    Parameters
    ----------
    draw : numpy.random.Generator
    samples : int

    Returns
    -------
    numpy.ndarray of float32, shape (samples,)
    """
    sound, seconds = np.zeros(samples, np.float32), samples / SAMPLE_RATE
    for _ in range(MOUTHS):
        pitch = draw.uniform(43, 60)
        starts = np.cumsum(draw.gamma(4, 1 / SYLLABLES / 4, int(2 * SYLLABLES * seconds) + 8))
        spoken = [Note(start, start + 0.8 * (after - start), round(pitch + 2 * draw.normal()), int(draw.integers(60, 120)))
                  for start, after in zip(starts, starts[1:]) if after < seconds and draw.random() < 0.85]
        voice = speak(spoken, samples, SAMPLE_RATE, int(draw.integers(2 ** 31)))
        sound += draw.uniform(0.4, 1) * voice / max(np.sqrt(np.mean(voice ** 2)), 1e-9)
    return sound
