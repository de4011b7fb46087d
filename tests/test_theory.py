"""Tunes: the data, the search, the harmony, near-duplicates and splits, and the way from and to music21."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from data import make_tunes
from noteninja_lib.errors import UserError
from noteninja_lib.music.harmony import CHORDS, QUALITIES, harmonise
from noteninja_lib.music.tunes import (
    COLLECTIONS,
    Tune,
    find_tune,
    load_tunes,
    search_tunes,
    to_stream,
    tune_from_score,
)


@pytest.fixture(scope="module")
def tunes():
    return load_tunes()


def melody(*pitches, duration=1.0):
    return tuple((index * duration, duration, pitch) for index, pitch in enumerate(pitches))


def test_there_are_enough_tunes_of_each_collection_and_metre(tunes):
    assert len(tunes) >= 3000
    assert len({tune.name for tune in tunes}) == len(tunes)
    assert all(tune.name.isascii() for tune in tunes)
    by_collection = Counter(tune.collection for tune in tunes)
    assert set(by_collection) == set(COLLECTIONS) and min(by_collection.values()) >= 700
    by_metre = Counter(tune.metre for tune in tunes)
    assert min(by_metre[metre] for metre in ("2/4", "4/4", "2/2", "3/4", "6/8", "9/8")) >= 50


def test_every_tune_is_whole(tunes):
    for tune in tunes:
        starts, durations, pitches = (np.array(column) for column in zip(*tune.notes))
        assert (durations > 0).all() and starts[0] >= 0
        assert (starts[1:] >= starts[:-1] + durations[:-1] - 2e-4).all(), tune.name
        assert starts[-1] + durations[-1] <= tune.length + 2e-4, tune.name
        assert 53 <= pitches.min() and pitches.max() <= 96
        assert abs(tune.length / tune.bar - round(tune.length / tune.bar)) < 1e-6
        at = 0.0
        for start, duration, root, quality in tune.chords:
            assert abs(start - at) < 1e-6 and 0 <= root < 12 and quality in QUALITIES
            at = start + duration
        assert abs(at - tune.length) < 1e-6
        assert tune.mode in CHORDS and 0 <= tune.tonic < 12


def test_loading_is_quick():
    # In a fresh process, so that no cache helps; the imports are not counted.
    code = (
        "import time; from noteninja_lib.music.tunes import load_tunes; t = time.process_time(); "
        "load_tunes(); print(time.process_time() - t)"
    )
    seconds = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(2)
    ]
    assert min(seconds) < 0.3


def test_no_group_of_near_duplicates_crosses_a_split_and_the_shares_are_right(tunes):
    splits = {}
    for tune in tunes:
        splits.setdefault(tune.family, set()).add(tune.split)
    assert all(len(split) == 1 for split in splits.values())
    shares = {
        name: sum(tune.split == name for tune in tunes) / len(tunes)
        for name in ("train", "validation", "test")
    }
    assert 0.78 < shares["train"] < 0.90
    assert 0.04 < shares["validation"] < 0.09 and 0.07 < shares["test"] < 0.14
    sizes = Counter(tune.family for tune in tunes)
    assert max(sizes.values()) < 60  # no chain of chance likenesses swallows a book
    across = {tune.family for tune in tunes if tune.collection == "ryan"} & {
        tune.family for tune in tunes if tune.collection == "oneill"
    }
    assert len(across) > 100  # variants are found from book to book


def test_no_tune_for_testing_was_heard_in_training(tunes):
    # Runs of 17 notes with equal steps, in any key.
    def runs(tune):
        steps = np.diff([pitch for _, _, pitch in tune.notes]).astype(np.int8)
        return {steps[i : i + 16].tobytes() for i in range(len(steps) - 15)}

    owners = {}
    for number, tune in enumerate(tunes):
        if tune.split == "train":
            for run in runs(tune):
                owners.setdefault(run, set()).add(number)
    shared = []
    for tune in tunes:
        if tune.split != "train":
            common = Counter(number for run in runs(tune) for number in owners.get(run, ()))
            shared.append(max(common.values(), default=0))
    # One such run may be a stock passage of dance music; four of them in one other tune are a variant.
    assert max(shared) < 4


def test_a_planted_variant_is_found_and_strangers_are_not(tunes):
    some = [tune for tune in tunes if tune.metre == "2/2" and tune.length == 64][::9][:40]
    original = some[7]
    rng = np.random.default_rng(0)
    ornamented = []
    for start, duration, pitch in original.notes:  # another key, other notes here and there
        if duration >= 0.5 and rng.random() < 0.2:
            ornamented += [(start, duration / 2, pitch + 5), (start + duration / 2, duration / 2, pitch + 7)]
        else:
            ornamented.append((start, duration, pitch + 5 + 2 * (rng.random() < 0.08)))
    planted = replace(original, name="planted", notes=tuple(ornamented), tonic=(original.tonic + 5) % 12)
    labels = make_tunes.find_near_duplicates(some + [planted])
    assert labels[-1] == labels[7]
    scrambled = replace(
        original,
        notes=tuple(
            (start, duration, int(pitch))
            for (start, duration, _), pitch in zip(
                original.notes, rng.permutation([note[2] for note in original.notes])
            )
        ),
    )
    labels = make_tunes.find_near_duplicates([original, scrambled])
    assert labels[0] != labels[1]


def test_same_title_is_one_group_unless_it_is_common(tunes):
    titles = ["The Merry Miller", "Merry Miller Reel", "The Reel", "A Reel"] + ["Quick Step"] * 6
    some = [replace(tune, title=title) for tune, title in zip(tunes[::97], titles)]
    labels = make_tunes.merge_by_title(some, np.arange(10))
    assert labels[0] == labels[1] and len(set(labels)) == 9


def test_harmony_of_a_plain_cadence():
    # C E G E | F A F D | G B D' B | C: every bar spells its chord.
    notes = melody(60, 64, 67, 64, 65, 69, 65, 69, 67, 71, 74, 71, 72, 72, 72, 72)
    chords = harmonise(notes, 0, "major", "4/4", 16.0)
    assert [root for _, _, root, _ in chords] == [0, 5, 7, 0]
    assert all(quality in ("maj", "dom7") for *_, quality in chords)
    up = harmonise([(s, d, p + 3) for s, d, p in notes], 3, "major", "4/4", 16.0)
    assert [(s, d, (root - 3) % 12, q) for s, d, root, q in up] == list(chords)


def test_secondary_dominant_where_the_melody_asks_for_it():
    # ... D F# A C | G: the F sharp with C over D is the dominant of the dominant.
    notes = melody(60, 64, 67, 60, 62, 66, 69, 72, 67, 71, 67, 62, 60, 64, 60, 60)
    chords = harmonise(notes, 0, "major", "4/4", 16.0)
    assert (2, "dom7") in [(root, quality) for _, _, root, quality in chords]


def test_viterbi_finds_the_cheapest_of_all_paths():
    # Two bars of 3/4 have few enough paths to try each of them.
    from noteninja_lib.music import harmony

    notes = melody(62, 65, 69, 60, 64, 67)
    table = list(harmony.CHORDS["major"].values())
    local = harmony.melody_weights(notes, "3/4", 6.0, 3.0) @ harmony._note_costs(
        0, "major"
    ) + harmony._form_costs("major", 2, 1)
    steps, cadences = harmony._step_costs("major")
    total = {
        (a, b): local[0, a]
        + local[1, b]
        + steps[a, b]
        - cadences[a, b] * 1.0
        + (a == b) * harmony.COSTS["same chord in the next bar"]
        for a in range(len(table))
        for b in range(len(table))
    }
    best = min(total, key=total.get)
    assert [chord[2:] for chord in harmonise(notes, 0, "major", "3/4", 6.0)] == [table[i][:2] for i in best]


def test_harmony_fits_the_melody_and_cadences(tunes):
    hits, weight, finals, cadences = 0.0, 0.0, 0, 0
    sample = tunes[::5]
    for tune in sample:
        starts = np.array([chord[0] for chord in tune.chords])
        for start, duration, pitch in tune.notes:
            if start % tune.beat < 1e-3:
                _, _, root, quality = tune.chords[np.searchsorted(starts, start + 1e-3) - 1]
                weight += duration
                hits += duration * ((pitch - root) % 12 in QUALITIES[quality])
        roots = [(chord[2] - tune.tonic) % 12 for chord in tune.chords]
        finals += roots[-1] == 0
        moved = [root for root in roots if root != 0]
        cadences += bool(moved) and moved[-1] in (7, 5, 10)
    assert hits / weight > 0.8
    assert finals / len(sample) > 0.97
    assert cadences / len(sample) > 0.9


def test_search_and_find(tunes):
    assert any("devils-dream" in tune.name for tune in search_tunes("Devil's dream"))
    tune = tunes[100]
    assert find_tune(tune.name) is tune
    with pytest.raises(UserError, match="tunes match"):
        find_tune("reel")
    with pytest.raises(UserError, match="There is no tune 'Devles Dreem'.*did you mean"):
        find_tune("Devles Dreem")
    with pytest.raises(UserError, match="There is no tune"):
        find_tune("")
    with pytest.raises(UserError, match="train, validation, test"):
        load_tunes("exam")
    assert {t.collection for t in load_tunes(collection="aird")} == {"aird"}
    assert {t.split for t in load_tunes("test")} == {"test"}


def test_missing_tunes_say_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("NOTENINJA_DATA", str(tmp_path))
    with pytest.raises(UserError, match="NOTENINJA_DATA"):
        load_tunes()


def test_record_round_trip(tunes):
    tune = next(t for t in tunes if any(abs(note[1] - 1 / 3) < 1e-3 for note in t.notes))
    again = Tune._from_record(tune._to_record())
    assert again == tune and isinstance(again.notes[0][2], int) and isinstance(again.chords[0][3], str)


ABC = """X:1
T:A Test
M:6/8
L:1/8
K:Am
E|A2B cBA|e2e e2d|^GAB cBA|1 B3 E2E:|2 A3 A2||
e|e2e ^f^ga|e3-e2d|cBA ^GAB|A3 A2e|[ca]2e fed|c2A E2E|ABc B2^G|A3 A2|]
"""


def test_parser_drops_pickup_first_ending_and_joins_split_bars():
    from music21 import abcFormat

    handler = abcFormat.ABCFile(abcVersion=(2, 1, 0)).readstr(ABC)
    tune = make_tunes.make_tune(abcFormat.translate.abcToStreamScore(handler), "ryan", 7)
    assert (tune.name, tune.metre, tune.tonic, tune.mode) == ("ryan-0007-a-test", "6/8", 9, "minor")
    assert tune.length == 12 * 3.0
    bars = [[note for note in tune.notes if 3 * bar <= note[0] < 3 * bar + 3] for bar in range(12)]
    assert bars[0][0] == (0.0, 1.0, 69)  # the pick-up E is gone
    assert [pitch for _, _, pitch in bars[2]] == [68, 69, 71, 72, 71, 69]
    assert [pitch for _, _, pitch in bars[3]] == [69, 69, 76]  # last ending and next part's pick-up
    assert bars[5] == [(15.0, 2.5, 76), (17.5, 0.5, 74)]  # the tie is one note
    assert bars[8][0][2] == 81  # top note of the double stop
    assert tune.chords[-1][2:] == (9, "min")


def test_parser_refuses_broken_bars_and_changing_metre():
    from music21 import abcFormat

    for text, why in (
        (ABC.replace("cBA|e2e", "cBAA|e2e"), "bar too"),
        (ABC.replace("|c2A E2E|", "|c2A|"), "too short"),
        (ABC.replace("M:6/8", "M:5/4"), "metre not supported"),
        (ABC.replace("|c2A E2E|", "|\nM:4/4\nc2A2 E4|"), "bar too|metre changes"),
    ):
        handler = abcFormat.ABCFile(abcVersion=(2, 1, 0)).readstr(text)
        with pytest.raises(make_tunes.Unusable, match=why):
            make_tunes.make_tune(abcFormat.translate.abcToStreamScore(handler), "ryan", 7)


def test_score_and_back(tunes):
    for tune in (tunes[3], next(t for t in tunes if t.metre == "6/8" and t.mode == "minor")):
        score = to_stream(tune)
        again = tune_from_score(score)
        assert [note[2] for note in again.notes] == [note[2] for note in tune.notes]
        assert np.allclose([note[:2] for note in again.notes], [note[:2] for note in tune.notes], atol=1e-3)
        assert (again.metre, again.tonic, again.length) == (tune.metre, tune.tonic, tune.length)
        assert [chord[2:] for chord in again.chords] == [chord[2:] for chord in tune.chords]


def test_score_without_chords_is_harmonised():
    from music21 import converter, stream

    score = converter.parse("tinynotation: 3/4 d4 g a b2 g4 a2 f#4 g2. d4 g a b2 c'4 a2 f#4 g2.")
    tune = tune_from_score(score, "My Waltz")
    assert (tune.title, tune.metre, tune.tonic, tune.mode) == ("My Waltz", "3/4", 7, "major")
    assert tune.chords[-1][2:] == (7, "maj") and tune.chords[-2][2] == 2
    with pytest.raises(UserError, match="fewer than four notes"):
        tune_from_score(stream.Stream())


def test_chords_of_a_score_are_kept_and_the_top_part_is_the_melody():
    from music21 import converter, harmony, stream

    top = converter.parse("tinynotation: 4/4 r2. g'4 c''1 d'' b' c''").flatten()
    for offset, figure in ((3.0, "C"), (8.0, "Dm"), (12.0, "G7"), (16.0, "C")):
        top.insert(offset, harmony.ChordSymbol(figure))
    low = converter.parse("tinynotation: 4/4 c1 c d G c").flatten()
    tune = tune_from_score(stream.Score([stream.Part(low), stream.Part(top)]))
    assert [note[2] for note in tune.notes] == [79, 84, 86, 83, 84]
    assert tune.chords == (
        (0.0, 8.0, 0, "maj"),
        (8.0, 4.0, 2, "min"),
        (12.0, 4.0, 7, "dom7"),
        (16.0, 4.0, 0, "maj"),
    )


def test_build_gives_the_same_bytes_twice(tmp_path):
    for folder in ("a", "b"):
        counts = make_tunes.build_tunes(tmp_path / folder, limit=4)
        assert counts["ryan: kept"] == counts["aird: kept"] == 4
    for name in ("ryan", "oneill", "aird"):
        first, second = ((tmp_path / folder / f"{name}.jsonl.gz").read_bytes() for folder in "ab")
        assert first == second
