"""The rungs of the ladder of sharpness: one recording on each, and what is measured there; see `ladder`."""

import json
import time
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch

from noteninja_lib import fast_mode, pipeline
from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.recipe import GENRES, load_recipe
from noteninja_lib.arranger.synthesis import default_soundfont, render
from noteninja_lib.audio.io import FORMATS, SAMPLE_RATE, load, normalise
from noteninja_lib.audio.spectrogram import griffin_lim, log_mel
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation import metrics
from noteninja_lib.evaluation.baselines import SECONDS, choose_targets, choose_tunes, decoded, make_piece
from noteninja_lib.evaluation.comparison import frechet, know, spread
from noteninja_lib.evaluation.metrics import bootstrap
from noteninja_lib.models import flow_matching
from noteninja_lib.music.tunes import load_tunes

STAGES = {
    "truth": "the true recording",
    "griffin_lim": "its mel, by 64 rounds of Griffin-Lim",
    "vocoder": "its mel, by the vocoder",
    "autoencoder": "its mel through the autoencoder (picture alone)",
    "decoded": "that picture, by the vocoder",
    "converter": "converted from another genre",
}
COLUMN = flow_matching.COLUMN
LONG = 8.0 if fast_mode() else 60.0  # seconds: several windows of the pipeline
OTHER = "other"  # genre of real recordings of which it is not known


@dataclass(frozen=True)
class Job:
    """One recording to climb the ladder: a tune and its genre, or a file; `slow` includes Griffin-Lim."""

    tune: int
    genre: str
    file: str = None
    slow: bool = True


@dataclass
class Row:
    """One rung of one recording; `embeddings` has shape (windows, 64), and is None where no truth is known."""

    stage: str
    genre: str
    tune: int
    figures: dict
    embeddings: np.ndarray = None


def plan(tunes, seed=0, split="test", data=None):
    """What to measure (list of Job): each tune in all ten genres, half of them with Griffin-Lim, which takes half of all time.

    With `data`, any folder of real recordings, ten for each tune instead; GTZAN's genres are known by their folders' names.
    """
    if not data:
        return [
            Job(number, genre, slow=place % 2 == 0)
            for place, number in enumerate(choose_tunes(tunes, seed, split))
            for genre in GENRES
        ]
    files = sorted(path for path in Path(data).rglob("*") if path.suffix.lower() in (*FORMATS, ".au"))
    if not files:
        raise UserError(f"There are no recordings in {data}: give a folder with wav, flac, mp3 or ogg files.")
    chosen = [files[number] for number in np.random.default_rng(seed).permutation(len(files))[: 10 * tunes]]
    return [
        Job(place, file.parent.name if file.parent.name in GENRES else OTHER, str(file), place % 2 == 0)
        for place, file in enumerate(chosen)
    ]


@lru_cache(maxsize=1)
def played(number, seed, split):
    """A tune in all ten genres; the jobs of one tune follow each other."""
    return make_piece(number, seed, split)


def excerpt(file, seconds):
    """The middle of a real recording, as loud as the band's; None if it cannot be read or is too short."""
    try:
        audio = load(file)
    except UserError:
        return None
    start = (len(audio) - int(seconds * SAMPLE_RATE)) // 2
    return None if start < 0 else normalise(audio[start : start + int(seconds * SAMPLE_RATE)])


def climb(job, seed=0, split="test"):
    """All rungs of one recording; a list of Row, empty if a file cannot be used."""
    target = job.genre
    if job.file:
        source = truth = excerpt(job.file, SECONDS)
        if truth is None:
            return []
        target = str(
            np.random.default_rng((seed, job.tune)).choice([genre for genre in GENRES if genre != job.genre])
        )
    else:
        piece = played(job.tune, seed, split)
        truth = piece.recordings[target]
        source = piece.recordings[
            piece.source if piece.source != target else choose_targets(piece, 1, seed)[0]
        ]
    pipe, truth, source = (
        pipeline.load_pipeline(),
        *(audio[: len(audio) // COLUMN * COLUMN] for audio in (truth, source)),
    )
    mel, known, rows = log_mel(truth), know(pipe.judge, {target: truth})[target], []
    for stage in STAGES:
        if stage != "griffin_lim" or job.slow:
            made = climber(pipe, stage, source if stage == "converter" else truth, mel, target, job.tune)()
            if stage == "converter" and job.file:  # nobody knows what it should have become
                rows.append(Row(stage, job.genre, job.tune, defects(made)))
            else:
                rows.append(
                    Row(stage, job.genre, job.tune, *measure(pipe.judge, stage, made, truth, mel, known))
                )
    return rows


def climber(pipe, stage, audio, mel, target, seed=0):
    """What makes a rung's sound, or picture, from a recording: a function without arguments, so that it can be timed."""

    @torch.no_grad()
    def network(made):
        return made(torch.from_numpy(mel)[None].to(pipe.device))[0].cpu().numpy()

    return {
        "truth": lambda: audio,
        "griffin_lim": lambda: griffin_lim(mel),
        "vocoder": lambda: network(pipe.vocoder),
        "autoencoder": lambda: network(lambda picture: pipe.vae.decode(pipe.vae.encode(picture))),
        "decoded": lambda: decoded(pipe, audio),
        "converter": lambda: pipe(audio, target, generator=torch.Generator().manual_seed(seed)).audio,
    }[stage]


def measure(judge, stage, made, truth, mel, known):
    """Figures of a rung beside the truth, and its embeddings.

    A conversion is another performance than the true recording in its genre, so that only ratios and distances of genre mean
    something there; the autoencoder alone makes no sound.
    """
    picture = made if stage == "autoencoder" else log_mel(made)
    embedded = metrics.mel_embeddings(judge, picture)
    figures = {"embedding_distance": metrics.euclidean(embedded.mean(0), known.embedding)}
    figures |= {name: (value, known.edges[name]) for name, value in metrics.mel_edges(picture).items()}
    if stage != "converter":
        figures["mel_distance"] = metrics.mean_difference(picture, mel)
    if stage != "autoencoder":
        truth = normalise(truth) if stage == "converter" else truth
        for name, band in (
            ("treble_db", metrics.TREBLE),
            ("cymbals_db", metrics.CYMBALS),
            ("bass_db", metrics.BASS),
        ):
            figures[name] = metrics.band_level(made, truth, band)
        if stage != "converter":
            figures["multi_resolution"] = metrics.multi_resolution_distance(made, truth)
        figures |= defects(made)
    return figures, embedded


def defects(audio):
    """What is wrong in a sound, whatever it should have been."""
    return {"clicks": metrics.clicks(audio), "offset": metrics.offset(audio)}


def walk(job, seed=0, split="test"):
    """Where the pipeline's windows meet in a long recording: of each rung pairs (what is there, what is elsewhere).

    `truth`, `decoded` and `converter`: jumps of the spectrum at the edges of what is decoded at once. `blends`: sharpness in time
    of the converter where two of its windows overlap. Empty if a file cannot be used.
    """
    if job.file:
        truth = source = excerpt(job.file, LONG)
        if truth is None:
            return {}
    else:
        tune, other = load_tunes(split)[job.tune], GENRES[GENRES.index(job.genre) - 1]
        truth, source = (
            render(arrange(tune, load_recipe(genre), seed + job.tune, duration=LONG, intro=0, ending=False))
            for genre in (job.genre, other)
        )
    pipe, target = (
        pipeline.load_pipeline(),
        job.genre if job.genre in GENRES else GENRES[job.tune % len(GENRES)],
    )
    edges = range(flow_matching.WINDOW * COLUMN, len(truth), flow_matching.WINDOW * COLUMN)
    sounds = {
        stage: climber(pipe, stage, audio, None, target, job.tune)()
        for stage, audio in (("truth", truth), ("decoded", truth), ("converter", source))
    }
    gradient = np.square(np.diff(log_mel(sounds["converter"]))).mean(0)
    columns = np.arange(len(gradient)) // flow_matching.FOLD
    step = (
        flow_matching.WINDOW - flow_matching.OVERLAP
    )  # a window's first columns are its neighbour's last ones
    shared = (columns >= step) & (columns % step < flow_matching.OVERLAP)
    return {stage: metrics.seams(audio, edges) for stage, audio in sounds.items()} | {
        "blends": [(float(gradient[shared].mean()), float(gradient[~shared].mean()))] if shared.any() else []
    }


def speeds(seed=0, split="test", repeats=3):
    """Seconds of work for a second of sound on each rung, with all cores: the best of a few times."""
    pipe, piece = (
        pipeline.load_pipeline(),
        make_piece(choose_tunes(1, seed, split)[0], seed, split, alone=True),
    )
    audio = np.tile(piece.recordings[piece.source], 3)
    audio, found = audio[: len(audio) // COLUMN * COLUMN], {}
    mel, target = log_mel(audio), choose_targets(piece, 1, seed)[0]
    for stage in list(STAGES)[1:]:
        make, times = climber(pipe, stage, audio, mel, target), []
        for _ in range(1 if stage == "griffin_lim" else repeats + 1):  # the first time, much is still cold
            began = time.perf_counter()
            make()
            times.append(time.perf_counter() - began)
        found[stage] = float(f"{min(times) * SAMPLE_RATE / len(audio):.3g}")
    return found


def true_and_decoded(seconds=5.0, seed=0, split="test"):
    """One tune in all ten genres, as recorded and as autoencoder and vocoder give it back: genre to two sounds of `seconds`."""
    pipe, piece = pipeline.load_pipeline(), make_piece(choose_tunes(1, seed, split)[0], seed, split)
    begin, end = int(0.5 * SAMPLE_RATE), int((0.5 + seconds) * SAMPLE_RATE)
    return {
        genre: (audio[begin:end], decoded(pipe, audio)[begin:end])
        for genre, audio in piece.recordings.items()
    }


# The ladder of sharpness: what each network on the way from sound to sound costs.
#
# True recording, its mel through Griffin-Lim, its mel through the vocoder, the autoencoder's picture, that picture through
# the vocoder, and at the top the whole converter: whatever a rung loses, none above it can win back. Tunes and instruments
# are such as no network was trained on. Command: `noteninja ladder`. Lesson: 05_autoencoders_and_latent_space.


def summarise(rows, walks):
    """All figures: each measure of each rung, together and by genre, as [mean, low, high]; whole tunes are drawn.

    Returns
    -------
    dict
        `rungs`: rung to `together` and `genres`; `frechet` by rung, from the true recordings of other tunes, with the floor
        among true recordings as that of `truth`; `embedding_floor`, the mean distance of two tunes in one genre; `seams`.
    """
    figures, by_stage = {"rungs": {}, "frechet": {}}, defaultdict(list)
    for row in rows:
        by_stage[row.stage].append(row)
    for stage, found in by_stage.items():
        groups = {genre: [row for row in found if row.genre == genre] for genre in (*GENRES, OTHER)}
        figures["rungs"][stage] = {
            "together": table_of(found),
            "genres": {genre: table_of(some) for genre, some in groups.items() if some},
        }
        complete = len(found) == len(by_stage["truth"]) and found[0].embeddings is not None
        if complete and len({row.tune for row in found}) > 3:
            figures["frechet"][stage] = frechet(found, by_stage["truth"])
    means = [(row.genre, row.tune, row.embeddings.mean(0)) for row in by_stage["truth"]]
    apart = [
        metrics.euclidean(one, other)
        for genre, tune, one in means
        for same, number, other in means
        if genre == same and tune < number
    ]
    figures["embedding_floor"] = round(float(np.mean(apart)), 4) if apart else None
    figures["seams"] = {}
    for name in ("truth", "decoded", "converter", "blends"):
        pairs = [(number, pair) for number, found in enumerate(walks) for pair in found.get(name, ())]
        if pairs:
            figures["seams"][name] = bootstrap([pair for _, pair in pairs], [number for number, _ in pairs])
    return figures


def table_of(rows):
    """Each measure of some rows as [mean, low, high]."""
    return {
        name: bootstrap([row.figures[name] for row in rows], [row.tune for row in rows])
        for name in rows[0].figures
    }


#: Columns of the printed table: heading, measure and format. Sharpness is a share of the true recording's.
COLUMNS = (
    ("mel, nats", "mel_distance", ".3f"),
    ("STFT", "multi_resolution", ".3f"),
    ("> 4 kHz", "treble_db", "+.2f"),
    ("> 6 kHz", "cymbals_db", "+.2f"),
    ("< 200 Hz", "bass_db", "+.2f"),
    ("in time", "sharpness_in_time", ".2f"),
    ("in freq.", "sharpness_in_frequency", ".2f"),
    ("embedding", "embedding_distance", ".1f"),
    ("clicks/s", "clicks", ".2f"),
    ("DC", "offset", ".3f"),
)


def table(figures):
    """The figures as lines of text: all rungs together, then by genre."""
    lines = [
        "levels in dB beside the truth; sharpness in time and in frequency as a share of the truth's; embedding:",
        f"distance to the truth's, {figures['embedding_floor']} between two tunes in one genre; a conversion is another",
        "performance than the truth, so that only ratios mean something there",
    ]
    for part in ("together", *figures["rungs"]["truth"]["genres"]):
        lines += [
            "",
            f"{part:12}"
            + "".join(f"{heading:>10}" for heading, _, _ in COLUMNS)
            + f"{'Fréchet':>10}{'x real time':>13}" * (part == "together"),
        ]
        for stage, found in figures["rungs"].items():
            row = found["together"] if part == "together" else found["genres"].get(part, {})
            cells = [format(row[name][0], form) if name in row else "" for _, name, form in COLUMNS]
            if part == "together":
                speed = figures["speed"].get(stage)
                cells += [str(figures["frechet"].get(stage, "")), f"{1 / speed:.1f}" if speed else ""]
            lines.append(f"{stage:12}" + "".join(f"{cell:>10}" for cell in cells))
    return (
        lines
        + [""]
        + [
            f"where windows meet, {name}: {mean:.2f} [{low:.2f}, {high:.2f}] of what is elsewhere"
            for name, (mean, low, high) in figures["seams"].items()
        ]
    )


def report(tunes=6, out=None, *, workers=1, seed=0, split="test", data=None):
    """Climb the ladder with progress bars, print the figures, and write them as JSON.

    Parameters
    ----------
    tunes : int
        Each in all ten genres, with one long recording for the seams.
    out : path, optional
    workers, seed : int
    split : {'validation', 'test'}
    data : path, optional
        A folder of real recordings, of which ten are taken for each tune.

    Returns
    -------
    dict
    """
    if out and not Path(out).resolve().parent.is_dir():
        raise UserError(f"There is no folder {Path(out).resolve().parent} for {out}.")
    jobs = plan(tunes, seed, split, data)
    results = spread(partial(climb, seed=seed, split=split), jobs, workers, " recordings")
    rows = [row for found in results for row in found]
    if not rows:
        raise UserError(
            f"None of the recordings in {data} can be used: they must be longer than {SECONDS:.0f} s."
        )
    walks = spread(
        partial(walk, seed=seed, split=split), jobs[:: len(GENRES) + 1], workers, " long recordings"
    )
    figures = {
        "tunes": tunes,
        "recordings": sum(map(bool, results)),
        "seconds": SECONDS,
        "seed": seed,
        "split": split,
        "soundfont": None if data else Path(default_soundfont()).name,
        **summarise(rows, walks),
        "cores": torch.get_num_threads(),
        "speed": speeds(seed, split),
    }
    print("\n".join(table(figures)))
    if out:
        Path(out).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures
