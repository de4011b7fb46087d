"""How many steps, which scheduler, what guidance? Command: `noteninja steps`. Lesson: 06_diffusion_theory."""

import hashlib
import json
import time
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from operator import itemgetter
from pathlib import Path
from typing import Annotated

import diffusers
import numpy as np
from typer import Option

from benchmarks import all_measures
from benchmarks.comparison import Known, among_ten, know
from benchmarks.harness import aligned, grouped, means, measure, rounded, rounded_mean, table
from benchmarks.options import CORES, Out, Tunes, Workers
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation import baselines
from noteninja_lib.evaluation.baselines import SECONDS, Piece, choose_targets, choose_tunes, make_piece
from noteninja_lib.models.checkpoints import models_folder
from noteninja_lib.pipeline import GUIDANCE_INTERVAL, NoteNinjaPipeline, load_pipeline
from noteninja_lib.source import Source, read_source

FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}


class PlainEuler(diffusers.FlowMatchEulerDiscreteScheduler):
    """Euler's steps along velocities; of its parent class the pipeline knows that it can jump."""


#: Name of a scheduler to a function of the time shift, above 1 of which more steps lie near the noise.
SCHEDULERS = {
    "jumps": lambda shift: diffusers.FlowMatchEulerDiscreteScheduler(shift=shift),
    "euler": lambda shift: PlainEuler(shift=shift),
    "heun": lambda shift: diffusers.FlowMatchHeunDiscreteScheduler(shift=shift),
    "dpm++": lambda shift: diffusers.DPMSolverMultistepScheduler(flow_shift=shift, **FLOW),
    "unipc": lambda shift: diffusers.UniPCMultistepScheduler(flow_shift=shift, **FLOW),
}
ALL_STEPS, SCALES = (2, 4, 6, 8, 12, 20, 50), (1.0, 1.5, 2.0, 3.0)
INTERVALS = ((0.0, 1.0), (0.3, 1.0), (0.9, 1.0), (0.3, 0.8))
PLAIN = 4  # steps that suffice without jumps
SPLIT, TARGETS = "validation", 3  # genres to which each tune is converted


@dataclass(frozen=True)
class Way:
    """One way to go from noise to music: a scheduler, its steps, and the guidance."""

    scheduler: str = "euler"
    steps: int = PLAIN
    guidance: float = 2.0
    guidance_interval: tuple[float, float] = GUIDANCE_INTERVAL
    shift: float = 1.0


SAVED = ("scheduler", "steps", "guidance", "guided", "shift")  # the same by their names in the file


def ways(schedulers=(), steps=(), scales=(), intervals=(), shifts=()) -> list[Way]:
    """All combinations; of nothing, all schedulers at all steps, and the default guided otherwise."""
    given = (schedulers, steps, scales, intervals, shifts)
    unknown = set(schedulers) - set(SCHEDULERS)
    if unknown:
        raise UserError(f"There is no scheduler {min(unknown)!r}: choose from {', '.join(SCHEDULERS)}.")
    if any(given):
        usual = vars(Way()).values()
        return [Way(*one) for one in product(*(list(some) or [one] for some, one in zip(given, usual)))]
    found = [Way(scheduler, number) for scheduler in SCHEDULERS for number in ALL_STEPS]
    found += [Way(guidance=scale) for scale in SCALES]
    return list(dict.fromkeys(found + [Way(guidance_interval=interval) for interval in INTERVALS]))


def parse_interval(text: str) -> tuple[float, float]:
    """Two noise levels from a text such as "0.55-1"."""
    try:
        low, high = map(float, text.split("-"))
    except ValueError:
        low, high = 1, 0
    if not 0 <= low < high <= 1:
        raise UserError(f"Guidance is on between two noise levels from 0 to 1, such as 0.55-1, not {text!r}.")
    return low, high


@lru_cache(maxsize=2)
def prepare(number: int, seed: int) -> tuple[Piece, Source, dict[str, Known]]:
    """A tune in all genres, its source heard, and what is known of the true recordings; for all ways."""
    piece = make_piece(number, seed, SPLIT)
    return piece, read_source(piece.audio), know(load_pipeline().judge, piece.recordings)


def measure_way(job: tuple[int, Way], seed: int = 0, targets: int = TARGETS) -> list[dict]:
    """Convert one tune to a few genres in one way; edges as pairs (made, true), seconds of a single core."""
    number, way = job
    piece, heard, known = prepare(number, seed)
    parts = load_pipeline().components | {"scheduler": SCHEDULERS[way.scheduler](way.shift)}
    pipe, rows, evaluated = NoteNinjaPipeline(**parts, guidance_interval=way.guidance_interval), [], []
    counter = pipe.unet.register_forward_hook(lambda network, given, made: evaluated.append(len(made)))
    try:
        for target in choose_targets(piece, targets, seed):
            evaluated.clear()
            began = time.process_time()
            latents = baselines.sample(pipe, heard, target, number, steps=way.steps, guidance=way.guidance)
            took, audio = time.process_time() - began, baselines.sound(pipe, heard, latents)
            shares, edges, true = pipe.judge_genre(audio), all_measures.edges(audio), known[target].edges
            row = {"evaluations": sum(evaluated), "core_seconds": took * SAMPLE_RATE / len(heard.audio)}
            row["note_f1"] = all_measures.note_f1(piece.melody, all_measures.hear(audio))
            row["chroma_cosine"] = all_measures.chroma_cosine(audio, piece.audio)
            row |= among_ten(audio, all_measures.embeddings(pipe.judge, audio).mean(0), target, known)
            row |= {"judge": next(iter(shares)) == target, "judge_share": shares[target]}
            row["log_spectral_distance"] = all_measures.log_spectral_distance(audio, piece.recordings[target])
            rows.append(row | {name: (edges[name], true[name]) for name in edges})
    finally:
        counter.remove()
    return rows


def summarise(rows: dict[str, list], tunes: list[int], reference: dict[str, list] | None = None) -> dict:
    """Figures of all conversions, of `tunes`, and their difference to the same ones by a reference way."""
    taken = {name: values for name, values in rows.items() if name not in ("evaluations", "core_seconds")}
    single = [name for name, values in taken.items() if reference and np.ndim(values) == 1]
    beside = {name: np.subtract(taken[name], reference[name], dtype=float) for name in single}
    return {
        "evaluations": rounded_mean(rows["evaluations"], 2),
        "core_seconds": rounded(np.median(rows["core_seconds"])),
        "measures": {name: all_measures.bootstrap(values, tunes) for name, values in taken.items()},
        "beside": {name: all_measures.bootstrap(difference, tunes) for name, difference in beside.items()},
    }


def merge(kept: dict[Way, dict], found: dict[Way, dict], tunes: list[int]) -> list[dict]:
    """Rows of new ways replace older ones; each way is then set beside Euler with the most steps."""
    rows, names, figures = kept | found, list(SCHEDULERS), []

    def place(way):
        return names.index(way.scheduler), way.shift, way.guidance_interval, way.guidance, way.steps

    plain = [way for way in sorted(rows, key=place) if way == Way(steps=way.steps)]
    for way in sorted(rows, key=place):
        summary = summarise(rows[way], tunes, rows[plain[-1]] if plain else None)
        figures.append(dict(zip(SAVED, vars(way).values())) | summary | {"rows": rows[way]})
    return figures


def read(path: Path, of: dict) -> dict[Way, dict]:
    """Rows by way of an earlier run, if it converted the same by the same networks; else nothing."""
    earlier = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"of": None}
    if earlier["of"] != of:
        return {}
    settings = ([one[name] for name in SAVED] for one in earlier["ways"])
    made = (Way(scheduler, steps, scale, tuple(at), shift) for scheduler, steps, scale, at, shift in settings)
    return dict(zip(made, (one["rows"] for one in earlier["ways"])))


def write(path: Path, figures: dict) -> None:
    """A JSON file with a line for each way."""
    rows = ",\n  ".join(json.dumps(one) for one in figures["ways"])
    path.write_text(f'{{"of": {json.dumps(figures["of"])},\n "ways": [\n  {rows}]}}\n', encoding="utf-8")


#: Columns of the table: heading and measure.
COLUMNS = {
    "note F1": "note_f1", "chroma cosine": "chroma_cosine", "recording of 10": "right_recording_of_10",
    "judge": "judge", "judge's share": "judge_share", "LSD in dB": "log_spectral_distance",
    "sharp in time": "sharpness_in_time", "in frequency": "sharpness_in_frequency", "treble": "treble",
}  # fmt: skip


def beside_each_other(chosen: list[dict]) -> list[str]:
    """Some of the ways as a table in Markdown, a row each."""
    rows = []
    for one in chosen:
        guided = (f"{one['guidance']:g}", "{:g} to {:g}".format(*one["guided"]))
        name = one["scheduler"] + (f", shift {one['shift']:g}" if one["shift"] != 1 else "")
        cost = (f"{one['evaluations']:.0f}", f"{one['core_seconds']:.3f}")
        guided = ("off", "") if one["guidance"] == 1 else guided
        rows.append([name, one["steps"], *guided, *cost, *means(one["measures"], COLUMNS.values())])
    return table(["scheduler", "steps", "guidance", "at noise", "evaluations", "seconds", *COLUMNS], rows)


def alone(ways: list[dict]) -> dict[str, list[dict]]:
    """The ways that differ from the most usual guidance in nothing, by scheduler; with rising steps."""
    settings = [(one["guidance"], tuple(one["guided"]), one["shift"]) for one in ways]
    usual = max(set(settings), key=settings.count)
    chosen = (one for one, setting in zip(ways, settings) if setting == usual)
    found = grouped(chosen, itemgetter("scheduler"))
    return {scheduler: sorted(rows, key=itemgetter("steps")) for scheduler, rows in found.items()}


def lines(figures: dict) -> list[str]:
    """Quality against time, in Markdown: jumps and Euler's steps, then others at the usual number."""
    every, of = sum(alone(figures["ways"]).values(), []), figures["of"]
    shown = [one for one in every if one["scheduler"] in ("jumps", "euler") or one["steps"] == PLAIN]
    shown += [one for one in figures["ways"] if one not in every]
    return [
        f"Quality and time: {of['tunes'] * of['targets']} conversions of {of['tunes']} {of['split']} tunes:",
        *beside_each_other(shown),
        "\n![Quality against the time of denoising, for four schedulers](../figures/steps.png)",
    ]


def report(
    step: Annotated[list[int] | None, Option("--steps", min=1, help="May be given several times.")] = None,
    scheduler: Annotated[list[str] | None, Option(help=f"{', '.join(SCHEDULERS)}.")] = None,
    guidance: Annotated[list[float] | None, Option(help="Guidance scale; 1 is off.")] = None,
    guidance_interval: Annotated[list[str] | None, Option(help="Where it is on, such as 0.55-1.")] = None,
    shift: Annotated[list[float] | None, Option(help="Above 1, more steps lie near the noise.")] = None,
    tunes: Tunes = 8,
    out: Out = None,
    seed: int = 0,
    workers: Workers = CORES,
) -> dict:
    """Measure quality against time; what is given several times is combined, older ways stay in the file."""
    out, intervals = out or models_folder() / "steps.json", map(parse_interval, guidance_interval or ())
    chosen = ways(scheduler or (), step or (), guidance or (), list(intervals), shift or ())
    numbers = choose_tunes(tunes, seed, SPLIT)
    weights = hashlib.sha256((models_folder() / "SHA256SUMS.json").read_bytes()).hexdigest()[:16]
    of = {"tunes": tunes, "targets": TARGETS, "seconds": SECONDS, "seed": seed, "split": SPLIT}
    jobs, of["weights"] = list(product(numbers, chosen)), weights
    measured = measure(measure_way, jobs, "measurements", workers, seed=seed)
    rows = {way: [] for way in chosen}
    for (_, way), some in zip(jobs, measured):
        rows[way] += some
    found = {}
    for way, some in rows.items():
        found[way] = {name: rounded([row[name] for row in some], 6) for name in some[0]}
    figures = {"of": of, "ways": merge(read(out, of), found, np.repeat(numbers, TARGETS).tolist())}
    print("\n".join(aligned(beside_each_other(figures["ways"]))))
    write(out, figures)
    return figures
