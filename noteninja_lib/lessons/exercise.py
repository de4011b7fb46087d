"""What lessons are made of: exercises that check themselves, and desks, the lessons' small instruments.

An exercise is written once. Its solution is a function of this package; the lesson shows that function's
source, and the tests run it, so the two can't drift apart. A check says what is wrong without giving the
answer away, and it never raises: a lesson runs from top to bottom even where an exercise is still open.
"""

import html
import inspect
import os
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ipywidgets as widgets
import numpy as np
from IPython.display import HTML
from matplotlib.axes import Axes

from noteninja_lib.audio.io import to_mp3
from noteninja_lib.plots import GREEN, VERMILION, to_png
from noteninja_lib.widgets.style_sheet import style_sheet
from noteninja_lib.widgets.workbench import name_parts


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
        self.stage = widgets.ToggleButton(value=False, description="large type", icon="expand")
        self.stage.observe(self._set_stage, "value")
        name_parts(converter=self, message=self.message, stage_toggle=self.stage)

    def _set_stage(self, change):
        (self.add_class if change["new"] else self.remove_class)("nn-stage")

    def arrange(self, *parts: widgets.Widget) -> None:
        """Put widgets one below the other."""
        self.children = [style_sheet(), *parts]

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
