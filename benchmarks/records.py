"""Does a converter sound like records? Command: `python -m benchmarks records --data GTZAN`. Lesson: 11.

Real recordings that nothing was trained on are converted to several genres each. An outside listener, and
what can be measured, compares the results with real recordings of the asked-for genre. The environment
variable NOTENINJA_MODELS names another converter's networks.
"""

import tempfile
from collections import namedtuple
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
import torch
from typer import Option

from benchmarks.all_measures import bootstrap, onset_chroma
from benchmarks.harness import File, cell, finish, grouped, interval, listen, measure, table
from benchmarks.options import CORES, Guidance, Out, Steps, Tagger, Workers
from noteninja_lib import STEPS
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.audio.spectrogram import log_mel
from noteninja_lib.datasets import open_dataset
from noteninja_lib.datasets.base import DataSet
from noteninja_lib.errors import UserError
from noteninja_lib.models.basic_pitch import transcribe
from noteninja_lib.models.checkpoints import load_model
from noteninja_lib.models.classifiers import GenreClassifier, classify
from noteninja_lib.models.tagger import hear_genres
from noteninja_lib.music.piano_roll import sounding, strongest_octave
from noteninja_lib.pipeline import VOICES, check_arguments, load_pipeline

STRONGEST = 3  # the asked-for genre must be among so many of the listener's
TREBLE = 5000.0  # Hz
LEVEL = 0.1  # seconds over which loudness is measured
SINGERS = {
    "keep": "the singer over the new band",
    "play": "an instrument plays what was sung",
    "off": "the singer left out",
    "none": "nobody sings",
}

#: A recording's number and the genre that it is converted to; None: as it is.
Job = namedtuple("Job", "number target")


@lru_cache(maxsize=1)
def opened(root: File) -> DataSet:
    """A data set, opened once in a process."""
    return open_dataset(root, tell=None)


def sound_figures(audio: np.ndarray) -> dict[str, float]:
    """How sharp strokes are, how far loud and soft lie apart, and how bright it is; of sound (samples,)."""
    mel = log_mel(audio)
    hop = round(LEVEL * SAMPLE_RATE)
    blocks = audio[: len(audio) // hop * hop].reshape(-1, hop)
    levels = 10 * np.log10(np.square(blocks).mean(1) + 1e-10)
    power = np.abs(np.fft.rfft(audio)) ** 2
    treble = power[np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE) > TREBLE].sum() / power.sum()
    found = {"attack": np.percentile(np.diff(mel, axis=1), 99)}
    found["range"] = np.subtract(*np.percentile(levels, [95, 10]))
    return {name: float(value) for name, value in (found | {"treble": 10 * np.log10(treble + 1e-9)}).items()}


def play(job: Job, data: File, judge: File, folder: File, options: dict, pushed: float | None) -> dict:
    """Convert a recording, or leave it as it is, and measure it; its sound goes to a file in `folder`."""
    set_, pipe = opened(data), load_pipeline()
    if pushed is not None:
        pipe.register_to_config(jump_style_guidance=pushed)
    audio, made = set_.audio(job.number), None
    if job.target:
        made = pipe(audio, job.target, generator=torch.Generator().manual_seed(job.number), **options)
        audio = made.mono()
    heard = classify(load_model(GenreClassifier, judge), GENRES, audio)
    file = Path(folder) / f"{job.number}-{job.target or 'source'}.wav"
    soundfile.write(file, audio, SAMPLE_RATE)
    notes = transcribe(audio)
    found = {"number": job.number, "target": job.target, "source": set_.labels[job.number]} | sound_figures(
        audio
    )
    found |= {"file": str(file), "judge": next(iter(heard)), "onsets": onset_chroma(notes[0]).reshape(12, -1)}
    found["heard"] = hear_genres(audio)
    if made:
        tune = made.notes
        found |= {"tune": made.tune_kept, "voice": made.voice}
        found["sounding"] = sounding(tune, strongest_octave(notes[1])) if tune else None
    return found


def choose(data: DataSet, numbers: list[int], targets: int, seed: int) -> list[Job]:
    """Each recording and the genres that it goes to, so that each genre is asked for about as often."""
    jobs, rng = [], np.random.default_rng(seed)
    counts = dict.fromkeys(GENRES, 0)
    for number in numbers:
        others = [genre for genre in rng.permutation(GENRES) if genre != data.labels[number]]
        for genre in sorted(others, key=counts.get)[:targets]:
            counts[genre] += 1
            jobs.append(Job(number, str(genre)))
    return jobs


def report(
    data: Annotated[Path, Option(help="GTZAN's folder.")],
    judge: Annotated[
        Path | None, Option(help="Folder whose judge is asked; the converter's by default.")
    ] = None,
    targets: Annotated[int, Option(min=1, max=9, help="Genres for each recording.")] = 4,
    steps: Steps = STEPS,
    guidance: Guidance = 2.0,
    style_guidance: Annotated[
        float | None, Option(min=0, max=5, help="Jump style guidance; the converter's own by default.")
    ] = None,
    voice: Annotated[str, Option(help=f"What becomes of singers: {', '.join(VOICES)}.")] = "keep",
    tagger: Tagger = None,
    folder: Annotated[Path | None, Option(help="Where the sounds are to be kept.")] = None,
    title: Annotated[
        str, Option(help="What the converter is called in the table.")
    ] = "The shipped converter",
    out: Out = None,
    seed: int = 0,
    workers: Workers = CORES,
) -> dict:
    """Measure conversions of real recordings beside real recordings of the asked-for genres."""
    check_arguments(1.0, steps, guidance, voice)
    set_ = open_dataset(data)
    kept = set_.splits()["test"]
    if not kept:
        raise UserError(f"No recording of {data} belongs to the test part.")
    jobs = choose(set_, kept, targets, seed)
    every = [Job(number, None) for number in range(len(set_))]
    sampling = {"num_inference_steps": steps, "guidance_scale": guidance, "voice": voice}
    options = {"data": data, "judge": judge, "options": sampling, "pushed": style_guidance}
    with tempfile.TemporaryDirectory() as temporary:
        options["folder"] = folder or temporary
        Path(options["folder"]).mkdir(parents=True, exist_ok=True)
        rows = measure(play, [*every, *jobs], "recordings", workers, **options)
        if tagger:
            for row, scores in zip(rows, listen(tagger, [row["file"] for row in rows])):
                row["scores"] = scores
    real, made = rows[: len(every)], rows[len(every) :]
    figures = figures_of(real, made)
    figures |= {"title": title, "recordings": len(kept), "conversions": len(made)}
    return finish(figures, lines(figures), out, "records", usual=False)


def rank(scores: dict[str, float], genre: str) -> int | None:
    """Place of a genre among a listener's, from 1; None where it knows no such genre."""
    return sorted(scores, key=scores.get, reverse=True).index(genre) + 1 if genre in scores else None


def figures_of(real: list[dict], made: list[dict]) -> dict:
    """Figures of conversions beside real recordings, with 95 % intervals: together, and by genre."""
    by_number, by_genre = {row["number"]: row for row in real}, grouped(real, lambda row: row["source"])
    crowd = sorted({row["number"] for row in made})
    for row in made:
        source, like = by_number[row["number"]], by_genre[row["target"]]
        for who, scores in (("", "scores"), ("heard ", "heard")):  # the outside listener, and the tagger
            place = rank(row.get(scores, {}), row["target"])
            if place:
                row[f"{who}rises"] = float(row[scores][row["target"]] > source[scores][row["target"]])
                row[f"{who}among three"], row[f"{who}first"] = float(place <= STRONGEST), float(place == 1)
        row["judge right"] = float(row["judge"] == row["target"])
        row["attack ratio"] = row["attack"] / np.mean([one["attack"] for one in like])
        row["range ratio"] = row["range"] / source["range"]
        row["treble difference"] = row["treble"] - np.mean([one["treble"] for one in like])
        likeness = {number: alike(row["onsets"], by_number[number]["onsets"]) for number in crowd}
        row["right tune"] = float(max(likeness, key=likeness.get) == row["number"])
    names = (
        "rises",
        "among three",
        "first",
        "judge right",
        "heard rises",
        "heard among three",
        "heard first",
        "attack ratio",
        "range ratio",
        "treble difference",
    )
    names += ("tune", "sounding", "right tune")
    figures = {"together": summary(made, names), "genres": {}}
    for genre, some in sorted(grouped(made, lambda row: row["target"]).items()):
        figures["genres"][genre] = summary(some, names) | {"conversions": len(some)}
        places = [rank(row.get("scores", {}), genre) for row in by_genre[genre]]
        if places[0]:
            figures["genres"][genre] |= {
                "real among three": float(np.mean([place <= STRONGEST for place in places])),
                "real first": float(np.mean([place == 1 for place in places])),
            }
    voices = grouped(made, lambda row: row["voice"])
    figures["singers"] = {
        voice: summary(some, names) | {"conversions": len(some)} for voice, some in sorted(voices.items())
    }
    right = [float(row["judge"] == row["source"]) for row in real]
    figures["judge on real recordings"] = bootstrap(right)
    right = [float(next(iter(row["heard"])) == row["source"]) for row in real]
    figures["tagger on real recordings"] = bootstrap(right)
    return figures


def alike(first: np.ndarray, second: np.ndarray) -> float:
    """Cosine of two onset chromagrams, as far as both last."""
    length = min(first.shape[1], second.shape[1])
    one, other = first[:, :length].ravel(), second[:, :length].ravel()
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other) + 1e-9))


def summary(rows: list[dict], names: tuple[str, ...]) -> dict[str, list[float]]:
    """Means with 95 % intervals of what some rows have, the recordings drawn anew; of ratios geometric ones,
    so that twice as much and half as much even each other out."""
    found = {}
    for name in names:
        some = [row for row in rows if row.get(name) is not None]
        if some:
            there, back = (np.log, np.exp) if name.endswith("ratio") else (np.asarray, np.asarray)
            means = bootstrap(there([row[name] for row in some]), [row["number"] for row in some])
            found[name] = [round(float(back(one)), 4) for one in means]
    return found


def lines(figures: dict) -> list[str]:
    """The figures as tables in Markdown."""
    together = figures["together"]
    rows = [[name, interval(value)] for name, value in together.items()]
    told = f"{figures['conversions']} conversions of {figures['recordings']} real recordings"
    found = [f"{figures['title']}, {told}:", *table(["measure", "mean, and 95 % interval"], rows)]
    singers = {SINGERS[voice]: one for voice, one in figures["singers"].items()}
    real = ["real among three", "real first"]
    for what, groups, more in (("genre", figures["genres"], real), ("singer", singers, [])):
        names = [*together, *more]
        rows = [
            [group, one["conversions"], *(cell(one.get(name)) for name in names)]
            for group, one in groups.items()
        ]
        found += table([what, "conversions", *names], rows)
    judge, tagger = (interval(figures[f"{who} on real recordings"]) for who in ("judge", "tagger"))
    return [*found, f"Its judge is right about {judge} of the real ones, the tagger about {tagger}."]
