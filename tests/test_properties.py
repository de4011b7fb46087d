"""The parsers of our own formats: what is written is read again; of all else comes a value or a `UserError`.

Hypothesis thinks up the inputs, always the same ones.
"""

import json
import re
from dataclasses import asdict, fields

import numpy as np
import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as some

from noteninja_lib import data_folder
from noteninja_lib.arranger.recipe import GENRES, Recipe, load_recipe
from noteninja_lib.datasets.synthetic import Clip, read_manifest
from noteninja_lib.errors import UserError
from noteninja_lib.lead_sheet import LeadSheet
from noteninja_lib.music import abc_fields
from noteninja_lib.music.abc_notation import read_abc, split_book
from noteninja_lib.music.harmony import QUALITIES, bar_length, beat_length, chord_name
from noteninja_lib.music.reharmonisation import name_of_chord, read_chords, read_key
from noteninja_lib.music.score_io import read_notes
from noteninja_lib.music.score_writing import to_abc
from noteninja_lib.music.style import (
    MOODS,
    parse_genre,
    parse_mood,
    parse_moods,
    parse_path,
    parse_share,
    parse_tempo,
)
from noteninja_lib.music.tunes import Tune
from noteninja_lib.passages import parse_passage, words
from noteninja_lib.settings import Settings, read_settings


def examples(count):
    look = {"deadline": None, "derandomize": True, "database": None}
    return settings(
        max_examples=count, phases=[Phase.generate], **look
    )  # to find a shorter one takes minutes


def texts(*parts):
    """Texts of these parts and of any characters."""
    one = some.sampled_from(parts) if parts else some.text(max_size=3)
    return some.lists(some.one_of(one, one, one, some.text(max_size=2)), max_size=9).map("".join)


def value_or_sentence(read, *given):
    """What is read, or None where a `UserError` of one line says why not; nothing else is raised."""
    try:
        return read(*given)
    except UserError as problem:
        assert str(problem).strip() and "\n" not in str(problem)
        return None


ANYTHING = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats()
    | some.text(max_size=3)
    | some.just("x" * 400),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def broken(record, draw):
    """A copy of a record in which something, somewhere, is anything."""
    record = json.loads(json.dumps(record))
    place = record
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(some.sampled_from(keys))
        if not (isinstance(place[key], dict | list) and place[key]) or draw(some.booleans()):
            place[key] = draw(ANYTHING)
            return record
        place = place[key]


# ---- what is typed ------------------------------------------------------------------------------------


@examples(100)
@given(some.integers(0, 10**6), some.integers(1, 10**6))
def test_a_passage_is_read_as_it_is_told(start, lasts):
    times = start / 100, (start + lasts) / 100
    assert parse_passage(words(*times)) == pytest.approx(times, abs=1e-6)


@examples(100)
@given(texts("0", "32", ":", "-", "–", ".", ",", " ", "59", "1"))
def test_a_passage_is_times_or_a_sentence(text):
    start, end = value_or_sentence(parse_passage, text) or (0, 0)
    assert start >= 0 and end >= 0


@examples(100)
@given(some.integers(-400, 400))
def test_amounts_and_tempi_are_read_as_people_write_them(number):
    share = number / 100
    for text in (f"{number}%", f" {number} % ", f"{share:.2f}", f"{share:.2f}".replace(".", ",")):
        assert parse_share("amount", text) == pytest.approx(share)
    if number >= 0:
        assert parse_tempo(f"{number}%") == ("rate", pytest.approx(share))
        assert parse_tempo(f"{number} BPM") == parse_tempo(f"{number}.0") == ("tempo", number)


@examples(100)
@given(texts("-", "1", "50", "%", ".", ",", "e", "nan", "inf", "bpm", " "))
def test_amounts_and_tempi_are_numbers_or_a_sentence(text):
    for number in (
        value_or_sentence(parse_share, "amount", text),
        (value_or_sentence(parse_tempo, text) or (0, 0))[1],
    ):
        assert number is None or np.isfinite(number)


@examples(100)
@given(
    some.lists(
        some.tuples(some.integers(0, 100), some.sampled_from([*MOODS]), some.sampled_from(GENRES)),
        min_size=1,
        max_size=5,
    )
)
def test_a_journey_is_read_as_it_is_written(points):
    points.sort(key=lambda one: one[0])
    moods, genres = (
        [(place / 100, one) for place, *both in points for one in [both[kind]]] for kind in (0, 1)
    )
    for read, path in ((parse_moods, moods), (parse_path, genres)):
        assert read(", ".join(f"{word.upper()} : {place}" for place, word in path)) == path
    assert [word for _, word in parse_moods(",".join(word for _, word in moods))] == [
        word for _, word in moods
    ]


@examples(100)
@given(
    texts(
        "sad:0,", "happy:nan,", "happy:.5,", "sad:1", "jazz:0,", "rock:nan,", "rock:1", "jazz", ",", "2", ":-"
    )
)
def test_a_journey_rises_within_the_piece_or_is_refused(text):
    for read in (parse_moods, parse_path):
        places = [place for place, _ in value_or_sentence(read, text) or ()]
        assert all(0 <= place <= 1 for place in places) and sorted(places) == places
    assert all(-1 <= one <= 1 for one in value_or_sentence(parse_mood, text) or ())
    assert value_or_sentence(parse_genre, text) in (None, *GENRES)


@pytest.mark.parametrize("quality", QUALITIES)
def test_chords_are_read_by_their_names(quality):
    for root in range(12):
        assert name_of_chord(chord_name(root, quality)) == (root, quality)


@examples(100)
@given(texts("A", "b", "#", "m", "maj7", "dim", "/", "N.C.", "|", "%", " ", "sus4", "♭"))
def test_chords_and_keys_are_read_or_refused(text):
    for bar in value_or_sentence(read_chords, text) or ():
        assert all(one is None or 0 <= one[0] < 12 and one[1] in QUALITIES for one in bar)
    tonic, mode = value_or_sentence(read_key, text) or (0, None)
    assert 0 <= tonic < 12 and mode in (None, "major", "minor")


# ---- tunes --------------------------------------------------------------------------------------------


@some.composite
def tunes(draw):
    """A tune of some bars, its notes on a grid of sixteenths, with a chord in each bar."""
    metre = draw(some.sampled_from(["4/4", "3/4", "2/4", "6/8", "2/2", "9/8", "5/4"]))
    bars, bar = draw(some.integers(2, 4)), bar_length(metre)
    lengths, place, notes = some.sampled_from([0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0]), 0.0, []
    while (lasts := draw(lengths)) + place <= bars * bar:
        if not notes or len(notes) < 4 or draw(some.integers(0, 4)):  # else a rest
            notes.append((place, lasts, draw(some.integers(50, 86))))
        place += lasts
    if sum(notes[-1][:2]) <= (bars - 1) * bar:  # an empty bar at the end is not read again
        notes.append(((bars - 1) * bar, 1.0, 60))
    chords = tuple(
        (n * bar, bar, draw(some.integers(0, 11)), draw(some.sampled_from([*QUALITIES]))) for n in range(bars)
    )
    tonic, mode = (
        draw(some.integers(0, 11)),
        draw(some.sampled_from(["major", "minor", "dorian", "mixolydian"])),
    )
    known = {"name": "heard", "collection": "heard", "family": "heard", "split": "test"}
    return Tune(
        title="A tune",
        metre=metre,
        tonic=tonic,
        mode=mode,
        notes=tuple(notes),
        chords=chords,
        length=bars * bar,
        **known,
    )


@examples(25)
@given(tunes().filter(lambda tune: len(tune.notes) > 3))
def test_a_tune_is_read_from_the_abc_that_is_written(tune):
    text = to_abc(tune, 100)
    _, written = abc_fields.read_key(re.search("^K:(.*)", text, re.MULTILINE)[1])
    assert (written.tonic.pitchClass, written.mode) == (tune.tonic, tune.mode)
    again = read_notes(text)  # which of the keys nearby it is, its notes tell
    assert again.metre == tune.metre
    assert again.notes == tune.notes and again.length == tune.length
    assert again.chords == tune.chords


@examples(80)
@given(
    texts(
        *'C D E F G2 A/ B, c\' z | |: :| [1 :|2 (3 ^f _B =e - > < [CEG] "Am" {g} !trill!'.split(),
        "\n",
        "K:Em\n",
        "M:6/8\n",
        "L:1/16\n",
        "V:2\n",
        "Q:120\n",
        "P:A",
        "& ",
        "Z4 ",
        "x",
    )
)
def test_abc_is_a_score_or_a_sentence(text):
    for _, _, one in split_book(text):
        value_or_sentence(read_abc, one)


# ---- files --------------------------------------------------------------------------------------------


@some.composite
def sheets(draw):
    tune = draw(tunes())
    count = round(tune.length / beat_length(tune.metre)) + 1
    steps = draw(some.lists(some.floats(0.2, 1.5), min_size=count, max_size=count))
    sure = some.floats(0, 1)
    times = tuple((start, start + lasts) for start, lasts, _ in tune.notes)
    known = [tuple(draw(sure) for _ in events) for events in (tune.notes, tune.chords)]
    return LeadSheet(tune, tuple(np.cumsum(steps).tolist()), times, *known, draw(some.text(max_size=3)))


@examples(60)
@given(sheets(), some.data())
def test_a_lead_sheet_is_read_as_it_is_written(sheet, data):
    record = json.loads(json.dumps(sheet.to_record()))
    assert LeadSheet.from_record(record) == sheet
    changed = value_or_sentence(LeadSheet.from_record, broken(record, data.draw))
    assert changed is None or str(changed)


#: Wishes that fit together.
WISHES = some.fixed_dictionaries(
    {
        "genre": some.sampled_from(GENRES)
        | some.just({"jazz": 0.25, "rock": 0.75})
        | some.just([(0.0, "pop"), (1.0, "metal")]),
        "seed": some.integers(0, 2**63 - 1),
    },
    optional={
        "strength": some.floats(0, 1),
        "steps": some.integers(1, 1000),
        "guidance": some.floats(0, 20),
        "mood": some.tuples(some.floats(-1, 1), some.floats(-1, 1)) | some.sampled_from([*MOODS]),
        "rate": some.floats(0.5, 2),
        "voice": some.sampled_from(["keep", "play", "off"]),
        "voice_gain": some.floats(-24, 24),
        "chords": some.just("Am7 D7 | G"),
        "key": some.sampled_from(["Eb", "F# minor"]),
        "tune": some.text(),
        "repeats": some.booleans(),
        "redone": some.just(((1.0, 2.5, 3),)),
        "bits": some.sampled_from([16, 24]),
        "source": some.text(),
    },
)


@examples(120)
@given(wish=WISHES, data=some.data())
def test_settings_are_read_as_they_are_written(wish, data, tmp_path_factory):
    path, wish = tmp_path_factory.getbasetemp() / "settings.json", Settings(**wish)
    given = asdict(wish)
    record = {"source": given.pop("source"), "file": "a.mp3", "weights_sha256": {}, "settings": given}
    path.write_text(json.dumps(record), "utf-8")
    assert read_settings(path) == wish
    path.write_text(json.dumps(broken(record, data.draw)), "utf-8")
    changed = value_or_sentence(read_settings, path)
    assert changed is None or changed.label


@examples(60)
@given(name=some.sampled_from(GENRES), data=some.data())
def test_a_recipe_is_read_as_it_is_written(name, data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "recipe.yaml"
    record = yaml.safe_load((data_folder() / "genres" / f"{name}.yaml").read_text("utf-8"))
    path.write_text(json.dumps(record), "utf-8")  # which is YAML, too
    assert load_recipe(path) == load_recipe(name)
    path.write_text(json.dumps(broken(record, data.draw)), "utf-8")
    changed = value_or_sentence(load_recipe, path)
    assert changed is None or isinstance(changed, Recipe)


@examples(100)
@given(
    text=texts(
        "genre: jazz\n",
        "- ",
        "[",
        "{",
        "&a ",
        "*a",
        ": ",
        "!!python/object:os.system ",
        "\n",
        "\t",
        "swing: 1\n",
    )
)
def test_any_yaml_is_a_recipe_or_a_sentence(text, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "recipe.yaml"
    path.write_text(text, "utf-8")
    assert value_or_sentence(load_recipe, path) is None


@examples(60)
@given(title=some.text(), lines=some.lists(some.text() | ANYTHING.map(json.dumps) | some.just("[" * 2000)))
def test_whole_lines_of_a_manifest_are_found_among_others(title, lines, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "manifest.jsonl"
    record = {one.name: title for one in fields(Clip)}
    path.write_text("\n".join([json.dumps(record), *lines, json.dumps(record)]), "utf-8")
    clips, _ = read_manifest(path)
    assert clips[0] == clips[-1] == Clip(**record)
