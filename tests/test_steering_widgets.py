"""Genre pad, song mixer, inventor and journey without a browser and with doubles: what they ask the
pipeline for."""

import json
from pathlib import Path

import numpy as np
import pytest
from widget_doubles import TONE, Pipeline

from noteninja_lib.audio import io as sound
from noteninja_lib.audio.tags import Tags, read_tags
from noteninja_lib.errors import UserError
from noteninja_lib.music.extension import LONGEST
from noteninja_lib.music.style import MOODS, styles
from noteninja_lib.music.tunes import Tune
from noteninja_lib.widgets.inputs import WAYS
from noteninja_lib.widgets.interpolation import ARRIVE, INVENTED, PRESETS, STAY, GenrePad, Journey, SongMixer
from noteninja_lib.widgets.tune_editor import Inventor, tune_of

ROOT = Path(__file__).resolve().parent.parent
NOTES = [[0.0, 1.0, 67], [1.0, 1.0, 69], [2.0, 2.0, 71], [4.0, 2.0, 74], [6.0, 2.0, 67]]


def made(kind, tmp_path, *arguments):
    return kind(*arguments, pipeline=Pipeline(), in_background=False, folder=tmp_path / "outputs")


# ---- genre pad ----------------------------------------------------------------------------------------


def test_pad_asks_for_the_shares_at_the_dot(songs, tmp_path):
    widget = made(GenrePad, tmp_path)
    widget.corners[0].value = "jazz"
    widget.pad.x, widget.pad.y = 0.25, 1.0
    widget.play()
    assert widget.pipeline.asked[0]["genre"] == pytest.approx({"jazz": 0.75, "disco": 0.25})
    assert widget.pad.labels[0] == "jazz" and widget.pad.trail == [[0.25, 1.0]]
    numbers = widget.results.numbers.value
    assert "asked for 75%, heard 62%" in numbers and "asked for 25%, heard 0%" in numbers  # 0.625, to even
    assert "asked for 0%, heard 38%" in numbers  # all other genres
    widget.results.save("mp3")
    assert [path.name for path in (tmp_path / "outputs").iterdir()] == ["a tune (jazz 75%, disco 25%).mp3"]


@pytest.mark.parametrize(
    "kind, go, genre",
    [
        (GenrePad, "play", "blues and disco and classical and metal"),
        (SongMixer, "mix", "jazz"),
        (Journey, "make", "classical"),
    ],
)
def test_tags_of_the_song_go_into_what_each_widget_saves(songs, tmp_path, kind, go, genre):
    sound.save(tmp_path / "song.mp3", TONE, tags=Tags("Lied", "Fanny"))
    widget = made(kind, tmp_path)
    chooser = widget.first if kind is SongMixer else widget.chooser
    chooser.way.value, chooser.path.value = WAYS[1], str(tmp_path / "song.mp3")
    getattr(widget, go)()
    widget.results.save("mp3")
    (path,) = (tmp_path / "outputs").iterdir()
    assert read_tags(path) == Tags(f"Lied ({genre}, by NoteNinja)", "Fanny")


def test_pad_begins_with_a_given_song_and_forgets_the_trail(songs, tmp_path):
    widget = made(GenrePad, tmp_path, songs / "b.mp3")
    widget.play()
    assert "before: b" in widget.results.sounds.sides[0]["heading"] and widget.pad.trail
    widget.corners[3].value = "country"
    assert widget.pad.trail == [] and widget.pad.labels[3] == "country"


# ---- song mixer ---------------------------------------------------------------------------------------


def test_mixer_takes_two_songs_and_a_share(songs, tmp_path):
    widget = made(SongMixer, tmp_path)
    widget.share.value, widget.genre.value = 0.7, "rock"
    widget.mix()
    asked = widget.pipeline.asked[0]
    assert (asked["share"], asked["genre"], len(asked["sources"])) == (0.7, "rock", 2)
    assert "before: The <Blue> Bell" in widget.results.sounds.sides[0]["heading"]  # the nearer one
    assert {name: widget.results.settings[name] for name in ("source", "second")} == {
        "source": str(songs / "a_tune.mp3"),
        "second": str(songs / "b.mp3"),
    }
    assert "rock from 30% “a tune” and 70%" in widget.results.sounds.sides[1]["heading"]


def test_mixer_tells_which_choice_is_missing(songs, tmp_path):
    widget = made(SongMixer, tmp_path)
    widget.second.way.value = WAYS[1]
    widget.mix()
    assert (
        "nn-error" in widget.message.value and "path" in widget.message.value and widget.pipeline.asked == []
    )


# ---- inventor -----------------------------------------------------------------------------------------


def test_notes_of_the_roll_become_a_tune():
    tune = tune_of(NOTES, "4/4")
    assert [list(note) for note in tune.notes] == NOTES
    assert (tune.metre, tune.length, tune.chords[0][0]) == ("4/4", 8.0, 0.0)
    assert tune_of([[start, 1 / 3, pitch] for start, _, pitch in NOTES], "3/4").metre == "3/4"
    with pytest.raises(UserError, match="four notes"):
        tune_of(NOTES[:3], "4/4")


def test_inventor_plays_what_is_on_the_roll(tmp_path, monkeypatch):
    monkeypatch.delenv("NOTENINJA_TEST", raising=False)
    widget = made(Inventor, tmp_path)
    widget.play()
    assert "four notes" in widget.message.value and widget.pipeline.asked == []
    widget.roll.notes, widget.genre.value, widget.seed.value = NOTES, "blues", 5
    widget.play()
    asked = widget.pipeline.asked[0]
    assert [list(note) for note in asked["sources"][0].notes] == NOTES
    assert (asked["genre"], asked["seed"]) == ("blues", 5)
    assert widget.results.facts["notes"] == NOTES


def test_an_invention_is_played_as_it_is_and_an_edited_one_anew(tmp_path):
    widget = made(Inventor, tmp_path)
    widget._put(tune_of(NOTES, "4/4", "my tune"))
    assert (widget.bars.value, widget.metre.value, widget.roll.bars) == (
        16,
        "4/4",
        2,
    )  # two bars can't be chosen, but shown
    widget.play()
    assert widget.pipeline.asked[0]["sources"][0] is widget.tune
    widget.roll.notes = [*NOTES[:-1], [6.0, 1.0, 66]]
    widget.play()
    assert widget.pipeline.asked[1]["sources"][0].notes[-1] == (6.0, 1.0, 66)
    widget.clear()
    assert widget.roll.notes == [] and widget.tune is None


def test_roll_follows_bars_and_metre(tmp_path):
    widget = made(Inventor, tmp_path)
    widget.bars.value, widget.metre.value = 32, "6/8"
    assert (widget.roll.bars, widget.roll.bar, widget.roll.beat) == (32, 3.0, 1.5)


# ---- journey ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begin, goal", PRESETS)
def test_a_journey_begins_in_the_first_mood_and_ends_in_the_last(songs, tmp_path, begin, goal):
    widget = made(Journey, tmp_path)
    widget.plan(begin, goal)
    path = dict(widget.path())
    assert path[0] == path[STAY] == MOODS[begin] and path[ARRIVE] == path[1] == MOODS[goal]
    middle = styles("jazz", widget.path(), [0.5])[0, -2:]
    assert np.allclose(middle, np.mean([MOODS[begin], MOODS[goal]], axis=0), atol=1e-3)


def test_drawn_curves_become_one_path(songs, tmp_path):
    widget = made(Journey, tmp_path)
    widget.valence.points, widget.arousal.points = [[0, -1], [1, 1]], [[0, 0], [0.5, 1], [1, 0]]
    assert widget.path() == [(0, (-1, 0)), (0.5, (0, 1)), (1, (1, 0))]


def test_an_invented_tune_is_one_of_the_ways_to_a_song(songs, tmp_path):
    chooser = made(Journey, tmp_path).chooser
    assert chooser.way.options == (*WAYS, INVENTED) and len(chooser.rows) == len(chooser.ways)
    for way in (INVENTED, WAYS[0]):
        chooser.way.value = way
        shown = [name for name, part in zip(chooser.ways, chooser.rows) if part.layout.display == ""]
        assert shown == [way] and set(chooser.rows) <= set(chooser.children)


def test_a_journey_may_last_as_long_as_a_piece_can(songs, tmp_path):
    widget = made(Journey, tmp_path)
    widget.minutes.value = LONGEST / 60
    assert widget.minutes.max == 60 and widget.valence.seconds == widget.arousal.seconds == LONGEST


def test_journey_of_an_invented_tune(songs, tmp_path, monkeypatch):
    monkeypatch.setenv("NOTENINJA_DATA", str(ROOT / "data"))  # the tunes that inventing learns from
    monkeypatch.setenv("NOTENINJA_TEST", "1")
    widget = made(Journey, tmp_path)
    widget.chooser.way.value, widget.minutes.value, widget.seed.value = INVENTED, 0.5, 3
    widget.make()
    asked = widget.pipeline.asked[0]
    assert isinstance(asked["sources"][0], Tune) and asked["sources"][0].collection == "invented"
    assert (asked["mood"], asked["genre"], asked["seconds"]) == (widget.path(), "classical", 30)
    assert bytes(widget.results.sounds.sides[1]["picture"]).startswith(b"\x89PNG")
    assert widget.results.facts == {"invented_from_seed": 3}


def test_a_long_song_is_cut_and_a_short_one_extended(songs, tmp_path):
    sound.save(songs / "long.wav", np.tile(TONE, 12))
    widget = made(Journey, tmp_path)
    widget.minutes.value, widget.chooser.way.value, widget.chooser.path.value = (
        0.5,
        WAYS[1],
        str(songs / "long.wav"),
    )
    widget.make()
    assert (
        "seconds" not in widget.pipeline.asked[0]
        and len(widget.pipeline.asked[0]["sources"][0]) == 30 * sound.SAMPLE_RATE
    )
    widget.chooser.way.value = WAYS[0]
    widget.make()
    assert (
        widget.pipeline.asked[1]["seconds"] == 30
        and widget.pipeline.asked[1]["sources"] == (songs / "a_tune.mp3",)
        and widget.pipeline.asked[1]["voice"] == "play"  # nobody can sing in another mood
    )


# ---- saving -------------------------------------------------------------------------------------------


def test_everything_is_saved_under_one_free_name(tmp_path, monkeypatch):
    def export(result, path, settings):
        files = [path.with_suffix(ending) for ending in (".mid", ".musicxml", ".json")]
        for file in files:
            file.write_text(json.dumps({"genre": settings.genre}))
        return files

    monkeypatch.setattr("noteninja_lib.settings.export", export)
    monkeypatch.setenv("NOTENINJA_TEST", "1")
    widget = made(Inventor, tmp_path)
    widget.roll.notes = NOTES
    widget.play()
    for kind in ("mp3", "wav"):
        widget.results.format.value = kind
        widget.results.save("everything")
        assert widget.results.saved.value.count('download="') == 4
    names = {path.name for path in (tmp_path / "outputs").iterdir()}
    stem = "new tune (jazz)"
    assert names == {f"{stem}.{kind}" for kind in ("mp3", "wav", "mid", "musicxml", "json")}  # each once
    record = json.loads((tmp_path / "outputs" / f"{stem}.json").read_text())
    assert record == {"genre": "jazz", "made_from": {"notes": NOTES, "metre": "4/4"}}
