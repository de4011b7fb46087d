"""The command line: each verb is a few lines over the library. `noteninja --help` lists them."""

import io
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import wraps
from inspect import signature
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

# Processes that share the cores must not spin while they wait; these have them alone and gain a fifth.
if sys.argv[1:2] not in (["convert"], ["separate"], ["benchmark"]):
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import typer
from typer import Argument, Option

from noteninja_lib import STEPS, quick_imports
from noteninja_lib.cli_training import CORES, GENRES, MEASURING, Cluster, measure, use_models
from noteninja_lib.cli_training import app as making
from noteninja_lib.cluster import ADDRESS
from noteninja_lib.errors import (
    UserError,
    check_memory,
    check_range,
    choose,
    claimed,
    make_folder,
    told_by_typer,
    unexpected,
)

if TYPE_CHECKING:  # loads torch, which takes seconds: not before a command needs it
    from noteninja_lib.settings import Settings

SONGS = "Hear the same tune in another genre."
ALSO = f"In a clone of the repository these measure: {MEASURING.replace(' ', ', ')}, dataset check."
app = typer.Typer(help=SONGS, epilog=ALSO, no_args_is_help=True, add_completion=False)
app.pretty_exceptions_enable = False

# ---- options that several commands share ---------------------------------------------------------------

SOUNDS = "mp3, wav, flac or ogg"
OF_KINDS = "Write beside it, besides the settings (json): mid (notes heard), musicxml (the tune)."
OF_OVERWRITE = "Write over what has the result's name; else --out must be new, and other names get a number."
OF_AMOUNT = "0: the source, 1 or 100%: fully converted."
OF_BITS = "Of a sample in wav and flac: 16 or 24."
OF_VOICE = "A singer: keep (over the new band), play (an instrument takes the tune), off (neither)."
OF_GAIN = "dB by which a kept voice is louder beside its band than in the song, -24 to 24."
OF_PART = "Notes: the part or track that is the tune, by number or name; the likeliest by default."
OF_TUNE = "A book: the tune, by number (X: in ABC) or title; the first by default."
OF_REPEATS = "Notes: play each part once, without repeats and signs such as D.C."
OF_LEAD = "A corrected lead sheet of the song: `noteninja hear` writes them."
OF_SHEET = "File to write: .json (all of it), .musicxml, .mid, .abc; a folder for several."
OF_NEW_KEY = "The key to play in, such as Eb or 'F# minor'; a kept voice goes along, but not to another mode."
OF_CHORDS = "Chords that the band plays, again and again: 'Am7 D7 | Gmaj7'."
OF_STEMS = "Write a kept voice and its band apart, too: 'NAME voice.wav' and 'NAME band.wav'."
OF_SONG = f"{SOUNDS}; or notes: MIDI, MusicXML, ABC, Humdrum, MEI; or a picture (png, jpg, pdf)."
OF_TEMPO = "Beats a minute such as 120, or a share of the song's own, 50% to 200%."
OF_PATH = "Genres along the piece in place of --to: blues,disco or blues:0,jazz:0.3,disco:1."
OF_MIXTURE = "Below 1 the sound of two songs is mixed too, not only their notes."
OF_MOTIF = "A few notes to begin with: ABC such as 'CDEF|G2G2', or a file (.abc, .mid, .musicxml)."
OF_READING = f"musicxml or mid; with --to {SOUNDS}."
OF_TOP = "Of systems (piano, choir) the uppermost staffs, and of chords and voices the uppermost notes."
OF_KEY = "The same for the key: sharps, or minus the flats, -7 to 7."
OF_JOURNEY = "From mood to mood: sad,calm,happy, or with places: sad:0,calm:0.3,happy:1."
OF_MOOD = "calm, happy, tense or sad; or valence and arousal from -1 to 1, such as 0.5,-0.3."
OF_RUNNING = "Judge the answers anew: runs students' functions, in a process of its own."
OF_MANY = f"{OF_SONG} Or folders, for all recordings and notes in and below them."
OF_URLS = f"{OF_MANY} Or URLs, such as s3://bucket/song.mp3 (needs s3fs)."
OF_TARGET = f"File to write ({SOUNDS}); a folder, or its URL, for several."
OF_RESUME = "Go on where a run was stopped: leave out songs of which the very same result is there."
OF_WORKERS = "Convert so many songs at once, each on one thread; else one by one, on all cores."
OF_CONVERTER = "A converter's networks, such as those that `noteninja train converter` made."

Song = Annotated[Path, Argument(help=OF_SONG)]
Songs = Annotated[list[Path], Argument(help=OF_MANY)]
Genre = Annotated[str, Option(help=f"Genre: {GENRES}.")]
Minutes = Annotated[float, Option(help="Length of the result, up to 60.")]


def place(text: str) -> Path:
    """A file or folder to write: what ends in a slash is a folder, and is made."""
    if text.endswith(("/", os.sep)):
        try:
            make_folder(Path(text))
        except UserError as problem:
            raise typer.BadParameter(str(problem)) from None
    return Path(text)


def place_or_url(text: str) -> Path | str:
    """The same, or a URL for fsspec."""
    return text if "://" in text else place(text)


OF_OUT = f"File to write ({SOUNDS}); a folder for several."
Out = Annotated[Path | None, Option("-o", "--out", parser=place, metavar="PATH", help=OF_OUT)]
Seed = Annotated[int, Option(help="The same seed gives the same file.")]
Overwrite = Annotated[bool, Option("--overwrite", help=OF_OVERWRITE)]


@dataclass
class Common:
    """The options of a conversion; a command offers some of them, and the others keep their defaults."""

    tempo: Annotated[str | None, Option(help=OF_TEMPO)] = None
    mood: Annotated[str | None, Option(help=OF_MOOD)] = None
    amount: Annotated[str, Option(help=OF_AMOUNT, metavar="FLOAT")] = "1"
    voice: Annotated[str, Option(help=OF_VOICE)] = "keep"
    voice_gain: Annotated[float, Option(help=OF_GAIN)] = 0.0
    part: Annotated[str | None, Option(help=OF_PART)] = None
    tune: Annotated[str | None, Option(help=OF_TUNE)] = None
    no_repeats: Annotated[bool, Option("--no-repeats", help=OF_REPEATS)] = False
    lead: Annotated[str | None, Option(help=OF_LEAD)] = None
    key: Annotated[str | None, Option(help=OF_NEW_KEY)] = None
    transpose: Annotated[int, Option(help="Semitones, -12 to 12; a kept voice, too.")] = 0
    chords: Annotated[str | None, Option(help=OF_CHORDS)] = None
    steps: Annotated[int, Option(help="Inference steps.")] = STEPS
    guidance: Annotated[float, Option(help="Guidance scale; 1 switches it off.")] = 2.0
    seed: Seed = 0
    kinds: Annotated[list[str], Option("--with", help=OF_KINDS)] = ()  # type: ignore[assignment]
    bits: Annotated[int, Option(help=OF_BITS)] = 16
    stems: Annotated[bool, Option("--stems", help=OF_STEMS)] = False
    device: Annotated[str, Option(help="cpu, cuda or mps.")] = "cpu"
    models: Annotated[Path | None, Option(help=OF_CONVERTER)] = None
    json: Annotated[bool, Option("--json", help="Print one JSON object a song, for scripts.")] = False
    overwrite: Overwrite = False

    def settings(self, genre: str | dict | list, **given: object) -> "Settings":
        """`Settings` from what a user wrote; what is given as well takes the place of these options."""
        with quick_imports():
            from noteninja_lib.music.style import parse_genre, parse_mood, parse_share, parse_tempo
            from noteninja_lib.pipeline import VOICES
            from noteninja_lib.settings import Settings

        genre = parse_genre(genre) if isinstance(genre, str) else genre
        own: dict = {"strength": parse_share("amount", self.amount), "bits": self.bits}
        own |= {"steps": self.steps, "guidance": self.guidance}
        own |= {"voice": choose("voice", self.voice, VOICES), "voice_gain": self.voice_gain}
        own |= {"part": self.part, "tune": self.tune, "repeats": not self.no_repeats}
        own |= {"lead": self.lead, "key": self.key, "transpose": self.transpose, "chords": self.chords}
        timing = dict([parse_tempo(self.tempo)]) if self.tempo else {}
        mood = None if self.mood is None else parse_mood(self.mood)
        return Settings(genre, **own | timing | {"mood": mood, "seed": self.seed} | given)

    def convert(self, songs: list, settings: "Settings", out: Path | str | None, **files: object) -> None:
        """Convert; the exit status says if a song could not be used."""
        with quick_imports():
            from noteninja_lib.batch import convert_files

        end(convert_files(songs, settings, out, **self.ways() | {"kinds": self.kinds} | files), songs)

    def ways(self) -> dict:
        """How a result is made and told, as `batch` takes it."""
        use_models(self.models)
        shown = {"as_json": self.json, "stems": self.stems, "overwrite": self.overwrite}
        return {"device": self.device, **shown}


def end(failed: int, songs: list) -> None:
    """Exit with the number of songs that could not be used, 101 for more than 100; of one alone, with 2."""
    if failed:
        raise typer.Exit(min(failed, 101) if len(songs) > 1 or os.path.isdir(songs[0]) else 2)


def command(names: str) -> Callable[[Callable], Callable]:
    """Make a function a command: its last options are these of `Common`, which is its first argument."""

    def register(function: Callable) -> Callable:
        @wraps(function)
        def call(**given) -> None:
            function(Common(**{name: given.pop(name) for name in names.split()}), **given)

        _, *own = signature(function).parameters.values()
        shared = [signature(Common).parameters[name] for name in names.split()]
        setattr(call, "__signature__", signature(function).replace(parameters=own + shared))
        return app.command()(call)

    return register


# ---- conversions ---------------------------------------------------------------------------------------


@command(" ".join(one.name for one in fields(Common)))
def convert(
    common: Common,
    songs: Annotated[list[str], Argument(help=OF_URLS)],
    to: Annotated[str | None, Option(help=f"Genre: {GENRES}.")] = None,
    out: Annotated[
        str | None, Option("-o", "--out", parser=place_or_url, metavar="PATH", help=OF_TARGET)
    ] = None,
    path: Annotated[str | None, Option(help=OF_PATH)] = None,
    resume: Annotated[bool, Option("--resume", help=OF_RESUME)] = False,
    workers: Annotated[int | None, Option(min=1, help=OF_WORKERS)] = None,
    cluster: Cluster = None,
) -> None:
    """Convert songs to another genre and say how much of the tune was kept.

    Of several songs, the exit status says how many could not be used (101: more than 100).
    """
    if (to is None) == (path is None):
        raise UserError(f"Give either --to with one genre or --path with several; the genres are {GENRES}.")
    with quick_imports():
        from noteninja_lib.music.style import parse_path

    workers = workers or (CORES if os.environ.get(ADDRESS) else None)
    settings = common.settings(to or parse_path(path or ""))
    common.convert(songs, settings, out, resume=resume, workers=workers)


@command("mood steps guidance seed device models json overwrite")
def interpolate(
    common: Common,
    songs: Songs,
    between: Annotated[str | None, Option(help="Two genres, such as jazz,rock.")] = None,
    to: Annotated[str, Option(help="Genre, where two songs or two seeds are mixed.")] = "jazz",
    seeds: Annotated[str | None, Option(help="Two seeds, such as 1,2.")] = None,
    share: Annotated[
        str | None, Option(help="Of the second, 0 to 1; all of --count if not given.", metavar="FLOAT")
    ] = None,
    count: Annotated[int, Option(help="How many, from one end to the other.")] = 5,
    amount: Annotated[str, Option(help=OF_MIXTURE, metavar="FLOAT")] = "1",
    out: Out = None,
) -> None:
    """Play what lies between: two genres, two seeds, or two songs."""
    if sum((between is not None, seeds is not None, len(songs) == 2)) != 1 or len(songs) > 2:
        genres, two_seeds = "one song with --between and two genres", "one song with --seeds and two seeds"
        raise UserError(f"Give {genres}, {two_seeds}, or two songs.")
    from noteninja_lib.music.style import parse_genre, parse_share

    check_range("count", count, 2, 100)
    strength = parse_share("amount", amount)
    if share is None and out is not None and out.suffix:
        raise UserError(f"{count} files go into a folder: give its name with --out, or one --share.")
    if share is None and out is not None:
        make_folder(out)
    places = [place / (count - 1) for place in range(count)]
    for one in places if share is None else [parse_share("share", share)]:
        check_range("share", one, 0, 1)
        if between:
            first, second = _two("--between", between, parse_genre)
            genre = {0.0: first, 1.0: second}.get(one) or {first: 1 - one, second: one}
            settings = common.settings(genre, strength=strength)
        elif seeds:
            first, second = _two("--seeds", seeds, int)
            settings = common.settings(to, strength=strength, seed=first, other_seed=second, share=one)
        else:
            settings = common.settings(to, strength=strength, second=str(songs[1]), share=one)
        common.convert(songs[:1], settings, out)


def _two(name, text, kind):
    """Two values out of "a,b"."""
    try:
        first, second = (kind(part.strip()) for part in text.split(","))
    except UserError:
        raise
    except ValueError:
        raise UserError(f"{name} takes two values with a comma between, not {text!r}.") from None
    return first, second


@command("tempo mood steps guidance device models json overwrite")
def generate(
    common: Common,
    to: Genre,
    out: Annotated[Path, Option("-o", "--out", help=f"File to write: {SOUNDS}.")],
    seed: Seed = 0,
    bars: Annotated[int, Option(help="Even, 4 to 64.")] = 16,
    metre: Annotated[str, Option(help="Such as 4/4, 3/4 or 6/8.")] = "4/4",
    mode: Annotated[str | None, Option(help="major, minor, dorian or mixolydian; drawn by default.")] = None,
    notes: Annotated[str | None, Option(help=OF_MOTIF)] = None,
) -> None:
    """Invent a tune and play it in a genre; the tune is written beside the sound, as MusicXML."""
    from noteninja_lib.arranger.recipe import load_recipe, nearest_genre
    from noteninja_lib.batch import check_places
    from noteninja_lib.music.generation import invent
    from noteninja_lib.music.score_io import read_notes
    from noteninja_lib.music.score_writing import write_score
    from noteninja_lib.settings import TUNE

    settings = common.settings(to, seed=seed)
    settings.check()
    check_places([], [out], [out.suffix, ".json", TUNE], overwrite=common.overwrite)
    tune = invent(seed, bars=bars, metre=metre, mode=mode, motif=read_notes(notes) if notes else None)
    usual = sum(load_recipe(nearest_genre(str(settings.genre))).tempo) / 2
    with claimed(out, [out.suffix, ".json", TUNE], overwrite=common.overwrite):
        written = out.with_name(out.stem + TUNE)
        write_score(tune, written, usual)
        settings = settings if common.tempo else replace(settings, tempo=usual)
        common.convert([written], settings, out, overwrite=True)


@command("tempo mood steps guidance seed kinds device models json overwrite")
def read(
    common: Common,
    page: Annotated[Path, Argument(help="Printed music, one staff a line, one voice: png, jpg or pdf.")],
    out: Annotated[Path | None, Option("-o", "--out", parser=place, metavar="PATH", help=OF_READING)] = None,
    clef: Annotated[str | None, Option(help="In place of what is read: treble, bass, alto or tenor.")] = None,
    key: Annotated[int | None, Option(help=OF_KEY)] = None,
    metre: Annotated[str | None, Option(help="The same for the metre: such as 3/4, 6/8, C or 'C|'.")] = None,
    top: Annotated[bool, Option("--top", help=OF_TOP)] = False,
    tune: Annotated[int | None, Option(min=1, help="Of a book of several tunes, the one to take.")] = None,
    to: Annotated[str | None, Option(help=f"Play it in a genre: {GENRES}.")] = None,
) -> None:
    """Read printed music: write it as MusicXML or MIDI, or play it in a genre (the tune is written beside, \
as MusicXML)."""
    from tqdm import tqdm

    from noteninja_lib.batch import check_places
    from noteninja_lib.omr.recognition import check_suffix, read_sheet
    from noteninja_lib.omr.score import TEMPO
    from noteninja_lib.settings import FAMILY, KINDS, TUNE, default_name

    settings, free, kinds = common.settings(to or "jazz"), False, [".json"] if to else []
    kinds += [f".{choose('export', kind, KINDS)}" for kind in common.kinds if to or kind != "json"]
    if to:
        settings.check()
        free = out is None or out.is_dir()
        name = default_name(page, settings.label)
        out = (out or page.parent) / name if free else out
        check_places([page], [out], [out.suffix, TUNE, *kinds], free=free, overwrite=common.overwrite)
    whole_book = out is not None and not to and (out.is_dir() or not out.suffix)
    if whole_book:
        make_folder(out)
        ending = ".musicxml"
        check_places([page], [out / f"{page.stem}{ending}"], [ending], free=True, endings=[ending])
    elif out and not to:
        check_suffix(out)
        suffixes = [out.suffix, *kinds]
        check_places([page], [out], suffixes, overwrite=common.overwrite, endings=[out.suffix.lower()])
    with tqdm(total=100, unit="%", desc=page.name[:30], delay=1, leave=False, dynamic_ncols=True) as bar:
        wish = {"clef": clef, "key": key, "metre": metre, "upper": top}
        sheet = read_sheet(page, progress=lambda done: bar.update(min(100, 100 * done) - bar.n), **wish)
    tunes = sheet.tunes if tune is None else [sheet.tune_number(tune)]
    sheet = tunes[0] if len(tunes) == 1 else sheet
    typer.echo(dumps({"page": str(page), **sheet.summary()}) if common.json else f"{page}: {sheet}")
    for number, one in enumerate(tunes, 1) if len(tunes) > 1 and not common.json else ():
        typer.echo(f"tune {number}, {one.place()}: {one}")
    if out is None:
        return
    if len(tunes) > 1 and (to or not whole_book):
        advice = "choose one with --tune, or give a folder to write all of them"
        raise UserError(f"There are {len(tunes)} tunes in {page}: {advice}.")
    if whole_book:
        for one in tunes:
            name = out / f"{one.title}.musicxml"
            with claimed(name, [".musicxml", *kinds], (), common.overwrite) as name:
                for suffix in dict.fromkeys([".musicxml", *kinds]):
                    one.save(name.with_suffix(suffix))
        return
    suffixes, others = [out.suffix, *([TUNE] if to else []), *kinds], FAMILY if free else None
    with claimed(out, suffixes, others, common.overwrite) as out:
        if not to:
            for suffix in dict.fromkeys(suffixes):
                sheet.save(out.with_suffix(suffix))
            return
        written = out.with_name(out.stem + TUNE)
        sheet.save(written, played=True)
        own = None if common.mood or sheet.tempo == TEMPO else sheet.tempo
        settings = settings if common.tempo else replace(settings, tempo=own)
        common.convert([written], settings, out, overwrite=True)


FORMED = (
    "part tune no_repeats lead key transpose chords steps guidance seed bits device models json overwrite"
)


@command(f"tempo mood {FORMED}")
def extend(common: Common, song: Song, to: Genre, minutes: Minutes, out: Out = None) -> None:
    """Make a longer piece of a short one, with a form: intro, A A B A, ending."""
    common.convert([song], common.settings(to, seconds=60 * minutes), out)


@command(FORMED)
def journey(
    common: Common,
    song: Song,
    to: Genre,
    minutes: Minutes,
    moods: Annotated[str, Option(help=OF_JOURNEY)],
    out: Out = None,
) -> None:
    """Go from one mood to another over minutes (the iso principle: begin where the listener is)."""
    from noteninja_lib.music.style import parse_moods

    common.convert([song], common.settings(to, seconds=60 * minutes, mood=parse_moods(moods)), out)


@command("stems device models json overwrite")
def again(
    common: Common,
    file: Annotated[Path, Argument(help="The JSON file that lies beside a result.")],
    out: Out = None,
) -> None:
    """Make a result again, from the JSON file beside it."""
    from noteninja_lib.batch import again as make_again

    if make_again(file, out, **common.ways()):
        raise typer.Exit(2)


@command("stems device models json overwrite")
def redo(
    common: Common,
    file: Annotated[Path, Argument(help="The JSON file that lies beside a result.")],
    passage: Annotated[str, Option(help="Such as 0:32-0:48, in the result.")],
    seed: Annotated[int | None, Option(help="Of the passage; by default one that was not used.")] = None,
    out: Out = None,
) -> None:
    """Make one passage of a result anew, and leave the rest as it is."""
    from noteninja_lib.batch import again as make_again

    if make_again(file, out, passage=passage, seed=seed, **common.ways()):
        raise typer.Exit(2)


@command("json overwrite")
def hear(
    common: Common,
    songs: Songs,
    out: Annotated[Path | None, Option("-o", "--out", parser=place, metavar="PATH", help=OF_SHEET)] = None,
) -> None:
    """Write down what is heard in songs: a lead sheet (tune, chords, key, metre, tempo, form) to correct."""
    from noteninja_lib.batch import hear_files

    end(hear_files(songs, out, as_json=common.json, overwrite=common.overwrite), songs)


@command("json overwrite")
def separate(
    common: Common,
    songs: Annotated[list[Path], Argument(help=f"{SOUNDS}; or a folder of such, with all below it.")],
    out: Annotated[Path | None, Option("-o", "--out", help="Folder; beside each song by default.")] = None,
    format: Annotated[str, Option(help="wav (floating-point samples) or flac (24 bits).")] = "wav",
) -> None:
    """Part a recording into voice and band: 'SONG voice.wav' and 'SONG band.wav', which add up to it."""
    from noteninja_lib.batch import separate_files

    kind = choose("format", format, ("wav", "flac"))
    end(separate_files(songs, out, kind=kind, as_json=common.json, overwrite=common.overwrite), songs)


app.add_typer(making)  # data sets, training, and the band
course_app = typer.Typer(help="Hand lessons out, and collect the answers.", no_args_is_help=True)
app.add_typer(course_app, name="course")


@course_app.command("build")
def course_build(
    audience: Annotated[str, Option("--for", help="student or teacher (with solutions and notes).")],
    out: Annotated[Path, Option("--out", help="A folder; nothing in it is overwritten.")],
) -> None:
    """Write copies of the lessons for students, or for teachers (and for nbgrader)."""
    from noteninja_lib.course import build

    typer.echo(f"{len(build(audience, out))} lessons for a {audience} are in {out}.")


@course_app.command("collect")
def course_collect(
    folder: Annotated[Path, Argument(help="What students handed in: a folder for each of them.")],
    out: Annotated[Path | None, Option("--out", help="Table to write; answers.csv in the folder.")] = None,
    run: Annotated[bool, Option("--run", help=OF_RUNNING)] = False,
    seconds: Annotated[int, Option(help="With --run: the time for each answer.", min=1)] = 60,
) -> None:
    """Collect the answers in a table: who solved what."""
    from tqdm import tqdm

    from noteninja_lib.course import collect, write_table

    rows = collect(folder, run, seconds, lambda files: tqdm(files, unit="file", delay=1, leave=False))
    wanted = out or folder / "answers.csv"
    wanted = wanted / "answers.csv" if wanted.is_dir() else wanted
    with claimed(wanted, [wanted.suffix], ()) as table:
        typer.echo(f"{write_table(rows, table)}\nWith all answers: {table}")


def main() -> None:
    """Run the command line; what the user can mend is told in one sentence, with exit status 2."""
    words = sys.argv[1:]
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal can't show is no reason to stop
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # half-written files are cleared away
    try:
        if "--help" not in words:
            check_memory()
        if words[:2] == ["dataset", "check"]:
            measure(words[1:])
        if words[:1] and words[0] in MEASURING.split():
            measure(words)
        raise SystemExit(app(standalone_mode=False) or 0)
    except (KeyboardInterrupt, typer.Abort):
        raise SystemExit(130) from None
    except UserError as problem:
        told = str(problem)
    except (
        Exception
    ) as problem:  # typer's own errors have no class in common: some of its versions bring click
        if not hasattr(problem, "format_message"):
            typer.echo(f"noteninja: {unexpected(problem)}", err=True)
            raise SystemExit(1) from None
        if type(problem).__name__ == "NoArgsIsHelpError":
            typer.echo(str(problem))  # the help, where rich has not shown it yet
            raise SystemExit(2) from None
        told = told_by_typer(problem, words)
    typer.echo(f"noteninja: {told}", err=True)
    raise SystemExit(2)
