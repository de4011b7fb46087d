"""The commands that measure, and write the README's pictures and numbers; `__main__` puts them beside the others."""

import os
from pathlib import Path
from typing import Annotated

import typer

from noteninja_lib import STEPS
from noteninja_lib.errors import UserError

app = typer.Typer(
    help="Measure the library, and write its tables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
sheets_app = typer.Typer(help="Test how well printed music is read.", no_args_is_help=True)
app.add_typer(sheets_app, name="sheets")


@app.command()
def benchmark(
    out: Annotated[
        Path | None, typer.Option(help="JSON file to write; data/models/benchmark.json by default.")
    ] = None,
):
    """Measure speed and memory of a conversion on this machine."""
    from benchmarks.speed import measure

    measure(out)


@app.command()
def figures():
    """Make the README's pictures anew, and write the measured numbers into it."""
    from benchmarks.tables import make_figures, write_readme
    from noteninja_lib import data_folder

    for path in make_figures(data_folder().parent / "figures"):
        typer.echo(path)
    write_readme(data_folder().parent / "README.md")


@app.command()
def evaluate(
    pairs: Annotated[int, typer.Option(min=8, help="Conversions; four for each test tune.")] = 200,
    out: Annotated[
        Path | None, typer.Option(help="JSON file to write; data/models/evaluation.json by default.")
    ] = None,
    oracle_soundfont: Annotated[
        Path | None, typer.Option(help="Instruments of the oracle, the band's other take.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Convert the recordings of this data set instead, such as GTZAN.")
    ] = None,
    split: Annotated[str, typer.Option(help="validation to choose checkpoints, test to report.")] = "test",
    tagger: Annotated[
        Path | None, typer.Option(help="A Python program that hears genres in files; see the README.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Inference steps.")] = STEPS,
    guidance: Annotated[float, typer.Option(help="Guidance scale.")] = 2.0,
    workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
    seed: int = 0,
):
    """Measure how good the conversions are, beside other ways to the same end, on tunes and instruments never heard in training."""
    from noteninja_lib.evaluation.comparison import report
    from noteninja_lib.models.checkpoints import models_folder

    shipped = not (out or data or split != "test")
    report(
        pairs,
        models_folder() / "evaluation.json" if shipped else out,
        workers=workers,
        tagger=tagger,
        seed=seed,
        split=split,
        data=data,
        other_soundfont=oracle_soundfont,
        options={"num_inference_steps": steps, "guidance_scale": guidance},
    )


@app.command()
def hearing(
    tunes: Annotated[int, typer.Option(min=2, help="Test tunes, each in all ten genres.")] = 24,
    out: Annotated[
        Path | None, typer.Option(help="JSON file to write; data/models/hearing.json by default.")
    ] = None,
    seed: int = 0,
    workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
):
    """Measure how much of a tune the piano roll holds, by genre and through mp3, on instruments never heard in training."""
    from benchmarks.note_recall import report
    from noteninja_lib.models.checkpoints import models_folder

    report(tunes, seed, workers=workers, out=out or models_folder() / "hearing.json")


@app.command()
def difficult(
    tunes: Annotated[
        int, typer.Option(min=2, help="Test tunes, each converted to one genre from six sources.")
    ] = 20,
    out: Annotated[
        Path | None, typer.Option(help="JSON file to write; data/models/difficult.json by default.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Inference steps.")] = STEPS,
    guidance: Annotated[float, typer.Option(help="Guidance scale.")] = 2.0,
    seed: int = 0,
    workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
):
    """Measure what is left of the tune when the source is a small mp3, a recording in a hall or in a crowd, beside the strongest rival."""
    from benchmarks.acoustic_conditions import report
    from noteninja_lib.models.checkpoints import models_folder

    report(
        tunes,
        out or models_folder() / "difficult.json",
        workers=workers,
        seed=seed,
        options={"num_inference_steps": steps, "guidance_scale": guidance},
    )


@app.command()
def amounts(
    tunes: Annotated[
        int, typer.Option(min=2, help="Test tunes, each converted to one genre by eleven amounts.")
    ] = 40,
    out: Annotated[
        Path | None, typer.Option(help="JSON file to write; data/models/amounts.json by default.")
    ] = None,
    split: Annotated[str, typer.Option(help="validation to try things, test to report.")] = "test",
    seed: int = 0,
    workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
):
    """Measure whether the amount slider leads evenly from the source to the conversion."""
    from benchmarks.strength import report
    from noteninja_lib.models.checkpoints import models_folder

    shipped = None if split != "test" else models_folder() / "amounts.json"
    report(tunes, out or shipped, seed=seed, split=split, workers=workers)


@app.command()
def steps(
    step: Annotated[
        list[int] | None, typer.Option("--steps", min=1, help="May be given several times.")
    ] = None,
    scheduler: Annotated[list[str] | None, typer.Option(help="euler, heun, dpm++ or unipc.")] = None,
    guidance: Annotated[list[float] | None, typer.Option(help="Guidance scale; 1 is off.")] = None,
    guidance_interval: Annotated[
        list[str] | None, typer.Option(help="Noise levels where guidance is on, such as 0.55-1.")
    ] = None,
    shift: Annotated[list[float] | None, typer.Option(help="Above 1, more steps lie near the noise.")] = None,
    tunes: Annotated[int, typer.Option(min=2, help="Validation tunes, each converted to three genres.")] = 8,
    out: Annotated[
        Path | None, typer.Option(help="JSON file to write; data/models/steps.json by default.")
    ] = None,
    seed: int = 0,
    workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
):
    """Measure quality against time; what is given several times is combined, and ways measured before stay in the file."""
    from benchmarks.samplers import parse_interval, report
    from noteninja_lib.models.checkpoints import models_folder

    report(
        tunes,
        out or models_folder() / "steps.json",
        seed=seed,
        workers=workers,
        schedulers=scheduler or (),
        steps=step or (),
        scales=guidance or (),
        intervals=[parse_interval(text) for text in guidance_interval or ()],
        shifts=shift or (),
    )


@app.command()
def ladder(
    tunes: Annotated[
        int, typer.Option(min=2, help="Test tunes, each in all ten genres; or tens of real recordings.")
    ] = 6,
    out: Annotated[
        Path | None, typer.Option(help="JSON file to write; data/models/ladder.json by default.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Any folder of real recordings, to measure those instead.")
    ] = None,
    split: Annotated[str, typer.Option(help="validation to choose checkpoints, test to report.")] = "test",
    seed: int = 0,
    workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
):
    """Measure what each network costs in sharpness, from the true recording up to the converter, and look for clicks and seams."""
    from benchmarks.networks import report
    from noteninja_lib.models.checkpoints import models_folder

    shipped = not (out or data or split != "test")
    report(
        tunes,
        models_folder() / "ladder.json" if shipped else out,
        workers=workers,
        seed=seed,
        split=split,
        data=data,
    )


@app.command()
def steering(
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="interpolation, inversion, inventions, tempo, mood or length; all of them by default."
        ),
    ] = None,
    share: Annotated[
        float, typer.Option(min=0.01, max=10, help="Of the usual number of measurements.")
    ] = 1.0,
    out: Annotated[
        Path | None, typer.Option(help="JSON file to write; data/models/steering.json by default.")
    ] = None,
    split: Annotated[str, typer.Option(help="validation to choose settings, test to report.")] = "test",
    workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
    seed: int = 0,
):
    """Measure what each knob does: paths and mixtures, inversion, inventions, tempo, mood, length."""
    from benchmarks.controls import report
    from noteninja_lib.models.checkpoints import models_folder

    shipped = split == "test" and share == 1 and seed == 0
    report(
        out or (models_folder() / "steering.json" if shipped else None),
        only or (),
        share,
        seed=seed,
        split=split,
        workers=workers,
    )


@sheets_app.command()
def make(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
    pages: Annotated[int, typer.Option(min=4, help="Pages in all.")] = 40,
    seed: int = 1,
):
    """Engrave more pages of test tunes, with their truth; needs LilyPond (lilypond) and MuseScore 3 (mscore3) on the PATH."""
    from benchmarks.sheet_music.printed_pages import make_sheets

    make_sheets(folder, pages, seed)


@sheets_app.command("measure")
def measure_sheets(
    folder: Annotated[Path | None, typer.Argument(help="Pages to read; the frozen ones by default.")] = None,
    out: Annotated[Path | None, typer.Option(help="JSON file; data/models/sheets.json by default.")] = None,
    scores: Annotated[Path | None, typer.Option(help="Folder for truth and readings as MusicXML.")] = None,
):
    """Measure how well printed music is read, on pages by engravers that the reader never learned from."""
    from benchmarks.sheet_music.reading_errors import report
    from noteninja_lib.models.checkpoints import models_folder

    report(folder, out or (None if folder else models_folder() / "sheets.json"), scores=scores)


@app.command()
def check(
    clips: Annotated[int, typer.Option(min=1, help="Recordings of each genre.")] = 20,
    tagger: Annotated[
        Path | None, typer.Option(help="A Python program that hears genres in files; see the README.")
    ] = None,
    soundfont: Annotated[
        Path | None, typer.Option(help="An .sf2 or .sf3 file; the small default one if not given.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="JSON file to write; data/models/band.json by default.")
    ] = None,
    seed: int = 0,
    workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
):
    """Measure what the band plays: traits of genres, mood, speed, and what an outside listener hears."""
    from benchmarks.arrangements import report
    from noteninja_lib.models.checkpoints import models_folder

    report(
        clips,
        out or models_folder() / "band.json",
        seed=seed,
        soundfont=soundfont,
        tagger=tagger,
        workers=workers,
    )


@app.command()
def calibrate(
    tunes: Annotated[int, typer.Option(min=2, help="Validation tunes.")] = 16,
    workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
):
    """After training: spread the amount slider evenly, and find the ends of the tune-kept scale."""
    from benchmarks.calibration import calibrate as measure
    from noteninja_lib.models.checkpoints import models_folder
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
