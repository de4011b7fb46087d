"""What the band's performances measure like: traits of genres, mood, an outside listener, speed.

Command: `noteninja dataset check`. Lesson: 04_gtzan_and_the_band.
"""
import json
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from .. import fast_mode
from ..music.band import arrange
from ..music.genres import GENRES, load_recipe
from ..music.synthesis import default_soundfont, render
from ..music.theory import load_tunes
from ..sound.audio import save
from . import mood
from .character import judge_traits, note_features, sound_features
from .statistics import bootstrap
from .tagger import listen
from .workers import spread

SECONDS = 6.0 if fast_mode() else 15.0
STRONGEST = 3            # the own genre must be among so many of the listener's
RAW_EVERY = 4            # one of so many clips is also played as raw General MIDI
#: One standard set of General MIDI instruments, whatever the genre: the contrast to the recipes' sets and mixes.
STANDARD = {"melody": 73, "double": 73, "bass": 33, "drums": 0}
OTHERS = 0               # piano


def plan(clips, seed=0, split="test"):
    """(genre, tune, seed, number) of each recording; every genre plays the same tunes."""
    rng, tunes = np.random.default_rng(seed), load_tunes(split)
    chosen = [tunes[number] for number in rng.permutation(len(tunes))[:clips]]
    return [(genre, tune, int(seed + 1000 * number), number) for number, tune in enumerate(chosen) for genre in GENRES]


def raw_midi(performance):
    """The same notes for one standard set of General MIDI instruments, without a voice."""
    parts = [replace(part, program=STANDARD.get(part.name, OTHERS)) for part in performance.parts if part.name != "voice"]
    return replace(performance, parts=parts)


def play(job, soundfont=None, folder=None):
    """Play and measure one recording; keep it, and where it is due the raw one, as wav files in `folder`.

    Returns
    -------
    dict
        `genre`, `features`, `seconds` of music, `cpu` seconds that they took, `files` (kind to path).
    """
    genre, tune, seed, number = job
    recipe = load_recipe(genre)
    render(arrange(tune, recipe, seed, duration=1.0, intro=0, ending=False), soundfont)      # loads what is loaded once
    began = time.process_time()
    played = arrange(tune, recipe, seed, duration=SECONDS, intro=0, ending=False)
    audio = render(played, soundfont)
    result = {"genre": genre, "seconds": SECONDS, "cpu": time.process_time() - began, "files": {},
              "features": {**note_features(played), **sound_features(audio)}}
    if folder:
        sounds = {"band": audio}
        if number % RAW_EVERY == 0:
            sounds["raw"] = render(raw_midi(played), soundfont, mixed=False)
        for kind, sound in sounds.items():
            result["files"][kind] = str(Path(folder) / f"{genre}-{number:03d}-{kind}.wav")
            save(result["files"][kind], sound)
    return result


def outside_listener(genres, scores):
    """How often a recording's own genre is among the tagger's three strongest.

    Parameters
    ----------
    genres : list of str
        Genre of each recording.
    scores : list of dict of genre to float

    Returns
    -------
    dict
        `together` (mean, low, high), `chance`, and `genres`: of each genre that the tagger knows its share, and how often
        which genre was the strongest.
    """
    right, strongest = defaultdict(list), defaultdict(Counter)
    for genre, found in zip(genres, scores):
        order = sorted(found, key=found.get, reverse=True)
        strongest[genre][order[0]] += 1
        if genre in found:
            right[genre].append(genre in order[:STRONGEST])
    return {"together": bootstrap([hit for hits in right.values() for hit in hits]), "chance": round(STRONGEST / len(scores[0]), 4),
            "genres": {genre: {"among_three": round(float(np.mean(right[genre])), 4) if genre in right else None,
                               "strongest": dict(counts.most_common())} for genre, counts in sorted(strongest.items())}}


def speed(results):
    """Seconds of music that one core makes in a second, arranging and mixing included: together and by genre."""
    def rate(some):
        return round(sum(one["seconds"] for one in some) / sum(one["cpu"] for one in some), 1)
    return {"together": rate(results), "genres": {genre: rate([one for one in results if one["genre"] == genre])
                                                  for genre in sorted({one["genre"] for one in results})}}


def check(clips=20, mood_tunes=2, seed=0, soundfont=None, tagger=None, workers=1):
    """Play and measure the band; returns all figures (dict)."""
    jobs, listener = plan(clips, seed), {}
    with tempfile.TemporaryDirectory() as folder:
        results = spread(partial(play, soundfont=soundfont, folder=folder if tagger else None), jobs, workers, " recordings")
        for kind in ("band", "raw") if tagger else ():
            chosen = [one for one in results if kind in one["files"]]
            scores = listen(tagger, [one["files"][kind] for one in chosen])
            listener[kind] = outside_listener([one["genre"] for one in chosen], scores)
    walks = spread(partial(mood.walk, soundfont=soundfont), [job[:3] for job in plan(mood_tunes, seed + 1)], workers, " mood walks")
    features = {genre: [one["features"] for one in results if one["genre"] == genre] for genre in GENRES}
    figures = {"clips": clips, "seconds": SECONDS, "seed": seed, "soundfont": Path(soundfont or default_soundfont()).name,
               "speed": speed(results), "traits": judge_traits(features), "mood": mood.summarise(walks)}
    return figures | ({"outside_listener": listener} if tagger else {})


def table(figures):
    """The figures as lines of text."""
    rate = figures["speed"]
    slowest = min(rate["genres"], key=rate["genres"].get)
    lines = [f"speed: {rate['together']:.0f} seconds of music a second and core; slowest {slowest}: {rate['genres'][slowest]:.0f}", ""]
    for trait in figures["traits"]:
        lines.append(f"{'as expected' if trait['as_expected'] else 'NOT SO':12}{trait['genre']:10} {trait['words']}: "
                     f"{trait['means'].get(trait['genre'], float('nan')):.3g}, place {trait['place']} of ten, expected {trait['expected']}")
    told = figures["mood"]
    for slider, wanted in mood.MOVES.items():
        lines += ["", f"{slider:12}" + "".join(f"{name + ('*' if name in wanted else ''):>13}" for name in mood.MEASURES)]
        for genre, rows in told["correlations"].items():
            lines.append(f"{genre:12}" + "".join(f"{'-' if value is None else f'{value:.2f}':>13}" for value in rows[slider].values()))
    lines += ["(Spearman's correlation; * should go up with the slider)", f"tune unchanged by mood: {told['tune_unchanged']:.3f} of "
              f"its notes; heard {told['heard_change']:.1%} better or worse at most"]
    for kind, found in figures.get("outside_listener", {}).items():
        mean, low, high = found["together"]
        lines += ["", f"outside listener, {kind}: own genre among its three strongest in {mean:.3f} [{low:.3f}, {high:.3f}]; "
                  f"chance {found['chance']:.3f}"]
        for genre, row in found["genres"].items():
            share = "-" if row["among_three"] is None else f"{row['among_three']:.2f}"
            lines.append(f"{genre:12}{share:>6}   strongest: " + ", ".join(f"{name} {count}" for name, count in row["strongest"].items()))
    return lines


def report(clips=20, out=None, **options):
    """Check with progress bars, print the table and write the figures as JSON; returns them."""
    figures = check(clips, **options)
    print("\n".join(table(figures)))
    if out:
        Path(out).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures
