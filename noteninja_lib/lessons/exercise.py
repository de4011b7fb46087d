"""What lessons are made of: exercises that check themselves, and desks, the lessons' small instruments.

An exercise is written once. Its solution is a function of this package; the lesson shows that function's
source, and the tests run it, so the two can't drift apart. A check says what is wrong without giving the
answer away, and it never raises: a lesson runs from top to bottom even where an exercise is still open.
A right number is right in whatever form it comes: as a float, as NumPy's or torch's scalar.
"""

import dis
import html
import inspect
import os
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import ipywidgets as widgets
import numpy as np
from IPython.display import HTML
from matplotlib.axes import Axes

from noteninja_lib.audio.io import to_mp3
from noteninja_lib.plots import GREEN, VERMILION, to_png
from noteninja_lib.widgets.style_sheet import name_parts, stage_button, style_sheet

NOT_BEGUN = "Not begun yet: put your own code in place of the dots."
NOTHING_DONE = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}  # by a function of dots alone


def is_stub(answer: Any) -> bool:
    """Whether an answer is nothing yet: None, dots, or a function whose body is no more than these."""
    if answer is None or answer is ...:
        return True
    steps = list(dis.get_instructions(answer)) if inspect.isfunction(answer) else []
    values = [step.argval for step in steps if step.opname.endswith("CONST")]
    return bool(steps) and {step.opname for step in steps} <= NOTHING_DONE and values[-1:] == [None]


def plain(value: Any) -> Any:
    """A 0-d tensor or array, or a scalar of NumPy, as Python's own number; also inside dicts and lists."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    return value.item() if getattr(value, "ndim", None) == 0 else value


def is_number(value: Any) -> bool:
    """Whether a plain value is a number, and not the answer to a yes-or-no question."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Whether a plain value is a whole number; 3.0 is one."""
    return is_number(value) and value == value // 1


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

        @wraps(answer)
        def tried(*given, **named):
            result = plain(answer(*given, **named))
            assert result is not None, f"{name} gives nothing back: is a return missing?"
            return result

        self.test(tried)

    def verdict(self, answer: Any) -> tuple[bool, str]:
        """Judge an answer.

        Parameters
        ----------
        answer : object
            What the student hands in; a stub, as `is_stub` has it, for "not begun yet".

        Returns
        -------
        right : bool
        words : str
            One sentence: what is right, or what is still wrong.
        """
        if is_stub(answer):
            return False, NOT_BEGUN
        try:
            self.examine(answer)
        except AssertionError as wrong:
            return False, f"Not yet: {wrong}"
        except Exception as error:  # whatever a student's code may raise is an answer that isn't right yet
            return False, f"Not yet: your code stopped with {type(error).__name__}: {error}"
        return True, "Right!"

    def check(self, answer: Any, solution: bool = True) -> HTML:
        """Show the verdict on an answer, with hint and (if wanted) solution behind a click; never raises."""
        right, words = self.verdict(answer)
        code = html.escape(textwrap.dedent(inspect.getsource(self.solution)))
        style = f"border-left:4px solid {GREEN if right else VERMILION};padding-left:8px"
        shown = f"<details><summary>Solution</summary><pre>{code}</pre></details>" if solution else ""
        return HTML(
            f'<p style="{style}">{html.escape(words)}</p>'
            f"<details><summary>Hint</summary>{html.escape(self.hint)}</details>{shown}"
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
        answer = plain(answer)
        self.test(answer)
        for key, task in self.texts.items():
            words = len(str(answer[key]).split())
            assert words >= self.least, f"{task}; so far it is {words} words"


class Desk(widgets.VBox):
    """A widget that draws and plays what its controls ask for; a subclass adds them and calls `arrange`."""

    def __init__(self):
        super().__init__()
        self.message, self.picture = widgets.HTML(), widgets.Image(format="png")
        self.player = widgets.Audio(value=b"", format="mp3", autoplay=False, loop=False)
        name_parts(self, "message picture")

    def arrange(self, controls: widgets.HBox, *parts: widgets.Widget) -> None:
        """Put a row of controls, which gets the button for large type, and more below each other."""
        controls.children += (stage_button(self),)
        self.children = [style_sheet(), controls, *parts]

    def say(self, sentence: str, kind: str = "info") -> None:
        """Show one sentence; ``kind`` is "info" or "error"."""
        block = f'<div class="nn-{kind}" role="status">{html.escape(sentence)}</div>'
        self.message.value = block if sentence else ""

    def tell(self, error: Exception) -> None:
        """Show an error in one sentence; a test sees it raised."""
        self.say(str(error), "error")
        if os.environ.get("NOTENINJA_TEST") == "1":
            raise error

    def show(self, draw: Callable[[Axes], Any], audio: np.ndarray) -> None:
        """Show what ``draw(ax)`` draws, and play a sound, (n,) or (n, 2)."""
        self.picture.value, self.player.value = to_png(draw, 10, 3.2), to_mp3(audio)


def side_by_side(*views: widgets.Widget) -> widgets.HBox:
    """Sounds in a row as wide as the page; a `SoundView` alone in a column would be squeezed."""
    box = widgets.HBox(list(views))
    box.add_class("nn-pair")
    return box
