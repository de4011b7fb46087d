"""Each exercise: its solution passes, the stub fails, a plausible wrong answer gets a helpful word."""

import importlib
import pkgutil

import pytest

from noteninja_lib import lessons
from noteninja_lib.lessons import lesson_00
from noteninja_lib.lessons.exercise import Exercise

LESSONS = [name for _, name, _ in pkgutil.iter_modules(lessons.__path__) if name.startswith("lesson_")]


def of_lesson(name):
    """{name: exercise} of one lesson."""
    module = importlib.import_module(f"noteninja_lib.lessons.{name}")
    return {label: one for label, one in vars(module).items() if isinstance(one, Exercise)}


def answers(kind):
    """All stubs, or all wrong answers, of tests/answers; named by lesson and place."""
    for name in LESSONS:
        for place, row in enumerate(getattr(importlib.import_module(f"answers.{name}"), kind)):
            yield pytest.param(*row, id=f"{name}-{place}")


ALL = [
    pytest.param(one, id=f"{lesson}-{label}")
    for lesson in LESSONS
    for label, one in of_lesson(lesson).items()
]


@pytest.mark.parametrize("exercise", ALL)
def test_solution_passes(exercise):
    assert exercise.verdict(exercise.example()) == (True, "Right!")


@pytest.mark.parametrize("exercise", ALL)
@pytest.mark.parametrize("nothing", [None, ...])
def test_nothing_fails(exercise, nothing):
    assert not exercise.verdict(nothing)[0]


@pytest.mark.parametrize("exercise, stub", answers("STUBS"))
def test_stub_fails(exercise, stub):
    assert not exercise.verdict(stub)[0]


@pytest.mark.parametrize("exercise, answer, word", answers("WRONG"))
def test_wrong_answer_gets_a_helpful_word(exercise, answer, word):
    right, words = exercise.verdict(answer)
    assert not right and word in words


@pytest.mark.parametrize("name", LESSONS)
def test_every_exercise_has_a_stub_and_a_wrong_answer(name):
    module = importlib.import_module(f"answers.{name}")
    for label, one in of_lesson(name).items():
        for rows in (module.STUBS, module.WRONG):
            assert any(row[0] is one for row in rows), f"{label} of {name} is tried with too little"


def test_check_shows_verdict_hint_and_solution_and_never_raises():
    page = lesson_00.MIX.check(lambda *_: 1 / 0).data
    assert "ZeroDivisionError" in page
    assert page.count("<details>") == 2 and "def mix(first: str, second: str, share: float)" in page
