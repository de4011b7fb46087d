"""Exercises that check themselves: a task, a check that helps, a hint and a solution behind a click.

An exercise is written once. Its solution is a function of this package; the lesson shows that function's
source, and the tests run it, so the two can't drift apart. A check says what is wrong without giving the
answer away, and it never raises: a lesson runs from top to bottom even where an exercise is still open.
"""

import html
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from IPython.display import HTML

from noteninja_lib.plots import GREEN, VERMILION


@dataclass(frozen=True)
class Exercise:
    """An exercise that asks for a function.

    Parameters
    ----------
    test : callable
        Takes the student's answer; raises ``AssertionError`` with a helpful sentence where it is wrong.
    solution : callable
        A right answer, whose source is shown behind a click.
    hint : str
        Shown behind a click.
    """

    test: Callable[[Any], None]
    solution: Callable
    hint: str

    def example(self) -> Any:
        """An answer that is right."""
        return self.solution

    def examine(self, answer: Any) -> None:
        """Raise ``AssertionError`` with a helpful sentence if an answer has the wrong form or is wrong."""
        name = self.solution.__name__
        assert callable(answer), f"hand in the function itself: check({name}), without brackets behind {name}"
        self.test(answer)

    def verdict(self, answer: Any) -> tuple[bool, str]:
        """Judge an answer.

        Parameters
        ----------
        answer : object
            What the student hands in; ``None`` or ``...`` for "not begun yet".

        Returns
        -------
        right : bool
        words : str
            One sentence: what is right, or what is still wrong.
        """
        if answer is None or answer is ...:
            return False, "Not begun yet: put your own code in place of the dots."
        try:
            self.examine(answer)
        except AssertionError as wrong:
            return False, f"Not yet: {wrong}"
        except Exception as error:  # whatever a student's code may raise is an answer that isn't right yet
            return False, f"Not yet: your code stopped with {type(error).__name__}: {error}"
        return True, "Right!"

    def check(self, answer: Any) -> HTML:
        """Show the verdict on an answer, with hint and solution behind a click; never raises."""
        right, words = self.verdict(answer)
        code = html.escape(textwrap.dedent(inspect.getsource(self.solution)))
        style = f"border-left:4px solid {GREEN if right else VERMILION};padding-left:8px"
        return HTML(
            f'<p style="{style}">{html.escape(words)}</p>'
            f"<details><summary>Hint</summary>{html.escape(self.hint)}</details>"
            f"<details><summary>Solution</summary><pre>{code}</pre></details>"
        )


@dataclass(frozen=True)
class Question(Exercise):
    """An exercise that asks for a value, such as a dict that reports what was heard.

    Parameters
    ----------
    test, solution, hint
        As for `Exercise`; the solution takes nothing and returns an example of a right answer.
    texts : dict of str to str
        What to tell under those keys that hold free text.
    least : int
        Words that such a text should have.
    """

    texts: dict[str, str] = field(default_factory=dict)
    least: int = 12

    def example(self) -> Any:
        """An answer that is right."""
        return self.solution()

    def examine(self, answer: Any) -> None:
        """Raise ``AssertionError`` with a helpful sentence if an answer has the wrong form or is wrong."""
        if isinstance(example := self.solution(), dict):
            *keys, last = example
            complete = isinstance(answer, dict) and set(example) <= set(answer)
            assert complete, f"hand in a dict with the keys {', '.join(keys)} and {last}"
        self.test(answer)
        for key, task in self.texts.items():
            words = len(str(answer[key]).split())
            assert words >= self.least, f"{task}; so far it is {words} words"
