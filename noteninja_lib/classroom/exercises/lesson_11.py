"""Exercises of lesson 11: judging a converter."""
from noteninja_lib.classroom.blind import chance
from noteninja_lib.classroom.exercises import Exercise


def _test_place(place):
    assert callable(place), "hand in the function itself: check(place), without brackets behind place"
    zero, one, middle = (place(value, 0.1, 0.9) for value in (0.1, 0.9, 0.5))
    assert isinstance(zero, (int, float)), f"place should return a number; it returned {zero!r}"
    assert abs(zero) < 1e-9, f"another tune's value should lie at 0; here it lies at {zero:g}"
    assert abs(one - 1) < 1e-9, f"the true recording's value should lie at 1; here it lies at {one:g}"
    assert abs(middle - 0.5) < 1e-9, f"halfway between both should be 0.5; here it is {middle:g}"
    assert place(1.0, 0.2, 0.8) > 1, "what is better than the true recording should lie beyond 1: don't cut it off"


def place(value, zero, one):
    """Where a value lies between two fixed points: 0 at ``zero``, 1 at ``one``."""
    return (value - zero) / (one - zero)


PLACE = Exercise(_test_place, "How far is the value from zero, and how far is one from zero? Which part of it is that?", place)


def _test_needed(needed):
    assert callable(needed), "hand in the function itself: check(needed), without brackets behind needed"
    for trials in (8, 12, 20, 50):
        right = needed(trials)
        assert isinstance(right, int), f"needed({trials}) should be a whole number; it is {right!r}"
        assert 0 <= right <= trials, f"of {trials} rounds not more than {trials} can be right; needed({trials}) is {right}"
        assert chance(right, trials) < 0.05, (f"one who guesses reaches {right} of {trials} in {chance(right, trials):.1%} of the "
                                              "tests: that is too often")
        assert chance(right - 1, trials) >= 0.05, f"for {trials} rounds fewer right answers than {right} would do"


def needed(trials):
    """The smallest number of right answers that guessing reaches in less than 5 % of the tests."""
    right = trials
    while chance(right - 1, trials) < 0.05:
        right = right - 1
    return right


NEEDED = Exercise(_test_needed, "All right is surely enough. Go down from there, one by one, as long as chance(...) stays below "
                  "0.05.", needed)


def _test_report(answer):
    keys = ("trials", "right", "gave_it_away", "says_little_because")
    assert isinstance(answer, dict) and set(keys) <= set(answer), f"hand in a dict with the keys {', '.join(keys)}"
    trials, right = answer["trials"], answer["right"]
    assert isinstance(trials, int) and trials >= 8, "take the test with at least 8 rounds, and say with how many"
    assert isinstance(right, int) and 0 <= right <= trials, f"the number of right answers should lie between 0 and {trials}"
    for key, wish in (("gave_it_away", "what you listened for, whether it helped or not"),
                      ("says_little_because", "what this test can't show, such as who listened, and to what")):
        words = len(str(answer[key]).split())
        assert words >= 10, f"under {key} tell in a sentence or two {wish}; so far it is {words} words"


def report():
    """One possible answer; yours depends on what you hear."""
    return {"trials": 8, "right": 6,
            "gave_it_away": "In the band's own recording the cymbals ring on after the stroke; in the converted one they are "
                            "shorter and a little grey.",
            "says_little_because": "I was the only listener, I know this converter well, all pairs were one single tune, and "
                                   "six of eight may still be luck."}


REPORT = Exercise(_test_report, "Take the test above to its end. Then ask yourself: would my teacher, my grandmother, a drummer "
                  "have heard the same?", report, answer=lambda solution: solution())
