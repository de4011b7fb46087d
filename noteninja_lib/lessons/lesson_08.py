"""Exercises of lesson 08: latent interpolation."""

import math

from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.errors import UserError
from noteninja_lib.lessons.exercise import Exercise, Question, is_number
from noteninja_lib.music.style import styles


def _test_length(length):
    first, last, middle, quarter = map(length, (0, 1, 0.5, 0.25))
    numbers = is_number(first) and is_number(last)
    assert numbers, f"length should return a number; it returned {first!r}"
    ends = f"at both ends the length should be 1; yours are {first:g} and {last:g}"
    assert abs(first - 1) < 1e-5 and abs(last - 1) < 1e-5, ends
    short = "in the middle of the straight line the length should be below 1"
    assert middle < 0.999, f"{short}: it is a short cut through the circle"
    root = f"in the middle the length should be the root of one half; it is {middle:g}"
    assert abs(middle - math.sqrt(0.5)) < 1e-6, root
    part = f"at a = 0.25 the length is not {quarter:g}: which part of each noise is left there?"
    assert abs(quarter - math.sqrt(0.625)) < 1e-6, part


def length(a: float) -> float:
    """Length of (1 - a) z1 + a z2 where both have length 1 and are at right angles: Pythagoras."""
    return ((1 - a) ** 2 + a**2) ** 0.5


LENGTH = Exercise(
    _test_length,
    length,
    "Draw a right angle with two sides of length 1 - a and a: how long is the third side?",
)


def _test_path(path):
    found = path("blues", "jazz", "disco")
    assert isinstance(found, list), (
        f"path should return a list, as [(0, 'blues'), ...]; it returned {found!r}"
    )
    try:
        vectors = styles(found, None, [0, 0.25, 0.5, 1])
    except (UserError, TypeError, ValueError) as error:
        raise AssertionError(f"the path can't be read: {error}") from error
    begin, quarter, middle, end = (dict(zip(GENRES, vector)) for vector in vectors)
    for place, genre, shares in ((0, "blues", begin), (1, "disco", end), (0.5, "jazz", middle)):
        alone = f"at place {place} it should be {genre} alone; its share there is {shares[genre]:.0%}"
        assert shares[genre] > 0.999, alone
    half = "a quarter of the way should be half the first genre and half the second"
    assert abs(quarter["blues"] - 0.5) < 1e-6, half


def path(first: str, second: str, third: str) -> list[tuple[float, str]]:
    """From the first genre through the second to the third, evenly."""
    return [(0, first), (0.5, second), (1, third)]


PATH = Exercise(
    _test_path, path, "A path is a list of (place, genre). Which three places does the task name?"
)


def _test_border(answer):
    genres, share = set(answer["genres"]), answer["share"]
    two = len(genres) == 2 and genres <= set(GENRES)
    assert two, f"genres should name two different ones of {', '.join(GENRES)}"
    between = is_number(share) and 0 < share < 1
    assert between, "share should be a number between 0 and 1: the second genre's at the border"


def border() -> dict:
    """One possible answer; yours depends on what you hear."""
    why = """Up to 0.7 I hear strings with some drums far behind; at 0.8 the bass drum takes over. The judge
        changes its mind only a little later."""
    return {"genres": ("classical", "disco"), "share": 0.8, "why": why}


BORDER = Question(
    _test_border,
    border,
    "Listen at 0.2, 0.5 and 0.8 first. Which instrument tells you the genre, and when does it come in?",
    {"why": "tell in a sentence or two what you heard there, and what the judge says"},
)
