"""What all widgets over the pipeline share: work in a thread, Stop, progress, errors, results and saving.

The work runs in a thread of its own, because a busy kernel would not receive the press on Stop. Whatever goes
wrong is told in one sentence inside the widget, and the result before it stays. With ``NOTENINJA_TEST=1`` the
error is raised as well, so that a test sees it.

Lesson: 00_genre_converter
"""

import html
import logging
import os
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import ipywidgets as widgets

from noteninja_lib.audio import io as sound
from noteninja_lib.errors import Stopped, UserError, notices
from noteninja_lib.pipeline import Conversion
from noteninja_lib.source import MIDI, PICTURES, SCORES
from noteninja_lib.widgets.inputs import SongChooser, in_own_names
from noteninja_lib.widgets.results import Results
from noteninja_lib.widgets.style_sheet import name_parts, row, style_sheet


class Workbench(widgets.VBox):
    """A widget whose buttons start work that takes a while. A subclass adds its controls and calls `arrange`.

    Attributes
    ----------
    what : str
        What is worked on, for sentences.
    seconds : float
        Length of the recording that was read last; 0 for notes.

    Parameters
    ----------
    pipeline : NoteNinjaPipeline, optional
        The converter to use; if None, the trained one is loaded when it is first needed.
    in_background : bool
        Whether a button returns at once and the work goes on in a thread; without it, Stop can't be pressed.
    folder : str or Path
        Where Save writes; made when needed.
    """

    what = "song"

    def __init__(
        self, pipeline: Callable | None = None, *, in_background: bool = True, folder: str | Path = "outputs"
    ) -> None:
        self.pipeline, self.in_background, self.folder = pipeline, in_background, Path(folder)
        self.thread: threading.Thread | None = None
        self.go_buttons, self.notices, self.songs = [], [], []
        self.again: Callable | None = None  # makes the last conversion again, with what is given as well
        self._stop, self._told, self._started, self.seconds = threading.Event(), 0.0, 0.0, 0.0
        super().__init__()
        self.stop_button = widgets.Button(description="Stop", icon="stop", disabled=True)
        self.progress = widgets.FloatProgress(value=0, min=0, max=1)
        self.time_left, self.message = widgets.HTML(), widgets.HTML()
        self.stage = widgets.ToggleButton(value=False, description="large type", icon="expand")
        self.results = Results(self)
        self.stop_button.on_click(self.stop)
        self.stage.observe(self._set_stage, "value")
        name_parts(self, "progress time_left message")
        name_parts(stop=self.stop_button, stage_toggle=self.stage, converter=self)

    @property
    def result(self) -> object:
        """The conversion that is shown, or None."""
        return self.results.result

    def go_button(self, words: str, icon: str, handler: Callable, primary: bool = True) -> widgets.Button:
        """A button that starts work with ``handler(button)`` and is named after it; then all are locked."""
        button = widgets.Button(description=words, icon=icon, button_style="primary" if primary else "")
        button.on_click(handler)
        name_parts(**{handler.__name__: button})
        self.go_buttons.append(button)
        return button

    def arrange(self, *controls: widgets.Widget, below: Sequence[widgets.Widget] = ()) -> None:
        """Put controls, buttons and results one below the other; the buttons stay in view.

        Parameters
        ----------
        *controls, below
            What stands above the buttons, and between them and the results.
        """
        self.buttons = row(*self.go_buttons, self.stop_button, self.progress, self.time_left, self.stage)
        self.go_buttons.append(self.results.redo_button)  # which stands below
        at_work = widgets.VBox([self.buttons, self.message])
        name_parts(at_work=at_work)
        self.children = [style_sheet(), *controls, at_work, *below, self.results]

    def _set_stage(self, change):
        (self.add_class if change["new"] else self.remove_class)("nn-stage")

    def say(self, sentence: str, kind: str = "info") -> None:
        """Show one sentence under the buttons; ``kind`` is "info" or "error"."""
        block = f'<div class="nn-{kind}" role="status">{html.escape(sentence)}</div>'
        self.message.value = block if sentence else ""

    # ---- working --------------------------------------------------------------------------------------

    def start(self, work: Callable, *arguments: object) -> None:
        """Do ``work(*arguments)`` in the background, unless something is being done already."""
        if any(button.disabled for button in self.go_buttons):
            return
        self._stop.clear()
        self._set_busy(True)
        self.progress.value, self._started, self._told = 0, time.monotonic(), 0.0
        self.notices, self.songs = [], []
        self.say("")
        self.time_left.value = "starting"
        if self.in_background:
            self.thread = threading.Thread(target=self._work, args=(work, *arguments), daemon=True)
            self.thread.start()
        else:
            self._work(work, *arguments)

    def stop(self, _: object = None) -> None:
        """Ask the running work to end; the handler of the button Stop."""
        self._stop.set()
        self.stop_button.disabled = True
        self.time_left.value = "stopping"

    def _set_busy(self, busy):
        for button in self.go_buttons:
            button.disabled = busy
        self.stop_button.disabled = not busy

    def tell_progress(self, fraction: float, what: str) -> None:
        """Show how much is done (0..1); ends the work if Stop was pressed. The pipeline's ``progress``."""
        if self._stop.is_set():
            raise Stopped
        now = time.monotonic()
        if now - self._told > 0.1 or fraction >= 1:  # ten messages a second are enough for an eye
            self._told, passed = now, now - self._started
            left = f", about {passed / fraction * (1 - fraction):.0f} s left" if fraction > 0.05 else ""
            self.progress.value, self.time_left.value = fraction, html.escape(what) + left

    def _work(self, work, *arguments):
        """Do it; every error ends as one sentence in the widget."""
        try:
            work(*arguments)
            self.say(" ".join(self.notices) or f"Done in {time.monotonic() - self._started:.1f} s.")
        except Stopped:
            self.say("Stopped." + (" The earlier result is still here." if self.result is not None else ""))
        except Exception as error:
            self.tell(error)
        finally:
            self._set_busy(False)
            self.progress.value, self.time_left.value = 0, ""

    def tell(self, error: Exception) -> None:
        """Show an error in one sentence."""
        sentence = str(error)
        if not isinstance(error, UserError):
            logging.getLogger(__name__).error("the converter failed", exc_info=error)
            sentence = f"The converter failed on this {self.what} ({type(error).__name__}: {error}); "
            sentence += "the details are in the log. You can go on with another one."
        self.say(in_own_names(sentence), "error")
        if os.environ.get("NOTENINJA_TEST") == "1":
            raise error

    def _notice(self, told):
        """Keep warnings that are for the user until all is done."""
        sentences = map(in_own_names, notices(told, *self.songs))
        self.notices += [sentence for sentence in sentences if sentence not in self.notices]

    # ---- what most kinds of work begin with -----------------------------------------------------------

    def read(self, chooser: SongChooser) -> tuple[Path, str, str]:
        """The chosen song: its file, a title, and the file's name as the user gave it.

        A recording that can't be used is told here, before the networks are loaded, and one that is damaged
        but can be used when all is done.
        """
        path, title = chooser.song()
        self.songs.append(path)
        self.tell_progress(0.0, "reading the song")
        self.seconds = 0.0
        if path.suffix.lower() not in MIDI + SCORES + PICTURES:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always", UserWarning)
                self.seconds = len(sound.load(path)) / sound.SAMPLE_RATE
            self._notice(told)
        return path, title, in_own_names(str(path))

    def load(self) -> Callable:
        """The pipeline, loaded if it was not needed before."""
        if self.pipeline is None:
            self.tell_progress(0.0, "loading the networks")
            from noteninja_lib.pipeline import load_pipeline

            self.pipeline = load_pipeline()
        return self.pipeline

    def convert_with(self, method: str | None, *sources: object, seed: int, **wish: object) -> Conversion:
        """Call the pipeline, or one of its methods, with this widget's progress and the noise of a seed."""
        import torch  # takes seconds, so not before it is needed

        call, generator = getattr(self.load(), method or "__call__"), torch.Generator().manual_seed(seed)
        self._started = time.monotonic()  # loading does not spoil the time left
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", UserWarning)
            result = call(*sources, generator=generator, progress=self.tell_progress, **wish)
        self._notice(told)
        self.again = partial(self.convert_with, method, *sources, seed=seed, **wish)
        self.tell_progress(1.0, "drawing")
        return result
