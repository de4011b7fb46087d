"""A voice and a band out of a recording, which they add up to. Lesson: 12_singers_and_stems."""

import contextlib
import itertools
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from noteninja_lib.audio.io import SAMPLE_RATE, SHORTEST, SILENCE, check_writable, stream
from noteninja_lib.errors import UserError, claimed, whole
from noteninja_lib.models.pitch import RATE as PITCH_RATE
from noteninja_lib.models.separator import RATE, first_look, separate
from noteninja_lib.music.singing import kind_of_voice
from noteninja_lib.settings import STEMS, stem_paths
from noteninja_lib.source import FADE, pitch_curve

LOOKED_AT = 60  # seconds that are looked at in one go for a voice
LARGEST = 4e9  # bytes of a usual wav
FAINT = 0.01  # of the energy: what is less is no voice, but what the network leaves over


@dataclass
class Separated:
    """What `separate_file` found and wrote.

    Attributes
    ----------
    files : list of pathlib.Path
        The voice and the band; empty where no voice was found.
    seconds : float
        Length of the recording.
    share : float
        Energy of the voice, of the whole recording's, in dB; minus infinity where none was found.
    """

    files: list[Path]
    seconds: float
    share: float = -math.inf


def separate_file(
    song: str | Path,
    folder: str | Path | None = None,
    *,
    kind: str = "wav",
    overwrite: bool = False,
    progress: Callable[[float, str], None] = lambda fraction, what: None,
) -> Separated:
    """Part a recording into two files, "SONG voice.wav" and "SONG band.wav".

    Both are stereo, 44,100 Hz, and as long as the recording: added up they are the recording, to rounding.
    What the network takes for a voice though an instrument plays it stays in the band. Memory does not grow
    with the length.

    Parameters
    ----------
    song : str or pathlib.Path
    folder : str or pathlib.Path, optional
        Where the files go; beside the song by default.
    kind : {"wav", "flac"}
        Wav has floating-point samples; flac has 24 bits, and cuts off what is beyond full scale, as some mp3
        are.
    overwrite : bool
        Replace files of these names, once both are whole; else the new ones get a number.
    progress : callable
        Called with (fraction done, what is being done); may raise to stop.

    Returns
    -------
    Separated
        Where nobody sings or speaks, no file is written.

    Raises
    ------
    UserError
        If the recording can't be used, or a file can't be written.
    """
    song = Path(song)
    if kind not in ("wav", "flac"):
        raise UserError(f"Voice and band can be written as wav or flac, not {kind!r}.")
    base = song if folder is None else Path(folder) / song.name
    seconds, promising = _look(song, lambda done: progress(0.1 * done, "looking for a voice"))
    if not promising:
        progress(1.0, "done")
        return Separated([], seconds)
    for file in stem_paths(base, kind).values():
        check_writable(file, 4 * seconds)  # there are two files, and it counts with 16 bits
    suffixes = [f" {name}.{kind}" for name in STEMS]
    with claimed(base, suffixes, (), overwrite) as name, contextlib.ExitStack() as opened:
        files = stem_paths(name, kind)
        written = [opened.enter_context(whole(file)) for file in files.values()]
        share = _write_parts(song, written, kind, seconds, progress)
        for file in () if math.isfinite(share) else written:
            file.unlink()
    progress(1.0, "done")
    return Separated(list(files.values()) if math.isfinite(share) else [], seconds, share)


def _look(song, progress):
    """Seconds of a recording, and whether a voice may be in it."""
    waiting, length, seconds, peak, found = [], 0, 0.0, 0.0, False
    for block in itertools.chain(stream(song), [None]):
        if block is not None:
            waiting, length = [*waiting, block], length + len(block)
            seconds, peak = seconds + len(block) / SAMPLE_RATE, max(peak, np.abs(block).max(initial=0))
        if length >= LOOKED_AT * SAMPLE_RATE or block is None and length:
            found = found or first_look(np.concatenate(waiting), SAMPLE_RATE)
            waiting, length = [], 0
            progress(1 - 0.9 ** (seconds / LOOKED_AT))  # how long it is shows at its end only
    if seconds < SHORTEST - 1e-3:
        raise UserError(f"{song} is only {seconds:.2f} s long: at least {SHORTEST:g} s is needed.")
    if peak < SILENCE:
        raise UserError(f"{song} is silent.")
    return seconds, found


def _write_parts(song, files, kind, seconds, progress):
    """Write voice and band; the voice's share of the energy in dB, minus infinity where there is no voice."""
    form = "FLAC" if kind == "flac" else "WAV" if 8 * RATE * seconds < LARGEST else "RF64"
    look = {"format": form, "subtype": "PCM_24" if kind == "flac" else "FLOAT"}
    done, energy, all_energy, anybody = 0, 0.0, 0.0, False
    with contextlib.ExitStack() as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the first look told what is damaged
        writers = [opened.enter_context(soundfile.SoundFile(file, "w", RATE, 2, **look)) for file in files]
        for recording, voice, heard in _without_instruments(separate(stream(song, RATE, stereo=True))):
            if kind == "flac":
                recording = np.clip(recording, -1, 1)
            band = recording - voice
            if kind == "flac":  # what is beyond full scale goes over to the other one
                band = np.clip(band, -1, 1)
                voice = recording - band
            for writer, sound in zip(writers, (voice, band)):
                writer.write(sound)
            energy += float(np.square(voice, dtype=np.float64).sum())
            all_energy += float(np.square(recording, dtype=np.float64).sum())
            done, anybody = done + len(voice), anybody or heard
            progress(0.1 + 0.9 * min(1.0, done / RATE / seconds), "separating")
    if any(soundfile.info(file).frames < done for file in files):
        raise OSError("the disk is full")
    return 10 * math.log10(energy / all_energy) if anybody else -math.inf


def _without_instruments(parts):
    """Recording and voice, part by part (some ten seconds each), and whether somebody sings or speaks in it.

    A "voice" that an instrument plays is taken out.
    """
    before = None
    for recording, voice in parts:
        kind = _kind(recording, voice)
        now = before if kind == "silent" and before is not None else float(kind != "played")
        gain, fade = np.full((len(voice), 1), now, np.float32), round(FADE * RATE)
        gain[:fade, 0] = np.linspace(now if before is None else before, now, fade)[: len(voice)]
        voice, before = voice * gain, now
        loud = np.square(voice).sum() > FAINT * np.square(recording).sum()
        yield recording, voice, kind in ("sung", "spoken") and bool(loud)


def _kind(recording, voice):
    """What a voice is: see `kind_of_voice`."""
    if len(voice) < RATE:
        return "silent"
    both = soxr.resample(np.stack([voice.mean(1), recording.mean(1)], 1), RATE, PITCH_RATE)
    return kind_of_voice(pitch_curve(*np.ascontiguousarray(both.T)))
