"""The genre converter as a widget: choose song, genre, amount, tempo and mood; convert, compare, save.

What a lesson calls to get this or another widget over the pipeline stands here, so that it needs one import.

Lesson: 00_genre_converter
"""

import time
import warnings
from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets

from noteninja_lib import STEPS
from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio import io as sound
from noteninja_lib.errors import UserError
from noteninja_lib.music.harmony import NOTE_NAMES
from noteninja_lib.widgets.heard_panel import HeardPanel
from noteninja_lib.widgets.inputs import (
    SOUNDS,
    MoodChooser,
    SongChooser,
    Upload,
    genre_menu,
    seed_field,
    voice_buttons,
)
from noteninja_lib.widgets.interpolation import GenrePad, Journey, SongMixer
from noteninja_lib.widgets.players import LivePlayer, bundled_songs, hear
from noteninja_lib.widgets.style_sheet import fold, name_parts, row, short, slider
from noteninja_lib.widgets.tune_editor import Inventor
from noteninja_lib.widgets.workbench import Workbench

MORE = (
    "More <b>steps</b>: slower, and hardly finer. More <b>guidance</b>: obeys more "
    "strictly. Another <b>seed</b>: another player's version."
)
LONG = 60.0  # seconds from which a song is played while it is made: others are soon there
AHEAD = 1.8  # times that a second of a conversion takes as long as one of its beginning, with some to spare
LISTENED = 8.0  # seconds of a song in which a new genre is heard
MOST = 0.24  # share of a song that is made beforehand at most, so that the result is not much later


class GenreConverter(Workbench):
    """A song in, the same tune out in another genre: lesson 00; parameters as those of `Workbench`."""

    def __init__(self, pipeline: Callable | None = None, **options) -> None:
        super().__init__(pipeline, **options)
        self.chooser, self.mood = SongChooser(), MoodChooser()
        self.genre, self.seed, self.voice = genre_menu(), seed_field(), voice_buttons()
        self.strength = slider("amount", 1, 0, 1, 0.05, ".0%")
        self.tempo = slider("tempo", 1, 0.5, 2, 0.05, ".0%")
        look = {"description": "steps", "continuous_update": False}
        self.steps = widgets.IntSlider(value=STEPS, min=1, max=50, **look)
        self.guidance = slider("guidance", 2, 1, 6, 0.5)
        scale = widgets.HTML("0% keeps the recording as it is, 100% only the tune")
        look = {"description": "play a long song while it is made", "indent": False}
        self.at_once, self.live = widgets.Checkbox(value=True, **look), LivePlayer()
        of_keys = {"as it is": None} | {name: name for name in NOTE_NAMES}
        self.notes_key = widgets.Dropdown(options=of_keys, description="key")
        look = {"description": "chords", "continuous_update": False, "placeholder": "Am7 D7 | Gmaj7"}
        self.chords = widgets.Text(**look)
        details = (
            self.tempo,
            self.mood,
            row(*short(self.notes_key), self.chords),
            self.steps,
            self.guidance,
            self.seed,
            widgets.HTML(MORE),
        )
        self.more = fold("more: tempo, mood, steps, guidance, seed", *details)
        self.heard = HeardPanel(self.say, lambda: self.folder)
        self.hear_button = self.go_button("What is heard", "eye", self.write_down, primary=False)
        self.convert_button = self.go_button("Convert", "music", self.convert)
        self.stop_button.on_click(lambda _: self.live.stop())
        name_parts(self, "at_once chords genre more notes_key seed tempo voice", amount=self.strength)
        choices = row(*short(self.genre), self.voice, self.strength, scale)
        self.arrange(self.chooser, choices, below=(self.live, self.more, self.at_once, self.heard))

    def write_down(self, _: object = None) -> None:
        """Write down what is heard in the song, to be corrected; the handler of that button."""
        self.start(self._write_down)

    def _write_down(self):
        from noteninja_lib.lead_sheet import lead_of
        from noteninja_lib.pipeline import seconds_used
        from noteninja_lib.source import read_source

        path, title, _ = self.read(self.chooser)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", UserWarning)
            source = read_source(
                path, seconds_used(), lambda done: self.tell_progress(0.9 * done, "listening")
            )
            self.tell_progress(0.9, "writing down")
            self.heard.show(lead_of(source, title), path, source.audio)
        self._notice(told)
        self.notices.append("Correct what was misheard; Convert then plays your notes and chords.")

    def convert(self, _: object = None) -> None:
        """Start a conversion with what the controls say; the handler of the button Convert."""
        wish = {
            "genre": self.genre.value,
            "strength": self.strength.value,
            "rate": None if self.tempo.value == 1 else self.tempo.value,  # if None, the mood may change it
            "mood": self.mood.mood(),
            "voice": self.voice.value,
            "seed": self.seed.value,
        }
        notes = {"key": self.notes_key.value, "chords": self.chords.value.strip()}
        wish |= {name: value for name, value in notes.items() if value}
        self.start(self._convert, wish, self.steps.value, self.guidance.value)

    def _convert(self, wish, steps, guidance):
        source, title, name = self.read(self.chooser)
        sheet = self.heard.sheet_of(source)
        wish |= {"lead": sheet} if sheet else {}
        options = {"num_inference_steps": steps, "guidance_scale": guidance, **wish}
        try:
            self._play_ahead(source, **options)
            result = self.convert_with(None, source, **options)
        except BaseException:
            self.live.stop()
            raise
        changes = [f"amount {wish['strength']:.0%}"] if wish["strength"] < 1 else []
        if wish["rate"]:
            changes.append(f"tempo {wish['rate']:.0%}")
        if wish["mood"]:
            changes.append("mood {:+.1f} {:+.1f}".format(*wish["mood"]))
        if wish["voice"] != "keep":
            changes.append(f"voice {wish['voice']}")
        changes += [f"key {wish['key']}"] if "key" in wish else []
        changes += ["own chords"] if "chords" in wish else []
        changes += ["own notes"] if sheet else []
        after = ", ".join([wish["genre"], *changes])
        wish |= {"lead": sheet.to_record()} if sheet else {}
        settings = {"source": name, "steps": steps, "guidance": guidance, **wish}
        self.results.show(result, title, settings, after=after)
        self.live.finish()

    def _play_ahead(self, source, seed, **options):
        """Play as much of a long song as is heard while all of it is converted, which takes over then."""
        if not self.at_once.value or self.seconds < LONG:
            return
        pipe = self.load()
        import torch  # the pipeline has loaded it by now

        from noteninja_lib.streaming import streams

        if not streams(
            source, **{name: options.get(name) for name in ("genre", "mood", "rate", "lead", "key", "chords")}
        ):
            return
        self.live.start(self.seconds)
        self.tell_progress(0.0, "making the first sound")
        began, made, heard = time.monotonic(), 0.0, None

        def progress(done, what):
            self.tell_progress(0.0, f"{what}: the beginning")

        generator = torch.Generator().manual_seed(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # told once, when all is converted
            for sound in pipe.stream(source, generator=generator, progress=progress, **options):
                self.live.add(sound)
                now, made = time.monotonic(), made + len(sound) / STEREO_RATE
                heard = heard or now  # since when something is
                lasts = made - (now - heard)
                if lasts > AHEAD * self.seconds * (now - began) / made or made > MOST * self.seconds:
                    break  # what is not heard yet lasts until all is converted


class GenreMaker(Workbench):
    """Recordings in, a genre of one's own out: lesson 07; parameters as those of `Workbench`.

    Three songs are heard in it before, half way, and at the end.
    """

    what = "set of recordings"

    def __init__(self, pipeline: Callable | None = None, **options) -> None:
        super().__init__(pipeline, **options)
        self.name = widgets.Text(value="my band", description="name", continuous_update=False)
        look = {
            "description": "folder",
            "continuous_update": False,
            "placeholder": "for example C:/music/my band",
        }
        self.path = widgets.Text(**look)
        self.upload = Upload(accept=",".join(SOUNDS), multiple=True, description="or files")
        self.steps = widgets.IntSlider(value=600, min=100, max=2000, step=100, description="steps")
        self.heard = widgets.VBox()
        self.make_button = self.go_button("Make the genre", "magic", self.make)
        name_parts(self, "name path upload steps heard")
        rights = widgets.HTML("8 to 50 recordings. It will play as they do: take what you may use.")
        self.arrange(row(*short(self.name), self.path, self.upload), row(self.steps, rights))
        self.children = [*self.children[:-1], self.heard]

    def make(self, _: object = None) -> None:
        """Begin; the handler of the button."""
        path = self.path.value.strip().strip("\"'")  # as Windows copies it
        folder = Path(path).expanduser() if path else next((one.parent for one in self.upload.files), None)
        self.start(self._make, self.name.value.strip(), folder, self.steps.value)

    def _make(self, name, folder, steps):
        from noteninja_lib.fine_tuning import adapt, adapter_folder

        adapter_folder(name)  # what is wrong with the name is said first
        if folder is None:
            raise UserError(
                "Type the folder of your recordings, or choose files, and press the button again."
            )
        self.load()
        self.heard.children = ()
        for done, what in adapt(folder, name, self.folder / name, steps, workers=0, listen=self._listen):
            self.tell_progress(done, what)
        self.notices.append(f"{name} is a genre now: choose it wherever genres are chosen.")

    def _listen(self, when, pipe, near):
        """Three songs, or their beginnings, as the converter plays them now."""
        import torch

        players = []
        for title, song in list(bundled_songs().items())[:3]:
            self.tell_progress(self.progress.value, f"listening: {when}")
            audio = sound.load(song, duration=LISTENED)
            made = pipe(audio, near, generator=torch.Generator().manual_seed(0))
            players.append(hear(made.audio, f"{title}, {when}").data)
        self.heard.children += (widgets.HTML("".join(players)),)


converter, genre_pad, song_mixer, journey, inventor = GenreConverter, GenrePad, SongMixer, Journey, Inventor
genre_maker = GenreMaker


def sheet_reader(pipeline: Callable | None = None) -> Workbench:
    """The widget of lesson 10: a printed page in, its tune out, as it stands and in a genre.

    Parameters
    ----------
    pipeline : NoteNinjaPipeline, optional
        The converter to use; if None, the trained one is loaded when a genre is first asked for.
    """
    from noteninja_lib.widgets.sheet_reader import SheetReader  # loads music21 and the engraver

    return SheetReader(pipeline)
