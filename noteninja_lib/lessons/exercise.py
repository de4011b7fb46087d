"""Exercises that check themselves: a task, a check that helps, a hint and a solution behind a click.

An exercise is written once. Its solution is a function of this package; the lesson shows that function's
source, and the tests run it, so the two can't drift apart. A check says what is wrong without giving the
answer away, and it never raises: a lesson runs from top to bottom even where an exercise is still open.
"""

import html
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from IPython.display import HTML


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lesson.

    Parameters
    ----------
    test : callable
        Takes the student's answer; raises ``AssertionError`` with a helpful sentence where it is wrong.
    hint : str
        Shown behind a click.
    solution : callable
        Shown as its source behind a click. It is the answer itself where the task asks for a function; where
        the task asks for a value, ``answer`` says what to make of it.
    answer : callable, optional
        Takes ``solution`` and returns what a student would hand in; by default the solution itself.
    """

    test: Callable
    hint: str
    solution: Callable
    answer: Callable = staticmethod(lambda solution: solution)

    def verdict(self, answer):
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
            self.test(answer)
        except AssertionError as wrong:
            return False, f"Not yet: {wrong}"
        except Exception as error:  # whatever a student's code may raise is an answer that isn't right yet
            return False, f"Not yet: your code stopped with {type(error).__name__}: {error}"
        return True, "Right!"

    def check(self, answer):
        """Show the verdict on an answer, with hint and solution behind a click; never raises.

        Returns
        -------
        IPython.display.HTML
        """
        right, words = self.verdict(answer)
        colour = "#009E73" if right else "#D55E00"
        code = html.escape(textwrap.dedent(inspect.getsource(self.solution)))
        return HTML(
            f'<p style="border-left:4px solid {colour};padding-left:8px">{html.escape(words)}</p>'
            f"<details><summary>Hint</summary>{html.escape(self.hint)}</details>"
            f"<details><summary>Solution</summary><pre>{code}</pre></details>"
        )
