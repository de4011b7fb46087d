"""The command line: each verb is a few lines over the library. `noteninja --help` lists them."""

import os
import subprocess
import sys
from dataclasses import replace
from json import dumps
from pathlib import Path
from typing import Annotated

if sys.argv[1:2] not in (
    ["convert"],
    ["benchmark"],
):  # with the cores to themselves these are a fifth faster without
    os.environ.setdefault(
        "OMP_WAIT_POLICY", "PASSIVE"
    )  # processes that share the cores must not spin while they wait

import typer

from noteninja_lib import STEPS, data_folder
from noteninja_lib.errors import UserError, check_range

app = typer.Typer(
    help="Hear the same tune in another genre.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
dataset_app = typer.Typer(
    help="Make, open and check data sets: GTZAN, or the band's own in its shape.", no_args_is_help=True
)
app.add_typer(dataset_app, name="dataset")

Songs = Annotated[
    list[Path],
    typer.Argument(
        help="mp3, wav, flac or ogg; or notes: MIDI, MusicXML, ABC, or a picture (png, jpg, pdf)."
    ),
]
Song = Annotated[
    Path,
    typer.Argument(
        help="mp3, wav, flac or ogg; or notes: MIDI, MusicXML, ABC, or a picture (png, jpg, pdf)."
    ),
]
GENRES = "blues, classical, country, disco, hiphop, jazz, metal, pop, reggae, rock"
Genre = Annotated[str, typer.Option(help=f"Genre: {GENRES}.")]
Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", help="File to write (mp3, wav, flac or ogg); a folder for several."),
]
Steps = Annotated[int, typer.Option(help="Inference steps.")]
Guidance = Annotated[float, typer.Option(help="Guidance scale; 1 switches it off.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same file.")]
Tempo = Annotated[
    str | None, typer.Option(help="Beats a minute such as 120, or a share of the song's own, 50% to 200%.")
]
Mood = Annotated[
    str | None,
    typer.Option(help="calm, happy, tense or sad; or valence and arousal from -1 to 1, such as 0.5,-0.3."),
]
Kinds = Annotated[
    list[str],
    typer.Option(
        "--with", help="Write beside it: mid (notes heard), musicxml (the tune), json (all settings)."
    ),
]
Device = Annotated[str, typer.Option(help="cpu, cuda or mps.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a song, for scripts.")]


def settings_of(genre, *, tempo=None, mood=None, **given):
    """`Settings` from what a user wrote."""
    from noteninja_lib.music.style import parse_mood, parse_tempo
    from noteninja_lib.settings import Settings

    timing = dict([parse_tempo(tempo)]) if tempo else {}
    return Settings(genre, mood=parse_mood(mood) if isinstance(mood, str) else mood, **timing, **given)


def run(songs, settings, out, kinds=("json",), device="cpu", as_json=False):
    """Convert; the exit status is 2 if a song could not be used."""
    from noteninja_lib.batch import convert_files

    if convert_files(songs, settings, out, kinds=tuple(dict.fromkeys(kinds)), device=device, as_json=as_json):
        raise typer.Exit(2)


@app.command()
def convert(
    songs: Songs,
    to: Annotated[str | None, typer.Option(help=f"Genre: {GENRES}.")] = None,
    out: Out = None,
    path: Annotated[
        str | None,
        typer.Option(
            help="Genres along the piece in place of --to: blues,disco or blues:0,jazz:0.3,disco:1."
        ),
    ] = None,
    tempo: Tempo = None,
    mood: Mood = None,
    amount: Annotated[float, typer.Option(help="0: the source, 1: fully converted.")] = 1.0,
    steps: Steps = STEPS,
    guidance: Guidance = 2.0,
    seed: Seed = 0,
    kinds: Kinds = ("json",),
    device: Device = "cpu",
    json: Json = False,
):
    """Convert songs to another genre and say how much of the tune was kept."""
    from noteninja_lib.music.style import parse_path

    if (to is None) == (path is None):
        raise UserError(f"Give either --to with one genre or --path with several; the genres are {GENRES}.")
    settings = settings_of(
        to or parse_path(path),
        amount=amount,
        steps=steps,
        guidance=guidance,
        seed=seed,
        tempo=tempo,
        mood=mood,
    )
    run(songs, settings, out, kinds, device, json)


@app.command()
def interpolate(
    songs: Songs,
    between: Annotated[str | None, typer.Option(help="Two genres, such as jazz,rock.")] = None,
    to: Annotated[str, typer.Option(help="Genre, where two songs or two seeds are mixed.")] = "jazz",
    seeds: Annotated[str | None, typer.Option(help="Two seeds, such as 1,2.")] = None,
    share: Annotated[
        float | None, typer.Option(help="Of the second, 0 to 1; all of --count if not given.")
    ] = None,
    count: Annotated[int, typer.Option(help="How many, from one end to the other.")] = 5,
    amount: Annotated[
        float, typer.Option(help="Below 1 the sound of two songs is mixed too, not only their notes.")
    ] = 1.0,
    out: Out = None,
    mood: Mood = None,
    steps: Steps = STEPS,
    guidance: Guidance = 2.0,
    seed: Seed = 0,
    device: Device = "cpu",
    json: Json = False,
):
    """Play what lies between: two genres, two seeds, or two songs."""
    if sum((between is not None, seeds is not None, len(songs) == 2)) != 1 or len(songs) > 2:
        raise UserError(
            "Give one song with --between and two genres, one song with --seeds and two seeds, or two songs."
        )
    check_range("count", count, 2, 100)
    shares = [share] if share is not None else [place / (count - 1) for place in range(count)]
    folder = out if share is None else None
    if folder is not None and folder.suffix:
        raise UserError(f"{count} files go into a folder: give its name with --out, or one --share.")
    for one in shares:
        check_range("share", one, 0, 1)
        given = {"amount": amount, "steps": steps, "guidance": guidance, "seed": seed, "mood": mood}
        if between:
            settings = settings_of(_shares(_two("--between", between, str), one), **given)
        elif seeds:
            first, second = _two("--seeds", seeds, int)
            settings = settings_of(to, **given | {"seed": first}, other_seed=second, share=one)
        else:
            settings = settings_of(to, **given, second=str(songs[1]), share=one)
        place = (
            out
            if share is not None
            else (folder or songs[0].parent) / f"{songs[0].stem} ({100 * one:03.0f}%).mp3"
        )
        place.parent.mkdir(parents=True, exist_ok=True) if share is None else None
        run(songs[:1], settings, place, device=device, as_json=json)


def _two(name, text, kind):
    """Two values out of "a,b"."""
    try:
        first, second = (kind(part.strip()) for part in text.split(","))
    except ValueError:
        raise UserError(f"{name} takes two values with a comma between, not {text!r}.") from None
    return first, second


def _shares(genres, share):
    """Shares of two genres; at the ends one of them alone."""
    first, second = genres
    return first if share == 0 else second if share == 1 else {first: 1 - share, second: share}


@app.command()
def generate(
    to: Genre,
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write: mp3, wav, flac or ogg.")],
    seed: Seed = 0,
    bars: Annotated[int, typer.Option(help="Even, 4 to 64.")] = 16,
    metre: Annotated[str, typer.Option(help="Such as 4/4, 3/4 or 6/8.")] = "4/4",
    mode: Annotated[
        str | None, typer.Option(help="major, minor, dorian or mixolydian; drawn by default.")
    ] = None,
    notes: Annotated[
        str | None,
        typer.Option(
            help="A few notes to begin with: ABC such as 'CDEF|G2G2', or a file (.abc, .mid, .musicxml)."
        ),
    ] = None,
    tempo: Tempo = None,
    mood: Mood = None,
    steps: Steps = STEPS,
    guidance: Guidance = 2.0,
    device: Device = "cpu",
    json: Json = False,
):
    """Invent a tune and play it in a genre; the tune is written beside the sound, as MusicXML."""
    from noteninja_lib.arranger.recipe import load_recipe
    from noteninja_lib.audio.io import check_writable
    from noteninja_lib.music.generation import invent
    from noteninja_lib.music.score_io import read_notes, write_score
    from noteninja_lib.settings import Settings

    settings = settings_of(to, seed=seed, tempo=tempo, mood=mood, steps=steps, guidance=guidance)
    settings.check()
    check_writable(out)
    tune = invent(seed, bars=bars, metre=metre, mode=mode, motif=read_notes(notes) if notes else None)
    usual = sum(load_recipe(to).tempo) / 2
    if not tempo:
        settings = Settings(**vars(settings) | {"tempo": usual})
    written = out.with_name(f"{out.stem} (tune).musicxml")
    write_score(tune, written, usual)
    run([written], settings, out, device=device, as_json=json)


@app.command()
def read(
    page: Annotated[
        Path, typer.Argument(help="Printed music, one staff a line, one voice: png, jpg or pdf.")
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="musicxml or mid; with --to mp3, wav, flac or ogg.")
    ] = None,
    clef: Annotated[
        str | None, typer.Option(help="In place of what is read: treble, bass, alto or tenor.")
    ] = None,
    key: Annotated[
        int | None, typer.Option(help="The same for the key: sharps, or minus the flats, -7 to 7.")
    ] = None,
    metre: Annotated[
        str | None, typer.Option(help="The same for the metre: such as 3/4, 6/8, C or 'C|'.")
    ] = None,
    to: Annotated[str | None, typer.Option(help=f"Play it in a genre: {GENRES}.")] = None,
    tempo: Tempo = None,
    mood: Mood = None,
    steps: Steps = STEPS,
    guidance: Guidance = 2.0,
    seed: Seed = 0,
    kinds: Kinds = ("json",),
    device: Device = "cpu",
    json: Json = False,
):
    """Read printed music: write it as MusicXML or MIDI, or play it in a genre (the tune is written beside, as MusicXML)."""
    from noteninja_lib.omr.recognition import check_suffix, read_sheet
    from noteninja_lib.omr.score import TEMPO

    settings = settings_of(to or "jazz", seed=seed, steps=steps, guidance=guidance, tempo=tempo, mood=mood)
    if to:
        from noteninja_lib.audio.io import check_writable

        settings.check()
        out = out or page.with_name(f"{page.stem} ({to}).mp3")
        check_writable(out)
    elif out:
        check_suffix(out)
    sheet = read_with_bar(read_sheet, page, clef=clef, key=key, metre=metre)
    typer.echo(dumps({"page": str(page), **sheet.summary()}) if json else f"{page}: {sheet}")
    if to:
        written = out.with_name(f"{out.stem} (tune).musicxml")
        sheet.save(written, played=True)
        own = None if mood or sheet.tempo == TEMPO else sheet.tempo
        run([written], settings if tempo else replace(settings, tempo=own), out, kinds, device, json)
    elif out:
        for file in (out, *(out.with_suffix(f".{kind}") for kind in kinds if kind in ("mid", "musicxml"))):
            sheet.save(file)


def read_with_bar(read_sheet, page, **corrections):
    """Read a page, with a progress bar where that takes a while."""
    from tqdm import tqdm

    with tqdm(total=100, unit="%", desc=page.name[:30], delay=1, leave=False, dynamic_ncols=True) as bar:
        return read_sheet(page, progress=lambda done: bar.update(round(100 * done - bar.n, 1)), **corrections)


@app.command()
def extend(
    song: Song,
    to: Genre,
    minutes: Annotated[float, typer.Option(help="Length of the result, up to 60.")],
    out: Out = None,
    tempo: Tempo = None,
    mood: Mood = None,
    steps: Steps = STEPS,
    guidance: Guidance = 2.0,
    seed: Seed = 0,
    device: Device = "cpu",
    json: Json = False,
):
    """Make a longer piece of a short one, with a form: intro, A A B A, ending."""
    run(
        [song],
        settings_of(
            to, seconds=60 * minutes, tempo=tempo, mood=mood, steps=steps, guidance=guidance, seed=seed
        ),
        out,
        device=device,
        as_json=json,
    )


@app.command()
def journey(
    song: Song,
    to: Genre,
    minutes: Annotated[float, typer.Option(help="Length of the result, up to 60.")],
    moods: Annotated[
        str, typer.Option(help="From mood to mood: sad,calm,happy, or with places: sad:0,calm:0.3,happy:1.")
    ],
    out: Out = None,
    steps: Steps = STEPS,
    guidance: Guidance = 2.0,
    seed: Seed = 0,
    device: Device = "cpu",
    json: Json = False,
):
    """Go from one mood to another over minutes (the iso principle: begin where the listener is)."""
    from noteninja_lib.music.style import parse_moods

    run(
        [song],
        settings_of(
            to, seconds=60 * minutes, mood=parse_moods(moods), steps=steps, guidance=guidance, seed=seed
        ),
        out,
        device=device,
        as_json=json,
    )


@app.command()
def again(
    file: Annotated[Path, typer.Argument(help="The JSON file that lies beside a result.")],
    out: Out = None,
    device: Device = "cpu",
    json: Json = False,
):
    """Make a result again, from the JSON file beside it."""
    from noteninja_lib.batch import again as make_again

    make_again(file, out, device=device, as_json=json)


def bar(pairs, unit):
    """Show (done, all) pairs as a progress bar with the time left; Ctrl-C ends it with a sentence."""
    import signal

    from tqdm import tqdm

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        done, total = next(pairs)  # what is wrong with the arguments is said before a bar is drawn
        with tqdm(unit=unit, dynamic_ncols=True, initial=done, total=total) as shown:
            for done, _ in pairs:
                shown.update(done - shown.n)
    except KeyboardInterrupt:
        typer.echo("Stopped; the same command goes on from there.", err=True)
        raise typer.Exit(130) from None


@dataset_app.command()
def build(
    out: Annotated[Path, typer.Option(help="Folder to make.")],
    hours: Annotated[float, typer.Option(min=0.001, help="Hours of sound.")] = 1.0,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "train",
    seconds: Annotated[float, typer.Option(min=3, help="Length of each clip.")] = 30.0,
    versions: Annotated[int, typer.Option(min=1, max=10, help="Genres in which each tune is played.")] = 10,
    soundfont: Annotated[list[Path] | None, typer.Option(help="May be given several times.")] = None,
    seed: int = 0,
    moods: Annotated[float, typer.Option(min=0, max=1, help="Share of clips with a mood.")] = 0.3,
    workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
    shard: Annotated[str, typer.Option(help="This job and the number of jobs, such as 0/4.")] = "0/1",
):
    """Render tunes in several genres, in step with each other; can be stopped and started again."""
    from noteninja_lib.datasets import build as render
    from noteninja_lib.datasets import parse_shard

    bar(
        render(
            out,
            hours,
            split=split,
            seconds=seconds,
            versions=versions,
            soundfonts=soundfont or (),
            seed=seed,
            moods=moods,
            workers=workers,
            shard=parse_shard(shard),
        ),
        " tunes",
    )


ANY_SET = "GTZAN's folder, or one made by `noteninja dataset build`; by default GTZAN if it is found, else a small set by the band."
ENGRAVED = " For the reader: a folder made by `noteninja dataset engrave`."
AnySet = Annotated[Path | None, typer.Argument(help=ANY_SET)]


@dataset_app.command()
def engrave(
    out: Annotated[Path, typer.Argument(help="Folder to make.")],
    lines: Annotated[int, typer.Option(min=1, help="Lines of music.")] = 30000,
    split: Annotated[str, typer.Option(help="train or validation: whose tunes.")] = "train",
    seed: int = 0,
    workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
):
    """Engrave lines of printed music, for `noteninja train reader`; can be stopped and started again."""
    from noteninja_lib.omr.page_maker import PART
    from noteninja_lib.omr.page_maker import build as make

    bar(make(out, lines, seed, workers, split), f" parts of {PART} lines")


@dataset_app.command()
def hear(
    data: AnySet = None,
    workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
    share: Annotated[float, typer.Option(min=0, max=1, help="Share of the recordings to listen to.")] = 1.0,
    worn: Annotated[
        float, typer.Option(min=0, max=1, help="Share of these heard through mp3, in a room or with noise.")
    ] = 0.0,
):
    """Listen to a data set ahead of training, and keep what was heard."""
    from noteninja_lib.datasets import hear_all, open_dataset

    bar(hear_all(open_dataset(data), workers, share, worn), " recordings")


@dataset_app.command()
def info(data: AnySet = None):
    """Say what a data set holds, how it is split, and what is known to be wrong with it."""
    from noteninja_lib.datasets import GTZAN, open_dataset

    opened = open_dataset(data)
    typer.echo(opened.summary())
    if isinstance(opened, GTZAN):
        typer.echo(opened.faults())


@dataset_app.command()
def validate(data: AnySet = None):
    """Read all recordings and list those that cannot be used; the exit status is 1 if there are any."""
    from noteninja_lib.datasets import open_dataset

    report = open_dataset(data, tell=None).validate()
    typer.echo(str(report))
    if report.problems:
        raise typer.Exit(1)


@dataset_app.command()
def repetitions(data: AnySet = None, likeness: Annotated[float, typer.Option(min=0, max=1)] = 0.85):
    """List recordings that occur twice, also shifted in time, louder or coded differently."""
    from noteninja_lib.datasets import find_repetitions, open_dataset

    opened = open_dataset(data)
    for one in find_repetitions(opened, likeness):
        typer.echo(
            f"{one.likeness:.3f}  {opened.index[one.first].file}  {opened.index[one.second].file}  "
            f"begins {one.shift:.1f} s later"
        )


@app.command()
def train(
    network: Annotated[
        str, typer.Argument(help="autoencoder, vocoder, lead, judge, diffusion, regression or reader.")
    ],
    run: Annotated[
        Path, typer.Option(help="Folder for checkpoints; started again, training goes on from there.")
    ],
    data: Annotated[Path | None, typer.Option(help=ANY_SET + ENGRAVED)] = None,
    steps: int = 2000,
    batch: int = 16,
    seed: int = 0,
    ema: float = 0.999,
    models: Annotated[
        Path | None, typer.Option(help="Where the weights go, and come from; data/models by default.")
    ] = None,
    again: Annotated[bool, typer.Option(help="Begin from the weights that are there.")] = False,
    threads: Annotated[int, typer.Option(help="CPU threads; 0: all cores.")] = 0,
):
    """Train a network; stop it with Ctrl-C and start it again at will."""
    from noteninja_lib.models.checkpoints import WHERE, models_folder
    from noteninja_lib.pipeline import assemble
    from noteninja_lib.training import run_training

    saved = run_training(network, data, run, steps, batch, seed, ema, models, again, threads)
    models = models or models_folder()
    if saved and all(
        (models / part).exists() for part in WHERE.values() if part != "reader"
    ):  # of the pipeline
        assemble(models)


@app.command()
def band(
    genre: Annotated[str, typer.Option(help="One of the ten, or a recipe's .yaml file.")],
    tune: Annotated[str, typer.Option(help="Name of a tune, or a part of it; see `noteninja tunes`.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="mp3 or wav to write.")],
    seed: int = 0,
    seconds: Annotated[float, typer.Option(min=1, max=600)] = 30.0,
    tempo: Annotated[float | None, typer.Option(help="Beats a minute; the genre's own by default.")] = None,
    valence: Annotated[float, typer.Option(min=-1, max=1)] = 0.0,
    arousal: Annotated[float, typer.Option(min=-1, max=1)] = 0.0,
    soundfont: Annotated[Path | None, typer.Option(help="An .sf2 or .sf3 file.")] = None,
):
    """Let the band play a tune in a genre."""
    from noteninja_lib.arranger.arranger import arrange
    from noteninja_lib.arranger.recipe import load_recipe
    from noteninja_lib.arranger.synthesis import render
    from noteninja_lib.audio.io import check_writable, save
    from noteninja_lib.music.tunes import find_tune

    check_writable(out)
    played = arrange(
        find_tune(tune),
        load_recipe(genre),
        seed,
        tempo=tempo,
        valence=valence,
        arousal=arousal,
        duration=seconds,
    )
    save(out, render(played, soundfont))
    typer.echo(f"{out}: {played.tune.title}, {played.genre}, {played.tempo:.0f} beats a minute")


@app.command()
def tunes(text: Annotated[str, typer.Argument(help="Words to look for in names and titles.")] = ""):
    """List the band's tunes, or search them."""
    from noteninja_lib.music.tunes import load_tunes, search_tunes

    for tune in search_tunes(text) if text else load_tunes():
        typer.echo(f"{tune.name:50} {tune.metre:5} {tune.title}")


#: Words of the command line that measure, and what `python -m benchmarks` calls them.
MEASURING = (
    "benchmark",
    "figures",
    "evaluate",
    "hearing",
    "difficult",
    "amounts",
    "ladder",
    "ablation",
    "steps",
    "steering",
    "sheets",
    "calibrate",
)


def measure(words):
    """Hand a measuring command over to `python -m benchmarks`, which lies beside the library in a clone."""
    clone = data_folder().parent
    if not (clone / "benchmarks").is_dir():
        raise UserError(
            f"`noteninja {words[0]}` measures, and needs the whole course: clone the repository and call it there."
        )
    where = os.pathsep.join(filter(None, [str(clone), os.environ.get("PYTHONPATH")]))
    raise SystemExit(
        subprocess.call([sys.executable, "-m", "benchmarks", *words], env=os.environ | {"PYTHONPATH": where})
    )


def main():
    """Run the command line; what the user can mend is told in one sentence, with exit status 2."""
    try:
        words = sys.argv[1:]
        if words[:2] == ["dataset", "check"]:
            measure(words[1:])
        if words[:1] and words[0] in MEASURING:
            measure(words)
        app(standalone_mode=True)
    except UserError as problem:
        typer.echo(f"noteninja: {problem}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
