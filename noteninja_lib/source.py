"""What comes in, a recording or known notes, and what is heard in it. Lesson: 00_genre_converter."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from noteninja_lib.arranger.synthesis import sketch
from noteninja_lib.audio.io import SAMPLE_RATE, check, load
from noteninja_lib.audio.spectrogram import HOP_LENGTH
from noteninja_lib.errors import UserError
from noteninja_lib.models.basic_pitch import transcribe
from noteninja_lib.models.classifiers import extract_melody
from noteninja_lib.music.beats import hear_rhythm
from noteninja_lib.music.piano_roll import PianoRoll
from noteninja_lib.music.time_warp import cut

FOLDED = 16 * HOP_LENGTH  # samples to a frame at the denoiser's lowest level
MIDI, SCORES = (".mid", ".midi"), (".musicxml", ".xml", ".mxl", ".abc")
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".pdf")


@dataclass
class Source:
    """A song, as sound and as notes.

    Attributes
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
        The recording, or where there is none, a piano that plays the notes.
    whole : numpy.ndarray, float32
        The same with silence at its end, so that it fills the networks' frames.
    piano_roll : PianoRoll
        As long as `whole`.
    """

    audio: np.ndarray
    whole: np.ndarray
    piano_roll: PianoRoll


def read_source(song: Any, seconds: float | None = None, progress: Callable = lambda done: None) -> Source:
    """A song as the pipeline takes it.

    Parameters
    ----------
    song : path, numpy.ndarray of shape (samples,), music21.stream.Stream, Tune or PianoRoll
        A path may lead to a recording, to a MIDI, MusicXML or ABC file, or to a picture (also a pdf) of
        printed music.
    seconds : float, optional
        Only the beginning.
    progress : callable
        Called with the fraction done of listening or reading.

    Raises
    ------
    UserError
        If it can't be used.
    """
    suffix = Path(song).suffix.lower() if isinstance(song, str | Path) else ""
    if suffix in PICTURES:
        known = read_page(song, progress)
    elif suffix in MIDI + SCORES or not isinstance(song, np.ndarray | str | Path | PianoRoll):
        from noteninja_lib.music.score_io import read_roll  # loads music21, which a recording does not need

        known = read_roll(song)
    else:
        known = song if isinstance(song, PianoRoll) else None
    if known is not None:
        if not known.frames:
            raise UserError("There are no notes in this music: choose some that lasts longer.")
        known = known if seconds is None else cut(known, 0, seconds)
        roll = known.padded()
        tune, others = roll.melody_notes(), roll.accompaniment()
        whole = sketch(tune, others, roll.seconds)
        return Source(whole[: known.frames * HOP_LENGTH], whole, roll)
    if isinstance(song, np.ndarray):
        audio = check(song)[: None if seconds is None else round(seconds * SAMPLE_RATE)]
    else:
        audio = load(song, duration=seconds)
    whole = np.pad(audio, (0, -len(audio) % FOLDED))
    # A view: a long song lies in memory once.
    return Source(whole[: len(audio)], whole, hear(whole, progress))


def read_page(path: str | Path, progress: Callable | None = None) -> PianoRoll:
    """The piano roll of printed music; a warning names doubtful bars and pages that were left out."""
    from noteninja_lib.omr.recognition import read_sheet  # loads music21 and opencv

    sheet = read_sheet(path, progress=progress)
    for sentence in sheet.warnings():
        warnings.warn(f"{path}: {sentence}", stacklevel=2)
    return sheet.piano_roll()


def hear(audio: np.ndarray, progress: Callable = lambda done: None) -> PianoRoll:
    """What is played in a recording, as the networks and the beat tracker hear it.

    Parameters
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
        Mono, 22,050 Hz.
    progress : callable
        Called with the fraction done.
    """
    notes = transcribe(audio, progress)
    return PianoRoll(extract_melody(notes), notes, *hear_rhythm(audio))
