"""Each exercise: its solution passes, the stub fails, a plausible wrong answer gets a helpful word."""

import functools
import importlib
import inspect
import pkgutil

import numpy as np
import pytest
import torch

from noteninja_lib import lessons
from noteninja_lib.lessons import lesson_00, lesson_02
from noteninja_lib.lessons.exercise import NOT_BEGUN, Exercise

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


def in_form(value, form):
    """A number, or those in a dict or list, in another form."""
    if isinstance(value, dict):
        return {key: in_form(one, form) for key, one in value.items()}
    if isinstance(value, list) and form is not float:  # of a list's places, say, nobody makes floats
        return [in_form(one, form) for one in value]
    return form(value) if isinstance(value, (int, float)) else value


@pytest.mark.parametrize("form", [float, np.float64, np.float32, np.array, torch.tensor])
@pytest.mark.parametrize("exercise", ALL)
def test_a_right_number_is_right_in_every_form(exercise, form):
    answer = exercise.example()
    if inspect.isfunction(answer):
        other = functools.wraps(answer)(lambda *given: in_form(answer(*given), form))
    else:
        other = in_form(answer, form)
    assert exercise.verdict(other) == (True, "Right!")


def test_a_list_of_numbers_may_be_an_array():
    assert lesson_02.STEPS.verdict(np.diff) == (True, "Right!")


def dots(tunes, share):
    """What it should do."""
    ...


@pytest.mark.parametrize("exercise", ALL)
@pytest.mark.parametrize("nothing", [None, ..., dots, lambda *_: None])
def test_nothing_is_not_begun_yet(exercise, nothing):
    assert exercise.verdict(nothing) == (False, NOT_BEGUN)


@pytest.mark.parametrize("exercise, stub", answers("STUBS"))
def test_stub_fails(exercise, stub):
    right, words = exercise.verdict(stub)
    assert not right and (words == NOT_BEGUN or not callable(stub))


def test_a_forgotten_return_is_told():
    def mix(first, second, share):
        {first: 1 - share, second: share}

    assert "is a return missing" in lesson_00.MIX.verdict(mix)[1]


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
