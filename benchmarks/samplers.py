"""How many steps, by which scheduler, guided how much? Quality against time on validation tunes. Command: `noteninja steps`.

All ways start from the same noise, so that they can be compared conversion by conversion. Lesson: 06_diffusion_theory.
"""

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from itertools import product

import numpy as np
from diffusers import (
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    FlowMatchHeunDiscreteScheduler,
    UniPCMultistepScheduler,
)

from noteninja_lib import STEPS
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation import metrics
from noteninja_lib.evaluation.baselines import (
    SECONDS,
    Heard,
    choose_targets,
    choose_tunes,
    make_piece,
    sound,
    walk,
)
from noteninja_lib.evaluation.comparison import among_ten, know, spread
from noteninja_lib.evaluation.metrics import bootstrap
from noteninja_lib.models.checkpoints import models_folder
from noteninja_lib.pipeline import GUIDANCE_INTERVAL, NoteNinjaPipeline, load_pipeline

FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
#: Name of a scheduler to a function of the time shift, above 1 of which more steps lie near the noise.
SCHEDULERS = {
    "euler": lambda shift: FlowMatchEulerDiscreteScheduler(shift=shift),
    "heun": lambda shift: FlowMatchHeunDiscreteScheduler(shift=shift),
    "dpm++": lambda shift: DPMSolverMultistepScheduler(flow_shift=shift, **FLOW),
    "unipc": lambda shift: UniPCMultistepScheduler(flow_shift=shift, **FLOW),
}
ALL_STEPS, SCALES = (2, 4, 6, 8, 12, 20, 50), (1.0, 1.5, 2.0, 3.0)
INTERVALS = ((0.0, 1.0), (0.3, 1.0), (0.9, 1.0), (0.3, 0.8))
TARGETS = 3  # genres to which each tune is converted


@dataclass(frozen=True)
class Way:
    """One way to walk from noise to music: a scheduler, its steps, and the guidance."""

    scheduler: str = "euler"
    steps: int = STEPS
    guidance: float = 2.0
    guided: tuple = GUIDANCE_INTERVAL
    shift: float = 1.0


def ways(schedulers=(), steps=(), scales=(), intervals=(), shifts=()):
    """All combinations of what is given; of nothing, all schedulers at all steps, and today's default guided in other ways."""
    if schedulers or steps or scales or intervals or shifts:
        unknown = set(schedulers) - set(SCHEDULERS)
        if unknown:
            raise UserError(
                f"There is no scheduler {sorted(unknown)[0]!r}: choose from {', '.join(SCHEDULERS)}."
            )
        chosen = product(
            schedulers or ["euler"],
            steps or [STEPS],
            scales or [2.0],
            intervals or [GUIDANCE_INTERVAL],
            shifts or [1.0],
        )
        return [
            Way(scheduler, number, scale, tuple(guided), shift)
            for scheduler, number, scale, guided, shift in chosen
        ]
    found = [Way(scheduler, number) for scheduler in SCHEDULERS for number in sorted(set(ALL_STEPS))]
    found += [Way(guidance=scale) for scale in SCALES] + [Way(guided=guided) for guided in INTERVALS]
    return list(dict.fromkeys(found))


def parse_interval(text):
    """Two noise levels from a text such as "0.55-1"."""
    try:
        low, high = map(float, text.split("-"))
    except ValueError:
        low, high = 1, 0
    if not 0 <= low < high <= 1:
        raise UserError(f"Guidance is on between two noise levels from 0 to 1, such as 0.55-1, not {text!r}.")
    return low, high


@lru_cache(maxsize=2)
def prepare(number, seed, split):
    """A tune in all genres, its source heard, and what is known of its true recordings: the same for all ways."""
    piece = make_piece(number, seed, split)
    return piece, Heard(piece.recordings[piece.source]), know(load_pipeline().judge, piece.recordings)


def measure(job, seed=0, split="validation", targets=TARGETS):
    """Convert one tune to a few genres in one way; `job` is the tune's number and the way.

    Returns
    -------
    list of dict
        Figures of each conversion. `evaluations` of the network, where one told everything and told nothing counts as two;
        `core_seconds` of denoising for a second of music, as if a single core did it all.
    """
    number, how = job
    piece, heard, known = prepare(number, seed, split)
    parts = load_pipeline().components | {"scheduler": SCHEDULERS[how.scheduler](how.shift)}
    pipe, rows, evaluated = NoteNinjaPipeline(**parts, guidance_interval=how.guided), [], []
    counter = pipe.unet.register_forward_hook(lambda network, given, made: evaluated.append(len(made)))
    try:
        for target in choose_targets(piece, targets, seed):
            evaluated.clear()
            began = time.process_time()
            latents = walk(pipe, heard, target, number, steps=how.steps, guidance=how.guidance)
            took = time.process_time() - began
            rows.append(
                {
                    "evaluations": sum(evaluated),
                    "core_seconds": took * SAMPLE_RATE / len(heard.audio),
                    **figures_of(pipe, sound(pipe, heard, latents), piece, target, known),
                }
            )
    finally:
        counter.remove()
    return rows


def figures_of(pipe, audio, piece, target, known):
    """Measures of one conversion; sharpness and treble as pairs (made, true), for their ratio."""
    shares, edges, true = pipe.judge_genre(audio), metrics.edges(audio), known[target].edges
    return {
        "note_f1": metrics.note_f1(piece.melody, metrics.hear(audio)),
        "chroma_cosine": metrics.chroma_cosine(audio, piece.recordings[piece.source]),
        **among_ten(audio, metrics.embeddings(pipe.judge, audio).mean(0), target, known),
        "judge": next(iter(shares)) == target,
        "judge_share": shares[target],
        "log_spectral_distance": metrics.log_spectral_distance(audio, piece.recordings[target]),
        **{name: (edges[name], true[name]) for name in edges},
    }


def summarise(rows, tunes, reference=None):
    """Means with their intervals, and the difference to the same conversions by a reference way.

    Parameters
    ----------
    rows : dict of str to list
        Each measure of all conversions.
    tunes : list of int
        The tune of each conversion.
    reference : dict of str to list, optional
        `rows` of the other way.

    Returns
    -------
    dict
        `measures` and `beside`, each measure as [mean, low, high]; `evaluations` (mean), `core_seconds` (median, since the
        first conversion in a process takes longer).
    """
    names = [name for name in rows if name not in ("evaluations", "core_seconds")]
    single = [name for name in names if np.ndim(rows[name]) == 1]
    beside = (
        {name: np.subtract(rows[name], reference[name], dtype=float) for name in single} if reference else {}
    )
    return {
        "evaluations": round(float(np.mean(rows["evaluations"])), 2),
        "core_seconds": round(float(np.median(rows["core_seconds"])), 4),
        "measures": {name: bootstrap(rows[name], tunes) for name in names},
        "beside": {name: bootstrap(difference, tunes) for name, difference in beside.items()},
    }


def merge(kept, found, tunes):
    """Rows of new ways take the place of older ones of the same; every way is then set beside Euler's with the most steps.

    Parameters
    ----------
    kept, found : dict of Way to rows
    tunes : list of int
        See `summarise`.

    Returns
    -------
    list of dict
        A way each: its settings, its figures and its rows.
    """
    rows = kept | found
    order = sorted(
        rows,
        key=lambda how: (
            list(SCHEDULERS).index(how.scheduler),
            how.shift,
            how.guided,
            how.guidance,
            how.steps,
        ),
    )
    plain = [how for how in order if how == Way(steps=how.steps)]
    reference = rows[plain[-1]] if plain else None
    return [{**asdict(how), **summarise(rows[how], tunes, reference), "rows": rows[how]} for how in order]


def read(path, of):
    """Rows by way of an earlier run, if it converted the same by the same networks; else nothing."""
    if not path or not path.exists():
        return {}
    earlier = json.loads(path.read_text(encoding="utf-8"))
    settings = Way.__dataclass_fields__
    return (
        {
            Way(**{name: tuple(one[name]) if name == "guided" else one[name] for name in settings}): one[
                "rows"
            ]
            for one in earlier["ways"]
        }
        if earlier["of"] == of
        else {}
    )


def write(path, figures):
    """A JSON file with a line for each way."""
    lines = ",\n  ".join(json.dumps(one) for one in figures["ways"])
    path.write_text(f'{{"of": {json.dumps(figures["of"])},\n "ways": [\n  {lines}]}}\n', encoding="utf-8")


#: Columns of the table: heading and measure.
COLUMNS = (
    ("note F1", "note_f1"),
    ("chroma cosine", "chroma_cosine"),
    ("recording of 10", "right_recording_of_10"),
    ("judge", "judge"),
    ("judge's share", "judge_share"),
    ("LSD in dB", "log_spectral_distance"),
    ("sharp in time", "sharpness_in_time"),
    ("in frequency", "sharpness_in_frequency"),
    ("treble", "treble"),
)


def table(chosen):
    """Some of the ways as a table in Markdown, a row each."""
    headings = [
        "scheduler",
        "steps",
        "guidance",
        "at noise",
        "evaluations",
        "seconds",
        *(heading for heading, _ in COLUMNS),
    ]
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    for one in chosen:
        guided = "off" if one["guidance"] == 1 else f"{one['guidance']:g}"
        where = "" if one["guidance"] == 1 else "{:g} to {:g}".format(*one["guided"])
        name = one["scheduler"] + (f", shift {one['shift']:g}" if one["shift"] != 1 else "")
        cells = (f"{one['measures'][measure][0]:.2f}" for _, measure in COLUMNS)
        lines.append(
            f"| {name} | {one['steps']} | {guided} | {where} | {one['evaluations']:.0f} | {one['core_seconds']:.3f} | "
            + " | ".join(cells)
            + " |"
        )
    return "\n".join(lines)


def report(tunes=8, out=None, *, seed=0, split="validation", targets=TARGETS, workers=1, **restrictions):
    """Measure ways of denoising with a progress bar, print their table, and write the figures as JSON.

    Parameters
    ----------
    tunes : int
        Each is converted to `targets` genres, in each way.
    out : pathlib.Path, optional
        Ways that this file holds already are kept, if they were measured on the same tunes and networks.
    restrictions
        See `ways`.

    Returns
    -------
    dict
        `of`: what was converted; `ways`.
    """
    chosen, numbers = ways(**restrictions), choose_tunes(tunes, seed, split)
    weights = hashlib.sha256((models_folder() / "SHA256SUMS.json").read_bytes()).hexdigest()[:16]
    of = {
        "tunes": tunes,
        "targets": targets,
        "seconds": SECONDS,
        "seed": seed,
        "split": split,
        "weights": weights,
    }
    jobs = list(product(numbers, chosen))
    parts, found = (
        spread(partial(measure, seed=seed, split=split, targets=targets), jobs, workers, " measurements"),
        {},
    )
    for (_, how), rows in zip(jobs, parts):
        columns = found.setdefault(how, {name: [] for name in rows[0]})
        for row in rows:
            for name, value in row.items():
                columns[name].append(np.round(np.asarray(value, float), 6).tolist())
    figures = {"of": of, "ways": merge(read(out, of), found, np.repeat(numbers, targets).tolist())}
    print(table(figures["ways"]))
    if out:
        write(out, figures)
    return figures
