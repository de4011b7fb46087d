"""What the arranger's performances measure like: traits of genres, mood, an outside listener, speed.

Command: `noteninja dataset check`. Lessons: 03_what_makes_a_genre, 04_gtzan_and_the_band.

References
----------
Bradley, L. (2000). Bass Culture: When Reggae Was King. Viking. -- bass in front, chords on the off-beat.
Caplin, W. E. (1998). Classical Form. Oxford University Press. -- accompaniment under a periodic melody.
Fitzgerald, D. (2010). Harmonic/percussive separation using median filtering. DAFx-10.
Hitchins, R. (2014). Vibe Merchants. Ashgate. -- Jamaican popular music: one drop, skank, bass weight.
Huron, D. (2001). Tone and voice. Music Perception 19(1). -- why voices move by the smallest steps.
Lartillot, O., et al. (2008). Multi-feature modeling of pulse clarity. ISMIR 2008.
Rosen, C. (1971). The Classical Style. Viking. -- texture, dynamics, dominant and tonic as poles of harmony.
"""

import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import Annotated

import librosa
import numpy as np
from scipy.stats import spearmanr
from typer import Option

from benchmarks.harness import File, cell, finish, interval, listen, measure, rounded_mean, table
from benchmarks.options import CORES, Out, Soundfont, Tagger, Workers
from noteninja_lib import fast_mode
from noteninja_lib.arranger.performance import Note, Part, Performance
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.arranger.synthesis import default_soundfont, render, render_stems
from noteninja_lib.audio.io import SAMPLE_RATE, save
from noteninja_lib.evaluation.baselines import excerpt
from noteninja_lib.evaluation.metrics import bootstrap
from noteninja_lib.models.basic_pitch import transcribe
from noteninja_lib.music.piano_roll import tune_likeness
from noteninja_lib.music.tunes import Tune, load_tunes

# --- What a genre's playing measures like, beside what is written about that genre ---
#
# For classical music and reggae no outside listener is at hand that knows them, so the arranger is held
# against the literature: each `Trait` names a feature that can be measured in notes or sound, and the place
# that its genre should take.

KICKS, BACKBEATS = {35, 36}, {37, 38, 39, 40}  # General MIDI keys; a backbeat is cross-stick, snare or clap
BASS_HZ = 150.0
NOT_CHORDS = ("melody", "double", "bass", "drums", "voice")
TOGETHER = 0.035  # seconds: strokes and chord notes this near sound as one


@dataclass(frozen=True)
class Trait:
    """What marks a genre: among the `limit` "largest" or "smallest" of the ten, or "below" the limit."""

    genre: str
    feature: str
    side: str
    limit: float
    words: str


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
        (
            "kick_with_backbeat",
            "largest",
            1,
            "one drop: bass drum strokes together with snare or cross-stick",
        ),
        ("kick_on_one", "smallest", 1, "one drop: bars with a bass drum on the first beat"),
        ("bass_share", "largest", 3, "bass in front: share of the energy below 150 Hz"),
        ("tempo", "smallest", 3, "slow: beats a minute"),
    ),
}
TRAITS = tuple(Trait(genre, *row) for genre, rows in EXPECTED.items() for row in rows)


def notes_of(performance: Performance, name: str) -> list[Note]:
    """The notes of a part."""
    return [note for part in performance.parts if part.name == name for note in part.notes]


def chord_parts(performance: Performance) -> list[Part]:
    """The parts that play chords: neither tune nor bass nor drums."""
    return [part for part in performance.parts if part.name not in NOT_CHORDS]


def mean_or_nan(values: list[float]) -> float:
    """Mean of some numbers; nan of none."""
    return float(np.mean(values)) if values else np.nan


def offbeat_chords(performance: Performance) -> float:
    """Share of the chord notes' loudness between the beats, of what falls on a beat or between two."""
    between, sums = 0.5 + performance.swing / 6, np.zeros(2)
    for note in (note for part in chord_parts(performance) for note in part.notes):
        phase = note.start * performance.tempo / 60 - np.array([0.0, between])
        sums += note.velocity * (abs((phase + 0.5) % 1 - 0.5) < 0.11)
    return float(sums[1] / sums.sum()) if sums.any() else np.nan


def kick_with_backbeat(performance: Performance) -> float:
    """Share of the bass drum strokes that fall together with cross-stick, snare or clap."""
    drums = notes_of(performance, "drums")
    kicks = [note.start for note in drums if note.pitch in KICKS]
    others = np.array([note.start for note in drums if note.pitch in BACKBEATS] or [np.inf])
    return mean_or_nan([abs(others - kick).min() < TOGETHER for kick in kicks])


def kick_on_one(performance: Performance) -> float:
    """Share of the bars of four beats with a bass drum on their first beat; nan without kicks or in 3/4."""
    kicks = [note.start for note in notes_of(performance, "drums") if note.pitch in KICKS]
    beats = np.array(kicks) * performance.tempo / 60
    bars = int(performance.duration * performance.tempo / 60 // 4)
    if not kicks or not bars or round(performance.tune.bar / performance.tune.beat) % 3 == 0:
        return np.nan
    on_one = beats[abs((beats + 2) % 4 - 2) < 0.2]
    return len({round(beat / 4) for beat in on_one} & set(range(bars))) / bars


def chord_pitches(performance: Performance) -> Iterator[list[tuple[tuple, set[int]]]]:
    """For each chord part, the pitches that it plays in each chord, chord by chord.

    Yields
    ------
    list of (chord, set of int)
        The chord is (start, end, root, quality) as the arranger reads it.
    """
    for part in chord_parts(performance):
        found = []
        for chord in performance.harmony:
            start, end = chord[0] - TOGETHER, chord[1] - TOGETHER
            pitches = {note.pitch for note in part.notes if start <= note.start < end}
            found += [(chord, pitches)] if pitches else []
        yield found


def changes(performance: Performance) -> Iterator[tuple]:
    """Neighbouring chords of all parts: (chord, pitches) and (chord, pitches)."""
    for part in chord_pitches(performance):
        yield from pairwise(part)


def free_sevenths(performance: Performance) -> float:
    """Share of the chords, dominant sevenths aside, in which a seventh above the root is played."""
    chords = (one for part in chord_pitches(performance) for one in part if one[0][3] != "dom7")
    return mean_or_nan(
        [any((pitch - chord[2]) % 12 in (10, 11) for pitch in pitches) for chord, pitches in chords]
    )


def voice_steps(performance: Performance) -> float:
    """Mean semitones from each pitch of a chord to the nearest pitch of the chord before."""
    moves = []
    for (before, first), (after, second) in changes(performance):
        if before[2:] != after[2:]:
            moves.append(np.mean([min(abs(pitch - old) for old in first) for pitch in second]))
    return mean_or_nan(moves)


def parallels(performance: Performance) -> float:
    """Share of the chord changes in which two voices of a part, a fifth apart, move by the same interval.

    Octaves do not count: they may be doublings.
    """
    found = []
    for (_, first), (_, second) in changes(performance):
        if first != second and len(first) == len(second):
            pairs = combinations(zip(sorted(first), sorted(second)), 2)
            found.append(any((b - a) % 12 == 7 and y - b == x - a != 0 for (a, x), (b, y) in pairs))
    return mean_or_nan(found)


def broken_chords(performance: Performance) -> float:
    """Share of the chord notes that begin alone in their part."""
    alone = []
    for part in chord_parts(performance):
        starts = np.array([note.start for note in part.notes])
        alone += [np.sum(abs(starts - start) < TOGETHER) == 1 for start in starts]
    return mean_or_nan(alone)


CHORD_RULES = (offbeat_chords, free_sevenths, voice_steps, parallels, broken_chords)
RULES = (kick_with_backbeat, kick_on_one, *CHORD_RULES)


def note_features(performance: Performance) -> dict[str, float]:
    """All features that can be read from the notes of a performance without intro, by name (nan: unknown)."""
    beats_a_second = performance.tempo / 60
    bass = [note.end - note.start for note in notes_of(performance, "bass")]
    return {
        "drum_strokes": len(notes_of(performance, "drums")) / (performance.duration * beats_a_second),
        "bass_beats": mean_or_nan(bass) * beats_a_second,
        "tempo": performance.tempo,
    } | {feature.__name__: feature(performance) for feature in RULES}


def sound_features(audio: np.ndarray) -> dict[str, float]:
    """All features that need the sound, by name.

    `percussive_share` is the share of the energy after separation by median filters (Fitzgerald 2010);
    `bass_share` that below 150 Hz; `loudness_range` the distance from the 10th to the 95th percentile of the
    level of 0.4 s stretches; `pulse_clarity` the highest autocorrelation of the onset strength at 0.3 to 2 s
    (after Lartillot et al. 2008).
    """
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
    return {
        "percussive_share": percussive / (harmonic + percussive),
        "bass_share": float(bass / power.sum()),
        "loudness_range": float(high - low),
        "pulse_clarity": float(again[int(0.3 * rate) : int(2 * rate)].max() / max(again[0], 1e-9)),
    }


def judge_traits(features: dict[str, list[dict]]) -> list[dict]:
    """Where each trait's genre stands among all, by `note_features` and `sound_features` of recordings.

    Returns
    -------
    list of dict
        The trait, the genres' means, the `place` that its genre takes (1 is the most extreme; equal values
        share a place), and whether that, or the mean where there is a limit, is `as_expected`.
    """
    found = []
    for trait in TRAITS:
        columns = {genre: [row[trait.feature] for row in features[genre]] for genre in GENRES}
        known = {genre: values for genre, values in columns.items() if not np.isnan(values).all()}
        means = {genre: float(np.nanmean(values)) for genre, values in known.items()}
        own, place = means.get(trait.genre), None
        if own is not None:
            sign = -1 if trait.side == "largest" else 1
            place = 1 + sum(sign * value < sign * own - 1e-9 for value in means.values())
        reached = own if trait.side == "below" else place
        found.append(
            {
                "genre": trait.genre,
                "feature": trait.feature,
                "words": trait.words,
                "expected": f"{trait.side} {trait.limit:g}",
                "place": place,
                "as_expected": reached is not None and reached <= trait.limit,
                "means": {genre: round(value, 4) for genre, value in means.items()},
            }
        )
    return found


# --- Do the mood sliders do what they say? ---
#
# A grid of moods is played with the same tune and seed, and each slider is correlated with each measure. What
# should go with what is known from listening tests: arousal with tempo, loudness and brightness, valence with
# mode and register (Gabrielsson and Lindström 2010, in Juslin and Sloboda, Handbook of Music and Emotion).
# The tune must stay.

GRID = (-1.0, -0.5, 0.0, 0.5, 1.0)
MOOD_SECONDS, MOOD_TUNES = 8.0, 2
HEARD_AT = ((0.0, 0.0), (-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0))  # neutral first
MEASURES = {
    "onset_rate": "notes a second",
    "loudness": "dB as the instruments play, before the mix evens it out",
    "brightness": "spectral centroid, Hz",
    "major_share": "major thirds among all thirds of the chords",
    "register": "mean pitch of the chords",
}
#: What each slider must move upwards.
MOVES = {"arousal": ("onset_rate", "loudness", "brightness"), "valence": ("major_share", "register")}


def major_share(performance: Performance) -> float:
    """Share of the time with a major third, of that in which the chord parts play a third over the root."""
    sums, notes = np.zeros(2), [note for part in chord_parts(performance) for note in part.notes]
    for start, end, root, _ in performance.harmony:
        sounding = [note for note in notes if note.start < end - 0.05 and note.end > start + 0.05]
        classes = {(note.pitch - root) % 12 for note in sounding}
        sums += (end - start) * np.array([third in classes for third in (3, 4)])
    return float(sums[1] / sums.sum()) if sums.any() else np.nan


def note_measures(performance: Performance) -> dict[str, float]:
    """What the mood should change in the notes: onset rate, major share, register."""
    pitches = [note.pitch for part in chord_parts(performance) for note in part.notes]
    return {
        "onset_rate": sum(len(part.notes) for part in performance.parts) / performance.duration,
        "major_share": major_share(performance),
        "register": mean_or_nan(pitches),
    }


def tune_unchanged(neutral: Performance, moody: Performance) -> float:
    """Share of the tune's notes that have pitch class and beat as in the neutral performance."""
    same = [
        abs(one.start * neutral.tempo - other.start * moody.tempo) / 60 < 0.06
        and one.pitch % 12 == other.pitch % 12
        for one, other in zip(neutral.melody, moody.melody)
    ]
    return float(np.mean(same)) if same else 0.0


def measure_moods(job: tuple[str, Tune, int], soundfont: File = None) -> dict:
    """Play one tune in one genre through the grid of moods; `job` is genre, tune and seed.

    Returns
    -------
    dict
        `genre`; `cells`, a list of dict with both sliders and all measures; `unchanged`, the smallest share
        of the tune's notes that stayed; `heard`, the tune's likeness at the moods of `HEARD_AT`.
    """
    genre, tune, seed = job
    cells, unchanged, heard, neutral = [], [], {}, excerpt(tune, genre, seed, MOOD_SECONDS)
    for valence, arousal in product(GRID, GRID):
        mood = {"valence": valence, "arousal": arousal}
        played = excerpt(tune, genre, seed, MOOD_SECONDS, **mood)
        dry, audio = sum(render_stems(played, soundfont).values()), render(played, soundfont)
        loudness = float(10 * np.log10(np.mean(np.square(dry)) + 1e-12))
        brightness = float(librosa.feature.spectral_centroid(y=audio, sr=SAMPLE_RATE).mean())
        cells.append(mood | note_measures(played) | {"loudness": loudness, "brightness": brightness})
        unchanged.append(tune_unchanged(neutral, played))
        if (valence, arousal) in HEARD_AT:
            heard[valence, arousal] = tune_likeness(played.melody, transcribe(audio))
    likeness = [heard[mood] for mood in HEARD_AT]
    return {"genre": genre, "cells": cells, "unchanged": min(unchanged), "heard": likeness}


def correlations(walks: list[dict]) -> dict[str, dict[str, float | None]]:
    """Spearman's rank correlation of each slider with each measure, each tune taken against its own mean.

    Parameters
    ----------
    walks : list of dict
        As from `measure_moods`. A measure that does not exist is None (power chords have no third).
    """
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
        found[slider][name] = round(float(spearmanr(*known.T)[0]), 3) if moving else none
    return found


def mean_correlations(tables: list[dict]) -> dict[str, dict[str, float | None]]:
    """Mean of several tables of `correlations`, where they are not None."""
    found = {slider: {} for slider in MOVES}
    for slider, name in product(MOVES, MEASURES):
        known = [one[slider][name] for one in tables if one[slider][name] is not None]
        found[slider][name] = rounded_mean(known, 3) if known else None
    return found


def summarise(walks: list[dict]) -> dict:
    """All figures about mood: correlations by genre and on average, and whether the tune stays.

    Returns
    -------
    dict
        `correlations` (by genre, and their mean as `together`), `tune_unchanged` (smallest share of notes
        that stayed), `heard` (mean likeness of the tune at each mood of `HEARD_AT`) and `heard_change` (the
        largest share by which it is better or worse than in the neutral mood).
    """
    genres = sorted({one["genre"] for one in walks})
    tables = {genre: correlations([one for one in walks if one["genre"] == genre]) for genre in genres}
    heard = np.mean([one["heard"] for one in walks], 0)
    moods = (f"{valence:g} {arousal:g}" for valence, arousal in HEARD_AT)
    return {
        "correlations": tables | {"together": mean_correlations(list(tables.values()))},
        "tune_unchanged": round(min(one["unchanged"] for one in walks), 4),
        "heard": {mood: round(float(value), 4) for mood, value in zip(moods, heard)},
        "heard_change": round(float(max(abs(heard[1:] / max(heard[0], 1e-9) - 1))), 4),
    }


# --- Recordings, an outside listener, and speed ---

SECONDS = 6.0 if fast_mode() else 15.0
STRONGEST = 3  # the own genre must be among so many of the listener's
RAW_EVERY = 4  # one of so many clips is also played as raw General MIDI
#: One standard set of General MIDI instruments, whatever the genre: the contrast to the recipes' sets and
#: mixes.
STANDARD = {"melody": 73, "double": 73, "bass": 33, "drums": 0}
OTHERS = 0  # piano


def plan(clips: int, seed: int = 0, split: str = "test") -> list[tuple[str, Tune, int, int]]:
    """(genre, tune, seed, number) of each recording; every genre plays the same tunes."""
    rng, tunes = np.random.default_rng(seed), load_tunes(split)
    chosen = [tunes[number] for number in rng.permutation(len(tunes))[:clips]]
    return [(genre, tune, int(seed + 1000 * n), n) for n, tune in enumerate(chosen) for genre in GENRES]


def raw_midi(performance: Performance) -> Performance:
    """The same notes for one standard set of General MIDI instruments, without a voice."""
    parts = [part for part in performance.parts if part.name != "voice"]
    standard = [replace(part, program=STANDARD.get(part.name, OTHERS)) for part in parts]
    return replace(performance, parts=standard)


def play(job: tuple, soundfont: File = None, folder: File = None) -> dict:
    """Play and measure one recording; keep it, and where it is due the raw one, as wav files in `folder`.

    Returns
    -------
    dict
        `genre`, `features`, `seconds` of music, `cpu` seconds that they took, `files` (kind to path).
    """
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
    """How often a recording's own genre is among the tagger's three strongest.

    Returns
    -------
    dict
        `together` (mean, low, high), `chance`, and `genres`: of each genre that the tagger knows its share,
        and how often which genre was the strongest.
    """
    right, strongest = defaultdict(list), defaultdict(Counter)
    for genre, found in zip(genres, scores):
        order = sorted(found, key=found.get, reverse=True)
        strongest[genre][order[0]] += 1
        if genre in found:
            right[genre].append(genre in order[:STRONGEST])
    rows = {}
    for genre, counts in sorted(strongest.items()):
        share = rounded_mean(right[genre]) if genre in right else None
        rows[genre] = {"among_three": share, "strongest": dict(counts.most_common())}
    together = bootstrap(sum(right.values(), []))
    return {"together": together, "chance": round(STRONGEST / len(scores[0]), 4), "genres": rows}


def speed(results: list[dict]) -> dict:
    """Seconds of music that one core arranges and mixes in a second: together and by genre."""

    def rate(some):
        return round(sum(one["seconds"] for one in some) / sum(one["cpu"] for one in some), 1)

    genres = sorted({one["genre"] for one in results})
    by_genre = {genre: rate([one for one in results if one["genre"] == genre]) for genre in genres}
    return {"together": rate(results), "genres": by_genre}


def check(clips: int, seed: int = 0, soundfont: File = None, tagger: File = None, workers: int = 1) -> dict:
    """Play and measure with progress bars; returns all figures."""
    jobs, listener = plan(clips, seed), {}
    with tempfile.TemporaryDirectory() as folder:
        kept = folder if tagger else None
        results = measure(play, jobs, "recordings", workers, soundfont=soundfont, folder=kept)
        for kind in ("band", "raw") if tagger else ():
            chosen = [one for one in results if kind in one["files"]]
            scores = listen(tagger, [one["files"][kind] for one in chosen])
            listener[kind] = outside_listener([one["genre"] for one in chosen], scores)
    jobs = [job[:3] for job in plan(MOOD_TUNES, seed + 1)]
    walks = measure(measure_moods, jobs, "tunes in 25 moods", workers, soundfont=soundfont)
    features = {genre: [one["features"] for one in results if one["genre"] == genre] for genre in GENRES}
    figures = {
        "clips": clips,
        "seconds": SECONDS,
        "seed": seed,
        "soundfont": Path(soundfont or default_soundfont()).name,
        "speed": speed(results),
        "traits": judge_traits(features),
        "mood": summarise(walks),
    }
    return figures | ({"outside_listener": listener} if tagger else {})


def report(
    clips: Annotated[int, Option(min=1, help="Recordings of each genre.")] = 20,
    tagger: Tagger = None,
    soundfont: Soundfont = None,
    out: Out = None,
    seed: int = 0,
    workers: Workers = CORES,
) -> dict:
    """Measure what the band plays: traits of genres, mood, speed, and what an outside listener hears."""
    figures = check(clips, seed, soundfont, tagger, workers)
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
        found = [
            f"The band itself ({figures['clips']} clips of {figures['seconds']:.0f} s in each genre, "
            f"{figures['soundfont']}; how often a tagger that learned from real recordings has the clip's "
            "own genre among the three strongest of its eight):",
            "",
            *table(["", "together", *genres], rows),
            "",
        ]
    words = dict(zip(MEASURES, ("onset rate", "loudness", "brightness", "share of major thirds", "register")))
    arousal, valence = (
        ", ".join(f"{words[name]} {cell(together[slider][name])}" for name in names)
        for slider, names in MOVES.items()
    )
    return [
        *found,
        "Mood can be measured (Spearman's correlation of slider and sound, mean of the ten genres): arousal "
        f"with {arousal}; valence with {valence}. The band plays {figures['speed']['together']:.0f} seconds "
        "of music a second and core.",
    ]


def details(figures: dict) -> list[str]:
    """What the terminal shows besides, in Markdown: traits, mood by genre, and what was taken for what."""
    rate, mood = figures["speed"]["genres"], figures["mood"]
    slowest, rows = min(rate, key=rate.get), []
    for trait in figures["traits"]:
        verdict, own = "as expected" if trait["as_expected"] else "NOT SO", trait["means"].get(trait["genre"])
        place = f"place {trait['place']} of ten, expected {trait['expected']}"
        rows.append([verdict, trait["genre"], trait["words"], cell(own, ".3g"), place])
    found = [f"speed: slowest {slowest}, {rate[slowest]:.0f} seconds of music a second and core", ""]
    found += [*table(["", "genre", "trait", "mean", ""], rows), ""]
    for slider, wanted in MOVES.items():
        names = (name + "*" * (name in wanted) for name in MEASURES)
        rows = ([genre, *map(cell, one[slider].values())] for genre, one in mood["correlations"].items())
        found += [*table([slider, *names], rows), ""]
    found.append(
        "(Spearman's correlation; * should go up with the slider) tune unchanged by mood: "
        f"{mood['tune_unchanged']:.3f} of its notes; heard {mood['heard_change']:.1%} better or worse at most"
    )
    for kind, heard in figures.get("outside_listener", {}).items():
        rows = (
            [
                genre,
                cell(row["among_three"]),
                ", ".join(f"{name} {count}" for name, count in row["strongest"].items()),
            ]
            for genre, row in heard["genres"].items()
        )
        share = f"{interval(heard['together'], '.3f')}; chance {heard['chance']:.3f}"
        found += ["", f"outside listener, {kind}: own genre among its three strongest in {share}", ""]
        found += table(["genre", "share", "strongest"], rows)
    return [*found, ""]
