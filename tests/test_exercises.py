"""Each exercise: its solution passes, the stub fails, a plausible wrong answer gets a helpful word."""
import pytest

from noteninja_lib.classroom.exercises import lesson_00

STUB = {"song": "a", "genre": "jazz", "amount": None, "why": "..."}
WRONG = [
    (lesson_00.MIX, lambda first, second, share: {first: share, second: 1 - share}, "less of the second"),
    (lesson_00.MIX, lambda first, second, share: {first: 1, second: share}, "make up 1 together"),
    (lesson_00.MIX, lambda first, second, share: {"jazz": 0.75, "rock": 0.25}, "KeyError"),
    (lesson_00.TURNING_POINT, {**STUB, "amount": 50, "why": "word " * 20}, "from 0 to 1"),
    (lesson_00.TURNING_POINT, {**STUB, "amount": 0.5, "why": "sounds different"}, "what you heard"),
]


@pytest.mark.parametrize("exercise", [lesson_00.MIX, lesson_00.TURNING_POINT])
def test_solution_passes(exercise):
    assert exercise.verdict(exercise.answer(exercise.solution)) == (True, "Right!")


@pytest.mark.parametrize("exercise, stub", [
    (lesson_00.MIX, None), (lesson_00.MIX, ...), (lesson_00.MIX, lambda *_: None),
    (lesson_00.TURNING_POINT, STUB)])
def test_stub_fails(exercise, stub):
    assert not exercise.verdict(stub)[0]


@pytest.mark.parametrize("exercise, answer, word", WRONG)
def test_wrong_answer_gets_a_helpful_word(exercise, answer, word):
    right, words = exercise.verdict(answer)
    assert not right and word in words


def test_check_shows_verdict_hint_and_solution_and_never_raises():
    page = lesson_00.MIX.check(lambda *_: 1 / 0).data
    assert "ZeroDivisionError" in page
    assert page.count("<details>") == 2 and "def mix(first, second, share)" in page
