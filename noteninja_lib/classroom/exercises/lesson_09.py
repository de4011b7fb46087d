"""Exercises of lesson 09: tempo, mood and length."""
from noteninja_lib.classroom.exercises import Exercise
from noteninja_lib.errors import UserError
from noteninja_lib.music.steering import moods


def _test_in_step(rate_for):
    assert callable(rate_for), "hand in the function itself: check(rate_for), without brackets behind rate_for"
    same = rate_for(120, 120)
    assert isinstance(same, (int, float)), f"rate_for should return a number; it returned {same!r}"
    assert abs(same - 1) < 1e-9, f"a song of 120 is in step with 120 steps a minute as it is; your rate is {same:g}"
    faster = rate_for(100, 120)
    assert faster > 1, f"from 100 beats to 120 steps the song has to go faster; your rate is {faster:g}"
    assert abs(faster - 1.2) < 1e-9, f"from 100 beats to 120 steps the rate should be 1.2; it is {faster:g}"
    half, double = rate_for(90, 170), rate_for(160, 84)
    assert abs(half - 170 / 180) < 1e-9, (f"a song of 90 for 170 steps: two steps to a beat change it less than the rate {half:g}")
    assert abs(double - 168 / 160) < 1e-9, (f"a song of 160 for 84 steps: a step on every other beat changes it less than {double:g}")


def rate_for(tempo, steps):
    """The rate, as near to 1 as can be, by which a song gets in step."""
    rates = [steps / tempo, steps / 2 / tempo, steps * 2 / tempo]
    return min(rates, key=lambda rate: max(rate, 1 / rate))


IN_STEP = Exercise(_test_in_step, "Three tempi are in step: as many beats as steps, half as many, twice as many. Which of the three "
                   "rates is nearest to 1? (0.5 is as far from it as 2.)", rate_for)


def _test_room(answer):
    keys = ("for", "path", "why")
    assert isinstance(answer, dict) and set(keys) <= set(answer), f"hand in a dict with the keys {', '.join(keys)}"
    path = answer["path"]
    assert isinstance(path, list) and len(path) >= 2, "the path should be a list of at least two pairs of place and mood"
    try:
        places = [place for place, _ in path]
        begin, *_, end = moods(path, [0, 0.5, 1])
    except (UserError, TypeError, ValueError) as error:
        raise AssertionError(f"the path can't be read: {error}") from error
    assert places[0] == 0 and places[-1] == 1, "the path should begin at place 0 and end at place 1"
    assert max(abs(begin - end)) > 0.2, "the journey should end in another mood than it began in"
    words = len(str(answer["why"]).split())
    assert words >= 12, f"tell in a sentence or two for whom it is and whether it worked; so far it is {words} words"


def room():
    """One possible answer; yours depends on whom you know."""
    return {"for": "a class before a test", "path": [(0, "tense"), (0.3, "tense"), (0.8, "calm"), (1, "calm")],
            "why": "They come in tense, so the music does too; it takes half of the time to get calm, since a sudden "
                   "lullaby only made them laugh when I tried it."}


ROOM = Exercise(_test_room, "Where are they when the music begins, and where should they be at its end? How long may the first mood "
                "last before you leave it?", room, answer=lambda solution: solution())
