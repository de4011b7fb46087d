"""The commands that play: a song in a genre, what lies between, new tunes, printed ones, any length.

`__main__` puts them beside the others.
"""
from dataclasses import replace
from json import dumps
from pathlib import Path
from typing import Annotated, List, Optional

import typer

from . import STEPS
from .errors import UserError, check_range

app = typer.Typer()

Songs = Annotated[List[Path], typer.Argument(help="mp3, wav, flac or ogg; or notes: MIDI, MusicXML, ABC, or a picture (png, jpg, pdf).")]
Song = Annotated[Path, typer.Argument(help="mp3, wav, flac or ogg; or notes: MIDI, MusicXML, ABC, or a picture (png, jpg, pdf).")]
GENRES = "blues, classical, country, disco, hiphop, jazz, metal, pop, reggae, rock"
Genre = Annotated[str, typer.Option(help=f"Genre: {GENRES}.")]
Out = Annotated[Optional[Path], typer.Option("-o", "--out", help="File to write (mp3, wav, flac or ogg); a folder for several.")]
Steps = Annotated[int, typer.Option(help="Inference steps.")]
Guidance = Annotated[float, typer.Option(help="Guidance scale; 1 switches it off.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same file.")]
Tempo = Annotated[Optional[str], typer.Option(help="Beats a minute such as 120, or a share of the song's own, 50% to 200%.")]
Mood = Annotated[Optional[str], typer.Option(help="calm, happy, tense or sad; or valence and arousal from -1 to 1, such as 0.5,-0.3.")]
Kinds = Annotated[List[str], typer.Option("--with", help="Write beside it: mid (notes heard), musicxml (the tune), json (all settings).")]
Device = Annotated[str, typer.Option(help="cpu, cuda or mps.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a song, for scripts.")]


def settings_of(genre, *, tempo=None, mood=None, **given):
    """`Settings` from what a user wrote."""
    from .music.steering import parse_mood, parse_tempo
    from .settings import Settings
    timing = dict([parse_tempo(tempo)]) if tempo else {}
    return Settings(genre, mood=parse_mood(mood) if isinstance(mood, str) else mood, **timing, **given)


def run(songs, settings, out, kinds=("json",), device="cpu", as_json=False):
    """Convert; the exit status is 2 if a song could not be used."""
    from .convert import convert_files
    if convert_files(songs, settings, out, kinds=tuple(dict.fromkeys(kinds)), device=device, as_json=as_json):
        raise typer.Exit(2)


@app.command()
def convert(songs: Songs, to: Annotated[Optional[str], typer.Option(help=f"Genre: {GENRES}.")] = None, out: Out = None,
            path: Annotated[Optional[str], typer.Option(help="Genres along the piece in place of --to: blues,disco or "
                                                             "blues:0,jazz:0.3,disco:1.")] = None,
            tempo: Tempo = None, mood: Mood = None,
            amount: Annotated[float, typer.Option(help="0: the source, 1: fully converted.")] = 1.0,
            steps: Steps = STEPS, guidance: Guidance = 2.0, seed: Seed = 0, kinds: Kinds = ("json",), device: Device = "cpu",
            json: Json = False):
    """Convert songs to another genre and say how much of the tune was kept."""
    from .music.steering import parse_path
    if (to is None) == (path is None):
        raise UserError(f"Give either --to with one genre or --path with several; the genres are {GENRES}.")
    settings = settings_of(to or parse_path(path), amount=amount, steps=steps, guidance=guidance, seed=seed, tempo=tempo, mood=mood)
    run(songs, settings, out, kinds, device, json)


@app.command()
def interpolate(songs: Songs,
                between: Annotated[Optional[str], typer.Option(help="Two genres, such as jazz,rock.")] = None,
                to: Annotated[str, typer.Option(help="Genre, where two songs or two seeds are mixed.")] = "jazz",
                seeds: Annotated[Optional[str], typer.Option(help="Two seeds, such as 1,2.")] = None,
                share: Annotated[Optional[float], typer.Option(help="Of the second, 0 to 1; all of --count if not given.")] = None,
                count: Annotated[int, typer.Option(help="How many, from one end to the other.")] = 5,
                amount: Annotated[float, typer.Option(help="Below 1 the sound of two songs is mixed too, not only their notes.")] = 1.0,
                out: Out = None, mood: Mood = None, steps: Steps = STEPS, guidance: Guidance = 2.0, seed: Seed = 0,
                device: Device = "cpu", json: Json = False):
    """Play what lies between: two genres, two seeds, or two songs."""
    if sum((between is not None, seeds is not None, len(songs) == 2)) != 1 or len(songs) > 2:
        raise UserError("Give one song with --between and two genres, one song with --seeds and two seeds, or two songs.")
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
        place = out if share is not None else (folder or songs[0].parent) / f"{songs[0].stem} ({100 * one:03.0f}%).mp3"
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
def generate(to: Genre, out: Annotated[Path, typer.Option("-o", "--out", help="File to write: mp3, wav, flac or ogg.")],
             seed: Seed = 0, bars: Annotated[int, typer.Option(help="Even, 4 to 64.")] = 16,
             metre: Annotated[str, typer.Option(help="Such as 4/4, 3/4 or 6/8.")] = "4/4",
             mode: Annotated[Optional[str], typer.Option(help="major, minor, dorian or mixolydian; drawn by default.")] = None,
             notes: Annotated[Optional[str], typer.Option(help="A few notes to begin with: ABC such as 'CDEF|G2G2', or a file "
                                                               "(.abc, .mid, .musicxml).")] = None,
             tempo: Tempo = None, mood: Mood = None, steps: Steps = STEPS, guidance: Guidance = 2.0,
             device: Device = "cpu", json: Json = False):
    """Invent a tune and play it in a genre; the tune is written beside the sound, as MusicXML."""
    from .music.engraving import write_score
    from .music.genres import load_recipe
    from .music.inventing import invent, read_notes
    from .settings import Settings
    from .sound.audio import check_writable
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
def read(page: Annotated[Path, typer.Argument(help="Printed music, one staff a line, one voice: png, jpg or pdf.")],
         out: Annotated[Optional[Path], typer.Option("-o", "--out", help="musicxml or mid; with --to mp3, wav, flac or ogg.")] = None,
         clef: Annotated[Optional[str], typer.Option(help="In place of what is read: treble, bass, alto or tenor.")] = None,
         key: Annotated[Optional[int], typer.Option(help="The same for the key: sharps, or minus the flats, -7 to 7.")] = None,
         metre: Annotated[Optional[str], typer.Option(help="The same for the metre: such as 3/4, 6/8, C or 'C|'.")] = None,
         to: Annotated[Optional[str], typer.Option(help=f"Play it in a genre: {GENRES}.")] = None,
         tempo: Tempo = None, mood: Mood = None, steps: Steps = STEPS, guidance: Guidance = 2.0, seed: Seed = 0,
         kinds: Kinds = ("json",), device: Device = "cpu", json: Json = False):
    """Read printed music: write it as MusicXML or MIDI, or play it in a genre (the tune is written beside, as MusicXML)."""
    from .music.omr.playback import TEMPO
    from .music.omr.reading import read_sheet
    from .music.omr.sheet import check_suffix
    settings = settings_of(to or "jazz", seed=seed, steps=steps, guidance=guidance, tempo=tempo, mood=mood)
    if to:
        from .sound.audio import check_writable
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
def extend(song: Song, to: Genre, minutes: Annotated[float, typer.Option(help="Length of the result, up to 60.")],
           out: Out = None, tempo: Tempo = None, mood: Mood = None, steps: Steps = STEPS, guidance: Guidance = 2.0, seed: Seed = 0,
           device: Device = "cpu", json: Json = False):
    """Make a longer piece of a short one, with a form: intro, A A B A, ending."""
    run([song], settings_of(to, seconds=60 * minutes, tempo=tempo, mood=mood, steps=steps, guidance=guidance, seed=seed), out,
        device=device, as_json=json)


@app.command()
def journey(song: Song, to: Genre, minutes: Annotated[float, typer.Option(help="Length of the result, up to 60.")],
            moods: Annotated[str, typer.Option(help="From mood to mood: sad,calm,happy, or with places: sad:0,calm:0.3,happy:1.")],
            out: Out = None, steps: Steps = STEPS, guidance: Guidance = 2.0, seed: Seed = 0, device: Device = "cpu", json: Json = False):
    """Go from one mood to another over minutes (the iso principle: begin where the listener is)."""
    from .music.steering import parse_moods
    run([song], settings_of(to, seconds=60 * minutes, mood=parse_moods(moods), steps=steps, guidance=guidance, seed=seed), out,
        device=device, as_json=json)


@app.command()
def again(file: Annotated[Path, typer.Argument(help="The JSON file that lies beside a result.")], out: Out = None,
          device: Device = "cpu", json: Json = False):
    """Make a result again, from the JSON file beside it."""
    from .convert import again as make_again
    make_again(file, out, device=device, as_json=json)
