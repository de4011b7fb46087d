"""The genre converter as a widget: choose a song, a genre and an amount; convert, stop, compare, save.

The work runs in a thread of its own, because a busy kernel would not receive the press on Stop. Whatever goes
wrong is told in one sentence inside the widget, and the result before it stays. With ``NOTENINJA_TEST=1`` the
error is raised as well, so that a test sees it.

Lesson: 00_genre_converter
"""
import html
import logging
import os
import re
import threading
import time
import warnings
from pathlib import Path

import ipywidgets as widgets

from noteninja_lib import STEPS
from noteninja_lib.classroom.choosing import SongChooser
from noteninja_lib.classroom.players import SoundView, data_link, free_path, notes_to_midi
from noteninja_lib.classroom.style import meter, style_sheet
from noteninja_lib.errors import Stopped, UserError
from noteninja_lib.music.genres import GENRES
from noteninja_lib.sound import audio as sound

TUNE_KEPT = ("how much of the tune is heard again at the right time: 0% is no more than in some other song, "
             "100% as much as in a true recording of it in another genre")
GENRE_HEARD = ("how sure a second network, which only listens, is that this is {genre}; of the song before "
               "it said {was:.0%}; its first guess now is {most}")


def converter(pipeline=None):
    """The widget of lesson 00: a song in, the same tune out in another genre.

    Parameters
    ----------
    pipeline : NoteNinjaPipeline, optional
        The converter to use; if None, the trained one is loaded at the first conversion.

    Returns
    -------
    GenreConverter
    """
    return GenreConverter(pipeline)


class GenreConverter(widgets.VBox):
    """Controls, progress and results of a conversion.

    Parameters
    ----------
    pipeline : NoteNinjaPipeline, optional
        The converter to use; if None, the trained one is loaded at the first conversion.
    in_background : bool
        Whether Convert returns at once and the work goes on in a thread; without it, Stop can't be pressed.
    folder : str or Path
        Where Save writes; made when needed.
    """

    def __init__(self, pipeline=None, *, in_background=True, folder="outputs"):
        self.pipeline, self.in_background, self.folder = pipeline, in_background, Path(folder)
        self.result, self.thread = None, None
        self._shown, self._stop, self._told = {}, threading.Event(), 0.0
        self._build_controls()
        self._build_results()
        super().__init__([style_sheet(), self.chooser, self.controls, self.more, self.buttons,
                          self.message, self.results])
        self.add_class("nn-converter")

    # ---- what is on the screen ------------------------------------------------------------------------

    def _build_controls(self):
        self.chooser = SongChooser()
        self.genre = widgets.Dropdown(options=GENRES, value="jazz", description="genre")
        self.amount = widgets.FloatSlider(value=1.0, min=0, max=1, step=0.05, description="amount",
                                          readout_format=".2f", continuous_update=False)
        scale = widgets.HTML("0 keeps the recording as it is, 1 keeps only the tune")
        self.controls = widgets.HBox([self.genre, self.amount, scale])
        self.steps = widgets.IntSlider(value=STEPS, min=2, max=50, description="steps", continuous_update=False)
        self.guidance = widgets.FloatSlider(value=2.0, min=1, max=6, step=0.5, description="guidance",
                                            continuous_update=False)
        self.seed = widgets.BoundedIntText(value=0, min=0, max=2**31 - 1, description="seed")
        words = widgets.HTML("More <b>steps</b>: finer and slower. More <b>guidance</b>: obeys more "
                             "strictly. Another <b>seed</b>: another player's version.")
        self.more = widgets.Accordion([widgets.VBox([self.steps, self.guidance, self.seed, words])],
                                      selected_index=None)
        self.more.set_title(0, "more: steps, guidance, seed")
        self.convert_button = widgets.Button(description="Convert", button_style="primary", icon="music")
        self.stop_button = widgets.Button(description="Stop", icon="stop", disabled=True)
        self.progress = widgets.FloatProgress(value=0, min=0, max=1)
        self.time_left = widgets.HTML()
        self.message = widgets.HTML()
        self.stage = widgets.ToggleButton(value=False, description="large type", icon="expand")
        self.buttons = widgets.HBox([self.convert_button, self.stop_button, self.progress, self.time_left,
                                     self.stage])
        self.convert_button.on_click(self.convert)
        self.stop_button.on_click(self.stop)
        self.stage.observe(self._set_stage, "value")
        for part, handle in ((self.genre, "genre"), (self.amount, "amount"), (self.convert_button, "convert"),
                             (self.stop_button, "stop"), (self.progress, "progress"),
                             (self.stage, "stage-toggle"), (self.message, "message"), (self.controls, "row"),
                             (self.buttons, "row"), (self.time_left, "time-left"), (self.more, "more"),
                             (self.seed, "seed")):
            part.add_class(f"nn-{handle}")

    def _build_results(self):
        self.before, self.after = SoundView("before"), SoundView("after")
        pair = widgets.HBox([self.before, self.after])
        self.numbers = widgets.HTML()
        self.save_mp3 = widgets.Button(description="Save as mp3", icon="save")
        self.save_midi = widgets.Button(description="Save tune as MIDI", icon="save")
        self.saved = widgets.HTML()
        saving = widgets.HBox([self.save_mp3, self.save_midi, self.saved])
        self.results = widgets.VBox([pair, self.numbers, saving])
        self.results.layout.display = "none"
        self.save_mp3.on_click(lambda _: self.save("mp3"))
        self.save_midi.on_click(lambda _: self.save("mid"))
        for part, handle in ((pair, "pair"), (self.numbers, "numbers"), (saving, "row"),
                             (self.saved, "saved"), (self.save_mp3, "save-mp3"),
                             (self.save_midi, "save-midi"), (self.results, "results")):
            part.add_class(f"nn-{handle}")

    def _set_stage(self, change):
        (self.add_class if change["new"] else self.remove_class)("nn-stage")

    def _say(self, sentence, kind="info"):
        block = f'<div class="nn-{kind}" role="status">{html.escape(sentence)}</div>'
        self.message.value = block if sentence else ""

    # ---- converting -----------------------------------------------------------------------------------

    def convert(self, _=None):
        """Start a conversion with what the controls say; the handler of the button Convert."""
        if not self.convert_button.disabled:
            self._stop.clear()
            self.convert_button.disabled, self.stop_button.disabled = True, False
            self.progress.value, self._started, self._told = 0, time.monotonic(), 0.0
            self._say("")
            self.time_left.value = "starting"
            wish = {"genre": self.genre.value, "amount": self.amount.value, "seed": self.seed.value,
                    "num_inference_steps": self.steps.value, "guidance_scale": self.guidance.value}
            if self.in_background:
                self.thread = threading.Thread(target=self._work, args=(wish,), daemon=True)
                self.thread.start()
            else:
                self._work(wish)

    def stop(self, _=None):
        """Ask the running conversion to end; the handler of the button Stop."""
        self._stop.set()
        self.stop_button.disabled = True
        self.time_left.value = "stopping"

    def _progress(self, fraction, what):
        if self._stop.is_set():
            raise Stopped
        now = time.monotonic()
        if now - self._told > 0.1 or fraction >= 1:   # ten messages a second are enough for an eye
            self._told, passed = now, now - self._started
            left = f", about {passed / fraction * (1 - fraction):.0f} s left" if fraction > 0.05 else ""
            self.progress.value, self.time_left.value = fraction, html.escape(what) + left

    def _work(self, wish):
        """Load, convert and show; every error ends as one sentence in the widget."""
        try:
            self._convert(dict(wish))
        except Stopped:
            self._say("Stopped." + (" The earlier result is still here." if self.result is not None else ""))
        except Exception as error:
            self._tell(error)
        finally:
            self.convert_button.disabled, self.stop_button.disabled = False, True
            self.progress.value, self.time_left.value = 0, ""

    def _tell(self, error):
        if isinstance(error, UserError):
            self._say(str(error), "error")
        else:
            logging.getLogger(__name__).error("the converter failed", exc_info=error)
            self._say(f"The converter failed on this song ({type(error).__name__}: {error}); "
                      "the details are in the log. You can go on with another one.", "error")
        if os.environ.get("NOTENINJA_TEST") == "1":
            raise error

    def _convert(self, wish):
        import torch   # takes seconds, so not before it is needed

        path, title = self.chooser.song()
        self._progress(0.0, "reading the song")
        with warnings.catch_warnings(record=True) as notices:   # a damaged file that can still be used
            warnings.simplefilter("always", UserWarning)
            source = sound.load(path)
        if self.pipeline is None:
            self._progress(0.0, "loading the networks")
            from noteninja_lib.pipeline import load_pipeline
            self.pipeline = load_pipeline()
        self._started = time.monotonic()   # so that loading once does not spoil the time left
        seed = wish.pop("seed")
        dice = torch.Generator().manual_seed(seed)
        result = self.pipeline(source, generator=dice, progress=self._progress, **wish)
        self._progress(1.0, "drawing")
        self._show(result, {"title": title, "genre": wish["genre"], "amount": wish["amount"], "seed": seed})
        self._say(" ".join(str(notice.message) for notice in notices if notice.category is UserWarning)
                  or f"Done in {time.monotonic() - self._started:.1f} s.")

    def _show(self, result, wish):
        genre, heard, was = wish["genre"], result.genre_heard, result.source_genre
        self.before.show(f"before: {wish['title']}", result.source, result.notes)
        self.after.show(f"after: {genre}, amount {wish['amount']:.2f}", result.audio, result.notes)
        most = max(heard, key=heard.get)
        self.numbers.value = (
            meter("Tune kept", result.tune_kept, TUNE_KEPT)
            + meter(f"Heard as {genre}", heard[genre],
                    GENRE_HEARD.format(genre=genre, was=was[genre], most=most)))
        self.saved.value = ""
        self.result, self._shown = result, wish
        self.results.layout.display = ""

    # ---- saving ---------------------------------------------------------------------------------------

    def save(self, kind):
        """Write the shown result into the folder; the handler of both Save buttons.

        Parameters
        ----------
        kind : str
            "mp3" for the converted sound, "mid" for the tune that was heard in the song.
        """
        try:
            name = "_".join(re.findall(r"\w+", self._shown["title"]))
            version = f"_{self._shown['genre']}_{self._shown['amount']:.2f}_{self._shown['seed']}"
            path = self.folder / f"{name}{version if kind == 'mp3' else '_tune'}.{kind}"
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                path = free_path(path)
                if kind == "mp3":
                    sound.save(path, self.result.audio)
                else:
                    notes_to_midi(self.result.notes).write(str(path))
            except OSError as error:
                raise UserError(f"Can't write to {self.folder}: {error.strerror}; choose a folder that you "
                                "may write to, with converter.folder = 'PATH'.") from error
            mime = "audio/mpeg" if kind == "mp3" else "audio/midi"
            link = data_link(path.read_bytes(), mime, path.name, "download")
            self.saved.value = f"saved as <code>{html.escape(path.as_posix())}</code> · {link}"
        except Exception as error:
            self._tell(error)
