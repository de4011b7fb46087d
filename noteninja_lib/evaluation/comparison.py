"""All rivals on all test tunes: conversions are made and measured, tune by tune, in as many processes as there are cores.

Two fixed points stand beside every figure about the tune: another tune's content (0), and the true recording in the
asked-for genre, sent through the same decoder (1). Lesson: 11_judging_a_converter.
"""
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile
import torch

from ..music.band import arrange
from ..music.content import Content, find_lead, transcribe, tune_likeness
from ..music.genres import GENRES, load_recipe
from ..music.synthesis import render
from ..music.theory import load_tunes
from ..sound.audio import SAMPLE_RATE
from . import likeness, rivals, tune
from .pieces import SECONDS, choose_tunes, found_piece, make_piece, opened


#: Rivals that an outside listener is asked about, which takes as long as all the rest.
LISTENED_TO = ("copy", "ours", "regression", "transcribe", "oracle")


def file_name(number, target, rival):
    """Where a version is kept for an outside listener; a source serves all targets."""
    return f"{number}-source.wav" if rival == "copy" else f"{number}-{target}-{rival}.wav"


@dataclass
class Setting:
    """What is to be compared: see `compare`."""
    seed: int = 0
    split: str = "test"
    data: str = None
    targets: int = 4
    soundfont: str = None
    other_soundfont: str = None
    folder: str = None
    options: dict = field(default_factory=dict)
    threads: int = 1


@dataclass
class Row:
    """One rival's version of one tune in one genre.

    Attributes
    ----------
    rival, source, target : str
    tune : int
    figures : dict of str to float
    melody : list of Note
        The known score.
    notes : list of Note
        What was heard as the tune.
    onsets : numpy.ndarray, uint8, shape (88, frames)
    embeddings : numpy.ndarray, shape (windows, 64)
    """
    rival: str
    source: str
    target: str
    tune: int
    figures: dict
    melody: list
    notes: list
    onsets: np.ndarray
    embeddings: np.ndarray


def hear(audio):
    """The content of a recording, without its rhythm."""
    notes = transcribe(audio)
    return Content(find_lead(notes), notes, None)


def versions(pipe, piece, target, setting, wrong):
    """Every rival's version of a piece in a genre, as a dict of name to sound; `wrong` is the number of another tune."""
    source = piece.recordings[piece.source]
    result = pipe(source, target, generator=torch.Generator().manual_seed(piece.number), **setting.options)
    made = {"ours": result.audio, "copy": source,
            "sdedit": rivals.sdedit(pipe, source, target, piece.number, **setting.options),
            "regression": rivals.regression(pipe, source, target, result.content),
            "transcribe": rivals.transcribe_arrange_render(source, target, piece.number, setting.soundfont, result.content)}
    if piece.melody is not None:
        other = arrange(load_tunes(setting.split)[wrong], load_recipe(target), wrong, duration=SECONDS, intro=0, ending=False)
        made |= {"wrong_tune": render(other, setting.soundfont), "oracle": piece.replay(target),
                    "decoded": rivals.decoded(pipe, piece.recordings[target]), "truth": piece.recordings[target]}
    return made


def measure_piece(numbers, setting):
    """All rows of one tune, and the onset chroma of its recordings; `numbers` are those of the tune and of another one."""
    from ..pipeline import load_pipeline
    torch.set_num_threads(setting.threads)
    pipe = load_pipeline()
    if setting.data:
        piece = found_piece(setting.data, numbers[0])
    else:
        piece = make_piece(numbers[0], setting.seed, setting.split, setting.soundfont, setting.other_soundfont)
    rng = np.random.default_rng((setting.seed, piece.number, 1))
    heard = {genre: hear(audio) for genre, audio in piece.recordings.items()}
    known = ({genre: likeness.embeddings(pipe.judge, audio).mean(0) for genre, audio in piece.recordings.items()},
             {genre: likeness.centred_mel(audio) for genre, audio in piece.recordings.items()})
    rows = []
    for target in map(str, rng.choice([genre for genre in GENRES if genre != piece.source], setting.targets, replace=False)):
        for rival, audio in versions(pipe, piece, target, setting, numbers[1]).items():
            content = heard[target] if rival == "truth" else heard[piece.source] if rival == "copy" else hear(audio)
            rows.append(Row(rival, piece.source, target, piece.number, measure(pipe, audio, content, piece, target, known), piece.melody,
                            tune.lead_notes(content), np.rint(255 * content.notes[0].astype(np.float32)).astype(np.uint8),
                            likeness.embeddings(pipe.judge, audio)))
            if setting.folder and rival in LISTENED_TO:
                soundfile.write(Path(setting.folder) / file_name(piece.number, target, rival), audio, SAMPLE_RATE)
    return rows, {genre: tune.onset_chroma(content.notes[0]) for genre, content in heard.items()}


def measure(pipe, audio, content, piece, target, known):
    """All figures of one version: against the source, and where they are known against score and true recordings.

    `known` are the mean embeddings of the piece's recordings, and their spectrograms.
    """
    figures = against_source(audio, piece) | {"judge": next(iter(pipe.judge_genre(audio))) == target}
    if piece.melody is None:
        return figures
    figures |= against_score(piece.melody, content) | against_truth(audio, piece, target)
    means, mels = known
    embedded = likeness.embeddings(pipe.judge, audio).mean(0)
    return figures | {
        "right_recording_of_10": likeness.nearest(embedded, means, likeness.euclidean) == target,
        "right_spectrum_of_10": likeness.nearest(likeness.centred_mel(audio), mels, likeness.mean_difference) == target}


def against_source(audio, piece):
    """What the papers measure: likeness to the recording that was converted."""
    source = piece.recordings[piece.source]
    return {"chroma_cosine": tune.chroma_cosine(audio, source), "melody_accuracy": tune.melody_accuracy(source, audio),
            "cqt1_correlation": tune.cqt1_correlation(audio, source)}


def against_score(melody, content):
    """Likeness to the notes that were to be played."""
    return {"note_f1": tune.note_f1(melody, content), "raw_pitch_accuracy": tune.raw_pitch_accuracy(melody, content),
            "raw_chroma_accuracy": tune.raw_pitch_accuracy(melody, content, octaves=False),
            "likeness": tune_likeness(melody, content.notes)}


def against_truth(audio, piece, target):
    """Likeness to the true recording in the asked-for genre; the edges as pairs (made, true), for their ratio."""
    truth = piece.recordings[target]
    made, true = likeness.edges(audio), likeness.edges(truth)
    return {"log_spectral_distance": likeness.log_spectral_distance(audio, truth),
            "spectral_distance": likeness.spectral_distance(audio, truth), **{name: (made[name], true[name]) for name in made}}


def compare(tunes=50, setting=Setting(), workers=1):
    """Make and measure all rivals' versions of test tunes; a generator.

    Parameters
    ----------
    tunes : int
    setting : Setting
        `targets` genres for each tune; `split` 'validation' to choose checkpoints, 'test' to report; `soundfont` of the source
        and the true recordings, `other_soundfont` of the oracle (TimGM6mb by default); `data`, a folder of real recordings to be
        converted instead, whose scores and right answers nobody knows; `folder` where the sounds are to be kept;
        `options` for the pipeline.
    workers : int
        Processes.

    Yields
    ------
    (int, int) or (list of Row, dict)
        Conversions done and in all; at last all rows, and for each tune the onset chroma of its true recordings by genre.
    """
    if setting.data:
        clips = opened(setting.data).splits()[setting.split]
        numbers = [int(number) for number in np.random.default_rng(setting.seed).permutation(clips)[:tunes]]
    else:
        numbers = choose_tunes(tunes, setting.seed, setting.split)
    pairs = list(zip(numbers, numbers[1:] + numbers[:1]))
    rows, truths = [], {}
    work = partial(measure_piece, setting=setting)
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn")) if workers > 1 else None
    try:
        for done, (found, chroma) in enumerate((pool.map if pool else map)(work, pairs), 1):
            rows += found
            truths[found[0].tune] = chroma
            yield done * setting.targets, len(numbers) * setting.targets
    finally:
        if pool:
            pool.shutdown(cancel_futures=True)
    yield rows, truths
