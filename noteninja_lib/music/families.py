"""Which tunes are variants of one another, and which families of tunes are for training or for testing.

A tune travels from book to book under other names, in other keys, with other ornaments. If one variant were
trained on and another tested on, the test would measure memory; so a whole family goes to one split.
"""

import hashlib
import re
from collections import Counter
from dataclasses import replace

import numpy as np

SAME = 0.72                   # share of equal melody points in eight bars from which tunes are variants
RUN, SHARED_RUNS = 17, 4      # notes in a run; tunes that share so many runs are variants, wherever their bar lines are
COMMON_TITLE = 4              # a title that more tunes than this bear ("Quick Step") says nothing
SHARES = {"test": 0.08, "validation": 0.06}
SHARES_AIRD = {"test": 0.20, "validation": 0.06}    # for families that occur in Aird alone: test differs more

#: Words of a title that do not tell one tune from another.
DANCES = {"the", "reel", "jig", "hornpipe", "strathspey", "fling", "clog", "polka", "walk", "around", "march",
          "setting", "air", "and", "favorite", "favourite"}


def melody_points(tune):
    """Pitch class of the melody at the accented points of each bar, shape (bars, points); rests repeat.

    Every other eighth note in 4/4 (every other sixteenth in 2/4), first and third eighth of each beat in 6/8:
    dotted or even, plain or ornamented, variants of a tune agree there.
    """
    bar, beat = tune.bar, tune.beat
    if beat == 1.5:
        points = [b * 1.5 + x for b in range(int(bar / 1.5)) for x in (0.0, 1.0)]
    elif tune.metre == "3/4":
        points = [0.0, 1.0, 2.0]
    else:
        points = [bar * x / 4 for x in range(4)]
    starts = np.array([start for start, _, _ in tune.notes])
    pitches = np.array([pitch for _, _, pitch in tune.notes])
    grid = np.arange(int(round(tune.length / bar)))[:, None] * bar + np.array(points)
    return pitches[np.maximum(np.searchsorted(starts, grid + 1e-3) - 1, 0)] % 12


def find_families(tunes, same=SAME):
    """Number the families: tunes that share eight bars, in any key, belong together.

    For each stretch of eight bars (one every four bars) the pitch classes at the accented points are written
    as a one-hot vector; the product of two such vectors counts the points where they agree, and turning one
    of them by 1..6 semitones does the same for other keys. Families are the connected components.

    Returns
    -------
    ndarray of int, shape (len(tunes),)
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    groups, pairs = {}, []
    for index, tune in enumerate(tunes):
        points = melody_points(tune)
        for begin in range(0, max(len(points) - 7, 1), 4):
            window = points[begin:begin + 8].ravel()
            groups.setdefault((points.shape[1], len(window)), []).append((index, window))
    for windows in groups.values():
        owner = np.array([index for index, _ in windows])
        classes = np.stack([window for _, window in windows])
        count = classes.shape[1]
        flat = np.eye(12, dtype=np.float32)[classes].reshape(len(owner), -1)
        for turn in range(7):      # a turn by 12 - t is the same pair seen from the other side
            turned = np.eye(12, dtype=np.float32)[(classes + turn) % 12].reshape(len(owner), -1)
            for begin in range(0, len(owner), 2048):
                rows, columns = np.nonzero(flat[begin:begin + 2048] @ turned.T >= same * count - 1e-3)
                pairs.append(np.stack([owner[begin + rows], owner[columns]]))
    rows, columns = np.unique(np.concatenate(pairs, axis=1), axis=1)
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(tunes), len(tunes)))
    return connected_components(graph, directed=False)[1]


def merge_by_title(tunes, labels):
    """Join the families of tunes that bear the same title: settings too different for `find_families`.

    Returns
    -------
    ndarray of int, shape (len(tunes),)
    """
    titles = {}
    for index, tune in enumerate(tunes):
        words = set(re.findall(r"[a-z]{3,}", tune.title.lower().replace("'", ""))) - DANCES
        if len(words) >= 2:
            titles.setdefault(frozenset(words), []).append(index)
    labels = np.array(labels)
    for indices in titles.values():
        if len(indices) <= COMMON_TITLE:
            for index in indices[1:]:
                labels[labels == labels[index]] = labels[indices[0]]
    return labels


def runs_of(notes, length):
    """All runs of so many successive notes, as the steps between them in semitones (list of bytes): the same in any key."""
    steps = np.diff([pitch for _, _, pitch in notes]).astype(np.int8)
    return [steps[i:i + length - 1].tobytes() for i in range(len(steps) - length + 2)]


def merge_by_runs(tunes, labels):
    """Join the families of tunes that share runs of notes, in any key: variants whose bars are counted differently.

    Returns
    -------
    ndarray of int, shape (len(tunes),)
    """
    owners, labels = {}, np.array(labels)
    for index, tune in enumerate(tunes):
        runs = set(runs_of(tune.notes, RUN))
        shared = Counter(other for run in runs for other in owners.get(run, ()))
        for other, count in shared.items():
            if count >= SHARED_RUNS:
                labels[labels == labels[other]] = labels[index]
        for run in runs:
            owners.setdefault(run, []).append(index)
    return labels


def _split_of(family, members):
    """Split of a family from its name: a hash, not a shuffle, so that adding a tune moves no other family."""
    shares = SHARES_AIRD if all(tune.collection == "aird" for tune in members) else SHARES
    place = int(hashlib.sha256(family.encode()).hexdigest()[:8], 16) / 16 ** 8
    if place < shares["test"]:
        return "test"
    return "validation" if place < shares["test"] + shares["validation"] else "train"


def assign_families(tunes):
    """Give each tune its family (named after the family's first tune) and the family's split."""
    close = merge_by_title(tunes, find_families(tunes))
    wide = merge_by_runs(tunes, close)
    parts, families = {}, {}
    for tune, near, far in zip(tunes, close, wide):
        parts.setdefault(near, []).append(tune)
        families.setdefault(far, {})[near] = parts[near]
    result = []
    for tune, label in zip(tunes, wide):
        splits = {_split_of(members[0].name, members) for members in families[label].values()}
        # What this second look joins goes to training if a part of it did: a test must not lose its innocence.
        split = next(name for name in ("train", "validation", "test") if name in splits)
        result.append(replace(tune, family=next(iter(families[label].values()))[0].name, split=split))
    return result
