"""Is a tune that is hummed, sung or whistled heard? Command: `python -m benchmarks humming`. Lesson: 12.

Test tunes are hummed by synthesis (WORLD has no wheels everywhere), as people without training hum: off the
piano's tuning and drifting further, with scoops, glides, vibrato and breaths, too early or too late, in
rooms, over telephones and with noise. MIR-1K, where its folder is given, adds people who truly sang.
"""

from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import mir_eval
import numpy as np
import scipy.signal
from numpy.random import Generator
from typer import Option

from benchmarks import singers
from benchmarks.all_measures import matched_notes
from benchmarks.harness import finish, interval, intervals, means, measure, table
from benchmarks.options import CORES, Out, Split, Workers
from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.vocals import (
    HOP,
    SONORANTS,
    VOICE_RATE,
    VOWELS,
    glottis,
    phrased,
    radiate,
    resonances,
)
from noteninja_lib.audio.augmentation import add_noise, add_room
from noteninja_lib.music.singing import SECONDS as FRAME_SECONDS
from noteninja_lib.music.singing import drift, sung_notes
from noteninja_lib.music.transcription import hummed_tune
from noteninja_lib.music.tunes import Tune, load_tunes
from noteninja_lib.source import lone_curve, read_source, track_alone

KINDS = ("hum", "la", "oo", "whistle")
PLACES = ("near", "room", "phone", "noise")
SECONDS, AMONG = 20.0, 200  # of each tune at least; tunes among which it is to be found
CENTRES = {"low": 52, "high": 64}  # MIDI pitches about which people hum; they whistle near 90
PACE = (0.28, 0.45)  # seconds from note to note, at the median: nobody hums a reel as fast as a fiddler
FRAME = HOP / VOICE_RATE  # seconds

#: A tune by its number in the split, how and where it is hummed, and a seed for the rest.
Job = namedtuple("Job", "number kind place seed")


def wander(times: np.ndarray, step: float, rng: Generator) -> np.ndarray:
    """Normal numbers `step` seconds apart, straight lines between."""
    knots = np.arange(0, times[-1] + 2 * step, step)
    return np.interp(times, knots, rng.normal(size=len(knots)))


def performance(
    tune: Tune, kind: str, rng: Generator, jitter: float
) -> tuple[list[Note], list[Note], np.ndarray, int]:
    """A tune as somebody times it: notes as sounding (not whole pitches) and as meant, beats, and the shift.

    The pitch drifts by up to a semitone and each note misses by some .15; tempo wanders by some 3 %.
    """
    gaps = np.diff([start for start, _, _ in tune.notes])
    step = rng.uniform(*PACE) / np.median(gaps[gaps > 0]) * tune.beat  # seconds of a felt beat
    count = int(SECONDS / step / round(tune.bar / tune.beat) + 1) * round(tune.bar / tune.beat)
    beats = np.cumsum(step * np.exp(0.03 * wander(np.arange(count + 40.0), 4, rng))) + rng.uniform(0.3, 1.2)
    kept = [one for one in tune.notes if one[0] < count * tune.beat]
    centre = 90 if kind == "whistle" else CENTRES[rng.choice(list(CENTRES))]
    shift = round(centre + rng.uniform(-3, 3) - np.median([pitch for _, _, pitch in kept]))
    meant, late = [], np.interp([one[0] / tune.beat for one in kept], np.arange(len(beats)), beats)
    starts = late + rng.normal(0, jitter, len(kept)).clip(-2 * jitter, 2 * jitter)
    starts = np.maximum.accumulate(starts + 0.0)
    for number in range(1, len(starts)):
        starts[number] = max(starts[number], starts[number - 1] + 0.6 * (late[number] - late[number - 1]))
    for number, (start, lasts, pitch) in enumerate(kept):
        end = np.interp((start + lasts) / tune.beat, np.arange(len(beats)), beats)
        end = starts[number + 1] if number + 1 < len(kept) else end
        meant.append(Note(float(starts[number]), float(end), pitch + shift, 90))
    meant = phrased(meant)
    times = np.arange(0, beats[count] + 3, 0.1)
    drift = rng.uniform(-0.5, 0.5) + rng.uniform(-1, 1) * times / times[-1] + 0.1 * wander(times, 3, rng)
    off = np.interp([note.start for note in meant], times, drift) + rng.normal(0, 0.15, len(meant))
    sounding = [replace(note, pitch=note.pitch + one) for note, one in zip(meant, off)]
    return sounding, meant, beats[:count], shift


def curves(notes: list[Note], kind: str, seconds: float, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pitch in MIDI and loudness 0..1, by frame: scoops, glides, vibrato; bound notes or syllables."""
    times = np.arange(0, seconds, FRAME)
    pitch, loud, depth = (
        np.full(len(times), float(notes[0].pitch)),
        np.zeros(len(times)),
        np.zeros(len(times)),
    )
    trained, rate, tied = rng.uniform(0, 0.35), rng.uniform(4.5, 6.5), kind in ("hum", "oo", "whistle")
    for before, note in zip([None, *notes], notes):
        first, last = np.searchsorted(times, (note.start, note.end))
        bound = before is not None and note.start - before.end < 0.02
        apart = not bound or round(note.pitch - before.pitch) == 0 or rng.random() < (0.2 if tied else 0.9)
        glide = min(rng.uniform(0.04, 0.12), 0.6 * (note.end - note.start))
        if apart:  # a new syllable, from below
            along, begins = (
                np.clip((times[first:] - note.start) / glide, 0, 1),
                note.pitch - rng.exponential(0.5),
            )
            hole = slice(max(0, first - round(rng.uniform(0.04, 0.08) / FRAME)), first)
            loud[hole] *= rng.uniform(0.05, 0.3) * np.ones(hole.stop - hole.start)
        else:
            first = max(0, first - round(glide / 2 / FRAME))
            along = np.clip((times[first:] - note.start) / glide + 0.5, 0, 1)
            begins = before.pitch
        pitch[first:] = begins + (note.pitch - begins) * along**2 * (3 - 2 * along)
        since, left = times[first:last] - note.start, note.end - times[first:last]
        loud[first:last] = np.minimum(np.clip(since / 0.04 + (0.2 if apart else 1), 0, 1), left / 0.03).clip(
            0, 1
        )
        if not apart or bound:
            loud[first:last] = np.maximum(loud[first:last], (left < 0.03) * 0.9)
        loud[first:last] *= rng.uniform(0.7, 1)
        depth[first:last] = trained * np.clip((since - 0.2) / 0.2, 0, 1)
    pitch += depth * np.sin(2 * np.pi * rate * times)
    pitch += 0.1 * wander(times, 0.15, rng) + 0.06 * wander(times, 0.03, rng)  # as in untrained singers
    smooth = np.hanning(5) / np.hanning(5).sum()
    return pitch, np.convolve(loud, smooth, "same") * (1 + 0.1 * wander(times, 0.3, rng)).clip(0.5, 1.5)


def sounded(pitch: np.ndarray, loud: np.ndarray, kind: str, rng: Generator) -> np.ndarray:
    """The sound of curves, mono at 22,050 Hz: a throat with closed or open mouth, or pursed lips."""
    length, hertz = len(pitch) * HOP, 440 * 2 ** ((pitch - 69) / 12)
    if kind == "whistle":
        frames = np.arange(length) / HOP
        phase = 2 * np.pi * np.cumsum(np.interp(frames, np.arange(len(hertz)), hertz)) / VOICE_RATE
        air = scipy.signal.sosfilt(
            scipy.signal.butter(2, (800, 5000), "bandpass", fs=VOICE_RATE, output="sos"),
            rng.normal(size=length),
        )
        tone = np.sin(phase) + 0.03 * np.sin(2 * phase) + rng.uniform(0.03, 0.15) * air
        return (0.3 * tone * np.interp(frames, np.arange(len(loud)), loud)).astype(np.float32)
    tract = 1.15 if np.median(pitch) > 58 else 0.97
    choice = {"hum": [SONORANTS["m"]], "oo": [VOWELS["u"], VOWELS["o"]], "la": [*VOWELS.values()]}[kind]
    formants = np.array([choice[rng.integers(len(choice))] for _ in range(len(pitch) // 20 + 2)], float)
    places = np.arange(len(pitch)) / 20
    formants = np.stack([np.interp(places, np.arange(len(formants)), one) for one in formants.T], 1) * tract
    formants[:, 0] = np.maximum(formants[:, 0], 1.03 * hertz)
    formants[:, 1] = np.maximum(formants[:, 1], formants[:, 0] + 250)
    flow = glottis(hertz, loud, length, rng, unrest=0.01, air=rng.uniform(0.03, 0.15), finer=2)
    noise = np.tile([1500.0, 1500.0, 0.0], (len(pitch), 1))
    noise[:, 2] = 0.02 + 0.05 * (loud < 0.05)  # breathing
    corner = 900.0 if kind == "hum" else 4000.0
    return radiate(flow, resonances(formants, corner, width=1.4), noise, length, VOICE_RATE, rng)


def placed(sound: np.ndarray, place: str, rng: Generator) -> np.ndarray:
    """A sound (samples,) as it is recorded somewhere, at any level."""
    sound = sound / max(np.abs(sound).max(), 1e-9) * rng.uniform(0.1, 0.8)
    if place in ("room", "phone"):
        sound = add_room(sound.astype(np.float32), rng, seconds=(0.3, 0.8), wet=(0.2, 0.5))
    if place == "phone":
        band = scipy.signal.butter(2, (250, 3400), "bandpass", fs=VOICE_RATE, output="sos")
        sound = scipy.signal.sosfilt(band, sound)
    snr = {"near": 45, "room": 30, "phone": 25, "noise": 12}[place]
    return add_noise(sound.astype(np.float32), rng, snr, str(rng.choice(["white", "pink", "hum"])))


def hummed(tune: Tune, job: Job, jitter: float) -> tuple[np.ndarray, list[Note], np.ndarray, int]:
    """A tune's sound (samples,) at 22,050 Hz, its notes as they were meant, its beats, semitones of shift."""
    rng = np.random.default_rng([job.seed, job.number])
    sounding, meant, beats, shift = performance(tune, job.kind, rng, jitter)
    pitch, loud = curves(sounding, job.kind, sounding[-1].end + 0.7, rng)
    return placed(sounded(pitch, loud, job.kind, rng), job.place, rng), meant, beats, shift


# ---- is it the same tune? -------------------------------------------------------------------------------


def likeness(notes: tuple, other: tuple) -> float:
    """How well a passage of one tune is part of another, in any key and tempo: more is more alike.

    Local alignment (Smith and Waterman 1981) of the steps from note to note and of how much longer the one
    lasts than the other; a note may be left out or added. Both are sequences of (start, duration, pitch).
    """
    mine, theirs = (np.array([(start, pitch) for start, _, pitch in one], float) for one in (notes, other))
    steps, times = ([np.diff(one[:, column]) for one in (mine, theirs)] for column in (1, 0))
    times = [np.log2(np.maximum(one, 1 / 8)) for one in times]
    rhythm = [one - np.median(one) for one in times]
    apart = np.minimum(np.abs(steps[0][:, None] - steps[1]), 3)
    match = 1.0 - 0.8 * apart - 0.3 * np.minimum(np.abs(rhythm[0][:, None] - rhythm[1]), 2)
    # A note too many: two steps of one tune are one of the other.
    match = np.pad(match, ((1, 0), (1, 0)), constant_values=-9)
    score = np.zeros_like(match)
    joined = [one[1:] + one[:-1] for one in steps]
    extra = np.full_like(match, -9.0)
    extra[2:, 1:] = 0.4 - 0.8 * np.minimum(np.abs(joined[0][:, None] - steps[1]), 3)
    fewer = np.full_like(match, -9.0)
    fewer[1:, 2:] = 0.4 - 0.8 * np.minimum(np.abs(steps[0][:, None] - joined[1]), 3)
    for row in range(1, len(match)):
        ways = [np.zeros(match.shape[1] - 1), score[row - 1, :-1] + match[row, 1:]]
        if row > 1:
            ways.append(score[row - 2, :-1] + extra[row, 1:])
        ways.append(np.r_[-9, score[row - 1, :-2] + fewer[row, 2:]])
        score[row, 1:] = np.max(ways, 0)
    return float(score.max())


def candidates(split: str) -> list[int]:
    """Numbers of tunes of a split, each of another family, long enough to be hummed."""
    families = {}
    for number, tune in enumerate(load_tunes(split)):
        if len(tune.notes) > 30:
            families.setdefault(tune.family, number)
    return list(families.values())


def bar_kind(metre: str) -> tuple[int, bool]:
    """Two bars of 2/4 are one of 4/4: whether beats come in twos or threes, and whether they have thirds."""
    count, unit = map(int, metre.split("/"))
    compound = unit == 8 and count % 3 == 0
    felt = count // 3 if compound else count
    return (3 if felt == 3 else 2), compound


def right_beats(true: np.ndarray, found: np.ndarray) -> float:
    """F-measure of beats within 70 ms; twice as many or half of them are right, too."""
    ways = [true, true[::2], true[1::2], np.sort(np.r_[true, (true[1:] + true[:-1]) / 2])]
    return max(
        mir_eval.beat.f_measure(mir_eval.beat.trim_beats(one), mir_eval.beat.trim_beats(found))
        for one in ways
    )


def of_heard(meant: list[Note], notes: list[Note], tolerance: float = 0.05) -> tuple[float, int]:
    """F-measure of notes, and by how many semitones all are off: between two keys both are right."""
    tries = {by: matched_notes(meant, [replace(one, pitch=one.pitch + by) for one in notes], octaves=True,
                               tolerance=tolerance) for by in (0, -1, 1)}  # fmt: skip
    best = max(tries, key=lambda by: tries[by])
    return tries[best], best


def written(tune: Tune, found: Tune, off: int) -> dict[str, float]:
    """What is right in a tune that was written down, whose pitches lie `off` semitones below the truth."""
    metre, thirds = bar_kind(tune.metre)
    found_metre, found_thirds = bar_kind(found.metre)
    minor = [one in ("minor", "dorian") for one in (tune.mode, found.mode)]
    return {
        "metre": float(metre == found_metre),
        "thirds": float(thirds == found_thirds),
        "tonic": float((found.tonic + off - tune.tonic) % 12 == 0),
        "key": float((found.tonic + off - tune.tonic) % 12 == 0 and minor[0] == minor[1]),
    }


def recognised(number: int, notes: tuple, others: list[int], split: str) -> float:
    """1 where a tune is more alike these notes than any of the others."""
    tunes = load_tunes(split)
    scores = [likeness(notes, tunes[one].notes) for one in others if one != number]
    return float(len(notes) > 3 and likeness(notes, tunes[number].notes) > max(scores))


# ---- the measurement ------------------------------------------------------------------------------------


def work(job: Job, split: str, jitter: float, among: list[int]) -> dict[str, float]:
    """All figures of a tune that is hummed: its notes, and what is written down, with a metronome or not."""
    tune = load_tunes(split)[job.number]
    audio, meant, beats, shift = hummed(tune, job, jitter)
    source = read_source(audio)
    notes = source.voice.notes if source.voice else source.piano_roll.melody_notes()
    figures = {"alone": float(source.alone)}
    figures["note_f1"], off = of_heard(meant, notes)
    figures["note_f1_100ms"] = of_heard(meant, notes, 0.1)[0]
    found, pulse = hummed_tune(notes)
    bars, own_bars = round(tune.bar / tune.beat), round(found.bar / found.beat)
    figures |= written(tune, found, off - shift) | {
        "recognised": recognised(job.number, found.notes, among, split),
        "beats": right_beats(beats, pulse),
        "bar_lines": right_beats(beats[::bars], pulse[::own_bars]),
    }
    if tune.metre in ("4/4", "2/4", "2/2", "3/4"):  # which the metronome knows
        counted = tune.metre if tune.metre == "3/4" else "4/4"
        found, _ = hummed_tune(notes, beats, counted)
        figures["metronome"] = same_places(tune, found, off - shift)
    return figures


def same_places(tune: Tune, found: Tune, off: int) -> float:
    """Share of a tune's notes that are written on their eighth of the beat, in their pitch."""
    truth = {(round(8 * start / tune.beat), pitch) for start, _, pitch in tune.notes}
    mine = {(round(8 * start / found.beat), pitch + off) for start, _, pitch in found.notes}
    last = max(place for place, _ in mine)
    truth = {one for one in truth if one[0] <= last}
    return 2 * len(truth & mine) / max(len(truth) + len(mine), 1)


def of_singer(name: str, folder: Path) -> dict[str, float]:
    """The notes of somebody who sings a clip of MIR-1K alone, beside the pitch that was written by hand."""
    _, voice, labels = singers.read(folder, name, 0)
    curve, true = track_alone(voice), singers.label_notes(labels)
    off = drift(curve)  # the labels are no whole pitches
    notes = [
        replace(
            one,
            pitch=one.pitch
            + float(
                off[round(one.start / FRAME_SECONDS) :][: round((one.end - one.start) / FRAME_SECONDS)].mean()
            ),
        )
        for one in sung_notes(curve, alone=True)
    ]
    return {
        "alone": float(lone_curve(voice) is not None),
        "note_f1": matched_notes(true, notes, octaves=True),
        "note_f1_100ms": matched_notes(true, notes, octaves=True, tolerance=0.1),
    }


def report(
    tunes: Annotated[int, Option(min=2, help="How many are hummed.")] = 120,
    jitter: Annotated[float, Option(min=0, help="Seconds by which notes are early or late (sd).")] = 0.05,
    seed: Annotated[int, Option(min=0)] = 7,
    split: Split = "test",
    data: Annotated[Path | None, Option(help="The folder MIR-1K, to measure true singers, too.")] = None,
    clips: Annotated[int, Option(min=2, help="Of MIR-1K, spread over the singers.")] = 63,
    out: Out = None,
    workers: Workers = CORES,
) -> dict:
    """Measure how well a tune is heard that somebody hums, sings or whistles."""
    chosen = singers.choose(data, clips, singers.SINGERS) if data else []
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(candidates(split))[: max(AMONG, tunes)].tolist()
    jobs = [Job(number, KINDS[i % 4], PLACES[i // 4 % 4], seed) for i, number in enumerate(numbers[:tunes])]
    options = {"split": split, "jitter": jitter, "among": numbers[:AMONG]}
    rows = measure(work, jobs, "tunes", workers, **options)
    groups = {"all": rows}
    groups |= {kind: [row for job, row in zip(jobs, rows) if job.kind == kind] for kind in KINDS}
    groups |= {place: [row for job, row in zip(jobs, rows) if job.place == place] for place in PLACES}
    names = [name for name in rows[0] if name != "metronome"]
    counted = [row for row in rows if "metronome" in row]
    figures: dict = {"tunes": tunes, "among": len(numbers[:AMONG]), "jitter": jitter, "split": split}
    figures["groups"] = {name: intervals(group, names=names) for name, group in groups.items() if group}
    figures["metronome"] = {"tunes": len(counted)} | intervals(counted, names=["metronome"])
    if data:
        sung = measure(of_singer, chosen, "clips", workers, folder=data)
        figures["mir_1k"] = {"clips": len(chosen)} | intervals(sung, chosen)
    return finish(figures, lines(figures), out, "humming")


def lines(figures: dict) -> list[str]:
    """The table of the figures of `report`, in Markdown."""
    groups, counted = figures["groups"], interval(figures["metronome"]["metronome"])
    rows = [[name, *means(group, group)] for name, group in groups.items()]
    rows[0][1:] = [interval(value) for value in groups["all"].values()]
    names = [name.replace("_", " ") for name in groups["all"]]
    text = [
        "Tunes that are hummed ({tunes} tunes, {among} among which each is to be found):".format(**figures),
        *table(["", *names], rows),
        f"With a metronome: {counted} of the notes on their place, in their pitch "
        f"({figures['metronome']['tunes']} tunes).",
    ]
    if "mir_1k" in figures:
        real = figures["mir_1k"]
        found, loose = interval(real["note_f1"]), interval(real["note_f1_100ms"])
        of_all = f"note F1 {found}, within 100 ms {loose}"
        text.append(f"Singers of MIR-1K, each alone ({real['clips']} clips): {of_all}.")
    return text
