"""The commands that measure the library and write its pictures and tables."""

import os
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from noteninja_lib import STEPS
from noteninja_lib.errors import UserError
from noteninja_lib.models.checkpoints import models_folder

app = typer.Typer(
    help="Measure the library, and write its tables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
sheets_app = typer.Typer(help="Test how well printed music is read.", no_args_is_help=True)
app.add_typer(sheets_app, name="sheets")

Out = Annotated[Path | None, Option(help="JSON file to write; the one in data/models by default.")]
Split = Annotated[str, Option(help="validation to choose checkpoints and settings, test to report.")]
Workers = Annotated[int, Option(min=1, help="Processes.")]
Steps = Annotated[int, Option(min=1, help="Inference steps.")]
Guidance = Annotated[float, Option(help="Guidance scale.")]
Tagger = Annotated[
    Path | None, Option(help="A Python program that hears genres in files; see benchmarks/README.md.")
]
Tunes = Annotated[
    int, Option(min=2, help="Tunes of the split; benchmarks/README.md says in how many genres.")
]
CORES = os.cpu_count() or 1


def shipped(out: Path | None, name: str, usual: bool = True) -> Path | None:
    """Where figures go: as asked for, or into data/models if they were measured as those that are shipped."""
    return out or (models_folder() / f"{name}.json" if usual else None)


def options_of(steps: int, guidance: float) -> dict:
    """Options for the pipeline."""
    return {"num_inference_steps": steps, "guidance_scale": guidance}


@app.command()
def benchmark(out: Out = None):
    """Measure speed and memory of a conversion on this machine."""
    from benchmarks.speed import report

    report(out)


@app.command()
def figures():
    """Make the pictures anew, and write the measured numbers into README.md and benchmarks/README.md."""
    from benchmarks.tables import make_figures, write_tables
    from noteninja_lib import data_folder

    for path in make_figures(data_folder().parent / "figures"):
        typer.echo(path)
    write_tables(data_folder().parent)


@app.command()
def evaluate(
    pairs: Annotated[int, Option(min=8, help="Conversions; four for each test tune.")] = 200,
    out: Out = None,
    oracle_soundfont: Annotated[
        Path | None, Option(help="Instruments of the oracle, the band's other take.")
    ] = None,
    data: Annotated[
        Path | None, Option(help="Convert the recordings of this data set instead, such as GTZAN.")
    ] = None,
    split: Split = "test",
    tagger: Tagger = None,
    steps: Steps = STEPS,
    guidance: Guidance = 2.0,
    workers: Workers = CORES,
    seed: int = 0,
):
    """Measure how good the conversions are, beside other ways, on tunes and instruments never trained on."""
    from benchmarks.evaluation import report

    out = shipped(out, "evaluation", not data and split == "test")
    setting = {"seed": seed, "split": split, "data": data, "other_soundfont": oracle_soundfont}
    report(pairs, out, workers=workers, tagger=tagger, options=options_of(steps, guidance), **setting)


@app.command()
def hearing(tunes: Tunes = 24, out: Out = None, seed: int = 0, workers: Workers = CORES):
    """Measure how much of a tune the piano roll holds, by genre and through mp3."""
    from benchmarks.note_recall import report

    report(tunes, seed, workers=workers, out=shipped(out, "hearing"))


@app.command()
def difficult(
    tunes: Tunes = 20,
    out: Out = None,
    steps: Steps = STEPS,
    guidance: Guidance = 2.0,
    seed: int = 0,
    workers: Workers = CORES,
):
    """Measure what is left of the tune of a small mp3, or of a recording in a hall or in a crowd."""
    from benchmarks.acoustic_conditions import report

    report(tunes, shipped(out, "difficult"), workers=workers, seed=seed, options=options_of(steps, guidance))


@app.command()
def amounts(
    tunes: Tunes = 40, out: Out = None, split: Split = "test", seed: int = 0, workers: Workers = CORES
):
    """Measure whether the amount slider leads evenly from the source to the conversion."""
    from benchmarks.strength import report

    report(tunes, shipped(out, "amounts", split == "test"), seed=seed, split=split, workers=workers)


@app.command()
def steps(
    step: Annotated[list[int] | None, Option("--steps", min=1, help="May be given several times.")] = None,
    scheduler: Annotated[list[str] | None, Option(help="euler, heun, dpm++ or unipc.")] = None,
    guidance: Annotated[list[float] | None, Option(help="Guidance scale; 1 is off.")] = None,
    guidance_interval: Annotated[
        list[str] | None, Option(help="Noise levels where guidance is on, such as 0.55-1.")
    ] = None,
    shift: Annotated[list[float] | None, Option(help="Above 1, more steps lie near the noise.")] = None,
    tunes: Tunes = 8,
    out: Out = None,
    seed: int = 0,
    workers: Workers = CORES,
):
    """Measure quality against time; what is given several times is combined, older ways stay in the file."""
    from benchmarks.samplers import parse_interval, report

    intervals = [parse_interval(text) for text in guidance_interval or ()]
    given = {
        "schedulers": scheduler,
        "steps": step,
        "scales": guidance,
        "intervals": intervals,
        "shifts": shift,
    }
    given = {name: values or () for name, values in given.items()}
    report(tunes, shipped(out, "steps"), seed=seed, workers=workers, **given)


@app.command("ablation")
@app.command()
def ladder(
    tunes: Tunes = 6,
    out: Out = None,
    data: Annotated[
        Path | None, Option(help="Any folder of real recordings, to measure those instead.")
    ] = None,
    split: Split = "test",
    seed: int = 0,
    workers: Workers = CORES,
):
    """Measure what each network costs in sharpness, up to the converter, and look for clicks and seams."""
    from benchmarks.networks import report

    out = shipped(out, "ladder", not data and split == "test")
    report(tunes, out, workers=workers, seed=seed, split=split, data=data)


@app.command()
def steering(
    only: Annotated[
        list[str] | None,
        Option(help="interpolation, inversion, inventions, tempo, mood or length; all of them by default."),
    ] = None,
    share: Annotated[float, Option(min=0.01, max=10, help="Of the usual number of measurements.")] = 1.0,
    out: Out = None,
    split: Split = "test",
    workers: Workers = CORES,
    seed: int = 0,
):
    """Measure what each knob does: paths and mixtures, inversion, inventions, tempo, mood, length."""
    from benchmarks.controls import report

    out = shipped(out, "steering", split == "test" and share == 1 and seed == 0)
    report(out, only or (), share, seed=seed, split=split, workers=workers)


@sheets_app.command()
def make(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
    pages: Annotated[int, Option(min=4, help="Pages in all.")] = 40,
    seed: int = 1,
):
    """Engrave more pages of test tunes, with their truth; needs `lilypond` and `mscore3` on the PATH."""
    from benchmarks.sheet_music.printed_pages import make_sheets

    make_sheets(folder, pages, seed)


@sheets_app.command("measure")
def measure_sheets(
    folder: Annotated[Path | None, typer.Argument(help="Pages to read; the frozen ones by default.")] = None,
    out: Out = None,
    scores: Annotated[Path | None, Option(help="Folder for truth and readings as MusicXML.")] = None,
):
    """Measure how well printed music is read, on pages by engravers that the reader never learned from."""
    from benchmarks.sheet_music.reading_errors import report

    report(folder, shipped(out, "sheets", not folder), scores=scores)


@app.command()
def check(
    clips: Annotated[int, Option(min=1, help="Recordings of each genre.")] = 20,
    tagger: Tagger = None,
    soundfont: Annotated[
        Path | None, Option(help="An .sf2 or .sf3 file; the small default one if not given.")
    ] = None,
    out: Out = None,
    seed: int = 0,
    workers: Workers = CORES,
):
    """Measure what the band plays: traits of genres, mood, speed, and what an outside listener hears."""
    from benchmarks.arrangements import report

    report(clips, shipped(out, "band"), seed=seed, soundfont=soundfont, tagger=tagger, workers=workers)


@app.command()
def calibrate(tunes: Tunes = 16, workers: Workers = CORES):
    """After training: spread the amount slider evenly, and find the ends of the tune-kept scale."""
    from benchmarks.calibration import calibrate as measure
    from noteninja_lib.pipeline import assemble

    settings = measure(tunes, workers=workers)
    assemble(models_folder(), **settings)
    typer.echo(str(settings))


def main():
    """Run the command line; what the user can mend is told in one sentence, with exit status 2."""
    try:
        app()
    except UserError as problem:
        typer.echo(f"benchmarks: {problem}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
