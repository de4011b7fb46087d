"""What a mood changes in the music itself: chords, register, density and tempo; never the pitches of the tune.

Valence turns chords into their relatives: C major and A minor share two of three notes, so that the tune still fits
(Riemann's transformation R); and it lifts or lowers what lies under the tune. Arousal quickens the tempo, and
strikes more or fewer notes. Both are known from listening tests (Gabrielsson and Lindström 2010, in Juslin and
Sloboda, Handbook of Music and Emotion). Lesson: 09_tempo_mood_and_length.
"""

import re
from dataclasses import replace

import numpy as np

from noteninja_lib.arranger.recipe import style_vector
from noteninja_lib.errors import UserError
from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.piano_roll import LOWEST, draw_notes
from noteninja_lib.music.time_warp import beats_of

QUICKER = 0.15  # what full arousal adds to the tempo, as the band does
LOUDER = 4.0  # and to the loudness, in dB, either way
CHORD_BEATS = 2  # beats to a chord
GOLDEN = 0.618  # multiples of it, without their whole part, lie evenly: which chords change first
BASS = 48  # below this MIDI pitch a note is the bass
ONSET = 3  # columns around a note's beginning that belong to it
#: The 24 triads, major ones first, as pitch classes.
TRIADS = np.array(
    [
        [pitch in {root, (root + third) % 12, (root + 7) % 12} for pitch in range(12)]
        for third in (4, 3)
        for root in range(12)
    ],
    float,
)


def with_mood(roll, moods):
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
    valence, arousal = over(moods, roll.rhythm.shape[-1]).T
    if valence.any():
        roll = recolour(roll, valence)
    return enliven(roll, arousal) if arousal.any() else roll


def over(moods, count):
    """Moods (n, 2) spread evenly over `count` places; shape (count, 2)."""
    places = np.linspace(0, 1, len(moods))
    return np.stack(
        [np.interp(np.linspace(0, 1, count), places, column) for column in np.transpose(moods)], 1
    )


def tempo_places(moods, frames):
    """Places for `time_warp.warp` that quicken the music where the mood is excited, and slow it down where it is calm."""
    return places_at(1 + QUICKER * over(moods, frames)[:, 1])


def gains(moods, samples):
    """Factor (samples,) by which excited passages are played louder than calm ones."""
    return (10 ** (LOUDER / 20 * over(moods, samples)[:, 1])).astype(np.float32)


def places_at(rates):
    """Old columns to be shown by new ones, where the music runs at these rates (frames,)."""
    ends = np.concatenate([[0], np.cumsum(1 / rates)])  # when each old column begins, in new ones
    return np.interp(np.arange(max(1, round(ends[-1]))), ends[:-1], np.arange(len(rates)))


def segments_of(roll):
    """Stretches (slices of columns) that have one chord each: two beats, or a second where no beat was found."""
    frames = roll.rhythm.shape[-1]
    marks = beats_of(roll)[::CHORD_BEATS] * FRAME_RATE
    if len(marks) < 2:
        marks = np.arange(0, frames, FRAME_RATE)
    marks = np.unique(np.concatenate([[0], np.round(marks).astype(int), [frames]]))
    return [slice(start, end) for start, end in zip(marks, marks[1:])]


def chords_of(roll, segments):
    """Number in `TRIADS` of the triad that is heard best in each segment; shape (segments,).

    A triad and its relative have two of three notes in common: the bass helps to decide.
    """
    sustain = roll.notes[1].astype(np.float32)
    heard = np.stack([sustain[:, one].sum(1) for one in segments])
    heard, low = (_classes(part) for part in (heard, heard[:, : BASS - LOWEST]))
    return (heard @ TRIADS.T + np.tile(low, 2)).argmax(1)


def _classes(pitches):
    """Strength of pitches (n, pitches) by pitch class, scaled to length 1; shape (n, 12)."""
    padded = np.pad(pitches, ((0, 0), (LOWEST % 12, -(LOWEST % 12 + pitches.shape[1]) % 12)))
    folded = padded.reshape(len(pitches), -1, 12).sum(1)
    return folded / (np.linalg.norm(folded, axis=1, keepdims=True) + 1e-9)


def recolour(roll, valence):
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
    starts, frames = np.array([one.start for one in segments]), roll.rhythm.shape[-1]
    notes = roll.notes.astype(np.float32) * ~np.repeat(changed, [one.stop - one.start for one in segments])
    for note in roll.accompaniment():
        start, end = round(note.start * FRAME_RATE), round(note.end * FRAME_RATE)
        number = max(0, np.searchsorted(starts, start + 1, "right") - 1)
        if changed[number]:
            pitch = note.pitch + shift_of(note.pitch, int(chords[number]), wish[number])
            columns = slice(max(0, start - ONSET), min(frames, max(end, start + ONSET)))
            drawn = draw_notes(
                [
                    replace(
                        note,
                        start=(start - columns.start) / FRAME_RATE,
                        end=(end - columns.start) / FRAME_RATE,
                        pitch=pitch,
                    )
                ],
                columns.stop - columns.start,
            )
            notes[..., columns] = np.maximum(notes[..., columns], drawn)
    return replace(roll, notes=np.maximum(notes, roll.melody))


def touches(number, pull):
    """Whether a pull of -1 to 1 changes the chord of this number: at .5 every other one, evenly spread."""
    return (number * GOLDEN) % 1 < abs(pull)


def shift_of(pitch, chord, valence):
    """Semitones by which a note of a chord (a number in `TRIADS`) moves."""
    interval, minor, shift = (pitch - chord % 12) % 12, chord >= 12, 0
    if valence < 0 and not minor:  # C E G becomes C E A, over A
        shift = 2 if interval == 7 else -3 if interval == 0 and pitch < BASS else 0
    elif valence > 0 and minor:  # A C E becomes G C E, over C
        shift = 3 if interval == 0 and pitch < BASS else -2 if interval == 0 else 0
    if pitch >= BASS and (
        pitch < 68 if valence > 0 else pitch >= 60
    ):  # neither above the tune nor into the bass
        shift += 12 if valence > 0 else -12
    return shift


def enliven(roll, arousal):
    """Onsets under the tune made stronger and struck again on half beats, or weaker and left out between beats.

    Parameters
    ----------
    roll : PianoRoll
    arousal : numpy.ndarray, shape (frames,)
    """
    rhythm, notes = roll.rhythm.copy(), roll.notes.copy()
    rhythm[:3] = np.clip(rhythm[:3] * (1 + 0.5 * arousal), 0, 1)
    beats = beats_of(roll)
    halves = np.round((beats[:-1] + np.diff(beats) / 2) * FRAME_RATE).astype(int)
    for number, column in enumerate(halves):
        wish, around = arousal[column], slice(max(0, column - ONSET), column + ONSET)
        if not touches(number, wish):
            continue
        if wish > 0:
            sounding = notes[1, :, column] > 0.3
            notes[0, sounding, max(0, column - 1) : column + 2] = np.maximum(
                notes[0, sounding, max(0, column - 1) : column + 2], 0.7
            )
            rhythm[1:3, column : column + 2] = np.maximum(rhythm[1:3, column : column + 2], 0.4)
        else:
            notes[0, :, around] *= 0.3
            rhythm[:3, around] *= 0.3
    notes[0] = np.maximum(notes[0], roll.melody[0])
    return replace(roll, notes=notes, rhythm=rhythm)


# How a piece is to be played from its beginning to its end: paths of genres and moods, and what users write for them.
#
# A path is a list of (place, value); places run from 0, the beginning of the piece, to 1, its end. Mood has two axes,
# valence (sad to happy) and arousal (calm to excited), after Russell (1980, doi 10.1037/h0077714).
# Lesson: 09_tempo_mood_and_length.

#: Words for moods, as (valence, arousal).
MOODS = {
    "neutral": (0.0, 0.0),
    "calm": (0.4, -0.8),
    "happy": (0.9, 0.5),
    "tense": (-0.6, 0.8),
    "sad": (-0.8, -0.6),
}


def is_path(value):
    """Whether this is a path, and not a single genre or mood."""
    return isinstance(value, list)


def mood_pair(mood):
    """Valence and arousal of a mood: of a word in `MOODS`, of a pair of numbers from -1 to 1, or neutral for None."""
    if isinstance(mood, str):
        if mood not in MOODS:
            raise UserError(
                f"There is no mood called {mood}: choose from {', '.join(MOODS)}, or give valence and arousal "
                "from -1 to 1, such as 0.5,-0.3."
            )
        return MOODS[mood]
    pair = (0.0, 0.0) if mood is None else tuple(mood)
    if len(pair) != 2 or not all(-1 <= number <= 1 for number in pair):
        raise UserError("Valence and arousal must lie between -1 and 1.")
    return pair


def _points(path):
    """Places of a path, and its values."""
    places = [place for place, _ in path]
    if not path or sorted(places) != places or not (0 <= places[0] and places[-1] <= 1):
        raise UserError(
            "The places of a path must rise from 0, the beginning of the piece, to at most 1, its end."
        )
    return places, [value for _, value in path]


def styles(genre, mood=None, places=(0.5,)):
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
    numpy.ndarray, float32, shape (len(places), 12)
        As `style_vector` gives them, on straight lines between the points of the paths.
    """
    marks, values = _points(genre if is_path(genre) else [(0.0, genre)])
    vectors = np.array([style_vector(value) for value in values])
    columns = [np.interp(places, marks, column) for column in vectors.T[:-2]]
    return np.concatenate([np.stack(columns, 1), moods(mood, places)], 1).astype(np.float32)


def moods(mood, places=(0.5,)):
    """Valence and arousal along a piece, shape (len(places), 2); see `styles`."""
    moments, values = _points(mood if is_path(mood) else [(0.0, mood)])
    pairs = np.array([mood_pair(value) for value in values], float)
    return np.stack([np.interp(places, moments, column) for column in pairs.T], 1)


def parse_mood(text):
    """A mood as a user writes it: "happy", or valence and arousal as in "0.5,-0.3"."""
    numbers = _numbers(text)
    return mood_pair(numbers if numbers else text.strip().lower())


def parse_path(text):
    """A path of genres as a user writes it: "blues,disco" evenly spaced, or with places as in "blues:0,jazz:0.3,disco:1"."""
    path = _places(text)
    styles(path)  # refuses what is no genre
    return path


def parse_moods(text):
    """A path of moods as a user writes it: "sad,calm,happy" evenly spaced, or with places as in "sad:0,happy:0.7"."""
    path = _places(text)
    moods(path)
    return path


def _places(text):
    """Words of a path and where they are, as a list of (place, word)."""
    parts = [part.strip() for part in text.split(",")]
    words = [part.partition(":")[0].strip().lower() for part in parts]
    places = [part.partition(":")[2].strip() for part in parts]
    if any(places) and not all(places):
        raise UserError(
            f"In the path {text!r} some points have a place and some have none: write it for all or for none."
        )
    try:
        marks = (
            [float(place) for place in places]
            if any(places)
            else np.linspace(0, 1, max(len(parts), 2))[: len(parts)]
        )
    except ValueError:
        raise UserError(
            f"The path {text!r} can't be read: write it with commas, and places from 0 to 1 as in a:0,b:0.3,c:1."
        ) from None
    return [(float(mark), word) for mark, word in zip(marks, words)]


def parse_tempo(text):
    """A tempo as a user writes it: ("tempo", beats a minute) for "120", ("rate", factor) for "80%"."""
    word = text.strip()
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%|bpm)?", word, re.IGNORECASE)
    if not found:
        raise UserError(
            f"The tempo {text!r} can't be read: write beats a minute such as 120, or a share such as 80%."
        )
    return ("rate", float(found[1]) / 100) if found[2] == "%" else ("tempo", float(found[1]))


def _numbers(text):
    """Two numbers out of "a,b", or None."""
    try:
        pair = tuple(float(part) for part in text.split(","))
    except ValueError:
        return None
    return pair if len(pair) == 2 else None
