"""Traits of genres, mood, an outside listener, speed. Command: `noteninja dataset check`. Lessons: 03, 04."""

import tempfile
import time
from collections import Counter, namedtuple
from dataclasses import replace
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import Annotated

import librosa
import numpy as np
from scipy.stats import spearmanr
from typer import Option

from benchmarks import harness
from benchmarks.all_measures import bootstrap
from benchmarks.harness import File, cell, finish, grouped, interval, measure, rounded, rounded_mean, table
from benchmarks.options import CORES, Out, Soundfont, Tagger, Workers
from noteninja_lib import fast_mode
from noteninja_lib.arranger.performance import Note, Performance
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.arranger.synthesis import default_soundfont, render, render_stems
from noteninja_lib.audio.io import SAMPLE_RATE, save
from noteninja_lib.evaluation.baselines import excerpt
from noteninja_lib.models.basic_pitch import transcribe
from noteninja_lib.music.piano_roll import tune_likeness
from noteninja_lib.music.tunes import Tune, load_tunes

# --- What a genre's playing measures like, beside what is written about it: see benchmarks/README.md ---

KICKS, BACKBEATS = {35, 36}, {37, 38, 39, 40}  # General MIDI keys; a backbeat is cross-stick, snare or clap
BASS_HZ = 150.0
NOT_CHORDS = ("melody", "double", "bass", "drums", "voice")
TOGETHER = 0.035  # seconds: strokes and chord notes this near sound as one

#: What marks a genre: among the `limit` "largest" or "smallest" of the ten, or "below" the limit.
Trait = namedtuple("Trait", "genre feature side limit words")

#: Genre to its traits: feature, side, limit, and words.
EXPECTED = {
    "classical": (
        ("drum_strokes", "smallest", 1, "no drum kit: drum strokes a beat"),
        ("percussive_share", "smallest", 1, "little percussive sound: its share of the energy"),
        ("loudness_range", "largest", 3, "wide dynamics: loud less soft passages, dB"),
        ("pulse_clarity", "smallest", 3, "no beat hammered out: pulse clarity"),
        ("free_sevenths", "smallest", 1, "sevenths on the dominant only: their share of other chords"),
        ("voice_steps", "below", 2, "voices move by step: semitones from chord to chord"),
        ("parallels", "smallest", 3, "no parallel fifths: chord changes that have some"),
        ("broken_chords", "largest", 2, "broken chords (Alberti): chord notes that begin alone"),
        ("bass_beats", "largest", 2, "held bass and pedals: beats a bass note lasts"),
    ),
    "reggae": (
        ("offbeat_chords", "largest", 1, "skank: share of the chords that fall between the beats"),
        ("kick_with_backbeat", "largest", 1, "one drop: bass drum strokes together with snare or "
         "cross-stick"),
        ("kick_on_one", "smallest", 1, "one drop: bars with a bass drum on the first beat"),
        ("bass_share", "largest", 3, "bass in front: share of the energy below 150 Hz"),
        ("tempo", "smallest", 3, "slow: beats a minute"),
    ),
}  # fmt: skip
TRAITS = [Trait(genre, *row) for genre, rows in EXPECTED.items() for row in rows]


def part_notes(performance: Performance) -> list[list[Note]]:
    """Notes of each part that plays chords: neither tune nor bass nor drums."""
    return [part.notes for part in performance.parts if part.name not in NOT_CHORDS]


def mean_or_nan(values: list[float]) -> float:
    """Mean of some numbers; nan of none."""
    return float(np.mean(values)) if values else np.nan


def note_features(performance: Performance) -> dict[str, float]:
    """Features of the notes of a performance without intro, by name (nan: unknown)."""
    parts, beats_a_second = performance.parts, performance.tempo / 60
    drums, bass = (sum((one.notes for one in parts if one.name == name), []) for name in ("drums", "bass"))
    held = mean_or_nan([note.end - note.start for note in bass]) * beats_a_second
    found = {"drum_strokes": len(drums) / (performance.duration * beats_a_second), "bass_beats": held}
    found["tempo"] = performance.tempo
    return found | drum_features(performance, drums) | chord_features(performance)


def drum_features(performance: Performance, drums: list[Note]) -> dict[str, float]:
    """Features of the bass drum, nan without kicks; `kick_on_one` also in 3/4."""
    kicks = np.array([note.start for note in drums if note.pitch in KICKS])
    others = np.array([note.start for note in drums if note.pitch in BACKBEATS] or [np.inf])
    beats, bars = kicks * performance.tempo / 60, int(performance.duration * performance.tempo / 60 // 4)
    on_one = {round(beat / 4) for beat in beats if abs((beat + 2) % 4 - 2) < 0.2} & set(range(bars))
    known = len(kicks) and bars and round(performance.tune.bar / performance.tune.beat) % 3
    together = mean_or_nan([abs(others - kick).min() < TOGETHER for kick in kicks])
    return {"kick_with_backbeat": together, "kick_on_one": len(on_one) / bars if known else np.nan}


def chord_features(performance: Performance) -> dict[str, float]:
    """Features of the chords; octaves may be doublings, and are no `parallels`."""
    off_beat, loudness, alone, chords, changes = 0.5 + performance.swing / 6, np.zeros(2), [], [], []
    for notes in part_notes(performance):
        starts = np.array([note.start for note in notes])
        alone += [np.sum(abs(starts - start) < TOGETHER) == 1 for start in starts]
        for note in notes:
            phase = note.start * performance.tempo / 60 - np.array([0.0, off_beat])
            loudness += note.velocity * (abs((phase + 0.5) % 1 - 0.5) < 0.11)
        part = []
        for chord in performance.harmony:  # each is (start, end, root, quality)
            sounding = {one.pitch for one in notes if chord[0] <= one.start + TOGETHER < chord[1]}
            part += [(chord, sounding)] if sounding else []
        chords += part
        changes += pairwise(part)
    steps, parallels = [], []
    for (before, first), (after, second) in changes:
        if before[2:] != after[2:]:
            steps.append(np.mean([min(abs(pitch - old) for old in first) for pitch in second]))
        if first != second and len(first) == len(second):
            voices = combinations(zip(sorted(first), sorted(second)), 2)
            parallels.append(any((b - a) % 12 == 7 and y - b == x - a != 0 for (a, x), (b, y) in voices))
    chords = [(chord[2], pitches) for chord, pitches in chords if chord[3] != "dom7"]
    free = [any((pitch - root) % 12 in (10, 11) for pitch in pitches) for root, pitches in chords]
    means = dict(free_sevenths=free, voice_steps=steps, parallels=parallels, broken_chords=alone)
    off = float(loudness[1] / loudness.sum()) if loudness.any() else np.nan
    return {"offbeat_chords": off} | {name: mean_or_nan(values) for name, values in means.items()}


def sound_features(audio: np.ndarray) -> dict[str, float]:
    """Features of the sound: shares of the energy, loudness in dB over stretches of 0.4 s, pulse clarity."""
    spectrum, rate = np.abs(librosa.stft(audio, n_fft=1024, hop_length=512)), SAMPLE_RATE / 512
    power = spectrum**2
    harmonic, percussive = (float((part**2).sum()) for part in librosa.decompose.hpss(spectrum))
    frame = {"frame_length": int(0.4 * SAMPLE_RATE), "hop_length": 2048, "center": False}
    level = np.sqrt(librosa.feature.rms(y=audio, **frame)[0] ** 2 + 1e-10)
    low, high = np.percentile(20 * np.log10(level), [10, 95])
    mel = librosa.power_to_db(librosa.feature.melspectrogram(S=power, sr=SAMPLE_RATE))
    onsets = librosa.onset.onset_strength(S=mel, sr=SAMPLE_RATE)
    again = librosa.autocorrelate(onsets - onsets.mean())
    bass = power[librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=1024) < BASS_HZ].sum()
    found = {"percussive_share": percussive / (harmonic + percussive), "bass_share": bass / power.sum()}
    found["loudness_range"] = high - low
    found["pulse_clarity"] = again[int(0.3 * rate) : int(2 * rate)].max() / max(again[0], 1e-9)
    return {name: float(value) for name, value in found.items()}


def judge_traits(features: dict[str, list[dict]]) -> list[dict]:
    """The place of each trait's genre among all (equal values share one), and whether it is as expected."""
    found = []
    for genre, feature, side, limit, words in TRAITS:
        every = {one: [row[feature] for row in features[one]] for one in GENRES}
        means = {one: float(np.nanmean(some)) for one, some in every.items() if not np.isnan(some).all()}
        own, sign = means.get(genre), -1 if side == "largest" else 1
        place = None if own is None else 1 + sum(sign * one < sign * own - 1e-9 for one in means.values())
        reached = own if side == "below" else place
        trait = {"genre": genre, "feature": feature, "words": words, "expected": f"{side} {limit:g}"}
        right = reached is not None and reached <= limit
        means = {one: rounded(value) for one, value in means.items()}
        found.append(trait | {"place": place, "as_expected": right, "means": means})
    return found


# --- Do the mood sliders do what they say? ---

GRID = (-1.0, -0.5, 0.0, 0.5, 1.0)
MOOD_SECONDS, MOOD_TUNES = 8.0, 2
HEARD_AT = ((0.0, 0.0), (-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0))  # neutral first
#: What each slider must move upwards: measure, and what it is called.
MOVES = {
    "arousal": {"onset_rate": "onset rate", "loudness": "loudness", "brightness": "brightness"},
    "valence": {"major_share": "share of major thirds", "register": "register"},
}
MEASURES = tuple(name for names in MOVES.values() for name in names)


def major_share(performance: Performance) -> float:
    """Share of the time with a major third, of that in which the chord parts play a third over the root."""
    sums, notes = np.zeros(2), sum(part_notes(performance), [])
    for start, end, root, _ in performance.harmony:
        sounding = [note for note in notes if note.start < end - 0.05 and note.end > start + 0.05]
        classes = {(note.pitch - root) % 12 for note in sounding}
        sums += (end - start) * np.array([third in classes for third in (3, 4)])
    return float(sums[1] / sums.sum()) if sums.any() else np.nan


def sound_measures(audio: np.ndarray, loud: np.ndarray) -> dict[str, float]:
    """Brightness (spectral centroid, Hz) of a sound, and the loudness (dB) of `loud`."""
    centroid = librosa.feature.spectral_centroid(y=audio, sr=SAMPLE_RATE).mean()
    return {"loudness": float(10 * np.log10(np.mean(np.square(loud)) + 1e-12)), "brightness": float(centroid)}


def tune_unchanged(neutral: Performance, moody: Performance) -> float:
    """Share of the tune's notes that have pitch class and beat as in the neutral performance."""
    same, pace = [], np.array([neutral.tempo, moody.tempo]) / 60
    for one, other in zip(neutral.melody, moody.melody):
        apart = abs(one.start * pace[0] - other.start * pace[1])
        same.append(apart < 0.06 and one.pitch % 12 == other.pitch % 12)
    return float(np.mean(same)) if same else 0.0


def measure_moods(job: tuple[str, Tune, int], soundfont: File = None) -> dict:
    """Play (genre, tune, seed) through the grid of moods: measures by mood, and what stays of the tune."""
    genre, tune, seed = job
    cells, unchanged, heard, neutral = [], [], {}, excerpt(tune, genre, seed, MOOD_SECONDS)
    for mood in product(GRID, GRID):
        sliders = dict(zip(("valence", "arousal"), mood))
        played = excerpt(tune, genre, seed, MOOD_SECONDS, **sliders)
        audio, dry = render(played, soundfont), sum(render_stems(played, soundfont).values())
        found = {"onset_rate": sum(len(part.notes) for part in played.parts) / played.duration}
        found["major_share"] = major_share(played)
        found["register"] = mean_or_nan([note.pitch for note in sum(part_notes(played), [])])
        cells.append(sliders | found | sound_measures(audio, dry))
        unchanged.append(tune_unchanged(neutral, played))
        if mood in HEARD_AT:
            heard[mood] = tune_likeness(played.melody, transcribe(audio))
    likeness = [heard[mood] for mood in HEARD_AT]
    return {"genre": genre, "cells": cells, "unchanged": min(unchanged), "heard": likeness}


def correlations(walks: list[dict]) -> dict[str, dict[str, float | None]]:
    """Spearman's rank correlation of sliders and measures, each tune against its own mean; None: unknown."""
    found = {slider: {} for slider in MOVES}
    for slider, name in product(MOVES, MEASURES):
        pairs = []
        for one in walks:
            values = np.array([cell[name] for cell in one["cells"]], float)
            if not np.isnan(values).all():
                pairs += list(zip((cell[slider] for cell in one["cells"]), values - np.nanmean(values)))
        known = np.array([pair for pair in pairs if not np.isnan(pair[1])])
        moving = len(known) > 2 and np.ptp(known[:, 1]) > 1e-9
        none = 0.0 if len(known) else None
        found[slider][name] = rounded(spearmanr(*known.T)[0], 3) if moving else none
    return found


def correlations_by_genre(walks: list[dict]) -> dict[str, dict]:
    """Tables of `correlations` for each genre, and the mean of what is known in them as `together`."""
    groups = grouped(walks, lambda walk: walk["genre"])
    tables, mean = {genre: correlations(groups[genre]) for genre in sorted(groups)}, {}
    for slider in MOVES:
        known = {name: [one[slider][name] for one in tables.values()] for name in MEASURES}
        known = {name: [value for value in some if value is not None] for name, some in known.items()}
        mean[slider] = {name: rounded_mean(some, 3) if some else None for name, some in known.items()}
    return tables | {"together": mean}


def summarise(walks: list[dict]) -> dict:
    """Figures about mood: correlations by genre and on average, and whether the tune stays."""
    heard = np.mean([one["heard"] for one in walks], 0)
    unchanged = round(min(one["unchanged"] for one in walks), 4)
    found = {"correlations": correlations_by_genre(walks), "tune_unchanged": unchanged}
    found["heard"] = dict(zip(("{:g} {:g}".format(*mood) for mood in HEARD_AT), rounded(heard)))
    return found | {"heard_change": rounded(max(abs(heard[1:] / max(heard[0], 1e-9) - 1)))}


# --- Recordings, an outside listener, and speed ---

SECONDS = 6.0 if fast_mode() else 15.0
STRONGEST = 3  # the own genre must be among so many of the listener's
RAW_EVERY = 4  # one of so many clips is also played as raw General MIDI
#: One standard set of General MIDI instruments, whatever the genre; piano for the others.
STANDARD = {"melody": 73, "double": 73, "bass": 33, "drums": 0}


def plan(clips: int, seed: int = 0) -> list[tuple[str, Tune, int, int]]:
    """(genre, tune, seed, number) of each recording; every genre plays the same tunes."""
    rng, tunes = np.random.default_rng(seed), load_tunes("test")
    chosen = [tunes[number] for number in rng.permutation(len(tunes))[:clips]]
    return [(genre, tune, int(seed + 1000 * n), n) for n, tune in enumerate(chosen) for genre in GENRES]


def raw_midi(performance: Performance) -> Performance:
    """The same notes for one standard set of General MIDI instruments, without a voice."""
    parts = [part for part in performance.parts if part.name != "voice"]
    return replace(performance, parts=[replace(part, program=STANDARD.get(part.name, 0)) for part in parts])


def play(job: tuple, soundfont: File = None, folder: File = None) -> dict:
    """Measure one recording; keep it, and where it is due the raw one, as wav files in `folder`."""
    genre, tune, seed, number = job
    render(excerpt(tune, genre, seed, 1.0), soundfont)  # loads what is loaded once
    began = time.process_time()
    played = excerpt(tune, genre, seed, SECONDS)
    audio = render(played, soundfont)
    took, sounds, files = time.process_time() - began, {"band": audio} if folder else {}, {}
    if folder and number % RAW_EVERY == 0:
        sounds["raw"] = render(raw_midi(played), soundfont, mixed=False)
    for kind, sound in sounds.items():
        files[kind] = str(Path(folder) / f"{genre}-{number:03d}-{kind}.wav")
        save(files[kind], sound)
    features = note_features(played) | sound_features(audio)
    return {"genre": genre, "seconds": SECONDS, "cpu": took, "files": files, "features": features}


def outside_listener(genres: list[str], scores: list[dict[str, float]]) -> dict:
    """How often a recording's own genre is among the tagger's three strongest, and what is the strongest."""
    heard, rows, every = grouped(zip(genres, scores), lambda pair: pair[0]), {}, []
    for genre in sorted(heard):
        orders = [sorted(found, key=found.get, reverse=True) for _, found in heard[genre]]
        right = [genre in order[:STRONGEST] for order in orders if genre in order]
        strongest = dict(Counter(order[0] for order in orders).most_common())
        rows[genre] = {"among_three": rounded_mean(right) if right else None, "strongest": strongest}
        every += right
    return {"together": bootstrap(every), "chance": round(STRONGEST / len(scores[0]), 4), "genres": rows}


def speed(results: list[dict]) -> dict:
    """Seconds of music that one core arranges and mixes in a second: together and by genre."""

    def rate(some):
        return round(sum(one["seconds"] for one in some) / sum(one["cpu"] for one in some), 1)

    groups = grouped(results, lambda one: one["genre"])
    return {"together": rate(results), "genres": {genre: rate(groups[genre]) for genre in sorted(groups)}}


def report(
    clips: Annotated[int, Option(min=1, help="Recordings of each genre.")] = 20,
    tagger: Tagger = None,
    soundfont: Soundfont = None,
    out: Out = None,
    seed: int = 0,
    workers: Workers = CORES,
) -> dict:
    """Measure what the band plays: traits of genres, mood, speed, and what an outside listener hears."""
    listener, kinds = {}, ("band", "raw") if tagger else ()
    with tempfile.TemporaryDirectory() as folder:
        options = {"soundfont": soundfont, "folder": folder if tagger else None}
        results = measure(play, plan(clips, seed), "recordings", workers, **options)
        for kind in kinds:
            chosen = [one for one in results if kind in one["files"]]
            scores = harness.listen(tagger, [one["files"][kind] for one in chosen])
            listener[kind] = outside_listener([one["genre"] for one in chosen], scores)
    jobs = [job[:3] for job in plan(MOOD_TUNES, seed + 1)]
    walks = measure(measure_moods, jobs, "tunes in 25 moods", workers, soundfont=soundfont)
    features = {genre: [one["features"] for one in results if one["genre"] == genre] for genre in GENRES}
    figures = {"clips": clips, "seconds": SECONDS, "seed": seed}
    figures |= {"soundfont": Path(soundfont or default_soundfont()).name, "speed": speed(results)}
    figures |= {"traits": judge_traits(features), "mood": summarise(walks)}
    figures |= {"outside_listener": listener} if tagger else {}
    return finish(figures, details(figures) + lines(figures), out, "band")


# --- Tables ---


def lines(figures: dict) -> list[str]:
    """What an outside listener makes of the arranger, and whether mood can be measured, in Markdown."""
    found, together = [], figures["mood"]["correlations"]["together"]
    if "outside_listener" in figures:
        heard = figures["outside_listener"]
        genres = [genre for genre, row in heard["band"]["genres"].items() if row["among_three"] is not None]
        rows = []
        for kind, words in (("band", "the band"), ("raw", "the same notes as raw General MIDI")):
            shares = (heard[kind]["genres"][genre]["among_three"] for genre in genres)
            rows.append([words, *(cell(share, ".0%") for share in (heard[kind]["together"], *shares))])
        of = f"{figures['clips']} clips of {figures['seconds']:.0f} s a genre, {figures['soundfont']}"
        found = [f"The band ({of}), genre heard by a tagger:", *table(["", "together", *genres], rows)]
    moved = {s: (f"{words} {cell(together[s][name])}" for name, words in MOVES[s].items()) for s in MOVES}
    mood = "; ".join(f"{slider} with {', '.join(some)}" for slider, some in moved.items())
    rate = f"One core plays {figures['speed']['together']:.0f} s of music a second."
    return [*found, f"Mood, mean correlation of ten genres: {mood}. {rate}"]


def details(figures: dict) -> list[str]:
    """What the terminal shows besides, in Markdown: traits, mood by genre, and what was taken for what."""
    rate, mood = figures["speed"]["genres"], figures["mood"]
    slowest, rows = min(rate, key=rate.get), []
    for trait in figures["traits"]:
        verdict, own = "as expected" if trait["as_expected"] else "NOT SO", trait["means"].get(trait["genre"])
        place = f"place {trait['place']} of ten, expected {trait['expected']}"
        rows.append([verdict, trait["genre"], trait["words"], cell(own, ".3g"), place])
    found = [f"speed: slowest {slowest}, {rate[slowest]:.0f} seconds of music a second and core"]
    found += table(["", "genre", "trait", "mean", ""], rows)
    for slider, wanted in MOVES.items():
        names = (name + "*" * (name in wanted) for name in MEASURES)
        rows = ([genre, *map(cell, one[slider].values())] for genre, one in mood["correlations"].items())
        found += table([slider, *names], rows)
    found.append(
        "(Spearman's correlation; * should go up with the slider) tune unchanged by mood: "
        f"{mood['tune_unchanged']:.3f} of its notes; heard {mood['heard_change']:.1%} better or worse at most"
    )
    for kind, heard in figures.get("outside_listener", {}).items():
        rows = []
        for genre, row in heard["genres"].items():
            strongest = ", ".join(f"{one} {n}" for one, n in row["strongest"].items())
            rows.append([genre, cell(row["among_three"]), strongest])
        share = f"{interval(heard['together'], '.3f')}; chance {heard['chance']:.3f}"
        found += ["", f"outside listener, {kind}: own genre among its three strongest in {share}"]
        found += table(["genre", "share", "strongest"], rows)
    return found
