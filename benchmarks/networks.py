"""What each network on the way from sound to sound costs in sharpness. Command: `noteninja ladder`.

Whatever a stage loses, none after it can win back. Lesson: 05_autoencoders_and_latent_space.
"""

import time
from collections import namedtuple
from functools import lru_cache
from itertools import combinations
from pathlib import Path

import numpy as np
import torch

from benchmarks import all_measures, harness
from benchmarks.comparison import Known, frechet, know
from benchmarks.harness import File, cell, finish, grouped, interval, measure, of_rows, rounded_mean, table
from benchmarks.options import CORES, Out, Recordings, Split, Tunes, Workers
from noteninja_lib import fast_mode, pipeline
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.arranger.synthesis import default_soundfont, render
from noteninja_lib.audio.io import FORMATS, SAMPLE_RATE, load, mono, normalise
from noteninja_lib.audio.spectrogram import griffin_lim, log_mel
from noteninja_lib.datasets.gtzan import genre_of, key_of
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation import baselines
from noteninja_lib.evaluation.baselines import SECONDS, Piece, choose_targets, choose_tunes, make_piece
from noteninja_lib.models.classifiers import GenreClassifier
from noteninja_lib.models.flow_matching import (
    CHUNK,
    FOLD,
    HEARD,
    HOP,
    OVERLAP,
    in_samples,
    spans,
    with_context,
)
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.pipeline import NoteNinjaPipeline

STAGES = {
    "truth": "the true recording",
    "griffin_lim": "its mel, by 64 rounds of Griffin-Lim",
    "vocoder": "its mel, by the vocoder",
    "autoencoder": "its mel through the autoencoder (picture alone)",
    "decoded": "that picture, by the vocoder",
    "converter": "converted from another genre",
}
LONG = 8.0 if fast_mode() else 60.0  # seconds: several windows of the pipeline
OTHER = "other"  # genre of real recordings of which it is not known


#: One recording to measure: a tune and its genre, or a file; `slow` includes Griffin-Lim.
Job = namedtuple("Job", "tune genre file slow", defaults=(None, True))
#: One stage of one recording; `embeddings` (windows, 64) is None where no truth is known.
Row = namedtuple("Row", "stage genre tune figures embeddings", defaults=(None,))


def plan(tunes: int, seed: int = 0, split: str = "test", data: File = None) -> list[Job]:
    """Each tune in all ten genres, or ten recordings of the folder `data` for each; half with Griffin-Lim."""
    if not data:
        numbers = enumerate(choose_tunes(tunes, seed, split))
        return [Job(tune, genre, slow=place % 2 == 0) for place, tune in numbers for genre in GENRES]
    files = sorted(path for path in Path(data).rglob("*") if path.suffix.lower() in (*FORMATS, ".au"))
    if not files:
        raise UserError(f"There are no recordings in {data}: give a folder with wav, flac, mp3 or ogg files.")
    chosen = [files[number] for number in np.random.default_rng(seed).permutation(len(files))[: 10 * tunes]]
    genres = [(key_of(file) or (genre_of(file.parent.name), ""))[0] or OTHER for file in chosen]
    return [Job(n, genre, str(file), n % 2 == 0) for n, (file, genre) in enumerate(zip(chosen, genres))]


@lru_cache(maxsize=1)
def played(number: int, seed: int, split: str) -> Piece:
    """A tune in all ten genres; the jobs of one tune follow each other."""
    return make_piece(number, seed, split)


def excerpt(file: File, seconds: float) -> np.ndarray | None:
    """The middle of a real recording, as loud as the arranger's; None if it is unreadable or too short."""
    try:
        audio = load(file)
    except UserError:
        return None
    start = (len(audio) - int(seconds * SAMPLE_RATE)) // 2
    return None if start < 0 else normalise(audio[start : start + int(seconds * SAMPLE_RATE)])


def whole(audio: np.ndarray) -> np.ndarray:
    """A recording, cut to whole frames of the latents."""
    return audio[: len(audio) // HOP * HOP]


def measure_stages(job: Job, seed: int = 0, split: str = "test") -> list[Row]:
    """All stages of one recording; empty if a file cannot be used."""
    target = job.genre
    if job.file:
        source = truth = excerpt(job.file, SECONDS)
        if truth is None:
            return []
        others = [genre for genre in GENRES if genre != job.genre]
        target = str(np.random.default_rng((seed, job.tune)).choice(others))
    else:
        piece = played(job.tune, seed, split)
        own = piece.source if piece.source != target else choose_targets(piece, 1, seed)[0]
        truth, source = piece.recordings[target], piece.recordings[own]
    pipe, truth, source = pipeline.load_pipeline(), whole(truth), whole(source)
    mel, known, rows = log_mel(truth), know(pipe.judge, {target: truth})[target], []
    for stage in STAGES:
        if stage != "griffin_lim" or job.slow:
            made = make(pipe, stage, source if stage == "converter" else truth, mel, target, job.tune)
            unknown = stage == "converter" and job.file  # nobody knows what it should have become
            found = (defects(made),) if unknown else measure_stage(pipe.judge, stage, made, truth, mel, known)
            rows.append(Row(stage, job.genre, job.tune, *found))
    return rows


@torch.no_grad()
def make(
    pipe: NoteNinjaPipeline, stage: str, audio: np.ndarray, mel: np.ndarray, target: str, seed: int = 0
) -> np.ndarray:
    """A stage's sound, or mel, of a recording and its mel."""
    match stage:
        case "truth":
            return audio
        case "griffin_lim":
            return griffin_lim(mel)
        case "decoded":
            return baselines.decoded(pipe, audio)
        case "converter":
            noise = torch.Generator().manual_seed(seed)
            return normalise(pipe(audio, target, generator=noise, voice="play").mono())
    given = torch.from_numpy(mel)[None].to(pipe.device)
    if stage == "vocoder":
        return mono(pipe.vocoder(given)[0].cpu().numpy().T)
    return pipe.vae.decode(pipe.vae.encode(given))[0].cpu().numpy()


def measure_stage(
    judge: GenreClassifier, stage: str, made: np.ndarray, truth: np.ndarray, mel: np.ndarray, known: Known
) -> tuple[dict, np.ndarray]:
    """Figures of a stage beside the truth, as far as they mean something there, and its embeddings."""
    seen = made if stage == "autoencoder" else log_mel(made)
    embedded = all_measures.mel_embeddings(judge, seen)
    figures = {"embedding_distance": all_measures.euclidean(embedded.mean(0), known.embedding)}
    figures |= {name: (value, known.edges[name]) for name, value in all_measures.mel_edges(seen).items()}
    if stage != "converter":
        figures["mel_distance"] = all_measures.mean_difference(seen, mel)
    if stage != "autoencoder":
        truth = normalise(truth) if stage == "converter" else truth
        for name in ("treble", "cymbals", "bass"):
            figures[f"{name}_db"] = all_measures.band_level(made, truth, getattr(all_measures, name.upper()))
        if stage != "converter":
            figures["multi_resolution"] = all_measures.multi_resolution_distance(made, truth)
        figures |= defects(made)
    return figures, embedded


def defects(audio: np.ndarray) -> dict[str, float]:
    """What is wrong in a sound, whatever it should have been."""
    return {"clicks": all_measures.clicks(audio), "offset": all_measures.offset(audio)}


def measure_seams(job: Job, seed: int = 0, split: str = "test") -> dict[str, list]:
    """Pairs (where windows of a long recording meet, elsewhere) by stage; empty if a file is no use."""
    if job.file:
        truth = source = excerpt(job.file, LONG)
        if truth is None:
            return {}
    else:
        genres = (job.genre, GENRES[GENRES.index(job.genre) - 1])
        tune, take = load_tunes(split)[job.tune], seed + job.tune
        truth, source = (render(baselines.excerpt(tune, genre, take, LONG)) for genre in genres)
    target = job.genre if job.genre in GENRES else GENRES[job.tune % len(GENRES)]
    pipe = pipeline.load_pipeline()
    sounds = {"truth": truth, "decoded": truth, "converter": source}
    sounds = {stage: make(pipe, stage, one, None, target, job.tune) for stage, one in sounds.items()}
    gradient = np.square(np.diff(log_mel(sounds["converter"]))).mean(0)
    shared, latents = np.zeros(len(gradient), bool), len(truth) // HOP
    for window in spans(latents, CHUNK, OVERLAP)[1:]:  # its first frames are its neighbour's last
        shared[in_samples(slice(window.start, window.start + OVERLAP), FOLD)] = True
    edges = [chunk.start * HOP for chunk, _, _ in with_context(latents, HEARD)[1:]]
    found = {stage: all_measures.seams(audio, edges) for stage, audio in sounds.items()}
    blends = [(float(gradient[shared].mean()), float(gradient[~shared].mean()))] if shared.any() else []
    return found | {"blends": blends}


def speeds(seed: int = 0, split: str = "test") -> dict[str, float]:
    """Seconds of work for a second of sound on each stage, with all cores: the best of a few times."""
    pipe, number = pipeline.load_pipeline(), choose_tunes(1, seed, split)[0]
    piece = make_piece(number, seed, split, alone=True)
    audio, found = whole(np.tile(piece.audio, 3)), {}
    mel, target = log_mel(audio), choose_targets(piece, 1, seed)[0]
    for stage in list(STAGES)[1:]:
        times = []
        for _ in range(1 if stage == "griffin_lim" else 4):  # the first time, much is still cold
            began = time.perf_counter()
            make(pipe, stage, audio, mel, target)
            times.append(time.perf_counter() - began)
        found[stage] = float(f"{min(times) * SAMPLE_RATE / len(audio):.3g}")
    return found


def summarise(rows: list[Row], seams: list[dict]) -> dict:
    """Each measure of each stage, together and by genre, as [mean, low, high]; Fréchet distances; seams."""
    figures, by_stage = {"rungs": {}, "frechet": {}}, grouped(rows, lambda row: row.stage)
    truths = by_stage["truth"]
    for stage, found in by_stage.items():
        groups = grouped(found, lambda row: row.genre)
        genres = {genre: of_rows(groups[genre]) for genre in (*GENRES, OTHER) if genre in groups}
        figures["rungs"][stage] = {"together": of_rows(found), "genres": genres}
        complete = len(found) == len(truths) and found[0].embeddings is not None
        if complete and len({row.tune for row in found}) > 3:
            figures["frechet"][stage] = frechet(found, truths)
    means = [(row.genre, row.tune, row.embeddings.mean(0)) for row in truths]
    pairs = [(one, two) for one, two in combinations(means, 2) if one[0] == two[0] and one[1] != two[1]]
    apart = [all_measures.euclidean(one[2], two[2]) for one, two in pairs]
    figures["embedding_floor"] = rounded_mean(apart) if apart else None
    figures["seams"] = {}
    for name in ("truth", "decoded", "converter", "blends"):
        pairs = [(pair, number) for number, found in enumerate(seams) for pair in found.get(name, ())]
        if pairs:
            figures["seams"][name] = all_measures.bootstrap(*zip(*pairs))
    return figures


#: Columns of the table: heading to measure and format. Sharpness is a share of the true recording's.
COLUMNS = {
    "mel, nats": ("mel_distance", ".3f"), "STFT": ("multi_resolution", ".2f"),
    "above 4 kHz, dB": ("treble_db", "+.1f"), "above 6 kHz, dB": ("cymbals_db", "+.1f"),
    "below 200 Hz, dB": ("bass_db", "+.1f"), "sharp in time": ("sharpness_in_time", ".2f"),
    "in frequency": ("sharpness_in_frequency", ".2f"), "embedding": ("embedding_distance", ".1f"),
    "clicks/s": ("clicks", ".2f"),
}  # fmt: skip
OF_MEL = ("mel, nats", "sharp in time", "in frequency")  # what can be measured without sound


def cells(row: dict[str, list[float]]) -> list[str]:
    """A row's cells for `COLUMNS`."""
    return [cell(row.get(name), form) for name, form in COLUMNS.values()]


def lines(figures: dict) -> list[str]:
    """What each network on the way from sound to sound costs, together and by genre, in Markdown."""
    speed, rungs, seams = figures["speed"], figures["rungs"], figures["seams"]
    genres, rows = rungs["autoencoder"]["genres"], []
    for stage in (one for one in STAGES if one in rungs):
        fast = f"{1 / speed[stage]:.0f}" if stage in speed else ""
        rows.append([STAGES[stage], *cells(rungs[stage]["together"]), fast])
    of_mel = ([name, *(cells(row)[list(COLUMNS).index(name)] for row in genres.values())] for name in OF_MEL)
    words = {"decoded": "decoded", "converter": "converted", "truth": "in the true recording"}
    where = "; ".join(f"{interval(seams[name])} {said}" for name, said in words.items() if name in seams)
    met = f" Jumps of the spectrum where windows meet, beside those elsewhere: {where}." if where else ""
    return [
        f"The ladder: {figures['tunes']} tunes a genre, {figures['soundfont']}; {figures['cores']} cores:",
        *table(["", *COLUMNS, "× real time"], rows),
        *table(["the autoencoder's picture", *genres], of_mel),
        f"Embeddings of two tunes in one genre are {cell(figures['embedding_floor'], '.1f')} apart.{met}",
        "\n![Ten true recordings, and the same through autoencoder and vocoder](../figures/decoded.png)",
    ]


def by_genre(figures: dict) -> list[str]:
    """All stages in each genre, and the Fréchet distance of each stage, as tables in Markdown."""
    found = []
    for genre in figures["rungs"]["truth"]["genres"]:
        stages = {stage: rung["genres"].get(genre, {}) for stage, rung in figures["rungs"].items()}
        rows = ([one, *cells(row), cell(row.get("offset"), ".3f")] for one, row in stages.items())
        found += table([genre, *COLUMNS, "DC"], rows)
    return found + table(["", *figures["frechet"]], [["Fréchet", *figures["frechet"].values()]])


def report(
    tunes: Tunes = 6,
    out: Out = None,
    data: Recordings = None,
    split: Split = "test",
    seed: int = 0,
    workers: Workers = CORES,
) -> dict:
    """Measure what each network costs in sharpness, up to the converter, and look for clicks and seams."""
    harness.check_folder(out)
    jobs, of = plan(tunes, seed, split, data), {"seed": seed, "split": split}
    results = measure(measure_stages, jobs, "recordings", workers, **of)
    rows = sum(results, [])
    if not rows:
        raise UserError(f"No recording in {data} can be used: they must be longer than {SECONDS:.0f} s.")
    seams = measure(measure_seams, jobs[:: len(GENRES) + 1], "long recordings", workers, **of)
    figures = {"tunes": tunes, "recordings": sum(map(bool, results)), "seconds": SECONDS, **of}
    figures |= {"soundfont": None if data else Path(default_soundfont()).name, **summarise(rows, seams)}
    figures |= {"cores": torch.get_num_threads(), "speed": speeds(seed, split)}
    return finish(figures, lines(figures) + by_genre(figures), out, "ladder", not data and split == "test")
