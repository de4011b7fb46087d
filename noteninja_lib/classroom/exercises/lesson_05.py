"""Exercises of lesson 05: autoencoders and latent space."""
from noteninja_lib.classroom.exercises import Exercise


def _test_enough(enough):
    assert callable(enough), "hand in the function itself: check(enough), without brackets behind enough"
    strengths = [4.0, 2.0, 1.0, 1.0]       # variances 16, 4, 1, 1: shares .727, .909, .955, 1
    count = enough(strengths, 0.9)
    assert isinstance(count, int) and not isinstance(count, bool), f"return a whole number; it returned {count!r}"
    assert count < 3, (f"{count} are too many: what share of the variance do two components keep? "
                       "Mind that variance is a square")
    assert count == 2, f"for strengths 4, 2, 1, 1 and a share of 0.9 it should not be {count}: count from the strongest on"
    assert enough(strengths, 0.95) == 3, "for a share of 0.95 the first three are needed: a strength of 1 has a variance of 1"
    assert enough(strengths, 0.5) == 1, "where the first component is enough, the answer is 1"
    assert enough(strengths, 1.0) == 4, "to keep everything, all components are needed"


def enough(strengths, share):
    """How many components, from the strongest on, keep a share (0..1) of the variance."""
    variances = [strength ** 2 for strength in strengths]
    kept, count = 0.0, 0
    while kept < share * sum(variances) - 1e-9:
        kept, count = kept + variances[count], count + 1
    return count


ENOUGH = Exercise(_test_enough, "A component's variance is the square of its strength. Add them up from the strongest on until "
                  "the sum is large enough, and say how many it took.", enough)


def _test_lost_first(answer):
    assert isinstance(answer, dict) and {"components", "why"} <= set(answer), (
        "hand in a dict with the keys components and why")
    components = answer["components"]
    assert isinstance(components, int) and 1 <= components <= 64, "components should be a whole number from 1 to 64"
    words = len(str(answer["why"]).split())
    assert words >= 12, f"tell in a sentence or two what you heard go first, and what last; so far it is {words} words"


def lost_first():
    """One possible answer; yours depends on what you hear."""
    return {"components": 4,
            "why": "With eight I hear no difference. With four the cymbals lose their edge and the snare gets soft; with one "
                   "the tune is gone and only the rhythm of loud and soft is left."}


LOST_FIRST = Exercise(_test_lost_first, "Begin at 64 and halve it. Listen for one thing at a time: the attack of the drums, "
                      "the pitch of the tune, the colour of the instruments.", lost_first, answer=lambda solution: solution())
