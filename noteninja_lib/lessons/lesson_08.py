"""Exercises of lesson 08: latent interpolation."""

import math

from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.errors import UserError
from noteninja_lib.lessons.exercise import Exercise
from noteninja_lib.music.style import styles


def _test_length(length):
    assert callable(length), "hand in the function itself: check(length), without brackets behind length"
    ends, middle, quarter = (length(0), length(1)), length(0.5), length(0.25)
    assert all(isinstance(value, (int, float)) for value in ends), (
        f"length should return a number; it returned {ends[0]!r}"
    )
    assert all(abs(value - 1) < 1e-9 for value in ends), (
        f"at both ends the length should be 1; yours are {ends[0]:g} and {ends[1]:g}"
    )
    assert middle < 0.999, (
        "in the middle of the straight line the length should be below 1: it is a short cut through the circle"
    )
    assert abs(middle - math.sqrt(0.5)) < 1e-6, (
        f"in the middle the length should be the root of one half; it is {middle:g}"
    )
    assert abs(quarter - math.sqrt(0.625)) < 1e-6, (
        f"at a = 0.25 the length is not {quarter:g}: which part of each noise is left there?"
    )


def length(a):
    """Length of (1 - a) z1 + a z2 where both have length 1 and are at right angles: Pythagoras."""
    return ((1 - a) ** 2 + a**2) ** 0.5


LENGTH = Exercise(
    _test_length,
    "Draw a right angle with two sides of length 1 - a and a: how long is the third side?",
    length,
)


def _test_path(path):
    assert callable(path), "hand in the function itself: check(path), without brackets behind path"
    found = path("blues", "jazz", "disco")
    assert isinstance(found, list), (
        f"path should return a list, as [(0, 'blues'), ...]; it returned {found!r}"
    )
    try:
        vectors = styles(found, None, [0, 0.25, 0.5, 1])
    except (UserError, TypeError, ValueError) as error:
        raise AssertionError(f"the path can't be read: {error}") from error
    shares = [dict(zip(GENRES, vector)) for vector in vectors]
    for place, genre, share in ((0, "blues", shares[0]), (1, "disco", shares[3]), (0.5, "jazz", shares[2])):
        assert share[genre] > 0.999, (
            f"at place {place} it should be {genre} alone; its share there is {share[genre]:.0%}"
        )
    assert abs(shares[1]["blues"] - 0.5) < 1e-6, (
        "a quarter of the way should be half the first genre and half the second"
    )


def path(first, second, third):
    """From the first genre through the second to the third, evenly."""
    return [(0, first), (0.5, second), (1, third)]


PATH = Exercise(
    _test_path, "A path is a list of (place, genre). Which three places does the task name?", path
)


def _test_border(answer):
    keys = ("genres", "share", "why")
    assert isinstance(answer, dict) and set(keys) <= set(answer), (
        f"hand in a dict with the keys {', '.join(keys)}"
    )
    genres, share = answer["genres"], answer["share"]
    assert len(set(genres)) == 2 and set(genres) <= set(GENRES), (
        f"genres should name two different ones of {', '.join(GENRES)}"
    )
    assert isinstance(share, (int, float)) and 0 < share < 1, (
        "share should be a number between 0 and 1: the second genre's at the border"
    )
    words = len(str(answer["why"]).split())
    assert words >= 12, (
        f"tell in a sentence or two what you heard there, and what the judge says; so far it is {words} words"
    )


def border():
    """One possible answer; yours depends on what you hear."""
    return {
        "genres": ("classical", "disco"),
        "share": 0.8,
        "why": "Up to 0.7 I hear strings with some drums far behind; at 0.8 the bass drum takes over. The judge changes "
        "its mind only a little later.",
    }


BORDER = Exercise(
    _test_border,
    "Listen at 0.2, 0.5 and 0.8 first. Which instrument tells you the genre, and when does it come in?",
    border,
    answer=lambda solution: solution(),
)
