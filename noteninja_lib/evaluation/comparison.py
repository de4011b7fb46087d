"""All rivals on all test tunes: conversions are made and measured, tune by tune, in as many processes as there are cores.

Two fixed points stand beside every figure about the tune: another tune's content (0), and the true recording in the
asked-for genre, sent through the same decoder (1). Lesson: 11_judging_a_converter.
"""

import json
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import torch
from tqdm import tqdm

from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.recipe import GENRES, load_recipe
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.datasets.base import processes
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation import baselines, metrics
from noteninja_lib.evaluation.baselines import (
    SECONDS,
    choose_targets,
    choose_tunes,
    found_piece,
    listen,
    make_piece,
    opened,
)
from noteninja_lib.evaluation.metrics import (
    bootstrap,
    frechet_distance,
    matched_notes,
    onset_chroma,
    place_between,
)
from noteninja_lib.music.piano_roll import tune_likeness
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.pipeline import load_pipeline

# Many independent measurements, spread over the cores; the order of the jobs is kept.


def _with_one_thread(work, job):
    torch.set_num_threads(1)  # one process a core: threads within it would only get in each other's way
    return work(job)


def in_order(work, jobs, workers):
    """Results of `work` for each of the jobs, in their order; a generator.

    Parameters
    ----------
    work : callable
        A function of a module, or a `functools.partial` of one.
    jobs : list
    workers : int
        Processes; a single one is this one, with all its threads.
    """
    if workers == 1:
        yield from map(work, jobs)
    else:
        with processes(workers) as pool:
            yield from pool.map(partial(_with_one_thread, work), jobs)


def spread(work, jobs, workers, unit):
    """The same as a list, with a progress bar that counts `unit`, such as " recordings"."""
    return list(tqdm(in_order(work, jobs, workers), total=len(jobs), unit=unit, dynamic_ncols=True))


#: Rivals that an outside listener is asked about; it may be slow.
LISTENED_TO = ("copy", "ours", "regression", "transcribe", "oracle")


def file_name(number, target, baseline):
    """Where a version is kept for an outside listener; a source serves all targets."""
    return f"{number}-source.wav" if baseline == "copy" else f"{number}-{target}-{baseline}.wav"


@dataclass
class Setting:
    """What is to be compared: see `compare`."""

    seed: int = 0
    split: str = "test"
    data: str = None
    targets: int = 4
    soundfont: str = None
    other_soundfont: str = None
    folder: str = None
    options: dict = field(default_factory=dict)


@dataclass
class Row:
    """One rival's version of one tune in one genre.

    Attributes
    ----------
    rival, target : str
    tune : int
    figures : dict of str to float
    melody : list of Note
        The known score.
    notes : list of Note
        What was heard as the tune.
    onsets : numpy.ndarray, uint8, shape (88, frames)
    embeddings : numpy.ndarray, shape (windows, 64)
    """

    baseline: str
    target: str
    tune: int
    figures: dict
    melody: list
    notes: list
    onsets: np.ndarray
    embeddings: np.ndarray


def versions(pipe, piece, target, setting, wrong):
    """Every rival's version of a piece in a genre, as a dict of name to sound; `wrong` is the number of another tune."""
    source = piece.recordings[piece.source]
    result = pipe(source, target, generator=torch.Generator().manual_seed(piece.number), **setting.options)
    made = {
        "ours": result.audio,
        "copy": source,
        "sdedit": baselines.sdedit(pipe, source, target, piece.number, **setting.options),
        "regression": baselines.regression(pipe, source, target, result.piano_roll),
        "transcribe": baselines.transcribe_arrange_render(
            source, target, piece.number, setting.soundfont, result.piano_roll
        ),
    }
    if piece.melody is not None:
        other = arrange(
            load_tunes(setting.split)[wrong],
            load_recipe(target),
            wrong,
            duration=SECONDS,
            intro=0,
            ending=False,
        )
        made |= {
            "wrong_tune": render(other, setting.soundfont),
            "oracle": piece.replay(target),
            "decoded": baselines.decoded(pipe, piece.recordings[target]),
            "truth": piece.recordings[target],
        }
    return made


@dataclass
class Known:
    """What every version is compared with, worked out once for each true recording: see `likeness`."""

    embedding: np.ndarray
    mel: np.ndarray
    edges: dict


def know(judge, recordings):
    """What is known of true recordings, by genre."""
    return {
        genre: Known(
            metrics.embeddings(judge, audio).mean(0), metrics.centred_mel(audio), metrics.edges(audio)
        )
        for genre, audio in recordings.items()
    }


def measure_piece(numbers, setting):
    """All rows of one tune, and the onset chroma of its recordings; `numbers` are those of the tune and of another one."""
    pipe = load_pipeline()
    if setting.data:
        piece = found_piece(setting.data, numbers[0])
    else:
        piece = make_piece(
            numbers[0], setting.seed, setting.split, setting.soundfont, setting.other_soundfont
        )
    heard = {genre: metrics.hear(audio) for genre, audio in piece.recordings.items()}
    known = know(pipe.judge, piece.recordings)
    rows = []
    for target in choose_targets(piece, setting.targets, setting.seed):
        made = versions(pipe, piece, target, setting, numbers[1])
        own = metrics.edges(made["oracle"]) if "oracle" in made else None
        for baseline, audio in made.items():
            roll = (
                heard[target]
                if baseline == "truth"
                else heard[piece.source]
                if baseline == "copy"
                else metrics.hear(audio)
            )
            embedded = metrics.embeddings(pipe.judge, audio)
            figures = against_source(audio, piece) | {"judge": next(iter(pipe.judge_genre(audio))) == target}
            if piece.melody is not None:
                figures |= against_score(piece.melody, roll) | against_truth(
                    audio, piece.recordings[target], known[target].edges, own
                )
                figures |= among_ten(audio, embedded.mean(0), target, known)
            rows.append(
                Row(
                    baseline,
                    target,
                    piece.number,
                    figures,
                    piece.melody,
                    metrics.melody_of(roll),
                    np.rint(255 * roll.notes[0].astype(np.float32)).astype(np.uint8),
                    embedded,
                )
            )
            if setting.folder and baseline in LISTENED_TO:
                soundfile.write(
                    Path(setting.folder) / file_name(piece.number, target, baseline), audio, SAMPLE_RATE
                )
    return rows, {genre: metrics.onset_chroma(roll.notes[0]) for genre, roll in heard.items()}


def among_ten(audio, embedded, target, known):
    """Whether the nearest of the tune's ten true recordings is the asked-for one: by the judge's embedding, and by spectrum."""
    mel = metrics.centred_mel(audio)
    embeddings, mels = (
        {genre: getattr(one, name) for genre, one in known.items()} for name in ("embedding", "mel")
    )
    return {
        "right_recording_of_10": metrics.nearest(embedded, embeddings, metrics.euclidean) == target,
        "right_spectrum_of_10": metrics.nearest(mel, mels, metrics.mean_difference) == target,
    }


def against_source(audio, piece):
    """What the papers measure: likeness to the recording that was converted."""
    source = piece.recordings[piece.source]
    return {
        "chroma_cosine": metrics.chroma_cosine(audio, source),
        "melody_accuracy": metrics.melody_accuracy(source, audio),
        "cqt1_correlation": metrics.cqt1_correlation(audio, source),
    }


def against_score(melody, roll):
    """Likeness to the notes that were to be played."""
    return {
        "note_f1": metrics.note_f1(melody, roll),
        "raw_pitch_accuracy": metrics.raw_pitch_accuracy(melody, roll),
        "raw_chroma_accuracy": metrics.raw_pitch_accuracy(melody, roll, octaves=False),
        "likeness": tune_likeness(melody, roll.notes),
    }


def against_truth(audio, truth, edges, own):
    """Likeness to the true recording in the asked-for genre.

    The edges are pairs, for their ratio: made to true, and made to `own`, the oracle's, which is the band's other take. So a
    blurred picture is told from one of duller instruments.
    """
    made = metrics.edges(audio)
    return {
        "log_spectral_distance": metrics.log_spectral_distance(audio, truth),
        "spectral_distance": metrics.spectral_distance(audio, truth),
        **{name: (made[name], edges[name]) for name in made},
        **{f"{name}_beside_oracle": (made[name], own[name]) for name in made},
    }


def compare(tunes=50, setting=Setting(), workers=1):
    """Make and measure all rivals' versions of test tunes; a generator.

    Parameters
    ----------
    tunes : int
    setting : Setting
        `targets` genres for each tune; `split` 'validation' to choose checkpoints, 'test' to report; `soundfont` of the source
        and the true recordings, `other_soundfont` of the oracle (TimGM6mb by default); `data`, a folder of real recordings to be
        converted instead, whose scores and right answers nobody knows; `folder` where the sounds are to be kept;
        `options` for the pipeline.
    workers : int
        Processes.

    Yields
    ------
    (int, int) or (list of Row, dict)
        Conversions done and in all; at last all rows, and for each tune the onset chroma of its true recordings by genre.
    """
    if setting.data:
        clips = opened(setting.data).splits().get(setting.split)
        if not clips:
            raise UserError(
                f"{setting.data} has no recordings in its part {setting.split!r}: choose train, validation or test."
            )
        numbers = [int(number) for number in np.random.default_rng(setting.seed).permutation(clips)[:tunes]]
    else:
        numbers = choose_tunes(tunes, setting.seed, setting.split)
    pairs = list(zip(numbers, numbers[1:] + numbers[:1]))
    rows, truths = [], {}
    for done, (found, chroma) in enumerate(
        in_order(partial(measure_piece, setting=setting), pairs, workers), 1
    ):
        rows += found
        truths[found[0].tune] = chroma
        yield done * setting.targets, len(numbers) * setting.targets
    yield rows, truths


# From measured rows to figures: the table of rivals, the fixed points, and what it takes to write them down.

BASELINES = {
    "ours": "**NoteNinja**",
    "copy": "copy of the source",
    "wrong_tune": "another tune in the right genre",
    "sdedit": "SDEdit (no content told)",
    "regression": "the same network as plain regression",
    "transcribe": "transcribe, arrange, render",
    "oracle": "the band, another take and other instruments",
    "decoded": "the true recording through our decoder",
    "truth": "the true recording",
}
CROWD = 50  # tunes among which the right one is to be found


def figures_of(rows, truths, seed=0):
    """All figures, each as [mean, low, high].

    Parameters
    ----------
    rows : list of Row
    truths : dict of tune to dict of genre to numpy.ndarray
        Onset chroma of the true recordings.

    Returns
    -------
    dict
        `rivals`: for each rival its measures; `zero`: another tune's content through our converter;
        `genres`: our measures by asked-for genre; `frechet_floor`, and `frechet_floor_oracle` among the oracle's recordings.
    """
    by_baseline = defaultdict(list)
    for row in rows:
        by_baseline[row.baseline].append(row)
    # The same order of tunes and genres in all lists, so that rows can be laid beside each other.
    by_baseline = {
        baseline: sorted(found, key=lambda row: (row.tune, row.target))
        for baseline, found in by_baseline.items()
    }
    known = "decoded" in by_baseline  # real recordings come without score and right answer
    zero = other_content(by_baseline["ours"], seed) if known else {}
    figures = {
        "rivals": {},
        "zero": {
            name: bootstrap(values, [row.tune for row in by_baseline["ours"]])
            for name, values in zero.items()
        },
    }
    for baseline, found in by_baseline.items():
        tunes = [row.tune for row in found]
        table = {name: bootstrap([row.figures[name] for row in found], tunes) for name in found[0].figures}
        if known:
            for name, low in zero.items():
                high = [row.figures[name] for row in by_baseline["decoded"]]
                table[f"tune_kept_{name}"] = place_between(
                    [row.figures[name] for row in found], low, high, tunes
                )
            table[f"right_tune_of_{CROWD}"] = bootstrap(right_tune(found, truths, seed), tunes)
            table["frechet_distance"] = frechet(found, by_baseline["truth"])
            table["frechet_to_oracle"] = frechet(found, by_baseline["oracle"])
        figures["rivals"][baseline] = table
    if known:
        for name, baseline in (("frechet_floor", "truth"), ("frechet_floor_oracle", "oracle")):
            figures[name] = frechet(by_baseline[baseline], by_baseline[baseline])
    figures["genres"] = {
        genre: {
            name: bootstrap([row.figures[name] for row in chosen], [row.tune for row in chosen])
            for name in ("note_f1", "right_recording_of_10", "judge")
            if name in chosen[0].figures
        }
        for genre in GENRES
        if (chosen := [row for row in by_baseline["ours"] if row.target == genre])
    }
    return figures


def other_content(rows, seed):
    """The zero point: our conversions of other tunes to the same genre, measured against each tune's score."""
    rng, found = np.random.default_rng(seed), {"note_f1": [], "likeness": []}
    for row in rows:
        others = [other for other in rows if other.tune != row.tune]
        same = [other for other in others if other.target == row.target] or others
        other = same[rng.integers(len(same))]
        found["note_f1"].append(matched_notes(row.melody, other.notes))
        found["likeness"].append(tune_likeness(row.melody, other.onsets[None] / 255))
    return found


def right_tune(rows, truths, seed):
    """Whether each row's own tune is the nearest, by onset chroma, among `CROWD` true recordings in the same genre."""
    rng, right = np.random.default_rng(seed), []
    for row in rows:
        made = onset_chroma(row.onsets / 255)
        others = rng.permutation([number for number in truths if number != row.tune])[: CROWD - 1]
        own = float(made @ truths[row.tune][row.target])
        right.append(all(own > float(made @ truths[number][row.target]) for number in others))
    return right


def frechet(rows, truths):
    """Fréchet distance of rows to the true recordings of *other* tunes: half of the tunes against the other half, both ways."""
    tunes = sorted({row.tune for row in truths})
    halves = [set(tunes[::2]), set(tunes[1::2])]
    distances = []
    for half in (0, 1):
        made, true = (
            np.concatenate([row.embeddings for row in some if row.tune in halves[side]])
            for some, side in ((rows, half), (truths, 1 - half))
        )
        distances.append(frechet_distance(made, true))
    return round(float(np.mean(distances)), 4)


def outside(tagger, folder, rows, seed=0):
    """Share of the versions in which a tagger's score for the asked-for genre is higher than in the source, by rival.

    Parameters
    ----------
    tagger : path
        See `tagger.listen`.
    folder : path
        The sounds, as `compare` keeps them.
    """
    files = sorted(Path(folder).glob("*.wav"))
    heard = dict(zip((path.name for path in files), listen(tagger, list(map(str, files)))))
    risen = defaultdict(lambda: ([], []))
    for row in rows:
        if row.baseline != "copy" and row.baseline in LISTENED_TO:
            scores, source = (
                heard[file_name(row.tune, row.target, baseline)] for baseline in (row.baseline, "copy")
            )
            if row.target in scores:
                risen[row.baseline][0].append(scores[row.target] > source[row.target])
                risen[row.baseline][1].append(row.tune)
    return {baseline: bootstrap(*found, seed=seed) for baseline, found in risen.items()}


def evaluate(tunes, setting, workers=1, tagger=None):
    """Compare all rivals; a generator of (done, all), and at last of the figures."""
    with tempfile.TemporaryDirectory() as folder:
        if tagger:
            setting.folder = folder
        for state in compare(tunes, setting, workers):
            if isinstance(state[0], int):
                yield state
        figures = figures_of(*state, setting.seed)
        if tagger:
            for baseline, value in outside(tagger, folder, state[0]).items():
                figures["rivals"][baseline]["outside_listener"] = value
    yield {
        "tunes": tunes,
        "conversions": tunes * setting.targets,
        "seed": setting.seed,
        "split": setting.split,
        **figures,
    }


def report(pairs=200, out=None, *, workers=1, tagger=None, **setting):
    """Evaluate with a progress bar, print the table, and write all figures as JSON.

    Parameters
    ----------
    pairs : int
        Conversions; four for each test tune.
    out : path, optional
    workers : int
    tagger : path, optional
        See `outside`.
    setting
        See `Setting`.
    """
    for path in filter(None, (tagger, setting.get("other_soundfont"))):
        if not Path(path).is_file():
            raise UserError(f"There is no file {path}.")
    if out and not Path(out).resolve().parent.is_dir():
        raise UserError(f"There is no folder {Path(out).resolve().parent} for {out}.")
    setting = Setting(**setting)
    tunes = max(2, round(pairs / setting.targets))
    with tqdm(total=tunes * setting.targets, unit=" conversions", dynamic_ncols=True) as bar:
        for state in evaluate(tunes, setting, workers, tagger):
            if isinstance(state, tuple):
                bar.update(state[0] - bar.n)
    print(table(state))
    if out:
        Path(out).write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
    return state


#: Columns of the table: heading and measure. Sharpness and treble are shares of the true recording's.
COLUMNS = (
    ("tune kept", "tune_kept_note_f1"),
    ("chroma cosine", "chroma_cosine"),
    ("melody accuracy", "melody_accuracy"),
    ("CQT-1", "cqt1_correlation"),
    ("tune among 50", f"right_tune_of_{CROWD}"),
    ("recording of 10", "right_recording_of_10"),
    ("judge", "judge"),
    ("outside", "outside_listener"),
    ("LSD in dB", "log_spectral_distance"),
    ("sharp in time", "sharpness_in_time"),
    ("in frequency", "sharpness_in_frequency"),
    ("treble", "treble"),
    ("Fréchet", "frechet_distance"),
)


def table(figures):
    """The figures of all rivals as a table in Markdown, a row each."""
    shown = [column for column in COLUMNS if column[1] in figures["rivals"]["ours"]]
    lines = ["| | " + " | ".join(heading for heading, _ in shown) + " |", "|---|" + "---|" * len(shown)]
    for baseline, words in BASELINES.items():
        if baseline in figures["rivals"]:
            values = (figures["rivals"][baseline].get(name, "") for _, name in shown)
            cells = (
                f"{value[0]:.2f}" if isinstance(value, list) else f"{value:.2f}" if value != "" else ""
                for value in values
            )
            lines.append(f"| {words} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
