"""How good is a conversion? Measured against what the band really plays.

Everything here is done on test tunes and on instruments that no network was trained on (the TimGM6mb soundfont).
Two fixed points stand beside every figure about the tune: another tune (0), and the true recording in the asked-for
genre, sent through the same decoder (1). Lesson: 11_judging_a_converter.
"""
import json
from collections import defaultdict
from dataclasses import dataclass

import mir_eval
import numpy as np
import torch
from tqdm import tqdm

from .. import fast_mode
from ..music.band import arrange
from ..music.content import from_audio, pick_notes, transcribe, tune_likeness
from ..music.genres import GENRES, load_recipe
from ..music.synthesis import render
from ..music.theory import load_tunes
from ..sound.spectrogram import log_mel

SECONDS, OTHERS = (6.0 if fast_mode() else 12.0), 24


@dataclass
class Piece:
    """A test tune, recorded in all ten genres in step, and what was made of one of the recordings.

    Attributes
    ----------
    source : str
        Genre of the recording that is converted.
    melody : list of Note
        The known score.
    recordings : dict of genre to numpy.ndarray
    replay : callable
        Genre to one more recording by the same band: another take, by another seed.
    """
    source: str
    melody: list
    recordings: dict
    replay: callable


def pieces(count, seed=0, split="test", soundfont=None, other_soundfont=None):
    """Test tunes as the band plays them; a generator of `Piece`. The other soundfont plays the other takes."""
    tunes, rng = load_tunes(split), np.random.default_rng(seed)
    for number in rng.permutation(len(tunes))[:count]:
        shared = {"tempo": float(rng.uniform(80, 160)), "swing": float(rng.choice([0, 0, rng.uniform(0.4, 1)])),
                  "duration": SECONDS}
        played = {genre: arrange(tunes[number], load_recipe(genre), int(rng.integers(1e6)), **shared) for genre in GENRES}

        def replay(genre, tune=tunes[number], shared=shared, take=int(1e6 + number)):
            return render(arrange(tune, load_recipe(genre), take, **shared), other_soundfont)
        melody = [note for note in played["jazz"].melody if note.end < SECONDS]
        yield Piece(str(rng.choice(GENRES)), melody, {genre: render(one, soundfont) for genre, one in played.items()}, replay)


def spectral_distance(first, second):
    """Mean absolute difference of two log-mel spectrograms in nats, each freed of its mean over time and mels."""
    mels = [log_mel(audio) for audio in (first, second)]
    return float(np.abs((mels[0] - mels[0].mean()) - (mels[1] - mels[1].mean())).mean())


def embedding(pipe, audio):
    """What the judge network makes of a recording, before it decides: a vector of 64 numbers."""
    windows = torch.from_numpy(log_mel(audio)).unfold(1, 256, 128).transpose(0, 1)
    with torch.no_grad():
        return pipe.judge.embedding(windows.to(pipe.device)).mean(0).cpu().numpy()


def euclidean(first, second):
    """Distance of two vectors."""
    return float(np.linalg.norm(first - second))


def nearest(made, recordings, distance):
    """Genre of the recording that is nearest to `made`."""
    return min(recordings, key=lambda genre: distance(made, recordings[genre]))


def onset_chroma(heard):
    """Onsets by pitch class over time, smoothed over +-50 ms and normalised to length 1; a vector."""
    onsets = np.pad(heard.notes[0].astype(np.float32), ((9, 11), (0, 0))).reshape(9, 12, -1).max(0)
    kernel = np.hanning(11)[1:-1]
    smooth = np.stack([np.convolve(row, kernel, "same") for row in onsets])
    smooth = (smooth - smooth.mean(1, keepdims=True)).ravel()
    return smooth / (np.linalg.norm(smooth) + 1e-9)


def note_f1(melody, heard):
    """F-measure of the notes that are heard as the tune: pitch class right and onset within 50 ms.

    Parameters
    ----------
    melody : list of Note
        The known score.
    heard : Content

    Returns
    -------
    float
        As in MIREX (Raffel et al. 2014, mir_eval), with pitches folded into one octave.
    """
    found = pick_notes(*(layer.astype(np.float32) for layer in heard.lead), single=True)
    if not found or not melody:
        return 0.0
    intervals = [np.array([[n.start, max(n.end, n.start + 0.01)] for n in notes]) for notes in (melody, found)]
    pitches = [440 * 2 ** (np.array([n.pitch % 12 for n in notes]) / 12) for notes in (melody, found)]
    return float(mir_eval.transcription.precision_recall_f1_overlap(
        intervals[0], pitches[0], intervals[1], pitches[1], offset_ratio=None)[2])


def bootstrap(values, draws=1000, seed=0):
    """Mean with its 95 % interval: (mean, low, high)."""
    values = np.asarray(values, float)
    means = values[np.random.default_rng(seed).integers(len(values), size=(draws, len(values)))].mean(1)
    return [round(float(v), 4) for v in (values.mean(), *np.percentile(means, [2.5, 97.5]))]


def decoded(pipe, audio):
    """A recording sent through autoencoder and vocoder, the most that the converter could reach."""
    whole = np.pad(audio, (0, -len(audio) % 4096))
    with torch.no_grad():
        return pipe.sound(pipe.encode(whole))[:len(audio)]


def evaluate(pipe, tunes=40, targets=2, seed=0, split="test", soundfont=None, other_soundfont=None, **options):
    """Convert test tunes and measure the results; a generator.

    Parameters
    ----------
    pipe : NoteNinjaPipeline
    tunes, targets : int
        Test tunes, and genres that each is converted to.
    seed : int
    split : str
        'validation' to choose checkpoints, 'test' to report.
    soundfont : path, optional
        The instruments of the source and of the true recordings; TimGM6mb by default.
    other_soundfont : path, optional
        The instruments of the oracle, another take of the band in the asked-for genre; TimGM6mb by default.
    options : dict
        For the pipeline: `guidance_scale`, `num_inference_steps`, `amount`.

    Yields
    ------
    (int, int) or dict
        Conversions done and in all; at last the figures, each as (mean, low, high) of a bootstrap.
    """
    rng, found, rows = np.random.default_rng(seed), defaultdict(list), []
    for number, piece in enumerate(pieces(tunes, seed, split, soundfont, other_soundfont)):
        others = [genre for genre in GENRES if genre != piece.source]
        takes = {genre: piece.replay(genre) for genre in GENRES}
        embedded, retaken = ({genre: embedding(pipe, audio) for genre, audio in ten.items()} for ten in (piece.recordings, takes))
        for target in map(str, rng.choice(others, targets, replace=False)):
            result = pipe(piece.recordings[piece.source], target, generator=torch.Generator().manual_seed(number), **options)
            heard = {"converted": from_audio(result.audio), "oracle": from_audio(decoded(pipe, piece.recordings[target])),
                     "truth": from_audio(piece.recordings[target]), "source": result.content}
            rows.append((number, piece, target, {name: onset_chroma(what) for name, what in heard.items()}, heard))
            for name, value in compare(pipe, piece, target, result, heard, takes, embedded, retaken).items():
                found[name].append(value)
            yield len(rows), tunes * targets
    summarise(rows, found, rng)
    figures = {name: bootstrap(values, seed=seed) for name, values in found.items()}
    for measure in ("likeness", "note_f1"):
        low, high = (figures[f"{measure}_{name}"][0] for name in ("another_tune", "oracle"))
        figures[f"tune_kept_{measure}"] = [round((value - low) / (high - low), 4) for value in figures[f"{measure}_converted"]]
    yield figures


def compare(pipe, piece, target, result, heard, takes, embedded, retaken):
    """All measures of one conversion that need no other one, by name."""
    truth, made = piece.recordings[target], embedding(pipe, result.audio)
    told = {"right_recording_of_10": nearest(made, embedded, euclidean) == target,
            "right_recording_of_10_oracle": nearest(retaken[target], embedded, euclidean) == target,
            "right_take_of_10": nearest(made, retaken, euclidean) == target,
            "right_spectrum_of_10": nearest(result.audio, piece.recordings, spectral_distance) == target,
            "right_spectrum_of_10_oracle": nearest(takes[target], piece.recordings, spectral_distance) == target,
            "spectral_distance": spectral_distance(result.audio, truth),
            "spectral_distance_copy": spectral_distance(piece.recordings[piece.source], truth),
            "judge": next(iter(result.genre_heard)) == target,
            "judge_oracle": next(iter(pipe.judge_genre(truth))) == target,
            "tune_kept_told": result.tune_kept}
    for name, what in heard.items():
        told |= {f"likeness_{name}": tune_likeness(piece.melody, what.notes), f"note_f1_{name}": note_f1(piece.melody, what)}
    return told


def summarise(rows, found, rng):
    """What needs all conversions at once: another tune as zero point, and finding the tune among 24."""
    for number, piece, target, chroma, heard in rows:
        elsewhere = [row for row in rows if row[0] != number]
        if not elsewhere:
            continue
        other = elsewhere[rng.integers(len(elsewhere))]
        found["likeness_another_tune"].append(tune_likeness(piece.melody, other[4]["converted"].notes))
        found["note_f1_another_tune"].append(note_f1(piece.melody, other[4]["converted"]))
        rivals = {row[0]: row for row in elsewhere}
        chosen = rng.permutation(list(rivals))[:OTHERS - 1]
        own = float(chroma["converted"] @ chroma["truth"])
        found["right_tune_of_24"].append(all(own > float(chroma["converted"] @ rivals[n][3]["truth"]) for n in chosen))


def calibrate(pipe, tunes=12, seed=1, split="validation", levels=11):
    """Find out what the amount slider and the "tune kept" number should show, on validation tunes.

    The trip from source to conversion is walked at several noise levels. How far one has come is the mean of two
    measures, each scaled to 0..1: the judge's share for the asked-for genre, and the spectral distance to the source.
    The amount is then spread so that equal steps of it go equally far.

    Returns
    -------
    dict
        `amount_curve` (noise levels for equally spaced amounts) and `tune_scale`.
    """
    rng, grid = np.random.default_rng(seed), np.linspace(0, 1, levels)
    walks, likeness = np.zeros((2, levels)), {"other": [], "truth": []}
    curve, pipe_config, before = (0.0, 1.0), pipe.config.amount_curve, None
    pipe.register_to_config(amount_curve=curve)
    for number, piece in enumerate(tqdm(pieces(tunes, seed, split), total=tunes, unit=" tunes", dynamic_ncols=True)):
        source, target = piece.recordings[piece.source], str(rng.choice([g for g in GENRES if g != piece.source]))
        for place, level in enumerate(grid):
            made = pipe(source, target, float(level), generator=torch.Generator().manual_seed(number))
            walks[:, place] += made.genre_heard[target], spectral_distance(made.audio, source)
        truth = transcribe(piece.recordings[target])
        likeness["truth"].append(tune_likeness(made.notes, truth))
        if before is not None:
            likeness["other"].append(tune_likeness(made.notes, before))
        before = truth
    pipe.register_to_config(amount_curve=pipe_config)
    walks = (walks - walks[:, :1]) / (walks[:, -1:] - walks[:, :1])
    gone = np.maximum.accumulate(walks.mean(0)) + 1e-6 * np.arange(levels)
    return {"amount_curve": [round(float(v), 4) for v in np.interp(np.linspace(gone[0], gone[-1], 2 * levels - 1), gone, grid)],
            "tune_scale": [round(float(np.mean(likeness[name])), 4) for name in ("other", "truth")]}


def report(tunes, targets, seed=0, out=None, **options):
    """Evaluate with a progress bar; print the figures as a table and write them as JSON."""
    from ..pipeline import load_pipeline
    with tqdm(total=tunes * targets, unit=" conversions", dynamic_ncols=True) as bar:
        for state in evaluate(load_pipeline(), tunes, targets, seed, **options):
            if isinstance(state, dict):
                break
            bar.update(1)
    figures = {"tunes": tunes, "conversions": tunes * targets, "seed": seed, **state}
    for name, value in figures.items():
        print(f"{name:28} " + (f"{value[0]:7.3f}   [{value[1]:.3f}, {value[2]:.3f}]" if isinstance(value, list) else str(value)))
    if out:
        out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures
