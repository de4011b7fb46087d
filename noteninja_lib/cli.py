"""The command line: each verb is a few lines over the library. `noteninja --help` lists them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from noteninja_lib.errors import UserError, check_range, make_folder

if TYPE_CHECKING:  # loads torch, which takes seconds: not before a command needs it
    from noteninja_lib.settings import Settings

SONGS = "Hear the same tune in another genre."
DATASETS = "Make, open and check data sets: GTZAN, or the band's own in its shape."
# Words of the command line that `python -m benchmarks` knows.
MEASURING = (
    "benchmark figures evaluate hearing difficult amounts ladder ablation steps steering singers sheets "
    "peers stereo calibrate records judge adapters"
)
ALSO = f"In a clone of the repository these measure: {MEASURING.replace(' ', ', ')}, dataset check."
app = typer.Typer(help=SONGS, epilog=ALSO, no_args_is_help=True, add_completion=False)
app.pretty_exceptions_enable = False
dataset_app = typer.Typer(help=DATASETS, no_args_is_help=True)
app.add_typer(dataset_app, name="dataset")

# ---- options that several commands share ---------------------------------------------------------------

SOUNDS = "mp3, wav, flac or ogg"
NewSeed = Annotated[int, Option(min=0)]
GENRES = "blues, classical, country, disco, hiphop, jazz, metal, pop, reggae, rock"
OF_KINDS = "Write beside it: mid (notes heard), musicxml (the tune), json (all settings)."
OF_VOICE = "A singer: keep (over the new band), play (an instrument takes the tune), off (neither)."
OF_GAIN = "dB by which a kept voice is louder beside its band than in the song, -24 to 24."
OF_PART = "Notes: the part or track that is the tune, by number or name; the likeliest by default."
OF_TUNE = "A book of ABC: the tune, by number (X:) or title; the first by default."
OF_REPEATS = "Notes: play each part once, without repeats and signs such as D.C."
OF_STEMS = "Write a kept voice and its band apart, too: 'NAME voice.wav' and 'NAME band.wav'."
OF_SONG = f"{SOUNDS}; or notes: MIDI, MusicXML, ABC, Humdrum, MEI; or a picture (png, jpg, pdf)."
OF_TEMPO = "Beats a minute such as 120, or a share of the song's own, 50% to 200%."
OF_PATH = "Genres along the piece in place of --to: blues,disco or blues:0,jazz:0.3,disco:1."
OF_MIXTURE = "Below 1 the sound of two songs is mixed too, not only their notes."
OF_MOTIF = "A few notes to begin with: ABC such as 'CDEF|G2G2', or a file (.abc, .mid, .musicxml)."
OF_READING = f"musicxml or mid; with --to {SOUNDS}."
OF_KEY = "The same for the key: sharps, or minus the flats, -7 to 7."
OF_JOURNEY = "From mood to mood: sad,calm,happy, or with places: sad:0,calm:0.3,happy:1."
OF_MOOD = "calm, happy, tense or sad; or valence and arousal from -1 to 1, such as 0.5,-0.3."
OF_DEGRADED = "Share of these heard through mp3, in a room or with noise."
OF_NETWORK = "converter, autoencoder, vocoder, lead, judge, diffusion, distillation, regression or reader."
OF_RUN = "Folder for checkpoints; started again, training goes on from there."
OF_MODELS = "Where the weights go, and come from; data/models by default."
BY_DEFAULT = "by default GTZAN if it is found, else a small set by the band."
OF_DATA = f"GTZAN's folder, or one made by `noteninja dataset build`; {BY_DEFAULT}"
OF_RECORDS = "A folder of other recordings, half of what autoencoder, vocoder or judge then learn from."
OF_SHARE = "Of the converter's examples that are records'; the others are the band's."
OF_BAND = "A set that `noteninja dataset build` made, for the converter; one is made by default."
OF_CONVERTER = "A converter's networks, such as those that `noteninja train converter` made."
OF_LINES = " For the reader: a folder made by `noteninja dataset engrave`."

Song = Annotated[Path, Argument(help=OF_SONG)]
Songs = Annotated[list[Path], Argument(help=OF_SONG)]
Genre = Annotated[str, Option(help=f"Genre: {GENRES}.")]
Minutes = Annotated[float, Option(help="Length of the result, up to 60.")]
Out = Annotated[Path | None, Option("-o", "--out", help=f"File to write ({SOUNDS}); a folder for several.")]
Seed = Annotated[int, Option(help="The same seed gives the same file.")]
AnySet = Annotated[Path | None, Argument(help=OF_DATA)]
Workers = Annotated[int, Option(min=1)]
CORES = os.cpu_count() or 1


@dataclass
class Common:
    """The options of a conversion; a command offers some of them, and the others keep their defaults."""

    tempo: Annotated[str | None, Option(help=OF_TEMPO)] = None
    mood: Annotated[str | None, Option(help=OF_MOOD)] = None
    amount: Annotated[float, Option(help="0: the source, 1: fully converted.")] = 1.0
    voice: Annotated[str, Option(help=OF_VOICE)] = "keep"
    voice_gain: Annotated[float, Option(help=OF_GAIN)] = 0.0
    part: Annotated[str | None, Option(help=OF_PART)] = None
    tune: Annotated[str | None, Option(help=OF_TUNE)] = None
    no_repeats: Annotated[bool, Option("--no-repeats", help=OF_REPEATS)] = False
    steps: Annotated[int, Option(help="Inference steps.")] = STEPS
    guidance: Annotated[float, Option(help="Guidance scale; 1 switches it off.")] = 2.0
    seed: Seed = 0
    kinds: Annotated[list[str], Option("--with", help=OF_KINDS)] = ("json",)  # type: ignore[assignment]
    stems: Annotated[bool, Option("--stems", help=OF_STEMS)] = False
    device: Annotated[str, Option(help="cpu, cuda or mps.")] = "cpu"
    models: Annotated[Path | None, Option(help=OF_CONVERTER)] = None
    json: Annotated[bool, Option("--json", help="Print one JSON object a song, for scripts.")] = False

    def settings(self, genre: str | dict | list, **given: object) -> "Settings":
        """`Settings` from what a user wrote; what is given as well takes the place of these options."""
        with quick_imports():
            from noteninja_lib.music.style import parse_mood, parse_tempo
            from noteninja_lib.settings import Settings

        own: dict = {"strength": self.amount, "steps": self.steps, "guidance": self.guidance}
        own |= {"voice": self.voice, "voice_gain": self.voice_gain}
        own |= {"part": self.part, "tune": self.tune, "repeats": not self.no_repeats}
        timing = dict([parse_tempo(self.tempo)]) if self.tempo else {}
        mood = None if self.mood is None else parse_mood(self.mood)
        return Settings(genre, **own | timing | {"mood": mood, "seed": self.seed} | given)

    def convert(self, songs: list[Path], settings: "Settings", out: Path | None) -> None:
        """Convert; the exit status is 2 if a song could not be used."""
        with quick_imports():
            from noteninja_lib.batch import convert_files

        use_models(self.models)
        kinds = tuple(dict.fromkeys(self.kinds))
        shown: dict = {"kinds": kinds, "device": self.device, "as_json": self.json, "stems": self.stems}
        if convert_files(songs, settings, out, **shown):
            raise typer.Exit(2)


def use_models(folder: Path | None) -> None:
    """Take a converter's networks from a folder, in this process and those that it starts."""
    if folder and not (folder / "model_index.json").exists():
        raise UserError(f"{folder} holds no converter: `noteninja train converter` makes one.")
    if folder:
        os.environ["NOTENINJA_MODELS"] = str(folder.resolve())


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
    songs: Songs,
    to: Annotated[str | None, Option(help=f"Genre: {GENRES}.")] = None,
    out: Out = None,
    path: Annotated[str | None, Option(help=OF_PATH)] = None,
) -> None:
    """Convert songs to another genre and say how much of the tune was kept."""
    if (to is None) == (path is None):
        raise UserError(f"Give either --to with one genre or --path with several; the genres are {GENRES}.")
    with quick_imports():
        from noteninja_lib.music.style import parse_path

    common.convert(songs, common.settings(to or parse_path(path or "")), out)


@command("mood steps guidance seed device models json")
def interpolate(
    common: Common,
    songs: Songs,
    between: Annotated[str | None, Option(help="Two genres, such as jazz,rock.")] = None,
    to: Annotated[str, Option(help="Genre, where two songs or two seeds are mixed.")] = "jazz",
    seeds: Annotated[str | None, Option(help="Two seeds, such as 1,2.")] = None,
    share: Annotated[float | None, Option(help="Of the second, 0 to 1; all of --count if not given.")] = None,
    count: Annotated[int, Option(help="How many, from one end to the other.")] = 5,
    amount: Annotated[float, Option(help=OF_MIXTURE)] = 1.0,
    out: Out = None,
) -> None:
    """Play what lies between: two genres, two seeds, or two songs."""
    if sum((between is not None, seeds is not None, len(songs) == 2)) != 1 or len(songs) > 2:
        genres, two_seeds = "one song with --between and two genres", "one song with --seeds and two seeds"
        raise UserError(f"Give {genres}, {two_seeds}, or two songs.")
    check_range("count", count, 2, 100)
    if share is None and out is not None and out.suffix:
        raise UserError(f"{count} files go into a folder: give its name with --out, or one --share.")
    for one in [place / (count - 1) for place in range(count)] if share is None else [share]:
        check_range("share", one, 0, 1)
        if between:
            first, second = _two("--between", between, str)
            genre = {0.0: first, 1.0: second}.get(one) or {first: 1 - one, second: one}
            settings = common.settings(genre, strength=amount)
        elif seeds:
            first, second = _two("--seeds", seeds, int)
            settings = common.settings(to, strength=amount, seed=first, other_seed=second, share=one)
        else:
            settings = common.settings(to, strength=amount, second=str(songs[1]), share=one)
        place = out
        if share is None:
            place = (out or songs[0].parent) / f"{songs[0].stem} ({100 * one:03.0f}%).mp3"
            make_folder(place.parent)
        common.convert(songs[:1], settings, place)


def _two(name, text, kind):
    """Two values out of "a,b"."""
    try:
        first, second = (kind(part.strip()) for part in text.split(","))
    except ValueError:
        raise UserError(f"{name} takes two values with a comma between, not {text!r}.") from None
    return first, second


@command("tempo mood steps guidance device models json")
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
    from noteninja_lib.audio.io import check_writable
    from noteninja_lib.music.generation import invent
    from noteninja_lib.music.score_io import read_notes, write_score

    settings = common.settings(to, seed=seed)
    settings.check()
    check_writable(out)
    tune = invent(seed, bars=bars, metre=metre, mode=mode, motif=read_notes(notes) if notes else None)
    usual = sum(load_recipe(nearest_genre(to)).tempo) / 2
    written = out.with_name(f"{out.stem} (tune).musicxml")
    write_score(tune, written, usual)
    common.convert([written], settings if common.tempo else replace(settings, tempo=usual), out)


@command("tempo mood steps guidance seed kinds device models json")
def read(
    common: Common,
    page: Annotated[Path, Argument(help="Printed music, one staff a line, one voice: png, jpg or pdf.")],
    out: Annotated[Path | None, Option("-o", "--out", help=OF_READING)] = None,
    clef: Annotated[str | None, Option(help="In place of what is read: treble, bass, alto or tenor.")] = None,
    key: Annotated[int | None, Option(help=OF_KEY)] = None,
    metre: Annotated[str | None, Option(help="The same for the metre: such as 3/4, 6/8, C or 'C|'.")] = None,
    to: Annotated[str | None, Option(help=f"Play it in a genre: {GENRES}.")] = None,
) -> None:
    """Read printed music: write it as MusicXML or MIDI, or play it in a genre (the tune is written beside, \
as MusicXML)."""
    from tqdm import tqdm

    from noteninja_lib.audio.io import check_writable
    from noteninja_lib.omr.recognition import check_suffix, read_sheet
    from noteninja_lib.omr.score import TEMPO

    settings = common.settings(to or "jazz")
    if to:
        settings.check()
        out = out or page.with_name(f"{page.stem} ({to}).mp3")
        check_writable(out)
    elif out:
        check_suffix(out)
    with tqdm(total=100, unit="%", desc=page.name[:30], delay=1, leave=False, dynamic_ncols=True) as bar:
        wish = {"clef": clef, "key": key, "metre": metre}
        sheet = read_sheet(page, progress=lambda done: bar.update(min(100, 100 * done) - bar.n), **wish)
    typer.echo(dumps({"page": str(page), **sheet.summary()}) if common.json else f"{page}: {sheet}")
    if to and out:
        written = out.with_name(f"{out.stem} (tune).musicxml")
        sheet.save(written, played=True)
        own = None if common.mood or sheet.tempo == TEMPO else sheet.tempo
        common.convert([written], settings if common.tempo else replace(settings, tempo=own), out)
    elif out:
        more = [out.with_suffix(f".{kind}") for kind in common.kinds if kind in ("mid", "musicxml")]
        for file in (out, *more):
            sheet.save(file)


@command("tempo mood part tune no_repeats steps guidance seed device models json")
def extend(common: Common, song: Song, to: Genre, minutes: Minutes, out: Out = None) -> None:
    """Make a longer piece of a short one, with a form: intro, A A B A, ending."""
    common.convert([song], common.settings(to, seconds=60 * minutes), out)


@command("part tune no_repeats steps guidance seed device models json")
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


@command("stems device models json")
def again(
    common: Common,
    file: Annotated[Path, Argument(help="The JSON file that lies beside a result.")],
    out: Out = None,
) -> None:
    """Make a result again, from the JSON file beside it."""
    from noteninja_lib.batch import again as make_again

    use_models(common.models)
    make_again(file, out, device=common.device, as_json=common.json, stems=common.stems)


@command("json")
def separate(
    common: Common,
    songs: Annotated[list[Path], Argument(help=f"{SOUNDS}.")],
    out: Annotated[Path | None, Option("-o", "--out", help="Folder; beside each song by default.")] = None,
    format: Annotated[str, Option(help="wav (floating-point samples) or flac (24 bits).")] = "wav",
) -> None:
    """Part a recording into voice and band: 'SONG voice.wav' and 'SONG band.wav', which add up to it."""
    import signal

    from noteninja_lib.batch import separate_files

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # half-written files are cleared away
    if separate_files(songs, out, kind=format, as_json=common.json):
        raise typer.Exit(2)


# ---- data sets, training, and the band -----------------------------------------------------------------


@contextmanager
def in_order() -> Iterator[None]:
    """Ctrl-C, or a signal that does the same, ends what is done inside with a sentence."""
    import signal

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("Stopped; the same command goes on from there.", err=True)
        raise typer.Exit(130) from None


def bar(pairs: Iterator[tuple[int, int]], unit: str) -> None:
    """Show (done, all) pairs as a progress bar with the time left."""
    from tqdm import tqdm

    with in_order():
        done, total = next(pairs)  # what is wrong with the arguments is said before a bar is drawn
        with tqdm(unit=unit, dynamic_ncols=True, initial=done, total=total) as shown:
            for done, _ in pairs:
                shown.update(done - shown.n)


@dataset_app.command()
def build(
    out: Annotated[Path, Option(help="Folder to make.")],
    hours: Annotated[float, Option(min=0.001, help="Hours of sound.")] = 1.0,
    split: Annotated[str, Option(help="train, validation or test.")] = "train",
    seconds: Annotated[float, Option(min=3, help="Length of each clip.")] = 30.0,
    versions: Annotated[int, Option(min=1, max=10, help="Genres in which each tune is played.")] = 10,
    soundfont: Annotated[list[Path] | None, Option(help="May be given several times.")] = None,
    seed: NewSeed = 0,
    moods: Annotated[float, Option(min=0, max=1, help="Share of clips with a mood.")] = 0.3,
    sung: Annotated[float, Option(min=0, max=1, help="Share of clips whose tune is sung.")] = 0.0,
    stereo: Annotated[bool, Option("--stereo", help="44.1 kHz stereo, as the vocoder needs it.")] = False,
    workers: Workers = CORES,
    shard: Annotated[str, Option(help="This job and the number of jobs, such as 0/4.")] = "0/1",
) -> None:
    """Render tunes in several genres, in step with each other; can be stopped and started again."""
    from noteninja_lib.datasets import build as render
    from noteninja_lib.datasets import parse_shard

    clips = {"split": split, "seconds": seconds, "versions": versions, "seed": seed, "moods": moods}
    clips |= {"sung": sung, "stereo": stereo}
    fonts, part = soundfont or (), parse_shard(shard)
    bar(render(out, hours, soundfonts=fonts, workers=workers, shard=part, **clips), " tunes")


@dataset_app.command()
def engrave(
    out: Annotated[Path, Argument(help="Folder to make.")],
    lines: Annotated[int, Option(min=1, help="Lines of music.")] = 30000,
    split: Annotated[str, Option(help="train or validation: whose tunes.")] = "train",
    seed: NewSeed = 0,
    workers: Workers = CORES,
) -> None:
    """Engrave lines of printed music, for `noteninja train reader`; can be stopped and started again."""
    from noteninja_lib.omr.page_maker import PART
    from noteninja_lib.omr.page_maker import build as make

    bar(make(out, lines, seed, workers, split), f" parts of {PART} lines")


@dataset_app.command()
def hear(
    data: AnySet = None,
    workers: Workers = CORES,
    share: Annotated[float, Option(min=0, max=1, help="Share of the recordings to listen to.")] = 1.0,
    worn: Annotated[float, Option(min=0, max=1, help=OF_DEGRADED)] = 0.0,
) -> None:
    """Listen to a data set ahead of training, and keep what was heard."""
    from noteninja_lib.datasets import hear_all, open_dataset

    bar(hear_all(open_dataset(data), workers, share, worn), " recordings")


@dataset_app.command()
def info(data: AnySet = None) -> None:
    """Say what a data set holds, how it is split, and what is known to be wrong with it."""
    from noteninja_lib.datasets import GTZAN, open_dataset

    opened = open_dataset(data)
    typer.echo(opened.summary())
    if isinstance(opened, GTZAN):
        typer.echo(opened.faults())


@dataset_app.command()
def validate(data: AnySet = None) -> None:
    """Read all recordings and list those that cannot be used; the exit status is 1 if there are any."""
    from noteninja_lib.datasets import open_dataset

    report = open_dataset(data, tell=None).validate()
    typer.echo(str(report))
    if report.problems:
        raise typer.Exit(1)


@dataset_app.command()
def repetitions(data: AnySet = None, likeness: Annotated[float, Option(min=0, max=1)] = 0.85) -> None:
    """List recordings that occur twice, also shifted in time, louder or coded differently."""
    from noteninja_lib.datasets import find_repetitions, open_dataset

    opened = open_dataset(data)
    for one in find_repetitions(opened, likeness):
        first, second = (opened.index[number].file for number in (one.first, one.second))
        typer.echo(f"{one.likeness:.3f}  {first}  {second}  begins {one.shift:.1f} s later")


@app.command()
def train(
    network: Annotated[str, Argument(help=OF_NETWORK)],
    run: Annotated[Path, Option(help=OF_RUN)],
    data: Annotated[Path | None, Option(help=OF_DATA + OF_LINES)] = None,
    steps: int = 2000,
    batch: int = 16,
    seed: NewSeed = 0,
    ema: float = 0.999,
    models: Annotated[Path | None, Option(help=OF_MODELS)] = None,
    again: Annotated[bool, Option(help="Begin from the weights that are there.")] = False,
    threads: Annotated[int, Option(help="CPU threads; 0: all cores.")] = 0,
    records: Annotated[Path | None, Option(help=OF_RECORDS)] = None,
    share: Annotated[float, Option(min=0.01, max=1, help=OF_SHARE)] = 0.5,
    band: Annotated[Path | None, Option(help=OF_BAND)] = None,
    workers: Workers = CORES,
) -> None:
    """Train a network, or a whole converter; stop it with Ctrl-C and start it again at will."""
    if network == "converter":
        from noteninja_lib.fine_tuning import train_converter

        if records or again:
            raise UserError("A converter learns on by itself, from --data: leave out --again and --records.")
        given = {"ema": ema, "workers": workers, "threads": threads}
        with in_order():
            made = train_converter(data, run, steps, batch, share, band, seed, models=models, **given)
        if made:
            typer.echo(f"Made {made}: use it with `noteninja convert SONG --to jazz --models {made}`.")
            use_models(made)
            measure(["calibrate"])  # spreads the amount slider evenly
        return
    from noteninja_lib.fine_tuning import assemble
    from noteninja_lib.models.checkpoints import WHERE, models_folder
    from noteninja_lib.training import run_training

    saved = run_training(network, data, run, steps, batch, seed, ema, models, again, threads, records)
    models = models or models_folder()
    of_the_pipeline = [models / part for part in WHERE.values() if part != "reader"]
    if saved and all(part.exists() for part in of_the_pipeline):
        assemble(models)


@app.command()
def adapt(
    recordings: Annotated[Path, Argument(help="A folder with 8 to 50 recordings.")],
    name: Annotated[str, Option(help="Of the new genre, for --to and the widgets.")],
    run: Annotated[Path | None, Option(help=OF_RUN + " By default runs/NAME.")] = None,
    steps: Annotated[int, Option(min=1)] = 600,
    seed: NewSeed = 0,
    workers: Workers = CORES,
) -> None:
    """Make a genre of one's own of some recordings."""
    from tqdm import tqdm

    from noteninja_lib import fine_tuning as tuning

    steps_done = tuning.adapt(recordings, name, run or Path("runs") / name, steps, seed=seed, workers=workers)
    with in_order(), tqdm(total=100, dynamic_ncols=True, bar_format=tuning.BAR) as shown:
        for done, what in steps_done:
            shown.set_description_str(what)
            shown.update(100 * done - shown.n)
    typer.echo(f"Made the genre {name!r}: use it with `noteninja convert SONG --to {name!r}`.")


@app.command()
def genres(remove: Annotated[str | None, Option(help="A genre of one's own to take away.")] = None) -> None:
    """List the genres, those of one's own too."""
    from noteninja_lib.arranger.recipe import own_genres

    if remove is not None:
        from noteninja_lib.fine_tuning import remove_genre

        remove_genre(remove)
    typer.echo("\n".join([*GENRES.split(", "), *own_genres()]))


@app.command()
def band(
    genre: Annotated[str, Option(help="One of the ten, or a recipe's .yaml file.")],
    tune: Annotated[str, Option(help="Name of a tune, or a part of it; see `noteninja tunes`.")],
    out: Annotated[Path, Option("-o", "--out", help="mp3 or wav to write.")],
    seed: NewSeed = 0,
    seconds: Annotated[float, Option(min=1, max=600)] = 30.0,
    tempo: Annotated[float | None, Option(help="Beats a minute; the genre's own by default.")] = None,
    valence: Annotated[float, Option(min=-1, max=1)] = 0.0,
    arousal: Annotated[float, Option(min=-1, max=1)] = 0.0,
    soundfont: Annotated[Path | None, Option(help="An .sf2 or .sf3 file.")] = None,
) -> None:
    """Let the band play a tune in a genre."""
    from noteninja_lib.arranger.arranger import arrange
    from noteninja_lib.arranger.recipe import load_recipe
    from noteninja_lib.arranger.synthesis import render
    from noteninja_lib.audio.io import check_writable, save
    from noteninja_lib.music.tunes import find_tune

    check_writable(out)
    wish: dict = {"tempo": tempo, "valence": valence, "arousal": arousal, "duration": seconds}
    found = find_tune(tune)
    played = arrange(found, load_recipe(genre), seed, **wish)
    save(out, render(played, soundfont, stereo=True))
    typer.echo(f"{out}: {found.title}, {played.genre}, {played.tempo:.0f} beats a minute")


@app.command()
def tunes(text: Annotated[str, Argument(help="Words to look for in names and titles.")] = "") -> None:
    """List the band's tunes, or search them."""
    from noteninja_lib.music.tunes import load_tunes, search_tunes

    for tune in search_tunes(text) if text else load_tunes():
        typer.echo(f"{tune.name:50} {tune.metre:5} {tune.title}")


# ---- commands that measure -----------------------------------------------------------------------------


def measure(words: list[str]) -> None:
    """Hand a measuring command over to `python -m benchmarks`, which lies beside the library in a clone."""
    clone = Path(__file__).resolve().parent.parent
    if not (clone / "benchmarks").is_dir():
        needs = "measures, and needs the whole course: clone the repository and call it there"
        raise UserError(f"`noteninja {words[0]}` {needs}.")
    where = os.pathsep.join(filter(None, [str(clone), os.environ.get("PYTHONPATH")]))
    call = [
        sys.executable,
        "-P",
        "-m",
        "benchmarks",
        *words,
    ]  # -P: no folder of that name where the user stands
    process = subprocess.Popen(call, env=os.environ | {"PYTHONPATH": where})
    while True:
        try:
            raise SystemExit(process.wait())
        except KeyboardInterrupt:  # Ctrl-C is the child's to answer
            pass


def main() -> None:
    """Run the command line; what the user can mend is told in one sentence, with exit status 2."""
    try:
        words = sys.argv[1:]
        if words[:2] == ["dataset", "check"]:
            measure(words[1:])
        if words[:1] and words[0] in MEASURING.split():
            measure(words)
        app(standalone_mode=True)
    except UserError as problem:
        typer.echo(f"noteninja: {problem}", err=True)
        raise SystemExit(2) from None
