"""The result of a conversion on the screen: before and after, what was measured, and the buttons that save.

Lesson: 00_genre_converter
"""

import html
import json
import re
from dataclasses import replace

import ipywidgets as widgets

from noteninja_lib.audio import io as sound
from noteninja_lib.errors import UserError
from noteninja_lib.widgets.players import SoundView, data_link, free_path, notes_to_midi
from noteninja_lib.widgets.style_sheet import meter

TUNE_KEPT = (
    "how much of the tune is heard again at the right time: 0% is no more than in some other song, "
    "100% as much as in a true recording of it in another genre"
)
GENRE_HEARD = (
    "how sure a second network, which only listens, is that this is {genre}; of the song before "
    "it said {was:.0%}; its first guess now is {most}"
)
FORMATS = ("mp3", "wav", "flac")
MIMES = {
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mid": "audio/midi",
    ".json": "application/json",
    ".musicxml": "application/vnd.recordare.musicxml+xml",
}
LINKED = 5_000_000  # bytes: larger files are saved, but get no link, since it would carry them into the page


def measured(result, genre):
    """The two numbers that measure a conversion into one genre, as bars with a sentence each (HTML)."""
    heard, was = result.genre_heard, result.source_genre
    words = GENRE_HEARD.format(genre=genre, was=was[genre], most=max(heard, key=heard.get))
    return meter("Tune kept", result.tune_kept, TUNE_KEPT) + meter(f"Heard as {genre}", heard[genre], words)


def file_link(path):
    """The name of a file (HTML), as a link to download it where it is small enough to travel into the page."""
    name = html.escape(path.name)
    return (
        name
        if path.stat().st_size > LINKED
        else data_link(path.read_bytes(), MIMES[path.suffix], path.name, name)
    )


def save_into(folder, write):
    """Make a folder and let ``write(folder)`` put files there; returns the sentence (HTML) with links to them.

    Raises
    ------
    UserError
        Where the folder can't be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = write(folder)
    except OSError as error:
        raise UserError(
            f"Can't write to {folder}: {error.strerror}; choose a folder that you "
            "may write to, with converter.folder = 'PATH'."
        ) from error
    return f"saved in <code>{html.escape(folder.as_posix())}</code>: {', '.join(map(file_link, paths))}"


class Results(widgets.VBox):
    """Players with spectrograms, figures, and buttons that save; hidden until something was made.

    Parameters
    ----------
    bench : Workbench
        Knows the folder to save in, and tells errors.
    """

    def __init__(self, bench):
        self.bench, self.result, self.title, self.version, self.settings, self.facts = (
            bench,
            None,
            "",
            "",
            {},
            {},
        )
        self.before, self.after, self.numbers = SoundView("before"), SoundView("after"), widgets.HTML()
        self.save_mp3 = widgets.Button(description="Save as mp3", icon="save")
        self.save_midi = widgets.Button(description="Save tune as MIDI", icon="save")
        self.save_all = widgets.Button(
            description="Save everything",
            icon="save",
            tooltip="sound, MIDI of all notes, the tune as MusicXML, and all settings",
        )
        self.format = widgets.Dropdown(options=FORMATS, layout={"width": "6em"})
        self.saved = widgets.HTML()
        pair = widgets.HBox([self.before, self.after])
        saving = widgets.HBox([self.save_mp3, self.save_midi, self.save_all, self.format, self.saved])
        super().__init__([pair, self.numbers, saving])
        self.layout.display = "none"
        self.save_mp3.on_click(lambda _: self.save("mp3"))
        self.save_midi.on_click(lambda _: self.save("mid"))
        self.save_all.on_click(lambda _: self.save("everything"))
        for part, handle in (
            (pair, "pair"),
            (self.numbers, "numbers"),
            (saving, "row"),
            (self.saved, "saved"),
            (self.save_mp3, "save-mp3"),
            (self.save_midi, "save-midi"),
            (self.save_all, "save-all"),
            (self.format, "format"),
            (self, "results"),
        ):
            part.add_class(f"nn-{handle}")

    def show(
        self,
        result,
        title,
        after,
        numbers,
        *,
        version,
        settings,
        facts=None,
        before=None,
        same_tune=True,
        picture=None,
    ):
        """Show a conversion.

        Parameters
        ----------
        result : Conversion
        title : str
            Of the source; files are named after it.
        after : str
            What was asked for, for the heading.
        numbers : str
            HTML below the pictures.
        version : str
            What tells this result from others of the same song, for file names.
        settings : dict
            Fields of `noteninja_lib.settings.Settings` with which it was made.
        facts : dict, optional
            What else it takes to make it again, such as the notes that were played; JSON gets it as "made_from".
        before : str, optional
            What stands above the source, where that is not the title.
        same_tune : bool
            Whether the notes are those of the source, so that they may be drawn over it.
        picture : callable, optional
            Draws the picture of the result: ``picture(figure, result)``; else its spectrogram with the notes.
        """
        pace = len(result.source) / max(len(result.audio), 1)  # notes lie where they sound in the result
        source_notes = (
            [replace(note, start=note.start * pace, end=note.end * pace) for note in result.notes]
            if same_tune
            else []
        )
        self.before.show(f"before: {before or title}", result.source, source_notes)
        self.after.show(
            f"after: {after}",
            result.audio,
            result.notes,
            picture and (lambda figure: picture(figure, result)),
        )
        self.numbers.value, self.saved.value = numbers, ""
        self.result, self.title, self.settings, self.facts = result, title, settings, facts or {}
        self.version = re.sub(r"[^\w.+-]", "", version)
        self.layout.display = ""

    # ---- saving ---------------------------------------------------------------------------------------

    def save(self, kind):
        """Write the shown result into the folder; the handler of the Save buttons.

        Parameters
        ----------
        kind : str
            "mp3" for the sound, "mid" for the tune that was heard, "everything" for the sound in the chosen format
            with MIDI, MusicXML and settings beside it.
        """
        try:
            self.saved.value = save_into(self.bench.folder, lambda folder: self._write(kind, folder))
        except Exception as error:
            self.bench.tell(error)

    def _write(self, kind, folder):
        name = "_".join(re.findall(r"\w+", self.title))
        if kind == "mid":
            path = free_path(folder / f"{name}_tune.mid")
            notes_to_midi(self.result.notes).write(str(path))
            return [path]
        if kind != "everything":
            path = free_path(folder / f"{name}_{self.version}.{kind}")
            sound.save(path, self.result.audio)
            return [path]
        from noteninja_lib.settings import Settings, export

        path = free_path(folder / f"{name}_{self.version}.{self.format.value}", ".mid", ".musicxml", ".json")
        sound.save(path, self.result.audio)
        paths = export(self.result, path, Settings(**self.settings))
        if self.facts:
            record = json.loads(paths[-1].read_text("utf-8")) | {"made_from": self.facts}
            paths[-1].write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
        return [path, *paths]
