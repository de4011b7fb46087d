"""What the band's performances measure like: traits of genres, mood, an outside listener, speed.

Command: `noteninja dataset check`. Lesson: 04_gtzan_and_the_band.
"""

import json
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import librosa
import numpy as np
from scipy.stats import spearmanr

from noteninja_lib import fast_mode
from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.recipe import GENRES, load_recipe
from noteninja_lib.arranger.synthesis import default_soundfont, render, render_stems
from noteninja_lib.audio.io import SAMPLE_RATE, save
from noteninja_lib.evaluation.baselines import listen
from noteninja_lib.evaluation.comparison import spread
from noteninja_lib.evaluation.metrics import bootstrap
from noteninja_lib.music.piano_roll import transcribe, tune_likeness
from noteninja_lib.music.tunes import load_tunes

# What a genre's playing measures like, beside what is written about that genre.
#
# For classical music and reggae no outside listener is at hand that knows them, so the band is held against the literature:
# each `Trait` names a feature that can be measured in notes or sound, and the place that its genre should take among the ten.
# Command: `noteninja dataset check`. Lesson: 03_what_makes_a_genre.
#
# References
# ----------
# Bradley, L. (2000). Bass Culture: When Reggae Was King. Viking. -- bass in front, chords on the off-beat.
# Caplin, W. E. (1998). Classical Form. Oxford University Press. -- accompaniment patterns under a periodic melody.
# Fitzgerald, D. (2010). Harmonic/percussive separation using median filtering. DAFx-10.
# Hitchins, R. (2014). Vibe Merchants: The Sound Creators of Jamaican Popular Music. Ashgate. -- one drop, skank, bass weight.
# Huron, D. (2001). Tone and voice. Music Perception 19(1). -- why voices move by the smallest steps.
# Lartillot, O., Eerola, T., Toiviainen, P., Fornari, J. (2008). Multi-feature modeling of pulse clarity. ISMIR 2008.
# Rosen, C. (1971). The Classical Style. Viking. -- texture, dynamics, dominant and tonic as the poles of harmony.

KICKS, BACKBEATS = {35, 36}, {37, 38, 39, 40}  # General MIDI keys; a backbeat is cross-stick, snare or clap
BASS_HZ = 150.0
NOT_CHORDS = ("melody", "double", "bass", "drums", "voice")
TOGETHER = 0.035  # seconds: strokes and chord notes this near sound as one


@dataclass(frozen=True)
class Trait:
    """A feature by which a genre is known: among the `limit` "largest" or "smallest" of the ten, or "below" the limit."""

    genre: str
    feature: str
    side: str
    limit: float
    words: str


TRAITS = (
    Trait("classical", "drum_strokes", "smallest", 1, "no drum kit: drum strokes a beat"),
    Trait("classical", "percussive_share", "smallest", 1, "little percussive sound: its share of the energy"),
    Trait("classical", "loudness_range", "largest", 3, "wide dynamics: loud less soft passages, dB"),
    Trait("classical", "pulse_clarity", "smallest", 3, "no beat hammered out: pulse clarity"),
    Trait(
        "classical",
        "free_sevenths",
        "smallest",
        1,
        "sevenths on the dominant only: their share of other chords",
    ),
    Trait("classical", "voice_steps", "below", 2, "voices move by step: semitones from chord to chord"),
    Trait("classical", "parallels", "smallest", 3, "no parallel fifths: chord changes that have some"),
    Trait(
        "classical", "broken_chords", "largest", 2, "broken chords (Alberti): chord notes that begin alone"
    ),
    Trait("classical", "bass_beats", "largest", 2, "held bass and pedals: beats a bass note lasts"),
    Trait("reggae", "offbeat_chords", "largest", 1, "skank: share of the chords that fall between the beats"),
    Trait(
        "reggae",
        "kick_with_backbeat",
        "largest",
        1,
        "one drop: bass drum strokes together with snare or cross-stick",
    ),
    Trait("reggae", "kick_on_one", "smallest", 1, "one drop: bars with a bass drum on the first beat"),
    Trait("reggae", "bass_share", "largest", 3, "bass in front: share of the energy below 150 Hz"),
    Trait("reggae", "tempo", "smallest", 3, "slow: beats a minute"),
)


def _notes(performance, name):
    return [note for part in performance.parts if part.name == name for note in part.notes]


def chord_parts(performance):
    """The parts that play chords: neither tune nor bass nor drums."""
    return [part for part in performance.parts if part.name not in NOT_CHORDS]


def offbeat_chords(performance):
    """Share of the chord notes' loudness that falls between the beats, of what falls on a beat or between two."""
    between, sums = 0.5 + performance.swing / 6, np.zeros(2)
    for part in chord_parts(performance):
        for note in part.notes:
            phase = note.start * performance.tempo / 60 % 1
            for number, place in enumerate((0.0, between)):
                sums[number] += note.velocity * (abs((phase - place + 0.5) % 1 - 0.5) < 0.11)
    return float(sums[1] / sums.sum()) if sums.any() else np.nan


def kick_with_backbeat(performance):
    """Share of the bass drum strokes that fall together with cross-stick, snare or clap."""
    drums = _notes(performance, "drums")
    kicks, others = (
        np.array([note.start for note in drums if note.pitch in keys]) for keys in (KICKS, BACKBEATS)
    )
    if not len(kicks):
        return np.nan
    return float(np.mean([len(others) > 0 and abs(others - kick).min() < TOGETHER for kick in kicks]))


def kick_on_one(performance):
    """Share of the bars of four beats that have a bass drum on their first beat; none without kicks or in 3/4."""
    beats = (
        np.array([note.start for note in _notes(performance, "drums") if note.pitch in KICKS])
        * performance.tempo
        / 60
    )
    bars = int(performance.duration * performance.tempo / 60 // 4)
    if not len(beats) or not bars or round(performance.tune.bar / performance.tune.beat) % 3 == 0:
        return np.nan
    on_one = beats[abs((beats + 2) % 4 - 2) < 0.2]
    return len({round(beat / 4) for beat in on_one} & set(range(bars))) / bars


def chord_pitches(performance):
    """For each chord part, the pitches that it plays in each chord, chord by chord.

    Yields
    ------
    list of (chord, set of int)
        The chord is (start, end, root, quality) as the band reads it.
    """
    for part in chord_parts(performance):
        found = []
        for chord in performance.harmony:
            pitches = {
                note.pitch for note in part.notes if chord[0] - TOGETHER <= note.start < chord[1] - TOGETHER
            }
            if pitches:
                found.append((chord, pitches))
        yield found


def free_sevenths(performance):
    """Share of the chords, dominant sevenths aside, in which a seventh above the root is played."""
    has = [
        any((pitch - root) % 12 in (10, 11) for pitch in pitches)
        for part in chord_pitches(performance)
        for (_, _, root, quality), pitches in part
        if quality != "dom7"
    ]
    return float(np.mean(has)) if has else np.nan


def voice_steps(performance):
    """Mean semitones from each pitch of a chord to the nearest pitch of the chord before."""
    moves = []
    for part in chord_pitches(performance):
        for (before, first), (after, second) in zip(part, part[1:]):
            if before[2:] != after[2:]:
                moves.append(np.mean([min(abs(pitch - old) for old in first) for pitch in second]))
    return float(np.mean(moves)) if moves else np.nan


def parallels(performance):
    """Share of the chord changes in which two voices of a part, a fifth apart, move by the same interval; octaves may be doublings."""
    found = []
    for part in chord_pitches(performance):
        for (_, first), (_, second) in zip(part, part[1:]):
            if first != second and len(first) == len(second):
                voices = list(zip(sorted(first), sorted(second)))
                found.append(
                    any(
                        (upper - lower) % 12 == 7 and upper_next - upper == lower_next - lower != 0
                        for number, (lower, lower_next) in enumerate(voices)
                        for upper, upper_next in voices[number + 1 :]
                    )
                )
    return float(np.mean(found)) if found else np.nan


def broken_chords(performance):
    """Share of the chord notes that begin alone in their part."""
    alone = []
    for part in chord_parts(performance):
        starts = np.array([note.start for note in part.notes])
        alone += [np.sum(abs(starts - start) < TOGETHER) == 1 for start in starts]
    return float(np.mean(alone)) if alone else np.nan


def note_features(performance):
    """All features that can be read from the notes of a performance without intro, by name (nan: not to be told)."""
    beats = performance.duration * performance.tempo / 60
    bass = [note.end - note.start for note in _notes(performance, "bass")]
    return {
        "drum_strokes": len(_notes(performance, "drums")) / beats,
        "bass_beats": float(np.mean(bass)) * performance.tempo / 60 if bass else np.nan,
        "tempo": performance.tempo,
        **{
            measure.__name__: measure(performance)
            for measure in (
                offbeat_chords,
                kick_with_backbeat,
                kick_on_one,
                free_sevenths,
                voice_steps,
                parallels,
                broken_chords,
            )
        },
    }


def sound_features(audio):
    """All features that need the sound, by name.

    `percussive_share` is the share of the energy after separation by median filters (Fitzgerald 2010); `bass_share` that
    below 150 Hz; `loudness_range` the distance from the 10th to the 95th percentile of the level of 0.4 s stretches;
    `pulse_clarity` the highest autocorrelation of the onset strength at 0.3 to 2 s (after Lartillot et al. 2008).
    """
    spectrum = np.abs(librosa.stft(audio, n_fft=1024, hop_length=512))
    power = spectrum**2
    harmonic, percussive = (float((part**2).sum()) for part in librosa.decompose.hpss(spectrum))
    level = np.sqrt(
        librosa.feature.rms(y=audio, frame_length=int(0.4 * SAMPLE_RATE), hop_length=2048, center=False)[0]
        ** 2
        + 1e-10
    )
    low, high = np.percentile(20 * np.log10(level), [10, 95])
    onsets = librosa.onset.onset_strength(
        S=librosa.power_to_db(librosa.feature.melspectrogram(S=power, sr=SAMPLE_RATE)), sr=SAMPLE_RATE
    )
    again = librosa.autocorrelate(onsets - onsets.mean())
    rate = SAMPLE_RATE / 512
    bass = power[librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=1024) < BASS_HZ].sum()
    return {
        "percussive_share": percussive / (harmonic + percussive),
        "bass_share": float(bass / power.sum()),
        "loudness_range": float(high - low),
        "pulse_clarity": float(again[int(0.3 * rate) : int(2 * rate)].max() / max(again[0], 1e-9)),
    }


def judge_traits(features):
    """Where each trait's genre stands among all genres.

    Parameters
    ----------
    features : dict of genre to list of dict
        `note_features` and `sound_features` of its recordings.

    Returns
    -------
    list of dict
        The trait, the genres' means, the `place` that its genre takes (1 is the most extreme; equal values share a
        place), and whether that, or the mean where there is a limit, is `as_expected`.
    """
    found = []
    for trait in TRAITS:
        columns = {genre: [row[trait.feature] for row in features[genre]] for genre in GENRES}
        means = {
            genre: float(np.nanmean(values))
            for genre, values in columns.items()
            if not np.isnan(values).all()
        }
        place = None
        if trait.genre in means:
            sign = -1 if trait.side == "largest" else 1
            place = 1 + sum(sign * value < sign * means[trait.genre] - 1e-9 for value in means.values())
        reached = means.get(trait.genre) if trait.side == "below" else place
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


# Do the mood sliders do what they say? Valence and arousal against what can be measured in notes and sound.
#
# A grid of moods is played with the same tune and seed, and each slider is correlated with each measure. What should go
# with what is known from listening tests: arousal with tempo, loudness and brightness, valence with mode and register
# (Gabrielsson and Lindström 2010, in Juslin and Sloboda, Handbook of Music and Emotion). The tune must stay.
# Command: `noteninja dataset check`. Lesson: 09_tempo_mood_and_length.

GRID = (-1.0, -0.5, 0.0, 0.5, 1.0)
MOOD_SECONDS = 8.0
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


def major_share(performance):
    """Share of the time with a major third, of that in which the chord parts play a third over the root at all."""
    sums = np.zeros(2)
    for start, end, root, _ in performance.harmony:
        classes = {
            (note.pitch - root) % 12
            for part in chord_parts(performance)
            for note in part.notes
            if note.start < end - 0.05 and note.end > start + 0.05
        }
        for number, third in enumerate((3, 4)):
            sums[number] += (end - start) * (third in classes)
    return float(sums[1] / sums.sum()) if sums.any() else np.nan


def note_measures(performance):
    """What the mood should change in the notes: onset rate, major share, register."""
    pitches = [note.pitch for part in chord_parts(performance) for note in part.notes]
    onsets = sum(len(part.notes) for part in performance.parts)
    return {
        "onset_rate": onsets / performance.duration,
        "major_share": major_share(performance),
        "register": float(np.mean(pitches)) if pitches else np.nan,
    }


def tune_unchanged(neutral, moody):
    """Share of the tune's notes that have pitch class and place, in beats, as in the neutral performance."""
    lists = [
        [(note.start * played.tempo / 60, note.pitch % 12) for note in played.melody]
        for played in (neutral, moody)
    ]
    pairs = list(zip(*lists))
    return (
        float(
            np.mean([abs(first[0] - second[0]) < 0.06 and first[1] == second[1] for first, second in pairs])
        )
        if pairs
        else 0.0
    )


def walk(job, soundfont=None):
    """Play one tune in one genre through the grid of moods.

    Parameters
    ----------
    job : (str, Tune, int)
        Genre, tune, seed.

    Returns
    -------
    dict
        `genre`; `cells`, a list of dict with both sliders and all measures; `unchanged`, the smallest share of the tune's
        notes that stayed; `heard`, the tune's likeness at the moods of `HEARD_AT`.
    """
    genre, tune, seed = job
    recipe, cells, unchanged, heard = load_recipe(genre), [], [], {}
    shared = {"duration": MOOD_SECONDS, "intro": 0, "ending": False}
    neutral = arrange(tune, recipe, seed, **shared)
    for valence in GRID:
        for arousal in GRID:
            played = arrange(tune, recipe, seed, valence=valence, arousal=arousal, **shared)
            dry = sum(render_stems(played, soundfont).values())
            audio = render(played, soundfont)
            cells.append(
                {
                    "valence": valence,
                    "arousal": arousal,
                    **note_measures(played),
                    "loudness": float(10 * np.log10(np.mean(np.square(dry)) + 1e-12)),
                    "brightness": float(librosa.feature.spectral_centroid(y=audio, sr=SAMPLE_RATE).mean()),
                }
            )
            unchanged.append(tune_unchanged(neutral, played))
            if (valence, arousal) in HEARD_AT:
                heard[valence, arousal] = tune_likeness(played.melody, transcribe(audio))
    return {
        "genre": genre,
        "cells": cells,
        "unchanged": min(unchanged),
        "heard": [heard[mood] for mood in HEARD_AT],
    }


def correlations(walks):
    """Spearman's rank correlation of each slider with each measure, each tune taken against its own mean.

    Parameters
    ----------
    walks : list of dict
        As from `walk`.

    Returns
    -------
    dict of slider to dict of measure to float or None
        None where the measure does not exist (power chords have no third).
    """
    table = {}
    for slider in MOVES:
        table[slider] = {}
        for name in MEASURES:
            pairs = []
            for one in walks:
                values = np.array([cell[name] for cell in one["cells"]], float)
                if not np.isnan(values).all():
                    pairs += list(zip((cell[slider] for cell in one["cells"]), values - np.nanmean(values)))
            known = np.array([pair for pair in pairs if not np.isnan(pair[1])])
            moving = len(known) > 2 and np.ptp(known[:, 1]) > 1e-9
            table[slider][name] = (
                round(float(spearmanr(*known.T)[0]), 3) if moving else 0.0 if len(known) else None
            )
    return table


def summarise(walks):
    """All figures about mood: correlations by genre and on average, and whether the tune stays.

    Returns
    -------
    dict
        `correlations` (by genre, and their mean as `together`), `tune_unchanged` (smallest share of notes that stayed),
        `heard` (mean likeness of the tune at each mood of `HEARD_AT`) and `heard_change` (the largest share by which it is
        better or worse than in the neutral mood).
    """
    genres = sorted({one["genre"] for one in walks})
    table = {genre: correlations([one for one in walks if one["genre"] == genre]) for genre in genres}
    together = {}
    for slider in MOVES:
        columns = {name: [table[genre][slider][name] for genre in genres] for name in MEASURES}
        known = {name: [value for value in values if value is not None] for name, values in columns.items()}
        together[slider] = {
            name: round(float(np.mean(values)), 3) if values else None for name, values in known.items()
        }
    heard = np.mean([one["heard"] for one in walks], 0)
    return {
        "correlations": {**table, "together": together},
        "tune_unchanged": round(min(one["unchanged"] for one in walks), 4),
        "heard": {
            f"{valence:g} {arousal:g}": round(float(value), 4)
            for (valence, arousal), value in zip(HEARD_AT, heard)
        },
        "heard_change": round(float(max(abs(heard[1:] / max(heard[0], 1e-9) - 1))), 4),
    }


SECONDS = 6.0 if fast_mode() else 15.0
STRONGEST = 3  # the own genre must be among so many of the listener's
RAW_EVERY = 4  # one of so many clips is also played as raw General MIDI
#: One standard set of General MIDI instruments, whatever the genre: the contrast to the recipes' sets and mixes.
STANDARD = {"melody": 73, "double": 73, "bass": 33, "drums": 0}
OTHERS = 0  # piano


def plan(clips, seed=0, split="test"):
    """(genre, tune, seed, number) of each recording; every genre plays the same tunes."""
    rng, tunes = np.random.default_rng(seed), load_tunes(split)
    chosen = [tunes[number] for number in rng.permutation(len(tunes))[:clips]]
    return [
        (genre, tune, int(seed + 1000 * number), number)
        for number, tune in enumerate(chosen)
        for genre in GENRES
    ]


def raw_midi(performance):
    """The same notes for one standard set of General MIDI instruments, without a voice."""
    parts = [
        replace(part, program=STANDARD.get(part.name, OTHERS))
        for part in performance.parts
        if part.name != "voice"
    ]
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
    render(
        arrange(tune, recipe, seed, duration=1.0, intro=0, ending=False), soundfont
    )  # loads what is loaded once
    began = time.process_time()
    played = arrange(tune, recipe, seed, duration=SECONDS, intro=0, ending=False)
    audio = render(played, soundfont)
    result = {
        "genre": genre,
        "seconds": SECONDS,
        "cpu": time.process_time() - began,
        "files": {},
        "features": {**note_features(played), **sound_features(audio)},
    }
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
    return {
        "together": bootstrap([hit for hits in right.values() for hit in hits]),
        "chance": round(STRONGEST / len(scores[0]), 4),
        "genres": {
            genre: {
                "among_three": round(float(np.mean(right[genre])), 4) if genre in right else None,
                "strongest": dict(counts.most_common()),
            }
            for genre, counts in sorted(strongest.items())
        },
    }


def speed(results):
    """Seconds of music that one core makes in a second, arranging and mixing included: together and by genre."""

    def rate(some):
        return round(sum(one["seconds"] for one in some) / sum(one["cpu"] for one in some), 1)

    return {
        "together": rate(results),
        "genres": {
            genre: rate([one for one in results if one["genre"] == genre])
            for genre in sorted({one["genre"] for one in results})
        },
    }


def check(clips=20, mood_tunes=2, seed=0, soundfont=None, tagger=None, workers=1):
    """Play and measure the band; returns all figures (dict)."""
    jobs, listener = plan(clips, seed), {}
    with tempfile.TemporaryDirectory() as folder:
        results = spread(
            partial(play, soundfont=soundfont, folder=folder if tagger else None),
            jobs,
            workers,
            " recordings",
        )
        for kind in ("band", "raw") if tagger else ():
            chosen = [one for one in results if kind in one["files"]]
            scores = listen(tagger, [one["files"][kind] for one in chosen])
            listener[kind] = outside_listener([one["genre"] for one in chosen], scores)
    walks = spread(
        partial(walk, soundfont=soundfont),
        [job[:3] for job in plan(mood_tunes, seed + 1)],
        workers,
        " mood walks",
    )
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


def table(figures):
    """The figures as lines of text."""
    rate = figures["speed"]
    slowest = min(rate["genres"], key=rate["genres"].get)
    lines = [
        f"speed: {rate['together']:.0f} seconds of music a second and core; slowest {slowest}: {rate['genres'][slowest]:.0f}",
        "",
    ]
    for trait in figures["traits"]:
        lines.append(
            f"{'as expected' if trait['as_expected'] else 'NOT SO':12}{trait['genre']:10} {trait['words']}: "
            f"{trait['means'].get(trait['genre'], float('nan')):.3g}, place {trait['place']} of ten, expected {trait['expected']}"
        )
    told = figures["mood"]
    for slider, wanted in MOVES.items():
        lines += [
            "",
            f"{slider:12}" + "".join(f"{name + ('*' if name in wanted else ''):>13}" for name in MEASURES),
        ]
        for genre, rows in told["correlations"].items():
            lines.append(
                f"{genre:12}"
                + "".join(
                    f"{'-' if value is None else f'{value:.2f}':>13}" for value in rows[slider].values()
                )
            )
    lines += [
        "(Spearman's correlation; * should go up with the slider)",
        f"tune unchanged by mood: {told['tune_unchanged']:.3f} of "
        f"its notes; heard {told['heard_change']:.1%} better or worse at most",
    ]
    for kind, found in figures.get("outside_listener", {}).items():
        mean, low, high = found["together"]
        lines += [
            "",
            f"outside listener, {kind}: own genre among its three strongest in {mean:.3f} [{low:.3f}, {high:.3f}]; "
            f"chance {found['chance']:.3f}",
        ]
        for genre, row in found["genres"].items():
            share = "-" if row["among_three"] is None else f"{row['among_three']:.2f}"
            lines.append(
                f"{genre:12}{share:>6}   strongest: "
                + ", ".join(f"{name} {count}" for name, count in row["strongest"].items())
            )
    return lines


def report(clips=20, out=None, **options):
    """Check with progress bars, print the table and write the figures as JSON; returns them."""
    figures = check(clips, **options)
    print("\n".join(table(figures)))
    if out:
        Path(out).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures
