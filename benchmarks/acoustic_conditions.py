"""Difficult sources: what is left of the tune? Command: `noteninja difficult`.

Training (`audio.augmentation`) hears other rooms and noises: noise that dies away there, the echoes of a
shoebox's walls here; white noise and hum there, people who talk here. Lesson: 11_judging_a_converter.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from scipy import fft, signal

from benchmarks import all_measures
from benchmarks.comparison import Row, eight_bits, other_content, right_tune
from benchmarks.harness import cell, finish, grouped, hears, measure, table
from benchmarks.options import CORES, Guidance, Out, Steps, Tunes, Workers
from noteninja_lib import STEPS
from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.arranger.vocals import speak
from noteninja_lib.audio import SAMPLE_RATE
from noteninja_lib.audio.augmentation import through_mp3
from noteninja_lib.audio.io import normalise
from noteninja_lib.audio.spectrogram import HOP_LENGTH
from noteninja_lib.evaluation import baselines
from noteninja_lib.evaluation.baselines import SECONDS, choose_tunes, make_piece
from noteninja_lib.music.piano_roll import tune_likeness
from noteninja_lib.pipeline import load_pipeline

SOUND_SPEED = 343.0  # m/s
WALLS = ((8, 14), (6, 10), (3, 5))  # length, width and height of a hall in metres
RUMBLE, TREBLE = 60.0, 1500.0  # Hz: walls give back nothing below, and above only for half as long
DISTANCE = (3.0, 5.0)  # metres between source and microphone
MOUTHS, SYLLABLES = 12, 4.5  # people in a crowd, and what each says in a second
MP3_RATE = 44100  # Hz: songs are written at this rate

#: Difficulties: reverberation in seconds, strength of the crowd (source above it in dB) and bit rate in
#: kbit/s (None: without), and what they are called.
CONDITIONS = {
    "clean": (None, None, None, "the clean recording"),
    "mp3_64": (None, None, 64, "mp3 of 64 kbit/s"),
    "hall": (1.5, None, None, "in a hall (1.5 s of reverberation)"),
    "crowd_10": (None, 10.0, None, "in a talking crowd, 10 dB below"),
    "crowd_5": (None, 5.0, None, "in a talking crowd, 5 dB below"),
    "all": (1.5, 10.0, 64, "hall, crowd at 10 dB, and mp3"),
}


def make_difficult(audio: np.ndarray, condition: str, rng: np.random.Generator) -> np.ndarray:
    """A recording in one of the `CONDITIONS`, in time with the clean one and within full scale."""
    seconds, snr, kilobits, _ = CONDITIONS[condition]
    samples, changed = len(audio), np.asarray(audio, np.float32)
    if seconds:
        changed = signal.fftconvolve(changed, hall(rng, seconds))[:samples]
    if snr is not None:
        noise = crowd(rng, samples)
        changed = changed + noise * np.sqrt(np.mean(changed**2) / np.mean(noise**2) * 10 ** (-snr / 10))
    changed = (changed * min(1, 0.98 / max(np.abs(changed).max(), 1e-9))).astype(np.float32)
    return through_mp3(changed, kilobits, MP3_RATE) if kilobits else changed


def hall(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Impulse response (samples,) of an empty hall with bare walls; it begins with the direct sound, about 1.

    The image-source model of a shoebox: each echo comes straight from a mirror image of the source (Allen and
    Berkley 1979, doi 10.1121/1.382599), weaker by its way and by each wall that it met. `seconds` is the
    reverberation time after Eyring, in which the sound falls by 60 dB.
    """
    size = np.array([rng.uniform(*wall) for wall in WALLS])
    volume, surface = size.prod(), 2 * (size[0] * size[1] + size[1] * size[2] + size[0] * size[2])
    source = microphone = size * rng.uniform(0.3, 0.7, 3)
    while not DISTANCE[0] <= np.linalg.norm(source - microphone) <= DISTANCE[1]:
        source = size * rng.uniform(0.1, 0.9, 3)
    squares, walls = np.zeros(1, np.float32), np.zeros(1, np.float32)
    for length, here, there in zip(size, microphone, source):
        far = np.ceil(seconds * SOUND_SPEED / 2 / length)
        reach = np.arange(-far, far + 1)
        at = np.concatenate([there + 2 * length * reach, -there + 2 * length * reach]) - here
        met = np.concatenate([2 * np.abs(reach), np.abs(reach) + np.abs(reach - 1)])
        squares = np.add.outer(squares, at.astype(np.float32) ** 2).ravel()
        walls = np.add.outer(walls, met.astype(np.float32)).ravel()
    ways, direct = np.sqrt(squares), np.linalg.norm(source - microphone)
    late = np.rint((ways - direct) / SOUND_SPEED * SAMPLE_RATE).astype(int)
    samples = round(seconds * SAMPLE_RATE)
    heard, bands = late < samples, []
    for fall in (seconds, seconds / 2):
        kept = np.exp(-0.161 * volume / surface / fall / 2)  # pressure that a wall gives back
        echoes = np.bincount(late[heard], kept ** walls[heard] * direct / ways[heard], samples)
        echoes[0] -= 1
        bands.append(fft.rfft(echoes))
    frequency = fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    low, rumble = 1 / (1 + (frequency / TREBLE) ** 2), 1 + (RUMBLE / np.maximum(frequency, 1)) ** 2
    echoes = fft.irfft((bands[0] * low + bands[1] * (1 - low)) / rumble, samples)
    echoes[0] += 1
    return echoes.astype(np.float32)


def crowd(rng: np.random.Generator, samples: int) -> np.ndarray:
    """People who talk at the same time, each of them in syllables without a meaning; shape (samples,)."""
    sound, seconds = np.zeros(samples, np.float32), samples / SAMPLE_RATE
    for _ in range(MOUTHS):
        pitch, spoken = rng.uniform(43, 60), []
        starts = np.cumsum(rng.gamma(4, 1 / SYLLABLES / 4, int(2 * SYLLABLES * seconds) + 8))
        for start, after in pairwise(starts):
            if after < seconds and rng.random() < 0.85:
                key, velocity = round(pitch + 2 * rng.normal()), int(rng.integers(60, 120))
                spoken.append(Note(start, start + 0.8 * (after - start), key, velocity))
        voice = speak(spoken, samples, SAMPLE_RATE, int(rng.integers(2**31)))
        sound += rng.uniform(0.4, 1) * voice / max(np.sqrt(np.mean(voice**2)), 1e-9)
    return sound


#: Columns of the table: heading and measure.
COLUMNS = {
    "tune kept, by notes": "tune_kept_note_f1", "by onsets": "tune_kept_likeness", "right tune": "right_tune",
    "chroma cosine": "chroma_cosine", "recording of 10": "right_recording_of_10", "judge": "judge",
}  # fmt: skip


def measure_tune(
    number: int, seed: int = 0, options: dict | None = None, conditions: Sequence[str] = tuple(CONDITIONS)
) -> tuple[dict[str, list[Row]], dict[str, np.ndarray]]:
    """Rows of one test tune by condition, and the onset chroma of its true recordings by genre."""
    pipe, piece, rows = load_pipeline(), make_piece(number, seed), {}
    recordings, rng = piece.recordings, np.random.default_rng((seed, number, 2))
    target = str(rng.choice([genre for genre in GENRES if genre != piece.source]))
    known = {genre: all_measures.embeddings(pipe.judge, audio).mean(0) for genre, audio in recordings.items()}
    frames = len(piece.audio) // HOP_LENGTH  # the pipeline hears a little silence beyond the end

    def row(baseline, roll, audio=None):
        figures, embedded = {"note_f1": all_measures.note_f1(piece.melody, roll)}, None
        figures["likeness"] = tune_likeness(piece.melody, roll.notes)
        if audio is not None:
            embedded = all_measures.embeddings(pipe.judge, audio)
            nearest = all_measures.nearest(embedded.mean(0), known, all_measures.euclidean)
            figures["chroma_cosine"] = all_measures.chroma_cosine(audio, piece.audio)
            figures |= {"right_recording_of_10": nearest == target, "judge": hears(pipe, audio, target)}
        notes, onsets = all_measures.melody_of(roll), eight_bits(roll.notes[0, :, :frames])
        return Row(baseline, target, number, figures, piece.melody, notes, onsets, embedded)

    for condition in conditions:
        source = make_difficult(piece.audio, condition, rng)
        wish = {"voice": "play"} | (options or {})
        result = pipe(source, target, generator=torch.Generator().manual_seed(number), **wish)
        written = baselines.transcribe_arrange_render(source, target, number, roll=result.piano_roll)
        made = {"ours": normalise(result.mono()), "transcribe": written}
        rows[condition] = [row(name, all_measures.hear(audio), audio) for name, audio in made.items()]
        rows[condition].append(row("heard", result.piano_roll))
        if condition == "clean":
            decoded = baselines.decoded(pipe, recordings[target])
            rows[condition].append(row("decoded", all_measures.hear(decoded), decoded))
    heard = {genre: all_measures.transcribe(audio)[0] for genre, audio in recordings.items()}
    return rows, {genre: all_measures.onset_chroma(onsets) for genre, onsets in heard.items()}


def figures_of(found: list[tuple], seed: int = 0) -> dict[str, dict]:
    """Figures [mean, low, high] of each condition and baseline, and `ahead`: ours less the other's."""
    truths = {rows["clean"][0].tune: chroma for rows, chroma in found}
    together = {name: [row for rows, _ in found for row in rows[name]] for name in found[0][0]}
    conditions = {name: grouped(rows, lambda row: row.baseline) for name, rows in together.items()}
    low, decoded = other_content(conditions["clean"]["ours"], seed), conditions["clean"].pop("decoded")
    ends = {name: (low[name], [row.figures[name] for row in decoded]) for name in low}
    figures = {}
    for condition, by_baseline in conditions.items():
        values, figures[condition] = {}, {}
        for baseline, rows in by_baseline.items():
            taken = {name: [row.figures[name] for row in rows] for name in rows[0].figures}
            taken["right_tune"] = right_tune(rows, truths, seed)
            values[baseline] = {name: np.array(some, float) for name, some in taken.items()}
        values["ahead"] = {name: ours - values["transcribe"][name] for name, ours in values["ours"].items()}
        for baseline, taken in values.items():
            summary = {name: all_measures.bootstrap(some, seed=seed) for name, some in taken.items()}
            for name, (zero, one) in ends.items():
                if baseline == "ahead":  # differences, in lengths of the scale: from 0 to its whole length
                    zero, one = np.zeros(len(zero)), np.subtract(one, zero)
                summary[f"tune_kept_{name}"] = all_measures.place_between(taken[name], zero, one, seed=seed)
            figures[condition][baseline] = summary
    return figures


def lines(figures: dict) -> list[str]:
    """What is left of the tune when the source is a bad recording, in Markdown."""
    rows = []
    for condition, found in figures["conditions"].items():
        cells = [CONDITIONS[condition][-1], cell(found["heard"]["note_f1"])]
        for name in COLUMNS.values():
            (_, low, high), ours, other = (found[one][name] for one in ("ahead", "ours", "transcribe"))
            marks = ("**" * (low > 0), "**" * (high < 0))
            cells.append(" / ".join(f"{mark}{cell(one)}{mark}" for mark, one in zip(marks, (ours, other))))
        rows.append(cells)
    return [
        f"Difficult sources ({figures['tunes']} test tunes), NoteNinja / transcribe, arrange, render:",
        *table(["source", "heard in it", *COLUMNS], rows),
    ]


def report(
    tunes: Tunes = 20,
    out: Out = None,
    steps: Steps = STEPS,
    guidance: Guidance = 2.0,
    seed: int = 0,
    workers: Workers = CORES,
) -> dict:
    """Measure what is left of the tune of a small mp3, or of a recording in a hall or in a crowd."""
    options = {"num_inference_steps": steps, "guidance_scale": guidance}
    found = measure(measure_tune, choose_tunes(tunes, seed), "tunes", workers, seed=seed, options=options)
    of = {"tunes": tunes, "seconds": SECONDS, "seed": seed, "split": "test"}
    figures = of | {"conditions": figures_of(found, seed)}
    return finish(figures, lines(figures), out, "difficult")
