"""Conversions beside each other: what is known of the true recordings, and rows compared across tunes.

Two fixed points stand beside every figure about the tune: another tune's content (0), and the true recording
in the asked-for genre, sent through the same decoder (1). Lesson: 11_judging_a_converter.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks import all_measures
from noteninja_lib.arranger.performance import Note
from noteninja_lib.models.classifiers import GenreClassifier
from noteninja_lib.music.piano_roll import tune_likeness

CROWD = 50  # tunes among which the right one is to be found


@dataclass
class Row:
    """One baseline's version of one tune in one genre.

    Attributes
    ----------
    baseline, target : str
    tune : int
    figures : dict of str to float
    melody : list of Note
        The known score.
    notes : list of Note
        What was heard as the tune.
    onsets : numpy.ndarray, uint8, shape (88, frames)
    embeddings : numpy.ndarray, shape (windows, 64)
    """

    baseline: str
    target: str
    tune: int
    figures: dict
    melody: list[Note]
    notes: list[Note]
    onsets: np.ndarray
    embeddings: np.ndarray | None = None


def eight_bits(onsets: np.ndarray) -> np.ndarray:
    """Posteriors of onsets (0 to 1) in 0 to 255, as `Row` keeps them."""
    return np.rint(255 * onsets.astype(np.float32)).astype(np.uint8)


@dataclass
class Known:
    """What every version is compared with, worked out once for each true recording."""

    embedding: np.ndarray
    mel: np.ndarray
    edges: dict[str, float]


def know(judge: GenreClassifier, recordings: dict[str, np.ndarray]) -> dict[str, Known]:
    """What is known of true recordings, by genre."""
    return {
        genre: Known(
            all_measures.embeddings(judge, audio).mean(0),
            all_measures.centred_mel(audio),
            all_measures.edges(audio),
        )
        for genre, audio in recordings.items()
    }


def among_ten(
    audio: np.ndarray, embedded: np.ndarray, target: str, known: dict[str, Known]
) -> dict[str, bool]:
    """Whether the nearest of the ten true recordings is the asked-for one: by embedding, and by spectrum."""
    mel = all_measures.centred_mel(audio)
    embeddings, mels = (
        {genre: getattr(one, name) for genre, one in known.items()} for name in ("embedding", "mel")
    )
    return {
        "right_recording_of_10": all_measures.nearest(embedded, embeddings, all_measures.euclidean) == target,
        "right_spectrum_of_10": all_measures.nearest(mel, mels, all_measures.mean_difference) == target,
    }


def other_content(rows: list[Row], seed: int) -> dict[str, list[float]]:
    """The zero point: our conversions of other tunes to the same genre, against each tune's score."""
    rng, found = np.random.default_rng(seed), {"note_f1": [], "likeness": []}
    for row in rows:
        others = [other for other in rows if other.tune != row.tune]
        same = [other for other in others if other.target == row.target] or others
        other = same[rng.integers(len(same))]
        found["note_f1"].append(all_measures.matched_notes(row.melody, other.notes))
        found["likeness"].append(tune_likeness(row.melody, other.onsets[None] / 255))
    return found


def right_tune(rows: list[Row], truths: dict[int, dict[str, np.ndarray]], seed: int) -> list[bool]:
    """Whether each row's own tune is the nearest, by onset chroma, among `CROWD` in the same genre."""
    rng, right = np.random.default_rng(seed), []
    for row in rows:
        made = all_measures.onset_chroma(row.onsets / 255)
        others = rng.permutation([number for number in truths if number != row.tune])[: CROWD - 1]
        own = float(made @ truths[row.tune][row.target])
        right.append(all(own > float(made @ truths[number][row.target]) for number in others))
    return right


def frechet(rows: list, truths: list) -> float:
    """Fréchet distance of rows to the true recordings of *other* tunes.

    Half of the tunes against the other half, and the other way round.

    Parameters
    ----------
    rows, truths : list
        With `tune` and `embeddings`.
    """
    tunes = sorted({row.tune for row in truths})
    halves, distances = [set(tunes[::2]), set(tunes[1::2])], []
    for made, true in (halves, halves[::-1]):
        first, second = (
            np.concatenate([row.embeddings for row in some if row.tune in half])
            for some, half in ((rows, made), (truths, true))
        )
        distances.append(all_measures.frechet_distance(first, second))
    return round(float(np.mean(distances)), 4)
