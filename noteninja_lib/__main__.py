"""The command line: each verb is a few lines over the library. `noteninja --help` lists them."""
import os
import sys
from pathlib import Path
from typing import Annotated, List, Optional

if sys.argv[1:2] not in (["convert"], ["benchmark"]):      # with the cores to themselves these are a fifth faster without
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")     # processes that share the cores must not spin while they wait

import typer  # noqa: E402

from .errors import UserError  # noqa: E402
from .measuring import app as measuring_app  # noqa: E402
from .playing import app as playing_app  # noqa: E402

app = typer.Typer(help="Hear the same tune in another genre.", no_args_is_help=True, add_completion=False,
                  pretty_exceptions_enable=False)
dataset_app = typer.Typer(help="Make, open and check data sets: GTZAN, or the band's own in its shape.", no_args_is_help=True)
app.add_typer(dataset_app, name="dataset")
app.add_typer(playing_app)
app.add_typer(measuring_app)                            # without a name: its commands stand beside the others


def bar(pairs, unit):
    """Show (done, all) pairs as a progress bar with the time left; Ctrl-C ends it with a sentence."""
    import signal

    from tqdm import tqdm
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        done, total = next(pairs)                           # what is wrong with the arguments is said before a bar is drawn
        with tqdm(unit=unit, dynamic_ncols=True, initial=done, total=total) as shown:
            for done, _ in pairs:
                shown.update(done - shown.n)
    except KeyboardInterrupt:
        typer.echo("Stopped; the same command goes on from there.", err=True)
        raise typer.Exit(130) from None


@dataset_app.command()
def build(out: Annotated[Path, typer.Option(help="Folder to make.")],
          hours: Annotated[float, typer.Option(min=0.001, help="Hours of sound.")] = 1.0,
          split: Annotated[str, typer.Option(help="train, validation or test.")] = "train",
          seconds: Annotated[float, typer.Option(min=3, help="Length of each clip.")] = 30.0,
          versions: Annotated[int, typer.Option(min=1, max=10, help="Genres in which each tune is played.")] = 10,
          soundfont: Annotated[Optional[List[Path]], typer.Option(help="May be given several times.")] = None,
          seed: int = 0, moods: Annotated[float, typer.Option(min=0, max=1, help="Share of clips with a mood.")] = 0.3,
          workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
          shard: Annotated[str, typer.Option(help="This job and the number of jobs, such as 0/4.")] = "0/1"):
    """Render tunes in several genres, in step with each other; can be stopped and started again."""
    from .dataset import build as render
    from .dataset import parse_shard
    bar(render(out, hours, split=split, seconds=seconds, versions=versions, soundfonts=soundfont or (), seed=seed,
               moods=moods, workers=workers, shard=parse_shard(shard)), " tunes")


ANY_SET = "GTZAN's folder, or one made by `noteninja dataset build`; by default GTZAN if it is found, else a small set by the band."
ENGRAVED = " For the reader: a folder made by `noteninja dataset engrave`."
AnySet = Annotated[Optional[Path], typer.Argument(help=ANY_SET)]


@dataset_app.command()
def engrave(out: Annotated[Path, typer.Argument(help="Folder to make.")],
            lines: Annotated[int, typer.Option(min=1, help="Lines of music.")] = 30000,
            split: Annotated[str, typer.Option(help="train or validation: whose tunes.")] = "train", seed: int = 0,
            workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1):
    """Engrave lines of printed music, for `noteninja train reader`; can be stopped and started again."""
    from .dataset.strips import PART, build as make
    bar(make(out, lines, seed, workers, split), f" parts of {PART} lines")


@dataset_app.command()
def hear(data: AnySet = None, workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
         share: Annotated[float, typer.Option(min=0, max=1, help="Share of the recordings to listen to.")] = 1.0,
         worn: Annotated[float, typer.Option(min=0, max=1, help="Share of these heard through mp3, in a room or with noise.")] = 0.0):
    """Listen to a data set ahead of training, and keep what was heard."""
    from .dataset import hear_all, open_dataset
    bar(hear_all(open_dataset(data), workers, share, worn), " recordings")


@dataset_app.command()
def info(data: AnySet = None):
    """Say what a data set holds, how it is split, and what is known to be wrong with it."""
    from .dataset import GTZAN, open_dataset
    opened = open_dataset(data)
    typer.echo(opened.summary())
    if isinstance(opened, GTZAN):
        typer.echo(opened.faults())


@dataset_app.command()
def validate(data: AnySet = None):
    """Read all recordings and list those that cannot be used; the exit status is 1 if there are any."""
    from .dataset import open_dataset
    report = open_dataset(data, tell=None).validate()
    typer.echo(str(report))
    if report.problems:
        raise typer.Exit(1)


@dataset_app.command()
def repetitions(data: AnySet = None, likeness: Annotated[float, typer.Option(min=0, max=1)] = 0.85):
    """List recordings that occur twice, also shifted in time, louder or coded differently."""
    from .dataset import find_repetitions, open_dataset
    opened = open_dataset(data)
    for one in find_repetitions(opened, likeness):
        typer.echo(f"{one.likeness:.3f}  {opened.index[one.first].file}  {opened.index[one.second].file}  "
                   f"begins {one.shift:.1f} s later")


@dataset_app.command()
def check(clips: Annotated[int, typer.Option(min=1, help="Recordings of each genre.")] = 20,
          tagger: Annotated[Optional[Path], typer.Option(help="A Python program that hears genres in files; see the README.")] = None,
          soundfont: Annotated[Optional[Path], typer.Option(help="An .sf2 or .sf3 file; the small default one if not given.")] = None,
          out: Annotated[Optional[Path], typer.Option(help="JSON file to write; data/models/band.json by default.")] = None,
          seed: int = 0, workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1):
    """Measure what the band plays: traits of genres, mood, speed, and what an outside listener hears."""
    from .evaluation.bandcheck import report
    from .model.weights import models_folder
    report(clips, out or models_folder() / "band.json", seed=seed, soundfont=soundfont, tagger=tagger, workers=workers)


@app.command()
def train(network: Annotated[str, typer.Argument(help="autoencoder, vocoder, lead, judge, diffusion, regression or reader.")],
          run: Annotated[Path, typer.Option(help="Folder for checkpoints; started again, training goes on from there.")],
          data: Annotated[Optional[Path], typer.Option(help=ANY_SET + ENGRAVED)] = None,
          steps: int = 2000, batch: int = 16, seed: int = 0, ema: float = 0.999,
          models: Annotated[Optional[Path], typer.Option(help="Where the weights go, and come from; data/models by default.")] = None,
          again: Annotated[bool, typer.Option(help="Begin from the weights that are there.")] = False,
          threads: Annotated[int, typer.Option(help="CPU threads; 0: all cores.")] = 0):
    """Train a network; stop it with Ctrl-C and start it again at will."""
    from .training import run_training
    from .model.weights import WHERE, models_folder
    from .pipeline import assemble
    saved = run_training(network, data, run, steps, batch, seed, ema, models, again, threads)
    models = models or models_folder()
    if saved and all((models / part).exists() for part in WHERE.values() if part != "reader"):     # of the pipeline
        assemble(models)


@app.command()
def calibrate(tunes: Annotated[int, typer.Option(min=2, help="Validation tunes.")] = 16,
              workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1):
    """After training: spread the amount slider evenly, and find the ends of the tune-kept scale."""
    from .evaluation.calibration import calibrate as measure
    from .model.weights import models_folder
    from .pipeline import assemble
    settings = measure(tunes, workers=workers)
    assemble(models_folder(), **settings)
    typer.echo(str(settings))


@app.command()
def band(genre: Annotated[str, typer.Option(help="One of the ten, or a recipe's .yaml file.")],
         tune: Annotated[str, typer.Option(help="Name of a tune, or a part of it; see `noteninja tunes`.")],
         out: Annotated[Path, typer.Option("-o", "--out", help="mp3 or wav to write.")],
         seed: int = 0, seconds: Annotated[float, typer.Option(min=1, max=600)] = 30.0,
         tempo: Annotated[Optional[float], typer.Option(help="Beats a minute; the genre's own by default.")] = None,
         valence: Annotated[float, typer.Option(min=-1, max=1)] = 0.0,
         arousal: Annotated[float, typer.Option(min=-1, max=1)] = 0.0,
         soundfont: Annotated[Optional[Path], typer.Option(help="An .sf2 or .sf3 file.")] = None):
    """Let the band play a tune in a genre."""
    from .music.band import arrange
    from .music.genres import load_recipe
    from .music.synthesis import render
    from .music.theory import find_tune
    from .sound.audio import check_writable, save
    check_writable(out)
    played = arrange(find_tune(tune), load_recipe(genre), seed, tempo=tempo, valence=valence, arousal=arousal, duration=seconds)
    save(out, render(played, soundfont))
    typer.echo(f"{out}: {played.tune.title}, {played.genre}, {played.tempo:.0f} beats a minute")


@app.command()
def tunes(text: Annotated[str, typer.Argument(help="Words to look for in names and titles.")] = ""):
    """List the band's tunes, or search them."""
    from .music.theory import load_tunes, search_tunes
    for tune in search_tunes(text) if text else load_tunes():
        typer.echo(f"{tune.name:50} {tune.metre:5} {tune.title}")


def main():
    """Run the command line; what the user can mend is told in one sentence, with exit status 2."""
    try:
        app(standalone_mode=True)
    except UserError as problem:
        typer.echo(f"noteninja: {problem}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
