"""How a song is to be played: genre, mood, tempo and length.

A mood changes chords, register, density and tempo, and never the pitches of the tune.

Valence turns chords into their relatives: C major and A minor share two of three notes, so that the tune
still fits (Riemann's transformation R); and it lifts or lowers what lies under the tune. Arousal quickens the
tempo, and strikes more or fewer notes. Both are known from listening tests (Gabrielsson and Lindström 2010,
in Juslin and Sloboda, Handbook of Music and Emotion). Lesson: 09_tempo_mood_and_length.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

import numpy as np

from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.recipe import GENRES, own_genres, style_vector
from noteninja_lib.audio import SAMPLE_RATE, rate_of
from noteninja_lib.audio.io import follow_levels
from noteninja_lib.audio.spectrogram import HOP_LENGTH
from noteninja_lib.errors import UserError, choose
from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.extension import extend
from noteninja_lib.music.piano_roll import LOWEST, PianoRoll, by_pitch_class, cut, draw_notes, even_map, warp

Genre = str | dict[str, float] | list  # one of the ten, shares of several, or a path of either
Mood = str | tuple[float, float] | list | None  # a word of MOODS, valence and arousal, or a path of either

#: Words for moods, as (valence, arousal).
MOODS = {
    "neutral": (0.0, 0.0),
    "calm": (0.4, -0.8),
    "happy": (0.9, 0.5),
    "tense": (-0.6, 0.8),
    "sad": (-0.8, -0.6),
}
#: Genres that there are not, and the nearest of the ten.
LIKE = {
    "r&b": "hiphop",
    "rnb": "hiphop",
    "rap": "hiphop",
    "soul": "blues",
    "folk": "country",
    "swing": "jazz",
}
LIKE |= {
    "funk": "disco",
    "techno": "disco",
    "house": "disco",
    "ska": "reggae",
    "dub": "reggae",
    "punk": "rock",
}
RATES = (0.5, 2.0)  # of the tempo
QUICKER = 0.15  # what full arousal adds to the tempo, as the arranger does
LOUDER = 4.0  # and to the loudness, in dB, either way
CHORD_BEATS = 2  # beats to a chord
GOLDEN = 0.618  # multiples of it, without their whole part, lie evenly: which chords change first
UNHEARD = 0.2  # strength below which nothing is played
ENDED = 0.25  # seconds without notes at the end, in which the sound is faded out
BASS = 48  # below this MIDI pitch a note is the bass
ONSET = 3  # frames around a note's beginning that belong to it
#: The 24 triads, major ones first, as pitch classes.
TRIADS = np.array([np.bincount([root, (root + third) % 12, (root + 7) % 12], minlength=12)
                   for third in (4, 3) for root in range(12)], float)  # fmt: skip


HARMONY_SCALE = 5.0  # how much more another harmony is asked for: the tune speaks for the one that was heard


@dataclass(frozen=True)
class Plan:
    """How a song is to be played.

    Attributes
    ----------
    piano_roll : PianoRoll
        In the mood and at the tempo, filled up to a multiple of 16 frames.
    neutral : PianoRoll or None
        The same with neutral valence and the harmony that was heard; None where neither is changed.
    styles : numpy.ndarray, float32, shape (1, 12) or (frames / 4, 12)
        One style vector, or one for each latent frame where genre or mood is a path.
    moods : numpy.ndarray, shape (200, 2)
        Valence and arousal, spread evenly over the piece.
    time_map : numpy.ndarray, shape (frames,)
        The song's frame that each frame of the piece shows, see `piano_roll`.
    samples : int
        Length of its sound.
    level : numpy.ndarray or None, shape (frames,)
        How loud each frame is to be, in dB; None leaves that to the players.
    own : sequence of str
        Genres of one's own in the style vectors, behind the usual ten.
    pull : float or None
        How much more of what `neutral` has not is added; None leaves it to `flow_matching.Flow`.
    """

    piano_roll: PianoRoll
    neutral: PianoRoll | None
    styles: np.ndarray
    moods: np.ndarray
    time_map: np.ndarray
    samples: int
    level: np.ndarray | None = None
    own: Sequence[str] = ()
    pull: float | None = None

    @property
    def in_time(self) -> bool:
        """Whether it runs as the song does."""
        return np.array_equal(self.time_map, np.arange(len(self.time_map)))


def plan(
    roll: PianoRoll,
    genre: Genre,
    mood: Mood = None,
    *,
    tempo: float | None = None,
    rate: float | None = None,
    seconds: float | None = None,
    samples: int | None = None,
    level: np.ndarray | None = None,
    usual: PianoRoll | None = None,
) -> Plan:
    """Decide how a song is played: its genre, mood, tempo and length.

    Parameters
    ----------
    roll : PianoRoll
    genre : str, dict or list
        See `styles`.
    mood : str, (float, float), list, optional
        See `moods`.
    tempo : float, optional
        Beats a minute.
    rate : float, optional
        Factor of the tempo, .5 to 2; if neither is given, the mood decides.
    seconds : float, optional
        Length of the result: the song is extended to it, with a form (see `extension.extend`), or cut.
    samples : int, optional
        Of the song, where it is shorter than its piano roll.
    level : numpy.ndarray, optional, shape (frames,)
        Of the song in dB, as `audio.io.levels` gives it: the piece follows it, unless it is extended.
    usual : PianoRoll, optional
        The same with the harmony that was heard, where `roll` has another one.
    """
    rate, course = rate_for(roll, tempo) if tempo else rate, moods(mood, np.linspace(0, 1, 200))
    if seconds:
        rates = 1 + QUICKER * course[:, 1] if rate is None else np.full(1, rate)
        wanted, samples = float(seconds / np.mean(1 / rates)), None

        def lasting(one):
            return extend(one, wanted) if wanted > one.seconds else cut(one, 0, wanted)

        roll, usual = lasting(roll), None if usual is None else lasting(usual)
    time_map = mood_map(course, roll.frames) if rate is None else even_map(roll.frames, rate)
    changed = len(time_map) != roll.frames or course.any()

    def timed(one):
        return (warp(one, time_map) if changed else one).padded()

    played, neutral = timed(with_mood(roll, course)), None
    if course[:, 0].any() or usual is not None:
        neutral = timed(with_mood(roll if usual is None else usual, course * (0, 1)))
    moving = isinstance(genre, list) or np.ptp(course, 0).any()
    vectors = styles(genre, mood, np.linspace(0, 1, played.frames // 4) if moving else (0.5,))
    samples = round((samples or roll.frames * HOP_LENGTH) * len(time_map) / roll.frames)
    if level is not None:
        level = None if seconds else level[np.clip(np.round(time_map).astype(int), 0, len(level) - 1)]
    pull = None if usual is None else HARMONY_SCALE
    return Plan(played, neutral, vectors, course, time_map, samples, level, own_named(genre), pull)


def rate_for(roll: PianoRoll, tempo: float) -> float:
    """By which factor a song has to be quickened to reach a tempo in beats a minute."""
    own = roll.tempo
    if not own:
        raise UserError("No beat was found in this song: give its tempo as a share, such as 80%.")
    low, high = (round(own * rate) for rate in RATES)
    if not low <= tempo <= high:
        limits = f"must lie between {low} and {high}, not {tempo:g}"
        raise UserError(f"The tempo of this song, in beats a minute, {limits}.")
    return tempo / own


def shape_dynamics(audio: np.ndarray, plan: Plan) -> np.ndarray:
    """The sound of a plan, cut to its length: as loud as the song, louder where it is excited, fading after
    the last note. `audio`, (n,) at 22,050 Hz or (n, 2) at 44,100 Hz, is changed in place."""
    audio = audio[: plan.samples * rate_of(audio) // SAMPLE_RATE]
    if plan.level is not None:
        audio = follow_levels(audio, plan.level, out=audio)
    if plan.moods[:, 1].any():
        louder = (10 ** (LOUDER / 20 * over(plan.moods, len(audio))[:, 1])).astype(np.float32)
        audio *= louder if audio.ndim == 1 else louder[:, None]
    return fade_out(audio, plan.piano_roll)


def fade_out(audio: np.ndarray, roll: PianoRoll) -> np.ndarray:
    """A recording that dies away, in place, where its notes have ended: left alone, the networks play on.

    Parameters
    ----------
    audio : numpy.ndarray, shape (n,) at 22,050 Hz, or (n, 2) at 44,100 Hz
    roll : PianoRoll
        What was played; may be longer.

    Returns
    -------
    numpy.ndarray, of the same shape
    """
    hop = HOP_LENGTH * rate_of(audio) // SAMPLE_RATE
    frames = len(audio) // hop
    last = np.flatnonzero(np.maximum(roll.notes[1].max(0), roll.onsets.max(0))[:frames] > UNHEARD)
    if not len(last) or frames - last[-1] < ENDED * FRAME_RATE:
        return audio
    end = (last[-1] + 1) * hop
    fade = np.linspace(1, 0, len(audio) - end, dtype=audio.dtype) ** 2
    audio[end:] *= fade if audio.ndim == 1 else fade[:, None]
    return audio


def with_mood(roll: PianoRoll, moods: np.ndarray) -> PianoRoll:
    """A piano roll in a mood, at its own tempo.

    Parameters
    ----------
    roll : PianoRoll
    moods : numpy.ndarray, shape (n, 2)
        Valence and arousal, -1 to 1: one pair, or several spread evenly over the piece.

    Returns
    -------
    PianoRoll
    """
    valence, arousal = over(moods, roll.frames).T
    if valence.any():
        roll = recolour(roll, valence)
    return enliven(roll, arousal) if arousal.any() else roll


def over(moods: np.ndarray, count: int) -> np.ndarray:
    """Moods (n, 2) spread evenly over `count` places; shape (count, 2)."""
    places, marks = np.linspace(0, 1, count), np.linspace(0, 1, len(moods))
    return np.stack([np.interp(places, marks, axis) for axis in np.transpose(moods)], 1)


def mood_map(moods: np.ndarray, frames: int) -> np.ndarray:
    """The time map that quickens the music where the mood is excited, and slows it down where it is calm."""
    return map_of_rates(1 + QUICKER * over(moods, frames)[:, 1])


def map_of_rates(rates: np.ndarray) -> np.ndarray:
    """The time map where the music runs at these rates (frames,)."""
    ends = np.concatenate([[0], np.cumsum(1 / rates)])  # when each old frame begins, in new ones
    return np.interp(np.arange(max(1, round(ends[-1]))), ends[:-1], np.arange(len(rates)))


def segments_of(roll: PianoRoll) -> list[slice]:
    """Slices of frames that have one chord each: two beats, or a second where no beat was found."""
    marks = roll.beats[::CHORD_BEATS] * FRAME_RATE
    if len(marks) < 2:
        marks = np.arange(0, roll.frames, FRAME_RATE)
    marks = np.unique(np.concatenate([[0], np.round(marks).astype(int), [roll.frames]]))
    return [slice(start, end) for start, end in zip(marks, marks[1:])]


def chords_of(roll: PianoRoll, segments: list[slice]) -> np.ndarray:
    """Number in `TRIADS` of the triad that is heard best in each segment; shape (segments,).

    A triad and its relative have two of three notes in common: the bass helps to decide.
    """
    sustain = roll.notes[1].astype(np.float32)
    heard = np.stack([sustain[:, one].sum(1) for one in segments], 1)
    classes = [by_pitch_class(rows).sum(0) for rows in (heard, heard[: BASS - LOWEST])]
    heard, low = ((one / (np.linalg.norm(one, axis=0) + 1e-9)).T for one in classes)
    return (heard @ TRIADS.T + np.tile(low, 2)).argmax(1)


def recolour(roll: PianoRoll, valence: np.ndarray) -> PianoRoll:
    """Chords turned into their relative minor or major, and moved lower or higher.

    Parameters
    ----------
    roll : PianoRoll
    valence : numpy.ndarray, shape (frames,)
        At -.5 half of the major chords become minor, at -1 all of them; above 0 it is the other way round.
    """
    segments = segments_of(roll)
    chords, wish = chords_of(roll, segments), [valence[one].mean() for one in segments]
    changed = np.array([touches(number, pull) for number, pull in enumerate(wish)])
    starts, notes = np.array([one.start for one in segments]), roll.notes.astype(np.float32)
    notes *= ~np.repeat(changed, [one.stop - one.start for one in segments])
    for note in roll.accompaniment():
        start, end = round(note.start * FRAME_RATE), round(note.end * FRAME_RATE)
        number = max(0, int(np.searchsorted(starts, start + 1, "right")) - 1)
        if changed[number]:
            first, last = max(0, start - ONSET), min(roll.frames, max(end, start + ONSET))
            pitch = note.pitch + shift_of(note.pitch, int(chords[number]), wish[number])
            moved = Note((start - first) / FRAME_RATE, (end - first) / FRAME_RATE, pitch, note.velocity)
            notes[..., first:last] = np.maximum(notes[..., first:last], draw_notes([moved], last - first))
    return replace(roll, notes=np.maximum(notes, roll.melody))


def touches(number: int, pull: float) -> bool:
    """Whether a pull of -1 to 1 changes the chord of this number: at .5 every other one, evenly spread."""
    return (number * GOLDEN) % 1 < abs(pull)


def shift_of(pitch: int, chord: int, valence: float) -> int:
    """Semitones by which a note of a chord (a number in `TRIADS`) moves."""
    interval, minor, shift = (pitch - chord % 12) % 12, chord >= 12, 0
    if valence < 0 and not minor:  # C E G becomes C E A, over A
        shift = 2 if interval == 7 else -3 if interval == 0 and pitch < BASS else 0
    elif valence > 0 and minor:  # A C E becomes G C E, over C
        shift = 3 if interval == 0 and pitch < BASS else -2 if interval == 0 else 0
    if BASS <= pitch < 68 and valence > 0:  # not above the tune
        return shift + 12
    return shift - 12 if pitch >= 60 and valence <= 0 else shift  # nor into the bass


def enliven(roll: PianoRoll, arousal: np.ndarray) -> PianoRoll:
    """Onsets under the tune made stronger and struck again on half beats, or weaker between beats.

    Parameters
    ----------
    roll : PianoRoll
    arousal : numpy.ndarray, shape (frames,)
    """
    onsets, notes = np.clip(roll.onsets * (1 + 0.5 * arousal), 0, 1), roll.notes.copy()
    halves = np.round((roll.beats[:-1] + np.diff(roll.beats) / 2) * FRAME_RATE).astype(int)
    for number, frame in enumerate(halves):
        if not touches(number, arousal[frame]):
            continue
        if arousal[frame] > 0:
            sounding = notes[1, :, frame] > 0.3
            struck = notes[0, :, max(0, frame - 1) : frame + 2]
            struck[sounding] = np.maximum(struck[sounding], 0.7)
            beat = onsets[1:, frame : frame + 2]
            np.maximum(beat, 0.4, out=beat)
        else:
            around = slice(max(0, frame - ONSET), frame + ONSET)
            notes[0, :, around] *= 0.3
            onsets[:, around] *= 0.3
    notes[0] = np.maximum(notes[0], roll.melody[0])
    return replace(roll, notes=notes, onsets=onsets)


# Paths: how genre and mood change from the beginning of a piece, 0, to its end, 1, as lists of (place,
# value). Mood has two axes, valence (sad to happy) and arousal (calm to excited), after Russell (1980, doi
# 10.1037/h0077714).


def is_path(value: object) -> TypeGuard[list]:
    """Whether this is a path, and not a single genre or mood."""
    return isinstance(value, list)


def mood_pair(mood: str | tuple[float, float] | None) -> tuple[float, float]:
    """Valence and arousal of a mood: a word in `MOODS`, a pair of numbers from -1 to 1, or None for
    neutral."""
    if isinstance(mood, str):
        return MOODS[choose("mood", mood, MOODS)]
    pair = (0.0, 0.0) if mood is None else tuple(mood)
    if len(pair) != 2 or not all(-1 <= number <= 1 for number in pair):
        raise UserError("Valence and arousal must lie between -1 and 1.")
    return pair


def _points(path):
    """Places of a path, and its values."""
    places = [place for place, _ in path]
    if not path or sorted(places) != places or not all(0 <= place <= 1 for place in places):
        order = "rise from 0, the beginning of the piece, to at most 1, its end"
        raise UserError(f"The places of a path must {order}.")
    return places, [value for _, value in path]


def styles(genre: Genre, mood: Mood = None, places: Sequence[float] | np.ndarray = (0.5,)) -> np.ndarray:
    """Style vectors along a piece.

    Parameters
    ----------
    genre : str, dict or list
        A genre, shares of several, or a path of either.
    mood : str, pair of float or list, optional
        A word of `MOODS`, (valence, arousal), or a path of either.
    places : sequence of float
        Where in the piece, 0 to 1.

    Returns
    -------
    numpy.ndarray, float32, shape (len(places), 12), or more with genres of one's own
        As `style_vector` gives them, on straight lines between the points of the paths.
    """
    own = own_named(genre)
    marks, values = _points(genre if is_path(genre) else [(0.0, genre)])
    vectors = np.array([style_vector(value, own=own) for value in values])
    shares = np.stack([np.interp(places, marks, axis) for axis in vectors.T[:-2]], 1)
    return np.concatenate([shares, moods(mood, places)], 1).astype(np.float32)


def own_named(genre: Genre) -> list[str]:
    """Those genres of one's own that are named in a genre, shares of several, or a path."""

    def names(part):
        if isinstance(part, str):
            return {part.lower()}
        return set().union(*map(names, part if isinstance(part, dict) else [value for _, value in part]))

    return [name for name in own_genres() if name.lower() in names(genre)]


def moods(mood: Mood, places: Sequence[float] | np.ndarray = (0.5,)) -> np.ndarray:
    """Valence and arousal along a piece, shape (len(places), 2); see `styles`."""
    moments, values = _points(mood if is_path(mood) else [(0.0, mood)])
    pairs = np.array([mood_pair(value) for value in values], float)
    return np.stack([np.interp(places, moments, axis) for axis in pairs.T], 1)


def parse_mood(text: str) -> tuple[float, float]:
    """A mood as a user writes it: "happy", or valence and arousal as in "0.5,-0.3"."""
    numbers = _numbers(text)
    return mood_pair(numbers if numbers else text)


def parse_genre(text: str) -> str:
    """A genre as a user writes it: "Jazz", "Hip-Hop", or one of one's own."""
    return choose("genre", text, [*GENRES, *own_genres()], LIKE)


def parse_path(text: str) -> list[tuple[float, str]]:
    """A path of genres as a user writes it: "blues,disco", or with places "blues:0,jazz:0.3,disco:1"."""
    path = [(place, parse_genre(word)) for place, word in _places(text)]
    styles(path)  # refuses places that do not rise
    return path


def parse_moods(text: str) -> list[tuple[float, str]]:
    """A path of moods as a user writes it: "sad,calm,happy", or with places as in "sad:0,happy:0.7"."""
    path = [(place, choose("mood", word, MOODS)) for place, word in _places(text)]
    moods(path)
    return path


def _places(text):
    """Words of a path and where they are, as a list of (place, word)."""
    parts = [part.strip() for part in text.split(",")]
    words = [part.partition(":")[0].strip().lower() for part in parts]
    places = [part.partition(":")[2].strip() for part in parts]
    if any(places) and not all(places):
        problem = "some points have a place and some have none: write it for all or for none"
        raise UserError(f"In the path {text!r} {problem}.")
    try:
        evenly = np.linspace(0, 1, max(len(parts), 2))[: len(parts)]
        marks = [float(place) for place in places] if any(places) else evenly
    except ValueError:
        raise UserError(
            f"The path {text!r} can't be read: write it with commas, and places from 0 to 1 as in "
            "a:0,b:0.3,c:1."
        ) from None
    return [(float(mark), word) for mark, word in zip(marks, words)]


def parse_tempo(text: str) -> tuple[str, float]:
    """A tempo as a user writes it: ("tempo", beats a minute) for "120", ("rate", factor) for "80%"."""
    word = text.strip()
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%|bpm)?", word, re.IGNORECASE)
    if not found:
        advice = "write beats a minute such as 120, or a share such as 80%"
        raise UserError(f"The tempo {text!r} can't be read: {advice}.")
    return ("rate", float(found[1]) / 100) if found[2] == "%" else ("tempo", float(found[1]))


def parse_share(what: str, text: str) -> float:
    """A share as a user writes it: "0.5" or "50%"."""
    found = re.fullmatch(r"(-?\d*[.,]?\d+)\s*(%?)", text.strip())
    if not found:
        raise UserError(
            f"The {what} {text!r} can't be read: write a number such as 0.5, or a share such as 50%."
        )
    return float(found[1].replace(",", ".")) / (100 if found[2] else 1)


def _numbers(text):
    """Two numbers out of "a,b", or None."""
    try:
        pair = tuple(float(part) for part in text.split(","))
    except ValueError:
        return None
    return pair if len(pair) == 2 else None
