"""What the vocoder adds, an octave of treble and two channels, beside true recordings.

Command: `python -m benchmarks stereo --soundfont FluidR3_GM.sf2 --data FOLDER`. Lesson: 05.
"""

from collections import namedtuple
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import torch
from scipy.signal import welch

from benchmarks import all_measures
from benchmarks.harness import check_folder, finish, grouped, interval, measure, rounded, table
from benchmarks.networks import plan
from benchmarks.options import CORES, Out, Recordings, Soundfont, Split, Tunes, Workers
from noteninja_lib.arranger.synthesis import default_soundfont
from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio.io import loudness, mono, stream
from noteninja_lib.audio.spectrogram import log_mel
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation.baselines import SECONDS, choose_tunes, make_piece, padded
from noteninja_lib.models import flow_matching
from noteninja_lib.pipeline import NoteNinjaPipeline, load_pipeline

#: What is measured, and what it is called. The true recording's own figures are no differences.
STAGES = {"vocoder": "its mel, by the vocoder", "decoded": "through autoencoder and vocoder",
          "converter": "converted from another genre"}  # fmt: skip
OCTAVES = (63, 125, 250, 500, 1000, 2000, 4000, 8000)  # Hz, their middles
ADDED, PARTED, LOWEST = (11000.0, 16000.0), 500.0, 20.0  # Hz: what no mel bin tells; where the side is split
MONO, LOUD = -50.0, -16.0  # dB of the middle: a side below is none; LUFS at which levels are compared
SILENT, ABOVE = -87.0, 12000.0  # dB of full scale, Hz: no treble, as in a file of 22,050 Hz
#: Measures: heading and format. A difference from the truth has a sign in its format: of these, which a few
#: soft clips could spoil, the median is shown, and the mean of all others.
MEASURES = {
    "loudness": ("loudness, LU", "+.1f"), "treble": ("11 to 16 kHz, dB", "+.1f"),
    "side_low": (f"side below {PARTED:.0f} Hz, dB", "+.1f"), "side_high": ("side above, dB", "+.1f"),
    "correlation": ("correlation", "+.2f"), "fold": ("octaves of the fold, dB", "+.1f"),
    "channels": ("of both channels, dB", "+.1f"), "folding": ("change by folding, dB", "+.1f"),
    "mel_distance": ("mel, nats", ".3f"), "multi_resolution": ("STFT", ".2f"),
    "sharpness_in_time": ("sharp in time", ".2f"), "offset": ("DC", ".4f"), "clicks": ("clicks/s", ".2f"),
}  # fmt: skip
SHOWN = {name: 3 if form[0] == "+" else 0 for name, (_, form) in MEASURES.items()}  # its place in a figure
OF_OCTAVES = ("fold", "channels", "folding")
#: One stage of one clip; a figure may be a pair (made, true), or a list, an octave each.
Row = namedtuple("Row", "stage genre tune figures")


def traits(audio: np.ndarray) -> dict:
    """What is measured of stereo sound (n, 2) by itself; levels in dB, of the sound brought to `LOUD`."""
    (left, right), fold, loud = audio.T, mono(audio), loudness(audio, STEREO_RATE)
    signals = np.stack([(left + right) / 2, (left - right) / 2, left, right])
    frequencies, power = welch(signals, STEREO_RATE, nperseg=8192)
    power = power * frequencies[1] * 10 ** ((LOUD - loud) / 10)

    def level(rows, low, high):
        inside = (frequencies >= low) & (frequencies < high)
        return 10 * np.log10(power[rows][:, inside].sum() + all_measures.SILENT_BAND)

    middle, side, both = [0], [1], [2, 3]  # rows of the signals
    found = {"loudness": loud, "treble": level(both, *ADDED), "clicks": all_measures.clicks(fold)}
    for name, *band in (("side_low", LOWEST, PARTED), ("side_high", PARTED, STEREO_RATE)):
        found[name] = level(side, *band) - level(middle, *band)
    for name, rows in (("fold", middle), ("channels", both)):
        found[name] = np.array([level(rows, hertz / 2**0.5, hertz * 2**0.5) for hertz in OCTAVES])
    found["has_treble"] = level(both, ABOVE, ADDED[1]) > SILENT
    found["folding"] = found["fold"] - found["channels"]
    found["correlation"] = float(np.cov(left, right, bias=True)[0, 1] / (left.std() * right.std() + 1e-9))
    found["offset"] = max(all_measures.offset(left), all_measures.offset(right))
    return found | {"mel": log_mel(fold), "mono": fold}


def compare(made: dict, true: dict, same: bool) -> dict:
    """Figures of a made sound beside the true one, both by `traits`; `same`: if it is the same performance.

    Where the truth has no side, or no treble, none is missed: a side that is made there is counted apart.
    """
    found = {name: made[name] - true[name] for name, (_, form) in MEASURES.items() if form[0] == "+"}
    for name in ("side_low", "side_high"):
        if true[name] < MONO:
            del found[name]
            found[f"mono_{name}"] = made[name]
    if not true["has_treble"]:
        del found["treble"]
    found |= {"offset": made["offset"], "clicks": made["clicks"]}
    if same:
        found["mel_distance"] = all_measures.mean_difference(made["mel"], true["mel"])
        found["multi_resolution"] = all_measures.multi_resolution_distance(made["mono"], true["mono"])
    name = "sharpness_in_time"
    return found | {name: tuple(all_measures.mel_edges(one["mel"])[name] for one in (made, true))}


@torch.no_grad()
def make(pipe: NoteNinjaPipeline, stage: str, heard: np.ndarray, genre: str, seed: int) -> np.ndarray:
    """A stage's stereo sound, of mono sound at 22,050 Hz."""
    if stage == "vocoder":
        return pipe.vocoder(torch.from_numpy(log_mel(heard))[None].to(pipe.device))[0].cpu().numpy().T
    if stage == "decoded":
        return pipe.decode(flow_matching.encode(pipe.vae, padded(heard)))
    return pipe(heard, genre, generator=torch.Generator().manual_seed(seed), voice="play").audio


def measure_clips(truths: dict[str, np.ndarray], tune: int, shift: int = 0) -> list[Row]:
    """All stages of a tune's true recordings, (n, 2) by genre; conversions are from the genre `shift` on."""
    pipe, rows, genres, step = load_pipeline(), [], list(truths), 2 * flow_matching.HOP
    truths = {genre: truth[: len(truth) // step * step] for genre, truth in truths.items()}
    known = {genre: traits(truth) for genre, truth in truths.items()}
    for place, (genre, true) in enumerate(known.items()):
        rows.append(Row("truth", genre, tune, {name: true[name] for name in MEASURES if name in true}))
        for stage in STAGES if shift else list(STAGES)[:2]:
            source = known[genres[(place + shift) % len(genres)]] if stage == "converter" else true
            made = traits(make(pipe, stage, source["mono"], genre, tune)[: len(truths[genre])])
            rows.append(Row(stage, genre, tune, compare(made, true, stage != "converter")))
    return rows


def measure_tune(number: int, seed: int, split: str, soundfont: Path | None = None) -> list[Row]:
    """All rows of a tune, as the arranger plays it in all genres; each is also once a source."""
    piece = make_piece(number, seed, split, soundfont, stereo=True)
    return measure_clips(piece.recordings, number, 1 + number % (len(piece.recordings) - 1))


def measure_file(job: tuple) -> list[Row]:
    """The same of the middle of a file, as it is: of what it should become, nothing is known."""
    try:
        middle = (soundfile.info(job.file).duration - SECONDS) / 2
        blocks = stream(job.file, STEREO_RATE, stereo=True, duration=SECONDS, offset=max(0.0, middle))
        audio = np.concatenate(list(blocks))
    except (UserError, soundfile.SoundFileError):
        return []
    usable = len(audio) > 0.99 * SECONDS * STEREO_RATE and np.isfinite(loudness(audio, STEREO_RATE))
    return measure_clips({job.genre: audio}, job.tune) if usable else []


def summarise(rows: list[Row]) -> dict:
    """Each measure of some rows as [mean, low, high, median].

    Of octaves it is the one whose median is the furthest from 0, in `hertz`, and `octaves` has all medians;
    `counted` tells in how many of the clips a measure was taken, where these were not all.
    """
    found: dict = {"clips": len(rows), "counted": {}, "hertz": {}, "octaves": {}}
    for name in dict.fromkeys(name for row in rows for name in row.figures):
        having = [row for row in rows if name in row.figures]
        values, tunes = np.array([row.figures[name] for row in having], float), [row.tune for row in having]
        median = np.median(values[:, 0] / values[:, 1] if name == "sharpness_in_time" else values, axis=0)
        if name in OF_OCTAVES:
            worst = int(np.abs(median).argmax())
            found["hertz"][name], found["octaves"][name] = OCTAVES[worst], rounded(median, 2)
            values, median = values[:, worst], median[worst]
        found[name] = [*all_measures.bootstrap(values, tunes), rounded(median)]
        found["counted"] |= {name: len(having)} if len(having) < len(rows) else {}
    return found


def of_stages(rows: list[Row]) -> dict:
    """Each stage's measures, together and by genre."""
    figures: dict = {}
    for stage, found in grouped(sorted(rows, key=lambda row: row.genre), lambda row: row.stage).items():
        genres = {genre: summarise(some) for genre, some in grouped(found, lambda row: row.genre).items()}
        figures[stage] = {"together": summarise(found), "genres": genres}
    return figures


def shown(name: str, found: dict) -> str:
    """A measure as text, with the octave if it is that of one."""
    hertz = f" ({found['hertz'][name]})" if name in found["hertz"] else ""
    return format(found[name][SHOWN[name]], MEASURES[name][1]) + hertz if name in found else "-"


def worst(name: str, genres: dict[str, dict]) -> str:
    """The genre in which a measure is furthest from what it should be, with its mean and interval."""
    having = {one: own for one, own in genres.items() if name in own}
    if not having:
        return "-"
    ideal = float(name == "sharpness_in_time")
    genre, own = max(having.items(), key=lambda item: abs(item[1][name][SHOWN[name]] - ideal))
    return f"{genre} {shown(name, own)}; mean {interval(own[name][:3], MEASURES[name][1])}"


def lines(figures: dict) -> list[str]:
    """What the stereo vocoder adds, in its worst genre and in each, in Markdown."""
    told, headings = ["Stereo at 44.1 kHz, beside true recordings:"], [one[0] for one in MEASURES.values()]
    for name, found in figures["sets"].items():
        truth, *stages = (found["stages"][one] for one in ("truth", *STAGES) if one in found["stages"])
        used, clips = list(STAGES)[: len(stages)], truth["together"]["clips"]
        told.append(f"*{name.capitalize()}* ({found['sounds']}, {clips} clips), each measure's worst genre:")
        rows = [[MEASURES[one][0], *(worst(one, own["genres"]) for own in stages)] for one in MEASURES]
        told += [*table(["", *map(STAGES.get, used)], rows), f"The same by genre, {' / '.join(used)}:"]
        parts = [{"together": own["together"], **own["genres"]} for own in stages]
        rows = [[part, *(" / ".join(shown(one, own[part]) for own in parts) for one in MEASURES)]
                for part in parts[0]]  # fmt: skip
        text = "True recordings: {clicks[0]:.2f} clicks/s, DC {offset[0]:.4f}.".format(**truth["together"])
        for part in ("side_low", "side_high"):
            having = [own["together"] for own in stages if f"mono_{part}" in own["together"]]
            if having:
                made = " / ".join(f"{own[f'mono_{part}'][3]:.0f}" for own in having)
                count = having[0]["counted"].get(f"mono_{part}", clips)
                text += f" {MEASURES[part][0]}, where {count} of them are mono: {made}."
        told += [*table(["", *headings], rows), f"{text}\n"]
    return told


def report(
    tunes: Tunes = 20,
    soundfont: Soundfont = None,
    data: Recordings = None,
    out: Out = None,
    split: Split = "test",
    seed: int = 0,
    workers: Workers = CORES,
) -> dict:
    """Measure what the stereo vocoder adds, on unseen instruments, those of a soundfont, and recordings."""
    check_folder(out)
    if soundfont and not soundfont.is_file():
        raise UserError(f"There is no file {soundfont}.")
    of, numbers = {"seed": seed, "split": split}, choose_tunes(tunes, seed, split)
    asked = {"unseen instruments": default_soundfont(), "instruments of the training": soundfont}
    work = partial(measure_tune, **of)
    works = {name: (partial(work, soundfont=one), numbers, one) for name, one in asked.items() if one}
    if data:
        works["real recordings"] = (measure_file, plan(tunes, seed, split, data), data)
    figures: dict = {"tunes": tunes, "seconds": SECONDS, **of, "sets": {}}
    for name, (work, jobs, source) in works.items():
        rows = sum(measure(work, jobs, name, workers), [])
        if not rows:
            raise UserError(f"No recording in {data} can be used: they must last {SECONDS:.0f} s.")
        figures["sets"][name] = {"sounds": Path(source).name, "stages": of_stages(rows)}
    return finish(figures, lines(figures), out, "stereo", split == "test")
