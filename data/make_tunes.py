"""Make data/tunes from the music21 corpus: parse, clean, harmonise, find near-duplicates, split.

``python data/make_tunes.py`` writes the folder anew, the same bytes each time.
Ryan, O'Neill and Aird are collections of traditional music, printed between 1782 and 1903.
"""

import gzip
import hashlib
import json
import re
import string
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from noteninja_lib.music.generation import METRES, runs_of
from noteninja_lib.music.harmony import bar_length, harmonise
from noteninja_lib.music.tunes import Tune, find_key, melody_notes

if TYPE_CHECKING:
    import music21

FOLDERS = {"ryan": "ryansMammoth", "oneill": "oneills1850", "aird": "airdsAirs"}
BARS = (8, 64)  # fewer is a fragment, more would fill half a minute many times over


class Unusable(Exception):
    """Why a tune of the corpus is left out."""


def read_scores(collection: str) -> Iterator[tuple]:
    """Yield (number, music21 Score) of each tune in a collection of the music21 corpus."""
    import music21
    from music21 import abcFormat

    folder = Path(music21.__file__).parent / "corpus" / FOLDERS[collection]
    for number, path in enumerate(sorted(folder.glob("*.abc")), 1):
        # Version 2.1 of ABC: an accidental holds for the rest of its bar, as in the printed books.
        text = path.read_text(encoding="utf-8", errors="replace")
        handler = abcFormat.ABCFile(abcVersion=(2, 1, 0)).readstr(text)
        tunes = handler.splitByReferenceNumber()
        for reference in sorted(key for key in tunes if key is not None):
            try:
                score = abcFormat.translate.abcToStreamScore(tunes[reference])
            except Exception:  # the corpus has files that music21 itself cannot read; they are counted
                score = None
            yield (number if collection == "ryan" else int(reference)), score


def clean_bars(part: "music21.stream.Part") -> tuple[list, str]:
    """Whole bars of a part: pick-up dropped, last endings only, split bars joined.

    Returns
    -------
    bars : list of list of (offset in the bar, music21 element)
    metre : str

    Raises
    ------
    Unusable
        If the metre changes or a bar has too much or too little in it.
    """
    measures = list(part.getElementsByClass("Measure"))
    metre = measures[0].timeSignature.ratioString if measures and measures[0].timeSignature else None
    if metre not in (*METRES, "12/8"):
        raise Unusable("metre not supported")
    for measure, after in zip(measures, measures[1:]):
        # music21 gives an unfinished bar a metre of its own and takes it back in the next; others are real.
        if measure.timeSignature and measure.timeSignature.ratioString != metre and not after.timeSignature:
            raise Unusable("metre changes")
    bar = bar_length(metre)
    if len({ks.sharps for ks in part.recurse().getElementsByClass("KeySignature")}) != 1:
        raise Unusable("key changes")
    measures = [m for m in measures if m.highestTime > 0]
    brackets = sorted(part.recurse().getElementsByClass("RepeatBracket"), key=lambda b: b.getFirst().offset)
    skipped = set()
    for first, second in zip(brackets, brackets[1:]):
        if str(first.number).startswith("1") and str(second.number).startswith("2"):
            begin, end = first.getFirst().offset, second.getFirst().offset
            skipped |= {id(m) for m in measures if begin <= m.offset < end}
    measures = [m for m in measures if id(m) not in skipped]

    bars, pending, at_edge = [], None, True  # pending: an unfinished bar and how long it is
    for index, measure in enumerate(measures):
        size = float(measure.highestTime)
        elements = [(float(e.offset), e) for e in measure.flatten().notesAndRests]
        begins = at_edge or measure.leftBarline is not None
        at_edge = measure.rightBarline is not None or index == len(measures) - 1
        if pending is not None:
            before, filled = pending
            if abs(filled + size - bar) < 1e-3:  # ... 3/4 of a bar :|: a pick-up of 1/4 ...
                bars.append(before + [(offset + filled, e) for offset, e in elements])
                pending = None
                continue
            if filled < bar / 2 - 1e-3:
                raise Unusable("bar too short")
            bars.append(before)  # the end of a part without the next one's pick-up
            pending = None
        if abs(size - bar) < 1e-3:
            bars.append(elements)
        elif size > bar:
            raise Unusable("bar too long")
        elif at_edge:
            pending = (elements, size)
        elif not (begins and size <= bar / 2 + 1e-3):  # else it is a pick-up and is dropped
            raise Unusable("bar too short")
    if pending is not None and pending[1] >= bar / 2 - 1e-3:
        bars.append(pending[0])
    if len(bars) % 2 or not BARS[0] <= len(bars) <= BARS[1]:  # an odd number: a bar is missing somewhere
        raise Unusable("number of bars")
    return bars, metre


def make_tune(score: "music21.stream.Score | None", collection: str, number: int) -> Tune:
    """A :class:`Tune` from a parsed score, without group and split; Unusable says why not."""
    if score is None or len(score.parts) != 1:
        raise Unusable("not readable as one part")
    part = score.parts[0]
    bars, metre = clean_bars(part)
    bar = bar_length(metre)
    notes = melody_notes(
        (index * bar + offset, element) for index, elements in enumerate(bars) for offset, element in elements
    )
    if len(notes) < 2 * len(bars):
        raise Unusable("too few notes")
    pitches = [pitch for _, _, pitch in notes]
    if min(pitches) < 53 or max(pitches) > 96:
        raise Unusable("melodic range")
    tonic, mode = find_key(notes, part, part.recurse().getElementsByClass("KeySignature").first())
    length = len(bars) * bar
    title = clean_title(score.metadata.title if score.metadata else None)
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower().replace("'", "")).strip("-")[:60].strip("-") or "untitled"
    name, chords = f"{collection}-{number:04d}-{slug}", harmonise(notes, tonic, mode, metre, length)
    return Tune(name, title, collection, metre, tonic, mode, tuple(notes), chords, length, "", "")


def clean_title(title: str | None) -> str:
    """From "ACROBAT'S -- HORNPIPE." to "Acrobat's Hornpipe"; some files have stray colons ("Sarat:oga")."""
    title = re.sub(r"(?<=\w):(?=\w)", "", title or "Untitled")
    title = re.sub(r"\s*-[-\s]\s*|\s+", " ", title).strip(' .,"')
    return string.capwords(title) if title.isupper() else title


# Which tunes are variants of one another, and which of them are for training or for testing. A tune travels
# from book to book under other names, in other keys, with other ornaments. If one variant were trained on and
# another tested on, the test would measure memory; so a whole group of near-duplicates goes to one split.

SAME = 0.72  # share of equal melody points in eight bars from which tunes are variants
RUN, SHARED_RUNS = (
    17,
    4,
)  # notes in a run; tunes that share so many runs are variants, wherever their bars begin
COMMON_TITLE = 4  # a title that more tunes than this bear ("Quick Step") says nothing
SHARES = {"test": 0.08, "validation": 0.06}
SHARES_AIRD = {"test": 0.20, "validation": 0.06}  # for groups that occur in Aird alone: test differs more

#: Words of a title that do not tell one tune from another.
DANCES = (
    "the reel jig hornpipe strathspey fling clog polka walk around march setting air and favorite favourite"
)


def melody_points(tune: Tune) -> np.ndarray:
    """Pitch class of the melody at the accented points of each bar, shape (bars, points); rests repeat.

    Every other eighth note in 4/4 (every other sixteenth in 2/4), first and third eighth of each beat in 6/8:
    dotted or even, plain or ornamented, variants of a tune agree there.
    """
    if tune.beat == 1.5:
        points = (np.arange(0, tune.bar, 1.5)[:, None] + (0, 1)).ravel()
    else:
        count = 3 if tune.metre == "3/4" else 4
        points = tune.bar * np.arange(count) / count
    starts, _, pitches = (np.array(column) for column in zip(*tune.notes))
    grid = np.arange(round(tune.length / tune.bar))[:, None] * tune.bar + points
    return pitches[np.maximum(np.searchsorted(starts, grid + 1e-3) - 1, 0)] % 12


def find_near_duplicates(tunes: list[Tune]) -> np.ndarray:
    """Number the groups of near-duplicates: tunes that share eight bars, in any key, belong together.

    For each stretch of eight bars (one every four bars) the pitch classes at the accented points are written
    as a one-hot vector; the product of two such vectors counts the points where they agree, and turning one
    of them by 1..6 semitones does the same for other keys. Groups are the connected components.

    Returns
    -------
    ndarray of int, shape (len(tunes),)
    """
    windows, pairs, one_hot = defaultdict(list), [], np.eye(12, dtype=np.float32)
    for index, tune in enumerate(tunes):
        points = melody_points(tune)
        for begin in range(0, max(len(points) - 7, 1), 4):
            window = points[begin : begin + 8].ravel()
            windows[points.shape[1], len(window)].append((index, window))
    for same_shape in windows.values():
        owner, classes = map(np.array, zip(*same_shape))
        flat = one_hot[classes].reshape(len(owner), -1)
        for turn in range(7):  # a turn by 12 - t is the same pair seen from the other side
            turned = one_hot[(classes + turn) % 12].reshape(len(owner), -1)
            for begin in range(0, len(owner), 2048):
                equal = flat[begin : begin + 2048] @ turned.T
                rows, columns = np.nonzero(equal >= SAME * classes.shape[1] - 1e-3)
                pairs.append(np.stack([owner[begin + rows], owner[columns]]))
    rows, columns = np.unique(np.concatenate(pairs, axis=1), axis=1)
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(tunes), len(tunes)))
    return connected_components(graph, directed=False)[1]


def merge_by_title(tunes: list[Tune], labels: np.ndarray) -> np.ndarray:
    """Join groups whose tunes bear the same title: settings too different for `find_near_duplicates`."""
    titles, labels = defaultdict(list), np.array(labels)
    for index, tune in enumerate(tunes):
        words = set(re.findall(r"[a-z]{3,}", tune.title.lower().replace("'", ""))) - set(DANCES.split())
        if len(words) >= 2:
            titles[frozenset(words)].append(index)
    for first, *others in titles.values():
        if len(others) < COMMON_TITLE:
            for other in others:
                labels[labels == labels[other]] = labels[first]
    return labels


def merge_by_runs(tunes: list[Tune], labels: np.ndarray) -> np.ndarray:
    """Join groups whose tunes share runs of notes, in any key: variants with other bar lines."""
    owners, labels = defaultdict(list), np.array(labels)
    for index, tune in enumerate(tunes):
        runs = set(runs_of(tune.notes, RUN))
        shared = Counter(other for run in runs for other in owners.get(run, ()))
        for other, count in shared.items():
            if count >= SHARED_RUNS:
                labels[labels == labels[other]] = labels[index]
        for run in runs:
            owners[run].append(index)
    return labels


def _split_of(members):
    """Split of a group by a hash of its first name, not by a shuffle: adding a tune moves no other group."""
    shares = SHARES_AIRD if all(tune.collection == "aird" for tune in members) else SHARES
    place = int(hashlib.sha256(members[0].name.encode()).hexdigest()[:8], 16) / 16**8
    if place < shares["test"]:
        return "test"
    return "validation" if place < shares["test"] + shares["validation"] else "train"


def assign_near_duplicates(tunes: list[Tune]) -> list[Tune]:
    """Give each tune its near-duplicate group (named after the group's first tune) and the group's split."""
    close = merge_by_title(tunes, find_near_duplicates(tunes))
    wide = merge_by_runs(tunes, close)
    parts, groups, result = defaultdict(list), defaultdict(dict), []
    for tune, near, far in zip(tunes, close, wide):
        parts[near].append(tune)
        groups[far][near] = parts[near]
    for tune, label in zip(tunes, wide):
        members = list(groups[label].values())
        splits = {_split_of(part) for part in members}
        # What the second look joins goes to training if a part of it did: no test tune may have been heard
        # there.
        split = next(name for name in ("train", "validation", "test") if name in splits)
        result.append(replace(tune, family=members[0][0].name, split=split))
    return result


def build_tunes(
    folder: str | Path, limit: int | None = None, progress: Callable[[str], None] | None = None
) -> dict[str, int]:
    """Write <collection>.jsonl.gz into `folder` from the music21 corpus; takes some minutes.

    Parameters
    ----------
    folder : path
    limit : int, optional
        Only so many tunes of each collection.
    progress : callable, optional
        Called with one line of text now and then.

    Returns
    -------
    dict
        How many tunes were kept, and how many left out for which reason.
    """
    folder = Path(folder)
    tunes, seen, counts = [], set(), {}
    for collection in FOLDERS:
        names = set()
        for count, (number, score) in enumerate(read_scores(collection)):
            if limit is not None and len(names) >= limit:
                break
            try:
                tune = make_tune(score, collection, number)
                if tune.notes in seen:
                    raise Unusable("same notes as another")
                while tune.name in names:
                    tune = replace(tune, name=tune.name + "-b")
                names.add(tune.name)
                seen.add(tune.notes)
                tunes.append(tune)
                reason = "kept"
            except Unusable as error:
                reason = str(error)
            counts[f"{collection}: {reason}"] = counts.get(f"{collection}: {reason}", 0) + 1
            if progress and count % 100 == 0:
                progress(f"{collection}: {count} read, {len(names)} kept")
    write_tunes(assign_near_duplicates(tunes), folder)
    return counts


def write_tunes(tunes: list[Tune], folder: Path) -> None:
    """Write tunes with their groups and splits, one file a collection."""
    folder.mkdir(parents=True, exist_ok=True)
    for collection in FOLDERS:
        lines = [json.dumps(t._to_record(), ensure_ascii=False) for t in tunes if t.collection == collection]
        data = gzip.compress(("\n".join(lines) + "\n").encode("utf-8"), compresslevel=9, mtime=0)
        (folder / f"{collection}.jsonl.gz").write_bytes(data)


if __name__ == "__main__":
    from noteninja_lib import data_folder

    print(json.dumps(build_tunes(data_folder() / "tunes", progress=print), indent=1))
