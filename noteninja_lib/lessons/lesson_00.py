"""Exercises of lesson 00: the genre converter."""

from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.lessons.exercise import Exercise, Question, is_number


def _test_mix(mix):
    result = mix("jazz", "rock", 0.25)
    assert isinstance(result, dict), f"mix should return a dict, as {{'jazz': ...}}; it returned {result!r}"
    assert set(result) == {"jazz", "rock"}, f"the dict should name both genres; it names {sorted(result)}"
    total = sum(result.values())
    assert abs(total - 1) < 1e-5, f"the two shares should make up 1 together; they make up {total:g}"
    assert result["rock"] < result["jazz"], "with share 0.25 there should be less of the second genre"
    assert abs(result["rock"] - 0.25) < 1e-5, "the second genre should have just the share that was given"
    assert mix("pop", "metal", 1)["metal"] == 1, "share 1 should be the second genre alone"


def mix(first: str, second: str, share: float) -> dict[str, float]:
    """The genres to ask for: ``share`` (0..1) of the second, the rest of the first."""
    return {first: 1 - share, second: share}


MIX = Exercise(_test_mix, mix, "If a quarter of the sound is to be rock, how much is left for jazz?")


def _test_turning_point(answer):
    assert answer["genre"] in GENRES, f"the genre should be one of {', '.join(GENRES)}"
    amount = answer["amount"]
    assert is_number(amount) and 0 <= amount <= 1, "the amount should be a number from 0 to 1"


def turning_point() -> dict:
    """One possible answer; yours depends on what you hear."""
    why = """Up to 0.5 I hear the old instruments with a new colour; from 0.6 on the drums and the guitar have
        taken over, although the tune is still the same."""
    return {"song": "the first bundled song", "genre": "metal", "amount": 0.6, "why": why}


TURNING_POINT = Question(
    _test_turning_point,
    turning_point,
    "Convert one song at 0.3, 0.5 and 0.7 first, then look between two of them. Listen for drums, for bass, "
    "and for the instrument that has the tune.",
    {"why": "tell in a sentence or two what you heard change"},
)
