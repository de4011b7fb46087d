"""What a conversion begins with, a recording that is listened to or notes that are known; and what it ends with."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from diffusers.utils import BaseOutput

from noteninja_lib.arranger.synthesis import sketch
from noteninja_lib.audio.io import SAMPLE_RATE, check, load
from noteninja_lib.audio.spectrogram import HOP_LENGTH
from noteninja_lib.errors import UserError, check_range
from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.extension import extend, fade_out
from noteninja_lib.music.piano_roll import PianoRoll, from_audio
from noteninja_lib.music.style import QUICKER, gains, moods, tempo_places, with_mood
from noteninja_lib.music.time_warp import cut, tempo_of, warp, whole_columns

FOLDED = 16 * HOP_LENGTH  # samples to a column at the denoiser's lowest level
RATES = (0.5, 2.0)  # of the tempo
MIDI, SCORES = (".mid", ".midi"), (".musicxml", ".xml", ".mxl", ".abc")
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".pdf")


@dataclass
class Source:
    """A song, as sound and as content.

    Attributes
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
        The recording, or where there is none, a piano that plays the notes.
    whole : numpy.ndarray, float32
        The same with silence at its end, so that it fills the networks' columns.
    roll : PianoRoll
        As long as `whole`.
    """

    audio: np.ndarray
    whole: np.ndarray
    piano_roll: PianoRoll


class Plan:
    """How a song is to be played: at which tempo, in which mood.

    Parameters
    ----------
    roll : PianoRoll
    mood : str, (float, float), list or None
        See `style.moods`.
    tempo : float, optional
        Beats a minute.
    rate : float, optional
        How much faster; if neither is given, the mood decides.
    seconds : float, optional
        Length of the result: the song is extended to it, with a form (see `extension.extend`), or cut.
    samples : int, optional
        Of the song, where it is shorter than its piano roll.

    Attributes
    ----------
    roll : PianoRoll
        In the mood and at the tempo, filled up to whole columns.
    neutral : PianoRoll or None
        The same with neutral valence; None where the mood has none.
    places : numpy.ndarray, shape (frames,)
        Which column of the song each column shows, as `time_warp.warp` takes them.
    samples : int
        Of its sound.
    """

    def __init__(self, roll, mood=None, tempo=None, rate=None, seconds=None, *, samples=None):
        rate = rate_of(roll, tempo) if tempo else rate
        self.mood, self.moods = mood, moods(mood, np.linspace(0, 1, 200))
        if seconds:
            rates = 1 + QUICKER * self.moods[:, 1] if rate is None else np.full(1, rate)
            roll, samples = at_length(roll, seconds / np.mean(1 / rates)), None
        frames, moody = roll.rhythm.shape[-1], bool(self.moods.any())
        self.places = (
            tempo_places(self.moods, frames)
            if rate is None
            else np.arange(max(1, round(frames / rate))) * rate
        )
        self.samples = round((samples or frames * HOP_LENGTH) * len(self.places) / frames)
        changed = len(self.places) != frames or moody

        def timed(one):
            return whole_columns(warp(one, self.places)) if changed else whole_columns(one)

        self.piano_roll = timed(with_mood(roll, self.moods))
        self.neutral = timed(with_mood(roll, self.moods * (0, 1))) if self.moods[:, 0].any() else None

    def dynamics(self, audio):
        """A recording (samples,) of this, louder where the mood is excited, softer where it is calm, fading after the last note."""
        excited = self.moods[:, 1].any()
        return fade_out(audio * gains(self.moods, len(audio)) if excited else audio, self.piano_roll)


@dataclass
class Conversion(BaseOutput):
    """What the pipeline returns.

    Attributes
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
        As long as the source, about -16 LUFS.
    sample_rate : int
    source : numpy.ndarray, float32, shape (samples,)
        The song that was converted, mono.
    roll : PianoRoll
        What was heard in the source.
    notes : list of Note
        The tune that was heard in the source.
    tune_kept : float
        How much of that tune is heard again at the same time, from 0 (no more than in another song) to 1.
    genre_heard, source_genre : dict of str to float
        What the judge network takes the result and the source for; the shares sum to 1.
    """

    audio: np.ndarray
    sample_rate: int
    source: np.ndarray
    piano_roll: PianoRoll
    notes: list
    tune_kept: float
    genre_heard: dict
    source_genre: dict


def read_source(song, seconds=None, progress=lambda done: None):
    """A song as the pipeline takes it.

    Parameters
    ----------
    song : path, numpy.ndarray, music21.stream.Stream, Tune or PianoRoll
        A path may lead to a recording, to a MIDI, MusicXML or ABC file, or to a picture (also a pdf) of printed music.
    seconds : float, optional
        Only the beginning.
    progress : callable
        Called with the fraction done of listening or reading.

    Returns
    -------
    Source

    Raises
    ------
    UserError
        If it can't be used.
    """
    if isinstance(song, (str, Path)) and Path(song).suffix.lower() not in MIDI + SCORES + PICTURES:
        return heard(load(song, duration=seconds), progress)
    if isinstance(song, np.ndarray):
        audio = check(song)
        return heard(audio if seconds is None else audio[: round(seconds * SAMPLE_RATE)], progress)
    roll = known_content(song, progress)
    if seconds is not None:
        frames = min(roll.rhythm.shape[-1], round(seconds * FRAME_RATE))
        roll = PianoRoll(*(layer[..., :frames] for layer in (roll.melody, roll.notes, roll.rhythm)))
    samples, roll = roll.rhythm.shape[-1] * HOP_LENGTH, whole_columns(roll)
    whole = sketch(roll.melody_notes(), roll.accompaniment(), roll.rhythm.shape[-1] / FRAME_RATE)
    return Source(whole[:samples], whole, roll)


def heard(audio, progress):
    """A recording and what is heard in it."""
    whole = np.pad(audio, (0, -len(audio) % FOLDED))
    return Source(
        whole[: len(audio)], whole, from_audio(whole, progress)
    )  # a view: a long song should lie in memory once


def known_content(song, progress=None):
    """The piano roll of notes: of a file, a page, a score, a tune, or one that is there already."""
    if isinstance(song, PianoRoll):
        return song
    if isinstance(song, (str, Path)) and Path(song).suffix.lower() in PICTURES:
        return printed_content(song, progress)
    from noteninja_lib.music.piano_roll import from_midi, from_score
    from noteninja_lib.music.score_io import read_notes  # these load music21, which a recording does not need

    if isinstance(song, (str, Path)):
        return from_midi(song) if Path(song).suffix.lower() in MIDI else from_score(read_notes(Path(song)))
    return from_score(song)


def printed_content(path, progress=None):
    """The piano roll of printed music; a warning tells which bars are doubtful and which pages were left out."""
    from noteninja_lib.omr.recognition import read_sheet  # loads music21 and opencv

    sheet = read_sheet(path, progress=progress)
    for sentence in sheet.warnings():
        warnings.warn(f"{path}: {sentence}", stacklevel=2)
    return sheet.piano_roll()


def at_length(roll, seconds):
    """A song extended to some seconds, or what it has within them."""
    return extend(roll, seconds) if seconds * FRAME_RATE > roll.rhythm.shape[-1] else cut(roll, 0, seconds)


def rate_of(roll, tempo):
    """By which factor a song has to be quickened to reach a tempo in beats a minute."""
    own = tempo_of(roll)
    if not own:
        raise UserError("No beat was found in this song: give its tempo as a share, such as 80%.")
    check_range("tempo of this song, in beats a minute,", tempo, round(own * RATES[0]), round(own * RATES[1]))
    return tempo / own


def check_arguments(strength, steps, guidance_scale):
    """Refuse a conversion's arguments that are out of range."""
    for name, value, low, high in (
        ("amount", strength, 0, 1),
        ("guidance scale", guidance_scale, 0, 20),
        ("number of inference steps", steps, 1, 1000),
    ):
        check_range(name, value, low, high)
