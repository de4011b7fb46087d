"""The command line's verbs for data sets, training, genres of one's own and the arranger."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from noteninja_lib.cluster import ADDRESS
from noteninja_lib.errors import UserError, choose, claimed

# Words of the command line that `python -m benchmarks` knows.
MEASURING = (
    "benchmark figures evaluate hearing difficult amounts ladder ablation steps steering singers sheets "
    "peers stereo calibrate records judge adapters leads scores humming kernels"
)
DATASETS = "Make, open and check data sets: GTZAN, or the band's own in its shape."
dataset_app = typer.Typer(help=DATASETS, no_args_is_help=True)
NewSeed = Annotated[int, Option(min=0)]
GENRES = "blues, classical, country, disco, hiphop, jazz, metal, pop, reggae, rock"
OF_DEGRADED = "Share of these heard through mp3, in a room or with noise."
OF_NETWORK = "converter, autoencoder, vocoder, lead, chords, judge, diffusion, distillation, regression, "
OF_NETWORK += "reader or marks."
OF_RUN = "Folder for checkpoints; started again, training goes on from there."
OF_MODELS = "Where the weights go, and come from; data/models by default."
BY_DEFAULT = "by default GTZAN if it is found, else a small set by the band."
OF_DATA = f"GTZAN's folder, or one made by `noteninja dataset build`; {BY_DEFAULT}"
OF_RECORDS = "A folder of other recordings, half of what autoencoder, vocoder or judge then learn from."
OF_SHARE = "Of the converter's examples that are records'; the others are the band's."
OF_BAND = "A set that `noteninja dataset build` made, for the converter; one is made by default."
OF_LINES = " For reader and marks: a folder made by `noteninja dataset engrave`; marks are written "
OF_LINES += "with the fonts that lie in its folder `fonts`, too."


def use_cluster(address: str | None) -> None:
    """Let the workers of a Dask cluster do what this process, and those it starts, spread."""
    if address:
        os.environ[ADDRESS] = address


AnySet = Annotated[Path | None, Argument(help=OF_DATA)]
Workers = Annotated[int, Option(min=1)]
OF_CLUSTER = "Dask's: local, or a scheduler's address such as tcp://desk:8786."
Cluster = Annotated[str | None, Option(help=OF_CLUSTER, callback=use_cluster)]
CORES = os.cpu_count() or 1
app = typer.Typer()
app.add_typer(dataset_app, name="dataset")


def use_models(folder: Path | None) -> None:
    """Take a converter's networks from a folder, in this process and those that it starts."""
    if folder and not (folder / "model_index.json").exists():
        raise UserError(f"{folder} holds no converter: `noteninja train converter` makes one.")
    if folder:
        os.environ["NOTENINJA_MODELS"] = str(folder.resolve())


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
    cluster: Cluster = None,
) -> None:
    """Render tunes in several genres, in step with each other; can be stopped and started again."""
    from noteninja_lib.datasets import build as render

    clips = {"split": split, "seconds": seconds, "versions": versions, "seed": seed, "moods": moods}
    clips |= {"sung": sung, "stereo": stereo}
    bar(render(out, hours, soundfonts=soundfont or (), workers=workers, **clips), " tunes")


@dataset_app.command()
def engrave(
    out: Annotated[Path, Argument(help="Folder to make.")],
    lines: Annotated[int, Option(min=1, help="Lines of music.")] = 30000,
    split: Annotated[str, Option(help="train or validation: whose tunes.")] = "train",
    seed: NewSeed = 0,
    workers: Workers = CORES,
    cluster: Cluster = None,
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
    cluster: Cluster = None,
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
    overwrite: Annotated[bool, Option("--overwrite", help="Write over --out where it exists.")] = False,
) -> None:
    """Let the band play a tune in a genre."""
    from noteninja_lib.arranger.arranger import arrange
    from noteninja_lib.arranger.recipe import list_genres, load_recipe
    from noteninja_lib.arranger.synthesis import render
    from noteninja_lib.audio.io import check_writable, save
    from noteninja_lib.music.tunes import find_tune

    check_writable(out)
    recipe = genre if genre.endswith((".yaml", ".yml")) else choose("genre", genre, list_genres())
    wish: dict = {"tempo": tempo, "valence": valence, "arousal": arousal, "duration": seconds}
    found = find_tune(tune)
    with claimed(out, [out.suffix], overwrite=overwrite):
        played = arrange(found, load_recipe(recipe), seed, **wish)
        save(out, render(played, soundfont, stereo=True))
    typer.echo(f"{out}: {found.title}, {played.genre}, {played.tempo:.0f} beats a minute")


@app.command()
def tunes(text: Annotated[str, Argument(help="Words to look for in names and titles.")] = "") -> None:
    """List the band's tunes, or search them."""
    from noteninja_lib.music.tunes import load_tunes, search_tunes

    for tune in search_tunes(text) if text else load_tunes():
        typer.echo(f"{tune.name:50} {tune.metre:5} {tune.title}")
