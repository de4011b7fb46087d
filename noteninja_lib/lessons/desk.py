"""What the lessons' small instruments share: a message, large type, and a picture with a player.

Lesson: 01_sound_and_spectrograms
"""

import html
import os
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import numpy as np
from matplotlib.axes import Axes

from noteninja_lib.audio.io import to_mp3
from noteninja_lib.plots import to_png
from noteninja_lib.widgets.style_sheet import style_sheet
from noteninja_lib.widgets.workbench import name_parts


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
