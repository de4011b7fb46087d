"""Files from the computer of whoever sits at the screen: chosen, or dropped anywhere on a widget.

They come piece by piece, since Jupyter loses a long message without a word; its look and feel is in
``static/upload.js``. Lesson: 00_genre_converter
"""

import re
import tempfile
from pathlib import Path

import anywidget
import traitlets

from noteninja_lib.widgets.touch_widgets import STYLE, script

_ALL = tempfile.TemporaryDirectory(prefix="noteninja-")  # gone with the kernel


def own_folder() -> Path:
    """A new folder for what a user brings, whose name means nothing to anybody."""
    return Path(tempfile.mkdtemp(dir=_ALL.name))


def in_own_names(sentence: str) -> str:
    """A sentence that names files as the user does: without the folders of `own_folder`."""
    return re.sub(re.escape(_ALL.name) + r"[\\/]\w+[\\/]?", "", sentence)


class Upload(anywidget.AnyWidget):
    """A button that lets a user choose files, which lie in a folder of their own then, under their own names.

    Attributes
    ----------
    files : list of Path
        Those of the last choice that have arrived, all of them at once.
    description : str
        On the button.
    accept : str
        Endings that are offered, with commas between.
    multiple : bool
        Whether several may be chosen.
    told : str
        What stands beside the button.
    """

    _esm, _css = script("upload.js"), STYLE
    description = traitlets.Unicode("choose a file").tag(sync=True)
    accept = traitlets.Unicode("").tag(sync=True)
    multiple = traitlets.Bool(False).tag(sync=True)
    told = traitlets.Unicode("or drop it anywhere here").tag(sync=True)
    files = traitlets.List()

    def __init__(self, **traits) -> None:
        super().__init__(**traits)
        self._coming: list[Path] = []
        self.on_msg(self._receive)

    def _receive(self, _, message, buffers):
        if message.get("what") == "part":
            if message["begun"] == "first":
                self._coming, self._folder = [], own_folder()
            if message["begun"]:
                self._coming.append(self._folder / (Path(message["name"]).name or "upload"))
            with open(self._coming[-1], "ab") as file:
                file.write(buffers[0])
            self.send({"turn": message["turn"]})
        elif message.get("what") == "end":
            size = sum(file.stat().st_size for file in self._coming) / 1e6
            name = self._coming[0].name if len(self._coming) == 1 else f"{len(self._coming)} files"
            self.told = f"{name}: {size:.1f} MB arrived."
            self.files = self._coming
