"""How a piece is to be played from its beginning to its end: paths of genres and moods, and what users write for them.

A path is a list of (place, value); places run from 0, the beginning of the piece, to 1, its end. Mood has two axes,
valence (sad to happy) and arousal (calm to excited), after Russell (1980, doi 10.1037/h0077714).
Lesson: 09_tempo_mood_and_length.
"""
import re

import numpy as np

from ..errors import UserError
from .genres import style_vector

#: Words for moods, as (valence, arousal).
MOODS = {"neutral": (0.0, 0.0), "calm": (0.4, -0.8), "happy": (0.9, 0.5), "tense": (-0.6, 0.8), "sad": (-0.8, -0.6)}


def is_path(value):
    """Whether this is a path, and not a single genre or mood."""
    return isinstance(value, list)


def mood_pair(mood):
    """Valence and arousal of a mood: of a word in `MOODS`, of a pair of numbers from -1 to 1, or neutral for None."""
    if isinstance(mood, str):
        if mood not in MOODS:
            raise UserError(f"There is no mood called {mood}: choose from {', '.join(MOODS)}, or give valence and arousal "
                            "from -1 to 1, such as 0.5,-0.3.")
        return MOODS[mood]
    pair = (0.0, 0.0) if mood is None else tuple(mood)
    if len(pair) != 2 or not all(-1 <= number <= 1 for number in pair):
        raise UserError("Valence and arousal must lie between -1 and 1.")
    return pair


def _points(path):
    """Places of a path, and its values."""
    places = [place for place, _ in path]
    if not path or sorted(places) != places or not (0 <= places[0] and places[-1] <= 1):
        raise UserError("The places of a path must rise from 0, the beginning of the piece, to at most 1, its end.")
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
    styles(path)                                                # refuses what is no genre
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
        raise UserError(f"In the path {text!r} some points have a place and some have none: write it for all or for none.")
    try:
        marks = [float(place) for place in places] if any(places) else np.linspace(0, 1, max(len(parts), 2))[:len(parts)]
    except ValueError:
        raise UserError(f"The path {text!r} can't be read: write it with commas, and places from 0 to 1 as in a:0,b:0.3,c:1.") from None
    return [(float(mark), word) for mark, word in zip(marks, words)]


def parse_tempo(text):
    """A tempo as a user writes it: ("tempo", beats a minute) for "120", ("rate", factor) for "80%"."""
    word = text.strip()
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%|bpm)?", word, re.IGNORECASE)
    if not found:
        raise UserError(f"The tempo {text!r} can't be read: write beats a minute such as 120, or a share such as 80%.")
    return ("rate", float(found[1]) / 100) if found[2] == "%" else ("tempo", float(found[1]))


def _numbers(text):
    """Two numbers out of "a,b", or None."""
    try:
        pair = tuple(float(part) for part in text.split(","))
    except ValueError:
        return None
    return pair if len(pair) == 2 else None
