"""Difficult sources: a small mp3, a hall, a crowd that talks, all of it at once. What is left of the tune?

Test tunes, played in instruments that no network was trained on, are made difficult and then converted by us, and by the strong
rival without a network of ours in its sound: transcribe, arrange, render. Both begin from the same hearing. The halls and the
noises are not those of training, which hears dying noise, white noise and hum; see `surroundings`. The fixed points of *tune
kept* are those of the clean source in all conditions. Command: `noteninja difficult`. Lesson: 11_judging_a_converter.
"""
import json
from collections import defaultdict
from functools import partial

import numpy as np
import torch

from ..music.content import tune_likeness
from ..music.genres import GENRES
from ..pipeline import load_pipeline
from ..sound.spectrogram import HOP_LENGTH
from . import likeness, rivals, tune
from .comparison import Row, Setting
from .pieces import SECONDS, choose_tunes, make_piece
from .report import other_content, right_tune
from .statistics import bootstrap, place_between
from .surroundings import CONDITIONS, make_difficult
from .workers import spread

WORDS = {"clean": "the clean recording", "mp3_64": "mp3 of 64 kbit/s", "hall": "in a hall (1.5 s of reverberation)",
         "crowd_10": "in a talking crowd, 10 dB below", "crowd_5": "in a talking crowd, 5 dB below",
         "all": "hall, crowd at 10 dB, and mp3"}
#: Columns of the table: heading and measure.
COLUMNS = (("tune kept, by notes", "tune_kept_note_f1"), ("by onsets", "tune_kept_likeness"), ("right tune", "right_tune"),
           ("chroma cosine", "chroma_cosine"), ("recording of 10", "right_recording_of_10"), ("judge", "judge"))


def measure_tune(number, setting, conditions=tuple(CONDITIONS)):
    """One tune in all conditions.

    Parameters
    ----------
    number : int
        Of the tune in its split.
    setting : Setting
        `seed`, `split`, `soundfont` and `options` count.
    conditions : sequence of str

    Returns
    -------
    (dict of condition to list of Row, dict of genre to numpy.ndarray)
        The rows of `ours`, of `transcribe`, and of what was `heard` in the source; `decoded`, the true recording through our
        decoder, stands in the clean condition. And the onset chroma of the true recordings.
    """
    pipe, piece = load_pipeline(), make_piece(number, setting.seed, setting.split, setting.soundfont)
    draw = np.random.default_rng((setting.seed, number, 2))
    target = str(draw.choice([genre for genre in GENRES if genre != piece.source]))
    known = {genre: likeness.embeddings(pipe.judge, audio).mean(0) for genre, audio in piece.recordings.items()}
    measure, rows = partial(_measure, pipe, piece, target, known), {}
    for condition in conditions:
        source = make_difficult(piece.recordings[piece.source], condition, draw)
        result = pipe(source, target, generator=torch.Generator().manual_seed(number), **setting.options)
        written = rivals.transcribe_arrange_render(source, target, number, setting.soundfont, result.content)
        rows[condition] = [measure("ours", result.audio), measure("transcribe", written),
                           _row("heard", target, piece, result.content)]
        if condition == "clean":
            rows[condition].append(measure("decoded", rivals.decoded(pipe, piece.recordings[target])))
    return rows, {genre: tune.onset_chroma(tune.transcribe(audio)[0]) for genre, audio in piece.recordings.items()}


def _measure(pipe, piece, target, known, rival, audio):
    """The row of a conversion."""
    embedded = likeness.embeddings(pipe.judge, audio)
    row = _row(rival, target, piece, tune.hear(audio), embedded)
    row.figures |= {"chroma_cosine": tune.chroma_cosine(audio, piece.recordings[piece.source]),
                    "right_recording_of_10": likeness.nearest(embedded.mean(0), known, likeness.euclidean) == target,
                    "judge": next(iter(pipe.judge_genre(audio))) == target}
    return row


def _row(rival, target, piece, content, embedded=None):
    """The row of anything in which notes were heard."""
    frames = len(piece.recordings[target]) // HOP_LENGTH                  # the pipeline hears a little silence beyond the end
    onsets = np.rint(255 * content.notes[0, :, :frames].astype(np.float32)).astype(np.uint8)
    figures = {"note_f1": tune.note_f1(piece.melody, content), "likeness": tune_likeness(piece.melody, content.notes)}
    return Row(rival, target, piece.number, figures, piece.melody, tune.lead_notes(content), onsets, embedded)


def figures_of(found, seed=0):
    """Figures of each condition and rival, each as [mean, low, high].

    Parameters
    ----------
    found : list
        What `measure_tune` gives, tune by tune.
    seed : int

    Returns
    -------
    dict of condition to dict
        The measures of `ours`, `transcribe` and `heard`, and `ahead`: ours less the rival's, tune by tune.
    """
    truths, conditions = {rows["clean"][0].tune: chroma for rows, chroma in found}, defaultdict(lambda: defaultdict(list))
    for rows, _ in found:
        for condition, some in rows.items():
            for row in some:
                conditions[condition][row.rival].append(row)
    low, decoded = other_content(conditions["clean"]["ours"], seed), conditions["clean"].pop("decoded")
    high = {name: [row.figures[name] for row in decoded] for name in low}
    return {condition: _figures_of(by_rival, truths, low, high, seed) for condition, by_rival in conditions.items()}


def _figures_of(by_rival, truths, low, high, seed):
    """Figures of one condition; `low` and `high` are the fixed points of *tune kept*."""
    values, figures = {}, {}
    for rival, rows in by_rival.items():
        values[rival] = {name: np.array([row.figures[name] for row in rows], float) for name in rows[0].figures}
        values[rival]["right_tune"] = np.array(right_tune(rows, truths, seed), float)
        figures[rival] = {name: bootstrap(column, seed=seed) for name, column in values[rival].items()}
        for name in low:
            figures[rival][f"tune_kept_{name}"] = place_between(values[rival][name], low[name], high[name], seed=seed)
    ahead = {name: column - values["transcribe"][name] for name, column in values["ours"].items()}
    figures["ahead"] = {name: bootstrap(column, seed=seed) for name, column in ahead.items()}
    for name in low:                            # differences are measured in lengths of the scale, from 0 to its whole length
        length = np.subtract(high[name], low[name])
        figures["ahead"][f"tune_kept_{name}"] = place_between(ahead[name], 0 * length, length, seed=seed)
    return figures


def table(figures):
    """The figures as a table in Markdown: ours and the rival's, the surely better one in bold."""
    lines = ["| source | heard in it | " + " | ".join(heading for heading, _ in COLUMNS) + " |",
             "|---|---|" + "---|" * len(COLUMNS)]
    for condition, found in figures["conditions"].items():
        cells = []
        for _, name in COLUMNS:
            ours, other = (f"{found[rival][name][0]:.2f}" for rival in ("ours", "transcribe"))
            _, low, high = found["ahead"][name]
            cells.append(f"**{ours}** / {other}" if low > 0 else f"{ours} / **{other}**" if high < 0 else f"{ours} / {other}")
        lines.append(f"| {WORDS[condition]} | {found['heard']['note_f1'][0]:.2f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def report(tunes=20, out=None, *, workers=1, **setting):
    """Measure with a progress bar, print the table, and write all figures as JSON.

    Parameters
    ----------
    tunes : int
        Each is converted to one genre in all conditions.
    out : path, optional
    workers : int
        Processes.
    setting
        See `Setting`.

    Returns
    -------
    dict
    """
    setting = Setting(**setting)
    numbers = choose_tunes(tunes, setting.seed, setting.split)
    found = spread(partial(measure_tune, setting=setting), numbers, workers, " tunes")
    figures = {"tunes": tunes, "seconds": SECONDS, "seed": setting.seed, "split": setting.split,
               "conditions": figures_of(found, setting.seed)}
    print(table(figures))
    if out:
        out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures
