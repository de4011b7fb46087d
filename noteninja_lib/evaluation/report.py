"""From measured rows to figures: the table of rivals, the fixed points, and what it takes to write them down."""
import json
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..errors import UserError
from ..music.content import tune_likeness
from ..music.genres import GENRES
from .comparison import LISTENED_TO, Setting, compare, file_name
from .likeness import frechet_distance
from .statistics import bootstrap, place_between
from .tagger import listen
from .tune import matched_notes, onset_chroma

RIVALS = {"ours": "**NoteNinja**", "copy": "copy of the source", "wrong_tune": "another tune in the right genre",
          "sdedit": "SDEdit (no content told)", "regression": "the same network as plain regression",
          "transcribe": "transcribe, arrange, render", "oracle": "the band, another take and other instruments",
          "decoded": "the true recording through our decoder", "truth": "the true recording"}
CROWD = 50            # tunes among which the right one is to be found


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
    by_rival = defaultdict(list)
    for row in rows:
        by_rival[row.rival].append(row)
    # The same order of tunes and genres in all lists, so that rows can be laid beside each other.
    by_rival = {rival: sorted(found, key=lambda row: (row.tune, row.target)) for rival, found in by_rival.items()}
    known = "decoded" in by_rival                      # real recordings come without score and right answer
    zero = other_content(by_rival["ours"], seed) if known else {}
    figures = {"rivals": {}, "zero": {name: bootstrap(values, [row.tune for row in by_rival["ours"]]) for name, values in zero.items()}}
    for rival, found in by_rival.items():
        tunes = [row.tune for row in found]
        table = {name: bootstrap([row.figures[name] for row in found], tunes) for name in found[0].figures}
        if known:
            for name, low in zero.items():
                high = [row.figures[name] for row in by_rival["decoded"]]
                table[f"tune_kept_{name}"] = place_between([row.figures[name] for row in found], low, high, tunes)
            table[f"right_tune_of_{CROWD}"] = bootstrap(right_tune(found, truths, seed), tunes)
            table["frechet_distance"] = frechet(found, by_rival["truth"])
            table["frechet_to_oracle"] = frechet(found, by_rival["oracle"])
        figures["rivals"][rival] = table
    if known:
        for name, rival in (("frechet_floor", "truth"), ("frechet_floor_oracle", "oracle")):
            figures[name] = frechet(by_rival[rival], by_rival[rival])
    figures["genres"] = {genre: {name: bootstrap([row.figures[name] for row in chosen], [row.tune for row in chosen])
                                 for name in ("note_f1", "right_recording_of_10", "judge") if name in chosen[0].figures}
                         for genre in GENRES if (chosen := [row for row in by_rival["ours"] if row.target == genre])}
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
        others = rng.permutation([number for number in truths if number != row.tune])[:CROWD - 1]
        own = float(made @ truths[row.tune][row.target])
        right.append(all(own > float(made @ truths[number][row.target]) for number in others))
    return right


def frechet(rows, truths):
    """Fréchet distance of rows to the true recordings of *other* tunes: half of the tunes against the other half, both ways."""
    tunes = sorted({row.tune for row in truths})
    halves = [set(tunes[::2]), set(tunes[1::2])]
    distances = []
    for half in (0, 1):
        made, true = (np.concatenate([row.embeddings for row in some if row.tune in halves[side]])
                      for some, side in ((rows, half), (truths, 1 - half)))
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
        if row.rival != "copy" and row.rival in LISTENED_TO:
            scores, source = (heard[file_name(row.tune, row.target, rival)] for rival in (row.rival, "copy"))
            if row.target in scores:
                risen[row.rival][0].append(scores[row.target] > source[row.target])
                risen[row.rival][1].append(row.tune)
    return {rival: bootstrap(*found, seed=seed) for rival, found in risen.items()}


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
            for rival, value in outside(tagger, folder, state[0]).items():
                figures["rivals"][rival]["outside_listener"] = value
    yield {"tunes": tunes, "conversions": tunes * setting.targets, "seed": setting.seed, "split": setting.split, **figures}


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
COLUMNS = (("tune kept", "tune_kept_note_f1"), ("chroma cosine", "chroma_cosine"), ("melody accuracy", "melody_accuracy"),
           ("CQT-1", "cqt1_correlation"), ("tune among 50", f"right_tune_of_{CROWD}"), ("recording of 10", "right_recording_of_10"),
           ("judge", "judge"), ("outside", "outside_listener"), ("LSD in dB", "log_spectral_distance"),
           ("sharp in time", "sharpness_in_time"), ("in frequency", "sharpness_in_frequency"), ("treble", "treble"),
           ("Fréchet", "frechet_distance"))


def table(figures):
    """The figures of all rivals as a table in Markdown, a row each."""
    shown = [column for column in COLUMNS if column[1] in figures["rivals"]["ours"]]
    lines = ["| | " + " | ".join(heading for heading, _ in shown) + " |", "|---|" + "---|" * len(shown)]
    for rival, words in RIVALS.items():
        if rival in figures["rivals"]:
            values = (figures["rivals"][rival].get(name, "") for _, name in shown)
            cells = (f"{value[0]:.2f}" if isinstance(value, list) else f"{value:.2f}" if value != "" else "" for value in values)
            lines.append(f"| {words} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
