"""The mix: from single instruments to one sound.

Half of a genre is in the studio. A distorted guitar is a clean one through an amplifier, a cabinet and a
compressor; disco is a kick that makes the whole bus breathe. Each stem goes through its chain of effects,
is brought to its level relative to the melody, and the sum goes through the bus chain. All players sit in one
room: each sends a share of its sound to the same reverb. The effects come from pedalboard (the optional extra
``band``); without it only the levels are set.
"""

import warnings
from functools import lru_cache

import numpy as np
import soxr

from noteninja_lib.audio.io import loudness

LOUDNESS = -16.0  # LUFS, a usual target for streamed music
PEAK = 0.98
#: Where a part stands in a stereo mix, -1 (left) to 1 (right); the others stand in the middle.
PLACES = {"double": 0.35, "comp": -0.5, "comp2": 0.5, "pad": 0.25}
_REFERENCE_RMS = 0.1  # what every chain is fed with, so that amplifiers and compressors are driven alike
_FREQUENCY, _DECIBELS, _SHARE = (10, 20000), (-40, 0), (0, 1)
_FILTER = {"cutoff_frequency_hz": _FREQUENCY}
_SHELF = {"cutoff_frequency_hz": _FREQUENCY, "gain_db": (-30, 30), "q": (0.1, 20)}
_CHORUS = {"rate_hz": (0, 20), "depth": _SHARE, "feedback": _SHARE, "mix": _SHARE}
_COMPRESSOR = {"threshold_db": (-60, 0), "ratio": (1, 30), "attack_ms": (0.1, 200), "release_ms": (1, 2000)}
#: Effects that a recipe may name: settings and their lowest and highest value (units as in pedalboard).
EFFECTS: dict[str, dict] = {
    "distortion": {"drive_db": (0, 60)},
    "clipping": {"threshold_db": _DECIBELS},
    "bitcrush": {"bit_depth": (4, 16)},
    "gain": {"gain_db": (-40, 40)},
    "compressor": _COMPRESSOR,
    "limiter": {"threshold_db": _DECIBELS, "release_ms": (1, 2000)},
    "highpass": _FILTER,
    "lowpass": _FILTER,
    "peak": _SHELF,
    "lowshelf": _SHELF,
    "highshelf": _SHELF,
    "chorus": _CHORUS | {"centre_delay_ms": (1, 50)},
    "phaser": _CHORUS | {"centre_frequency_hz": (50, 10000)},
    "delay": {"delay_seconds": (0, 2), "feedback": (0, 0.9), "mix": _SHARE},
    "reverb": {"room_size": _SHARE, "damping": _SHARE, "wet_level": _SHARE, "dry_level": _SHARE},
    "room": {"send_db": _DECIBELS},  # the share of a part that goes to the room of all parts
}
#: pedalboard's classes are the capitalised names, besides these filters.
_FILTERS = {"highpass": "Highpass", "lowpass": "Lowpass", "peak": "Peak"}
_FILTERS |= {"lowshelf": "LowShelf", "highshelf": "HighShelf"}


@lru_cache(maxsize=1)
def _pedalboard():
    """The effects library, or None with one warning a process when it is not installed."""
    try:
        import pedalboard
    except ImportError:
        problem = "The band plays without effects, because pedalboard is not installed"
        remedy = "pip install pedalboard gives it amplifiers and reverb"
        warnings.warn(f"{problem}: {remedy}.", UserWarning, stacklevel=4)
        return None
    return pedalboard


def apply_chain(audio: np.ndarray, chain: list[tuple[str, dict]], sample_rate: int) -> np.ndarray:
    """Send a sound through a chain of effects.

    Parameters
    ----------
    audio : ndarray of float32, shape (n,)
    chain : list of (str, dict)
        Effect names and settings as in `EFFECTS`; applied in order.
    sample_rate : int

    Returns
    -------
    ndarray of float32, shape (n,)
    """
    library = _pedalboard() if chain else None
    if library is None:
        return audio
    waiting = []
    for name, settings in chain:
        if name == "distortion":  # pedalboard's formula, but twenty times as fast
            drive = np.float32(_gain(settings.get("drive_db", 25)))
            audio = np.tanh(_run(library, waiting, audio, sample_rate) * drive)
            waiting = []
        elif name != "room":
            effect = f"{_FILTERS[name]}Filter" if name in _FILTERS else name.capitalize()
            waiting.append(getattr(library, effect)(**settings))
    return _run(library, waiting, audio, sample_rate)


def _run(library, effects, audio, sample_rate):
    return library.Pedalboard(effects)(audio, sample_rate, reset=True) if effects else audio


def _gain(decibels):
    return 10 ** (decibels / 20)


def level(audio: np.ndarray, sample_rate: int) -> float:
    """How loud a sound is while it sounds: RMS of its louder frames, lows weakened as the ear does."""
    # A first difference, mixed in, stands for the ear's loss of sensitivity below some 200 Hz: bass and kick
    # would otherwise be judged too loud. Quiet frames are left out, so that a sparse part is not pushed up.
    weighted = np.float32(2.25) * audio[1:] - np.float32(1.94) * audio[:-1]
    frame = sample_rate // 20
    frames = weighted[: len(weighted) // frame * frame].reshape(-1, frame)
    power = np.einsum("ij,ij->i", frames, frames) / frame
    if not len(power) or power.max() <= 0:
        return 0.0
    return float(np.sqrt(power[power > power.max() * 0.02].mean()))


def mix_stems(
    stems: dict[str, np.ndarray], mix: dict, sample_rate: int, *, stereo: bool = False
) -> np.ndarray:
    """Process, balance and sum stems.

    Parameters
    ----------
    stems : dict of str to ndarray, shape (n,)
        Dry sound by part name.
    mix : dict
        ``levels``: part to dB relative to the melody; ``chains``: part (and "bus") to a list of effects;
        ``room``: settings of the reverb that all share; ``brightness``: dB of treble added on the bus.
    sample_rate : int
    stereo : bool
        Parts stand left and right, at `PLACES`.

    Returns
    -------
    ndarray of float32, shape (n,), or (n, 2) if stereo
        Not yet at its final loudness.
    """
    length = max(map(len, stems.values()))
    total = np.zeros((2, length) if stereo else length, np.float32)
    room = np.zeros_like(total)
    for name in sorted(stems):
        chain, loud = mix["chains"].get(name, []), level(stems[name], sample_rate)
        if loud == 0:
            continue
        stem = apply_chain(stems[name] * np.float32(_REFERENCE_RMS / loud), chain, sample_rate)
        loud = level(stem, sample_rate) or 1.0
        stem = stem * np.float32(_REFERENCE_RMS * _gain(mix["levels"].get(name, -6)) / loud)
        if stereo:
            angle = np.pi / 4 * (1 + PLACES.get(name, 0.0))
            stem = np.float32(np.sqrt(2) * np.array([[np.cos(angle)], [np.sin(angle)]])) * stem
        total += stem
        for effect, settings in chain:
            if effect == "room":
                room += stem * np.float32(_gain(settings.get("send_db", -10)))
    if room.any() and _pedalboard():
        reverb = {"wet_level": 0.33, "dry_level": 0.0} | mix.get("room", {})  # .33 is a gain of 1
        total += apply_chain(room, [("reverb", reverb)], sample_rate)
    bus = list(mix["chains"].get("bus", []))
    if mix.get("brightness"):
        bus.append(("highshelf", {"cutoff_frequency_hz": 2500, "gain_db": mix["brightness"]}))
    return apply_chain(total, bus, sample_rate).T  # of one channel, .T changes nothing


def final_gain(audio: np.ndarray, sample_rate: int) -> np.float32:
    """What brings a mix of shape (n,) or (n, 2) to -16 LUFS, or its peak to .98 where that is quieter."""
    peak = float(np.abs(audio).max(initial=0.0))
    heard = loudness(audio, sample_rate) if len(audio) > sample_rate else -np.inf
    wanted = _gain(LOUDNESS - heard) if np.isfinite(heard) else np.inf
    return np.float32(min(wanted, PEAK / peak) if peak > 0 else 1.0)


def finish(audio: np.ndarray, sample_rate: int, target_rate: int, samples: int) -> np.ndarray:
    """Resample (n,) or (n, 2), bring to -16 LUFS and keep the peaks below .98.

    Returns
    -------
    ndarray of float32, shape (samples,) or (samples, 2)
    """
    audio = np.nan_to_num(audio.astype(np.float32))
    if target_rate != sample_rate:
        audio = soxr.resample(audio, sample_rate, target_rate)
    audio = np.pad(audio[:samples], [(0, max(0, samples - len(audio))), (0, 0)][: audio.ndim])
    if len(audio) > 0.4 * target_rate and np.abs(audio).max() > 0:
        heard = loudness(audio, target_rate)
        if np.isfinite(heard):
            audio = audio * np.float32(_gain(LOUDNESS - heard))
    # tanh above a knee is a soft limiter: it rounds rare peaks and leaves the rest untouched.
    knee, size = 0.75, np.abs(audio)
    limited = knee + (PEAK - knee) * np.tanh((size - knee) / (PEAK - knee))
    return np.where(size > knee, np.sign(audio) * limited, audio).astype(np.float32)
