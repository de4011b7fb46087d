"""All rivals on all test tunes: conversions are made and measured, tune by tune, in as many processes as there are cores.

Two fixed points stand beside every figure about the tune: another tune's content (0), and the true recording in the
asked-for genre, sent through the same decoder (1). Lesson: 11_judging_a_converter.
"""
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import torch

from ..errors import UserError
from ..music.band import arrange
from ..music.content import tune_likeness
from ..music.genres import load_recipe
from ..music.synthesis import render
from ..music.theory import load_tunes
from ..pipeline import load_pipeline
from ..sound.audio import SAMPLE_RATE
from . import likeness, rivals, tune
from .pieces import SECONDS, choose_targets, choose_tunes, found_piece, make_piece, opened
from .workers import in_order

#: Rivals that an outside listener is asked about; it may be slow.
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


@dataclass
class Row:
    """One rival's version of one tune in one genre.

    Attributes
    ----------
    rival, target : str
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
    target: str
    tune: int
    figures: dict
    melody: list
    notes: list
    onsets: np.ndarray
    embeddings: np.ndarray


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


@dataclass
class Known:
    """What every version is compared with, worked out once for each true recording: see `likeness`."""
    embedding: np.ndarray
    mel: np.ndarray
    edges: dict


def know(judge, recordings):
    """What is known of true recordings, by genre."""
    return {genre: Known(likeness.embeddings(judge, audio).mean(0), likeness.centred_mel(audio), likeness.edges(audio))
            for genre, audio in recordings.items()}


def measure_piece(numbers, setting):
    """All rows of one tune, and the onset chroma of its recordings; `numbers` are those of the tune and of another one."""
    pipe = load_pipeline()
    if setting.data:
        piece = found_piece(setting.data, numbers[0])
    else:
        piece = make_piece(numbers[0], setting.seed, setting.split, setting.soundfont, setting.other_soundfont)
    heard = {genre: tune.hear(audio) for genre, audio in piece.recordings.items()}
    known = know(pipe.judge, piece.recordings)
    rows = []
    for target in choose_targets(piece, setting.targets, setting.seed):
        made = versions(pipe, piece, target, setting, numbers[1])
        own = likeness.edges(made["oracle"]) if "oracle" in made else None
        for rival, audio in made.items():
            content = heard[target] if rival == "truth" else heard[piece.source] if rival == "copy" else tune.hear(audio)
            embedded = likeness.embeddings(pipe.judge, audio)
            figures = against_source(audio, piece) | {"judge": next(iter(pipe.judge_genre(audio))) == target}
            if piece.melody is not None:
                figures |= against_score(piece.melody, content) | against_truth(audio, piece.recordings[target], known[target].edges, own)
                figures |= among_ten(audio, embedded.mean(0), target, known)
            rows.append(Row(rival, target, piece.number, figures, piece.melody, tune.lead_notes(content),
                            np.rint(255 * content.notes[0].astype(np.float32)).astype(np.uint8), embedded))
            if setting.folder and rival in LISTENED_TO:
                soundfile.write(Path(setting.folder) / file_name(piece.number, target, rival), audio, SAMPLE_RATE)
    return rows, {genre: tune.onset_chroma(content.notes[0]) for genre, content in heard.items()}


def among_ten(audio, embedded, target, known):
    """Whether the nearest of the tune's ten true recordings is the asked-for one: by the judge's embedding, and by spectrum."""
    mel = likeness.centred_mel(audio)
    embeddings, mels = ({genre: getattr(one, name) for genre, one in known.items()} for name in ("embedding", "mel"))
    return {"right_recording_of_10": likeness.nearest(embedded, embeddings, likeness.euclidean) == target,
            "right_spectrum_of_10": likeness.nearest(mel, mels, likeness.mean_difference) == target}


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


def against_truth(audio, truth, edges, own):
    """Likeness to the true recording in the asked-for genre.

    The edges are pairs, for their ratio: made to true, and made to `own`, the oracle's, which is the band's other take. So a
    blurred picture is told from one of duller instruments.
    """
    made = likeness.edges(audio)
    return {"log_spectral_distance": likeness.log_spectral_distance(audio, truth),
            "spectral_distance": likeness.spectral_distance(audio, truth),
            **{name: (made[name], edges[name]) for name in made}, **{f"{name}_beside_oracle": (made[name], own[name]) for name in made}}


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
        clips = opened(setting.data).splits().get(setting.split)
        if not clips:
            raise UserError(f"{setting.data} has no recordings in its part {setting.split!r}: choose train, validation or test.")
        numbers = [int(number) for number in np.random.default_rng(setting.seed).permutation(clips)[:tunes]]
    else:
        numbers = choose_tunes(tunes, setting.seed, setting.split)
    pairs = list(zip(numbers, numbers[1:] + numbers[:1]))
    rows, truths = [], {}
    for done, (found, chroma) in enumerate(in_order(partial(measure_piece, setting=setting), pairs, workers), 1):
        rows += found
        truths[found[0].tune] = chroma
        yield done * setting.targets, len(numbers) * setting.targets
    yield rows, truths
