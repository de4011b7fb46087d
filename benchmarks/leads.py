"""How right a lead sheet is, and whether a wish for a key or chords is met: `python -m benchmarks leads`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import mir_eval
import numpy as np
import torch
from typer import Option

from benchmarks import all_measures
from benchmarks.harness import check_folder, finish, interval, measure, table
from benchmarks.options import Out, Split, Tunes, Workers
from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.recipe import GENRES, load_recipe
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.datasets import open_dataset
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation.baselines import choose_tunes
from noteninja_lib.lead_sheet import DOUBTFUL, hear_lead
from noteninja_lib.music.harmony import NOTE_NAMES, chord_name, harmonise
from noteninja_lib.music.transcription import key_of_music
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import read_source

SECONDS = 24.0
HARTE = {"maj": "maj", "min": "min", "dom7": "7", "dim": "dim", "maj7": "maj7", "min7": "min7"}
VOCABULARIES = ("root", "majmin", "sevenths")
#: Progressions over a tonic, by the semitones of their roots: what is asked for as `--chords`.
ASKED = {
    "major": (
        ((0, "maj"), (9, "min")),
        ((2, "min7"), (7, "dom7")),
        ((5, "maj"), (7, "dom7")),
        ((0, "maj7"),),
    ),
    "minor": (((0, "min"), (8, "maj")), ((5, "min7"), (7, "dom7")), ((3, "maj"), (10, "maj")), ((0, "min"),)),
}
#: Numbers of the keys in the annotations of GTZAN by Lerch, from A on; 12 more are minor.
A = 9


def agreement(truth: Sequence, found: Sequence) -> dict[str, float]:
    """Share of the time in which chords (start, end, root, quality) agree, by mir_eval's vocabularies."""
    spans = []
    for chords in (truth, [chord for chord in found if chord[1] > 0]):
        times = np.array([[max(start, 0), end] for start, end, *_ in chords])
        spans.append((times, [f"{NOTE_NAMES[root]}:{HARTE[quality]}" for *_, root, quality in chords]))
    (times, names), (others, heard) = spans
    others, heard = mir_eval.util.adjust_intervals(others, heard, times.min(), times.max(), "N", "N")
    cut, names, heard = mir_eval.util.merge_labeled_intervals(times, names, others, heard)
    lasts = mir_eval.util.intervals_to_durations(cut)
    return {
        name: float(mir_eval.chord.weighted_accuracy(getattr(mir_eval.chord, name)(names, heard), lasts))
        for name in VOCABULARIES
    }


def sounds(truth: Sequence, start: float, end: float, root: int, quality: str) -> bool:
    """Whether a chord, as major or minor, is the true one for more than half of its time."""
    start, minor = max(start, 0.0), quality == "min"
    lasts = [
        min(end, b) - max(start, a) for a, b, one, kind in truth if one == root and (kind == "min") == minor
    ]
    return sum(one for one in lasts if one > 0) > (end - start) / 2


def key_of(tune: Any, shift: int = 0) -> tuple[int, str]:
    """Tonic and mode, major or minor, of a tune that is played some semitones higher."""
    return (tune.tonic + shift) % 12, "minor" if tune.mode in ("minor", "dorian") else "major"


def sheet_figures(played: Any, roll: Any) -> dict:
    """What is right in the lead sheet that is heard in a performance's piano roll."""
    sheet = hear_lead(roll)
    tune, truth = played.tune, [(note.start, note.pitch) for note in played.melody]
    notes = sheet.notes()
    right = [
        any(note.pitch == pitch and abs(note.start - at) < 0.05 for at, pitch in truth) for note in notes
    ]
    derived = harmonise(sheet.tune.notes, *key_of_music(roll), sheet.tune.metre, sheet.tune.length)
    spans = [(*map(float, sheet.seconds((at, at + lasts))), *chord) for at, lasts, *chord in derived]
    felt = tune.bar / tune.beat
    figures = {
        "chords": agreement(played.harmony, sheet.chords()),
        "derived": agreement(played.harmony, spans),
    }
    figures["key"] = key_of(sheet.tune) == key_of(tune, played.transpose)
    figures["key_by_profiles"] = key_of_music(roll) == key_of(tune, played.transpose)
    figures["tempo"] = abs(sheet.tempo / played.tempo - 1) < 0.04
    figures["metre"] = round(sheet.tune.bar / sheet.tune.beat) % felt == 0 and (felt % 3 == 0) == (
        sheet.tune.metre in ("3/4", "9/8")
    )
    figures["note_f1"] = all_measures.matched_notes(played.melody, notes)
    figures["right"], figures["sure"] = right, list(sheet.sure)
    rows = [(chord, sure) for chord, sure in zip(sheet.chords(), sheet.sure_chords) if chord[1] > 0.2]
    figures["chord_right"] = [sounds(played.harmony, *chord) for chord, _ in rows]
    figures["chord_sure"] = [sure for _, sure in rows]
    return figures


def measure_tune(number: int, seed: int, split: str) -> dict:
    """What is heard in a test tune in one genre, and what becomes of wishes for a key and chords."""
    rng = np.random.default_rng((seed, number))
    tune, genre = load_tunes(split)[number], str(rng.choice(GENRES))
    played = arrange(tune, load_recipe(genre), seed + number, duration=SECONDS)
    source, pipe = read_source(render(played)), load_pipeline()
    figures = sheet_figures(played, source.piano_roll)
    sheet = hear_lead(source.piano_roll)
    tonic, mode = key_of(sheet.tune)
    other, target = int(rng.integers(1, 12)), str(rng.choice([one for one in GENRES if one != genre]))
    key = (tonic + other) % 12, mode

    def made(**wish):
        noise = torch.Generator().manual_seed(number)
        return read_source(pipe(source.audio, target, generator=noise, **wish).mono()).piano_roll

    heard = hear_lead(made(key=chord_name(*key[:1], "min" if mode == "minor" else "maj")))
    figures["key_met"] = key_of(heard.tune) == key
    moved = (played.transpose + (other + 6) % 12 - 6) % 12
    figures["key_truly"] = key_of(heard.tune) == key_of(tune, moved)
    bars = [[chord_name((tonic + step) % 12, quality) for step, quality in bar] for bar in ASKED[mode]]
    result = made(chords=" | ".join(map(" ".join, bars)))
    spans, bar = [], sheet.tune.bar
    for place in range(round(sheet.tune.length / bar)):
        now = ASKED[mode][place % len(bars)]
        edges = sheet.seconds(bar * (place + np.linspace(0, 1, len(now) + 1)))
        spans += [(a, b, (tonic + step) % 12, kind) for a, b, (step, kind) in zip(edges, edges[1:], now)]
    spans = [
        (max(a, 0.0), min(b, SECONDS), *chord) for a, b, *chord in spans if a < SECONDS - 0.1 and b > 0.1
    ]
    figures["asked"] = agreement(spans, hear_lead(result).chords())
    return figures


def doubts(right: Sequence[bool], sure: Sequence[float]) -> dict[str, float]:
    """How doubts meet faults: share of the marked that are wrong, share of the wrong that are marked, and the
    expected calibration error over ten bins."""
    right, sure = np.array(right, float), np.array(sure)
    marked, bins = sure < DOUBTFUL, np.minimum((sure * 10).astype(int), 9)
    gaps = [
        abs(right[bins == one].mean() - sure[bins == one].mean()) * (bins == one).mean() for one in set(bins)
    ]
    return {
        "marked": float(marked.mean()),
        "marked_wrong": float(1 - right[marked].mean()) if marked.any() else 0.0,
        "wrong_marked": float(marked[right < 0.5].mean()) if (right < 0.5).any() else 0.0,
        "calibration_error": float(sum(gaps)),
    }


def real_keys(recordings: Path, keys: Path) -> dict:
    """Keys heard in GTZAN beside annotated ones, a file `NAME.lerch.txt` each (github.com/alexanderlerch)."""
    annotated = {
        path.name.split(".lerch")[0]: int(path.read_text()) for path in sorted(keys.rglob("*.lerch.txt"))
    }
    if not annotated:
        raise UserError(f"There are no keys in {keys}: give a folder of files such as blues.00000.lerch.txt.")
    data, exact, weighted, before = open_dataset(recordings, tell=None), [], [], []
    for number, clip in enumerate(data.index):
        key = annotated.get(Path(clip.file).stem, -1)
        if key < 0:
            continue
        roll = read_source(data.audio(number)).piano_roll
        names = [
            f"{NOTE_NAMES[tonic]} {mode}"
            for tonic, mode in (
                ((key + A) % 12, "minor" if key > 11 else "major"),
                key_of(hear_lead(roll).tune),
                key_of_music(roll),
            )
        ]
        weighted.append(mir_eval.key.weighted_score(names[0], names[1]))
        exact.append(names[0] == names[1])
        before.append(names[0] == names[2])
    return {"recordings": len(exact)} | {
        name: all_measures.bootstrap(np.array(of, float))
        for name, of in (("key", exact), ("key_weighted", weighted), ("key_by_profiles", before))
    }


def summarise(found: list[dict]) -> dict:
    """Means with intervals, of what `measure_tune` gave."""
    figures: dict[str, Any] = {"recordings": len(found)}
    for name in ("key", "key_by_profiles", "tempo", "metre", "note_f1", "key_met", "key_truly"):
        figures[name] = all_measures.bootstrap(np.array([one[name] for one in found], float))
    for name in ("chords", "derived", "asked"):
        figures[name] = {
            one: all_measures.bootstrap(np.array([row[name][one] for row in found])) for one in VOCABULARIES
        }
    for name, pair in (("doubts", ("right", "sure")), ("doubts_of_chords", ("chord_right", "chord_sure"))):
        figures[name] = doubts(*(sum((list(row[one]) for row in found), []) for one in pair))
    return figures


def lines(figures: dict) -> list[str]:
    """How right lead sheets are, in Markdown."""
    rows = [
        ["chords, by the network", *(interval(figures["chords"][one]) for one in VOCABULARIES)],
        ["chords, derived from tune and key", *(interval(figures["derived"][one]) for one in VOCABULARIES)],
        [
            "chords that were asked for, heard in the result",
            *(interval(figures["asked"][one]) for one in VOCABULARIES),
        ],
    ]
    told = ", ".join(
        f"{words} {interval(figures[name])}"
        for name, words in (
            ("key", "key right"), ("key_by_profiles", "by profiles alone"), ("tempo", "tempo"),
            ("metre", "metre"), ("note_f1", "note F1"), ("key_met", "an asked-for key is heard again"),
            ("key_truly", "and is the tune's, moved by as much"),
        )
    )  # fmt: skip
    told = f"Lead sheets of {figures['recordings']} recordings: {told}."
    for name, words in (("doubts", "notes"), ("doubts_of_chords", "chords")):
        of = figures[name]
        told += (
            f" Of the {words} {of['marked']:.0%} are marked as doubtful; {of['marked_wrong']:.0%} of these "
        )
        told += f"are wrong, and {of['wrong_marked']:.0%} of the wrong are marked"
        told += f" (calibration error {of['calibration_error']:.2f})."
    if real := figures.get("real"):
        told += f" Key in {real['recordings']} real recordings: {interval(real['key'])} (by profiles alone "
        told += (
            f"{interval(real['key_by_profiles'])}), weighted as in MIREX {interval(real['key_weighted'])}."
        )
    return [told, *table(["", *VOCABULARIES], rows)]


FOLDER = {"exists": True, "file_okay": False}
Keys = Annotated[Path | None, Option(help="A folder of keys, files such as blues.00000.lerch.txt.", **FOLDER)]
Data = Annotated[Path | None, Option(help="GTZAN, to which these keys belong.", **FOLDER)]


def report(
    tunes: Tunes = 60,
    out: Out = None,
    split: Split = "test",
    seed: int = 0,
    workers: Workers = 1,
    data: Data = None,
    keys: Keys = None,
) -> dict:
    """Measure lead sheets: notes, chords, key, doubts; and whether wishes for a key or chords are met."""
    check_folder(out)
    found = measure(measure_tune, choose_tunes(tunes, seed, split), "tunes", workers, seed=seed, split=split)
    figures = {"seed": seed, "split": split} | summarise(found)
    if data and keys:
        figures["real"] = real_keys(data, keys)
    return finish(figures, lines(figures), out, "leads", split == "test")
