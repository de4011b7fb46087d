"""Is a singer heard, kept, and played? Command: `python -m benchmarks singers --data MIR-1K`. Lesson: 12.

MIR-1K (Hsu and Jang 2010, doi 10.1109/TASL.2009.2026503) has a thousand clips of karaoke singers, the band in
the left channel and the voice in the right, with the pitch of the voice written down by hand every 20 ms.
"""

from collections import namedtuple
from pathlib import Path
from typing import Annotated

import mir_eval
import numpy as np
import scipy.ndimage
import soundfile
import soxr
import torch
from typer import Option

from benchmarks.all_measures import matched_notes, sdr
from benchmarks.harness import finish, interval, intervals, measure, table
from benchmarks.options import CORES, Out, Workers
from noteninja_lib.arranger.performance import Note
from noteninja_lib.audio.io import SAMPLE_RATE, mono
from noteninja_lib.errors import UserError
from noteninja_lib.models.basic_pitch import transcribe
from noteninja_lib.models.separator import RATE
from noteninja_lib.music.piano_roll import sounding, strongest_octave, tune_likeness
from noteninja_lib.music.singing import SECONDS
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import find_voice, in_stereo

LABEL = 0.02  # seconds from label to label
#: Whose clips settings may be chosen by; the other ten singers are for a last measurement.
SINGERS = "abjones amy annar Ani bobon bug davidson fdps heycat".split()
GENRES = ("jazz", "rock", "pop")
KINDS = ("play", "keep")  # what becomes of the voice
RATIOS = (0, -5, 5)  # dB of the voice over the band
HEARD = ("overall", "raw_pitch", "false_alarm", "notes", "note_f1", "sdr")
FOUND = 0.1  # seconds by which an onset may be off
LEAVES, HOLDS = 0.8, 1.0  # semitones from a note that end it, and within which the next one has to stay
SHORTEST = 0.1  # seconds of a note

#: A clip, what is done with it, and a number that chooses genre and seed.
Job = namedtuple("Job", "name ratio number")


def choose(folder: Path, count: int, singers: list[str]) -> list[str]:
    """Clips of some singers, spread evenly over each singer's songs: chosen by their names alone."""
    files = sorted((folder / "Wavfile").glob("*.wav"))
    if not files:
        raise UserError(f"{folder} is no MIR-1K: it needs the folders Wavfile and PitchLabel.")
    chosen = []
    for singer in singers:
        own = [file.stem for file in files if file.stem.startswith(f"{singer}_")]
        places = np.linspace(0, len(own) - 1, min(len(own), -(-count // len(singers))))
        chosen += [own[round(place)] for place in places]
    return chosen


def read(folder: Path, name: str, ratio: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A clip's mix and its voice (samples,), 22,050 Hz, and its labels: MIDI pitch, 0 without voice."""
    sound, rate = soundfile.read(folder / "Wavfile" / f"{name}.wav", dtype="float32")
    band, voice = soxr.resample(sound, rate, SAMPLE_RATE).T
    band = band * (np.linalg.norm(voice) / np.linalg.norm(band) * 10 ** (-ratio / 20))
    loudest = 0.5 / np.abs(band + voice).max()
    labels = np.loadtxt(folder / "PitchLabel" / f"{name}.pv")
    return (band + voice) * loudest, voice * loudest, labels


def label_notes(labels: np.ndarray) -> list[Note]:
    """Notes of hand-written pitches: a new one begins where the pitch leaves the old one and holds again."""
    notes, (runs, count) = [], scipy.ndimage.label(labels > 0)
    for run in range(1, count + 1):
        frames = np.flatnonzero(runs == run)
        pitch, start = scipy.ndimage.median_filter(labels[frames], 5, mode="nearest"), 0
        for end in range(1, len(pitch) + 1):
            ahead = pitch[end : end + 4]
            leaves = len(ahead) and abs(ahead.mean() - np.median(pitch[start:end])) > LEAVES
            if len(ahead) == 0 or (leaves and np.ptp(ahead) < HOLDS):
                if (end - start) * LABEL >= SHORTEST:
                    first, last = ((frames[0] + edge + 0.5) * LABEL for edge in (start, end))
                    notes.append(Note(first, last, float(np.median(pitch[start:end])), 90))  # type: ignore
                start = end
    return notes


def heard_in(mix: np.ndarray, voice: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """How well the singer of a mix is heard, beside the true voice and the hand-written pitches."""
    found, true = find_voice(mix, in_stereo(mix)), label_notes(labels)
    times, sung = LABEL * (np.arange(len(labels)) + 1), labels > 0
    hertz = np.where(sung, 440 * 2 ** ((labels - 69) / 12), 0)
    if found is None:  # nothing is sung: right where that is so
        right = float(np.mean(~sung))
        return dict.fromkeys(HEARD, 0.0) | {"overall": right, "notes": right}
    one, _ = found
    curve = 440 * 2 ** ((one.curve.pitch - 69) / 12) * np.where(one.curve.voiced, 1, -1)
    scores = mir_eval.melody.evaluate(times, hertz, np.arange(len(curve)) * SECONDS, curve)
    drawn = np.zeros(len(times))
    for note in one.notes:
        drawn[(times >= note.start) & (times < note.end)] = note.pitch
    right = np.where(sung, (drawn > 0) & (np.abs(drawn - labels) <= 0.75), drawn == 0)
    true_voice = soxr.resample(voice, SAMPLE_RATE, RATE)
    found_voice = one.audio.mean(1, dtype=np.float32)[: len(true_voice)]
    found_voice = np.pad(found_voice, (0, len(true_voice) - len(found_voice)))
    return {
        "overall": scores["Overall Accuracy"],
        "raw_pitch": scores["Raw Pitch Accuracy"],
        "false_alarm": scores["Voicing False Alarm"],
        "notes": float(right.mean()),
        "note_f1": matched_notes(true, one.notes, octaves=True, tolerance=FOUND),
        "sdr": sdr(true_voice, found_voice),
    }


def converted(mix: np.ndarray, labels: np.ndarray, number: int) -> dict[str, float]:
    """How much of what is sung is in the results, and not in the backing of a kept voice."""
    pipe, genre = load_pipeline(), GENRES[number % len(GENRES)]
    true = [Note(note.start, note.end, round(note.pitch), 90) for note in label_notes(labels)]
    found = {"source_sounding": sounding(true, strongest_octave(transcribe(mix, onsets=False)[1]))}
    for voice in KINDS:
        result = pipe(mix, genre, generator=torch.Generator().manual_seed(number), voice=voice)
        heard = transcribe(result.mono())
        found[f"{voice}_sounding"] = sounding(true, strongest_octave(heard[1]))
        found[f"{voice}_kept"] = float(result.tune_kept or 0)
        found[f"{voice}_genre"] = float(result.genre_heard[genre])
        if voice == "play":
            found["play_found"] = tune_likeness(result.notes, heard)
        else:  # where no voice was found, all is backing
            backing = transcribe(mono(result.stems["band"], RATE)) if result.stems else heard
            found["backing_likeness"] = tune_likeness(true, backing)
    return found


def work(job: Job, folder: Path) -> dict[str, float]:
    """All figures of a clip at one ratio of voice to band."""
    mix, voice, labels = read(folder, job.name, job.ratio)
    figures = heard_in(mix, voice, labels)
    if job.ratio == 0:
        figures |= {
            "clean_note_f1": heard_in(voice, voice, labels)["note_f1"],
            **converted(mix, labels, job.number),
        }
    return figures


def report(
    data: Annotated[Path, Option(help="The folder MIR-1K, with Wavfile and PitchLabel in it.")],
    clips: Annotated[int, Option(min=2, help="How many, spread over the singers.")] = 63,
    singers: Annotated[str, Option(help="Names, with commas between.")] = ",".join(SINGERS),
    out: Out = None,
    workers: Workers = CORES,
) -> dict:
    """Measure how well singers are heard, kept and played, on MIR-1K."""
    names = choose(data, clips, singers.split(","))
    jobs = [Job(name, ratio, number) for ratio in RATIOS for number, name in enumerate(names)]
    rows = measure(work, jobs, "clips", workers, folder=data)
    figures: dict = {"clips": names, "ratios": {}}
    for ratio in RATIOS:
        own = [row for job, row in zip(jobs, rows) if job.ratio == ratio]
        figures["ratios"][str(ratio)] = intervals(own, [job.name for job in jobs if job.ratio == ratio])
    of_both = [
        (row[f"{voice}_kept"], row[f"{voice}_sounding"]) for row in rows[: len(names)] for voice in KINDS
    ]
    printed, true = np.transpose(of_both)
    figures["tune_kept"] = {
        "correlation": round(float(np.corrcoef(printed, true)[0, 1]), 3),
        "mean_error": round(float(np.abs(printed - np.clip(true, 0, 1)).mean()), 3),
    }
    shown = figures["ratios"].values()
    cells = {name: [interval(one[name]) if name in one else "" for one in shown] for name in rows[0]}
    lines = [
        f"Singers of MIR-1K ({len(names)} clips):",
        *table(["", *(f"{ratio:+d} dB" for ratio in RATIOS)], [[name, *row] for name, row in cells.items()]),
        "Printed tune kept beside how much of the true tune sounds: correlation {correlation}, mean error "
        "{mean_error}".format(**figures["tune_kept"]),
    ]
    return finish(figures, lines, out, "singers")
