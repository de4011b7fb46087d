"""How good are the conversions? Command: `noteninja evaluate`. Lesson: 11_judging_a_converter."""

import tempfile
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
from typer import Option

from benchmarks import all_measures, harness
from benchmarks.comparison import CROWD, Row, among_ten, eight_bits, frechet, know, other_content, right_tune
from benchmarks.harness import File, Run, cell, finish, grouped, interval, means, of_rows, table
from benchmarks.options import CORES, Guidance, Out, Recordings, Soundfont, Split, Steps, Tagger, Workers
from noteninja_lib import STEPS
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.datasets import open_dataset
from noteninja_lib.datasets.base import DataSet
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation import baselines
from noteninja_lib.evaluation.baselines import SECONDS, Piece, choose_targets, make_piece
from noteninja_lib.music.piano_roll import tune_likeness
from noteninja_lib.pipeline import load_pipeline

#: Baselines that an outside listener is asked about; it may be slow.
LISTENED_TO = ("copy", "ours", "regression", "transcribe", "oracle")
UNTRAINED = "Plain regression is left out: its network is not in data/models."
UNTRAINED += " `noteninja train regression --run runs/regression` trains it."


@dataclass(frozen=True)
class Setting(Run):
    """What is to be compared."""

    data: File = None  # a folder of real recordings to convert instead: no score and no right answer is known
    targets: int = 4  # genres for each tune
    oracle_soundfont: File = None  # of the other takes; TimGM6mb by default
    folder: File = None  # where the sounds are to be kept
    options: dict = field(default_factory=dict)  # for the pipeline


def file_name(number: int, target: str, baseline: str) -> str:
    """Where a version is kept for an outside listener; a source serves all targets."""
    return f"{number}-source.wav" if baseline == "copy" else f"{number}-{target}-{baseline}.wav"


@lru_cache(maxsize=1)
def opened(root: File) -> DataSet:
    """A data set, opened once in a process, which takes a while for a large one."""
    return open_dataset(root, tell=None)


def measure_piece(numbers: tuple[int, int], setting: Setting) -> tuple[list[Row], dict[str, np.ndarray]]:
    """All rows of a tune, and the onset chroma of its recordings; `numbers`: its own and another tune's."""
    pipe, (number, other), rows = load_pipeline(), numbers, []
    if setting.data:  # real music, cut to length: neither the score nor the right answer is known
        data = opened(setting.data)
        genre, audio = data.labels[number], data.audio(number)[: int(SECONDS * SAMPLE_RATE)]
        piece = Piece(number, genre, None, {genre: audio})
    else:
        piece = make_piece(number, setting.seed, setting.split, other_soundfont=setting.oracle_soundfont)
    heard = {genre: all_measures.hear(audio) for genre, audio in piece.recordings.items()}
    known, source, melody = know(pipe.judge, piece.recordings), piece.audio, piece.melody
    for target in choose_targets(piece, setting.targets, setting.seed):
        made = baselines.versions(pipe, piece, target, other, split=setting.split, **setting.options)
        own = all_measures.edges(made["oracle"]) if "oracle" in made else None
        for baseline, audio in made.items():
            again = {"truth": target, "copy": piece.source}.get(baseline)
            roll = heard[again] if again else all_measures.hear(audio)
            embedded = all_measures.embeddings(pipe.judge, audio)
            figures = {"chroma_cosine": all_measures.chroma_cosine(audio, source)}
            figures["melody_accuracy"] = all_measures.melody_accuracy(source, audio)
            figures["cqt1_correlation"] = all_measures.cqt1_correlation(audio, source)
            figures["judge"] = harness.hears(pipe, audio, target)
            if melody is not None:
                figures["note_f1"] = all_measures.note_f1(melody, roll)
                figures["likeness"] = tune_likeness(melody, roll.notes)
                figures["raw_pitch_accuracy"] = all_measures.raw_pitch_accuracy(melody, roll)
                figures["raw_chroma_accuracy"] = all_measures.raw_pitch_accuracy(melody, roll, octaves=False)
                figures |= against_truth(audio, piece.recordings[target], known[target].edges, own)
                figures |= among_ten(audio, embedded.mean(0), target, known)
            notes, onsets = all_measures.melody_of(roll), eight_bits(roll.notes[0])
            rows.append(Row(baseline, target, number, figures, melody, notes, onsets, embedded))
            if setting.folder and baseline in LISTENED_TO:
                path = Path(setting.folder) / file_name(number, target, baseline)
                soundfile.write(path, audio, SAMPLE_RATE)
    return rows, {genre: all_measures.onset_chroma(roll.notes[0]) for genre, roll in heard.items()}


def against_truth(audio: np.ndarray, truth: np.ndarray, edges: dict, own: dict) -> dict:
    """Likeness to the true recording; edges as pairs, made to true and made to `own`, the oracle's."""
    found = {"log_spectral_distance": all_measures.log_spectral_distance(audio, truth)}
    found["spectral_distance"] = all_measures.spectral_distance(audio, truth)
    for name, made in all_measures.edges(audio).items():
        found |= {name: (made, edges[name]), f"{name}_beside_oracle": (made, own[name])}
    return found


def choose_pairs(tunes: int, setting: Setting) -> list[tuple[int, int]]:
    """Numbers of the tunes, or of the real recordings, each with that of another one."""
    if setting.data:
        clips = opened(setting.data).splits().get(setting.split)
        if not clips:
            part = f"{setting.data} has no recordings in its part {setting.split!r}"
            raise UserError(f"{part}: choose train, validation or test.")
        numbers = np.random.default_rng(setting.seed).permutation(clips)[:tunes].tolist()
    else:
        numbers = setting.tunes(tunes)
    return list(zip(numbers, numbers[1:] + numbers[:1]))


def figures_of(rows: list[Row], truths: dict[int, dict[str, np.ndarray]], seed: int = 0) -> dict:
    """Figures as [mean, low, high]; `truths` has the onset chroma of true recordings by tune and genre."""
    names, figures = dict.fromkeys(row.baseline for row in rows), {"rivals": {}, "genres": {}}
    # in one order, so that lists can be laid beside each other
    by_baseline = grouped(sorted(rows, key=lambda row: (row.tune, row.target)), lambda row: row.baseline)
    ours, best, truth, oracle = (by_baseline[name] for name in ("ours", "decoded", "truth", "oracle"))
    tunes = [row.tune for row in ours]
    zero = other_content(ours, seed) if truth else {}  # real recordings come without a score
    figures["zero"] = {name: all_measures.bootstrap(values, tunes) for name, values in zero.items()}
    for baseline in names:
        found = by_baseline[baseline]
        summary = figures["rivals"][baseline] = of_rows(found)
        if truth:
            for name, low in zero.items():
                values, high = [row.figures[name] for row in found], [row.figures[name] for row in best]
                summary[f"tune_kept_{name}"] = all_measures.place_between(values, low, high, tunes)
            right = right_tune(found, truths, seed)
            summary[f"right_tune_of_{CROWD}"] = all_measures.bootstrap(right, tunes)
            summary["frechet_distance"] = frechet(found, truth)
            summary["frechet_to_oracle"] = frechet(found, oracle)
    if truth:
        for name, some in (("frechet_floor", truth), ("frechet_floor_oracle", oracle)):
            figures[name] = frechet(some, some)
    by_genre, shown = grouped(ours, lambda row: row.target), ("note_f1", "right_recording_of_10", "judge")
    shown = [name for name in shown if name in ours[0].figures]
    for genre in (one for one in GENRES if one in by_genre):
        figures["genres"][genre] = of_rows(by_genre[genre], shown)
    return figures


def outside(tagger: File, folder: File, rows: list[Row], seed: int = 0) -> dict[str, list[float]]:
    """Share of versions in `folder` with more of the asked-for genre, to a tagger, than their source has."""
    files = sorted(Path(folder).glob("*.wav"))
    heard = dict(zip((path.name for path in files), harness.listen(tagger, list(map(str, files)))))
    risen = {}
    for row in rows:
        if row.baseline != "copy" and row.baseline in LISTENED_TO:
            names = (file_name(row.tune, row.target, baseline) for baseline in (row.baseline, "copy"))
            scores, source = (heard[name].get(row.target) for name in names)
            if scores is not None:
                risen.setdefault(row.baseline, []).append((scores > source, row.tune))
    return {baseline: all_measures.bootstrap(*zip(*found), seed=seed) for baseline, found in risen.items()}


def evaluate(tunes: int, setting: Setting, tagger: File = None) -> dict:
    """Make and measure all baselines' versions of test tunes, with a progress bar; returns all figures."""
    with tempfile.TemporaryDirectory() as folder:
        setting = replace(setting, folder=folder if tagger else None)
        pairs = choose_pairs(tunes, setting)
        found = harness.measure(measure_piece, pairs, "tunes", setting.workers, setting=setting)
        rows = [row for some, _ in found for row in some]
        figures = figures_of(rows, {some[0].tune: chroma for some, chroma in found}, setting.seed)
        heard = outside(tagger, folder, rows) if tagger else {}
    for baseline, value in heard.items():
        figures["rivals"][baseline]["outside_listener"] = value
    of = {"tunes": tunes, "conversions": tunes * setting.targets}
    return of | {"seed": setting.seed, "split": setting.split} | figures


def report(
    pairs: Annotated[int, Option(min=8, help="Conversions; four for each test tune.")] = 200,
    out: Out = None,
    oracle_soundfont: Soundfont = None,
    data: Recordings = None,
    split: Split = "test",
    tagger: Tagger = None,
    steps: Steps = STEPS,
    guidance: Guidance = 2.0,
    workers: Workers = CORES,
    seed: int = 0,
) -> dict:
    """Measure how good the conversions are, beside other ways, on tunes and instruments never trained on."""
    for path in filter(None, (tagger, oracle_soundfont)):
        if not Path(path).is_file():
            raise UserError(f"There is no file {path}.")
    harness.check_folder(out)
    if not baselines.regression_network():
        print(UNTRAINED)
    options = {"num_inference_steps": steps, "guidance_scale": guidance}
    setting = Setting(seed, split, workers, data, oracle_soundfont=oracle_soundfont, options=options)
    figures = evaluate(max(2, round(pairs / setting.targets)), setting, tagger)
    return finish(figures, beside_others(figures), out, "evaluation", not data and split == "test")


#: Columns of the table: heading and measure. Sharpness and treble are shares of the true recording's.
COLUMNS = {
    "tune kept": "tune_kept_note_f1", "chroma cosine": "chroma_cosine", "melody accuracy": "melody_accuracy",
    "CQT-1": "cqt1_correlation", "tune among 50": f"right_tune_of_{CROWD}",
    "recording of 10": "right_recording_of_10", "judge": "judge", "outside": "outside_listener",
    "LSD in dB": "log_spectral_distance", "sharp in time": "sharpness_in_time",
    "in frequency": "sharpness_in_frequency", "treble": "treble", "Fréchet": "frechet_distance",
}  # fmt: skip
#: Lines of the first table: measure, and what is said of it.
MEASURES = {
    "tune_kept_note_f1": "tune kept, by F-measure of the melody's notes against the known score (0: another "
    "tune's content, 1: the true recording through the same decoder)",
    "tune_kept_likeness": "tune kept, by onsets of the melody's pitch classes",
    "raw_pitch_accuracy": "raw pitch accuracy against the known score",
    "right_tune_of_50": "the right tune is the nearest of 50 (chance 0.02)",
    "right_recording_of_10": "the nearest of the tune's ten true recordings is the one in the asked-for "
    "genre, by the judge network's embedding (chance 0.10)",
    "right_spectrum_of_10": "the same by plain spectral distance",
    "judge": "a judge network hears the asked-for genre",
}


def beside_others(figures: dict) -> list[str]:
    """The figures of all baselines as a table in Markdown, a row each."""
    found, named = figures["rivals"], baselines.BASELINES
    shown = {heading: name for heading, name in COLUMNS.items() if name in found["ours"]}
    rows = ([named[one], *means(found[one], shown.values())] for one in named if one in found)
    return table(["", *shown], rows)


def lines(figures: dict) -> list[str]:
    """How good the conversions are, in Markdown."""
    ours, truth, oracle = (figures["rivals"][name] for name in ("ours", "truth", "oracle"))
    rows = []
    for name, words in MEASURES.items():
        mean, _, between = interval(ours[name]).partition(" ")
        rows.append([words, f"**{mean}** {between}", cell(oracle[name]), cell(truth[name])])
    edges = {"in time": "sharpness_in_time", "in frequency": "sharpness_in_frequency", "treble": "treble"}
    beside = ", ".join(f"{words} {cell(ours[name + '_beside_oracle'])}" for words, name in edges.items())
    headings = ("measure", "converted", "another take by the band, other instruments", "the true recording")
    return [
        f"{figures['conversions']} conversions of {figures['tunes']} test tunes, with 95 % intervals:",
        *table(headings, rows),
        "And beside other ways to the same end:",
        *beside_others(figures),
        f"Fréchet distance among true recordings: {figures['frechet_floor']:.0f}. Beside another take "
        f"on known instruments, sharpness is {beside}, and the Fréchet distance "
        f"{ours['frechet_to_oracle']:.0f} (among such takes: {figures['frechet_floor_oracle']:.0f}).",
    ]
