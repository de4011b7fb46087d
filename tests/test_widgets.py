"""The converter widget without a browser: its handlers are called directly.

A button's ``click()`` swallows the errors of its handler, so it is not used here. The pipeline is a double,
since these tests ask what the widget does with an answer, an error or a stop, and not how music sounds.
"""

import base64
import io
import threading
import time

import numpy as np
import pretty_midi
import pytest
import soundfile
from widget_doubles import TONE, Pipeline

from noteninja_lib.audio import io as sound
from noteninja_lib.errors import UserError
from noteninja_lib.music.style import MOODS
from noteninja_lib.widgets import players
from noteninja_lib.widgets.choosers import WAYS, uploaded
from noteninja_lib.widgets.converter import GenreConverter, converter


@pytest.fixture
def widget(songs, tmp_path):
    return GenreConverter(Pipeline(), in_background=False, folder=tmp_path / "outputs")


def decode(mp3):
    return soundfile.read(io.BytesIO(bytes(mp3)))[0]


# ---- songs --------------------------------------------------------------------------------------------


def test_bundled_songs_have_titles(songs):
    assert players.bundled_songs() == {"a tune": songs / "a_tune.mp3", "The <Blue> Bell": songs / "b.mp3"}


def test_preview_plays_the_chosen_song(widget, songs):
    widget.chooser.bundled.value = songs / "b.mp3"
    assert bytes(widget.chooser.preview.value) == (songs / "b.mp3").read_bytes()


@pytest.mark.parametrize(
    "value",
    [
        {"ä song.mp3": {"metadata": {"name": "ä song.mp3"}, "content": b"abc"}},  # ipywidgets 7
        ({"name": "ä song.mp3", "content": memoryview(b"abc"), "size": 3},),  # ipywidgets 8
    ],
)
def test_upload_of_both_kinds(value):
    assert uploaded(value) == ("ä song.mp3", b"abc")


@pytest.mark.parametrize("value", [{}, ()])
def test_no_upload_yet(value):
    assert uploaded(value) is None


def test_upload_is_converted(widget, songs, monkeypatch):
    content = (songs / "b.mp3").read_bytes()
    widget.chooser.way.value = WAYS[2]
    monkeypatch.setattr("noteninja_lib.widgets.choosers.uploaded", lambda value: ("mein Lied.mp3", content))
    widget.convert()
    assert "before: mein Lied" in widget.results.before.heading.value


def test_only_the_chosen_way_is_shown(widget):
    for number, way in enumerate(WAYS):
        widget.chooser.way.value = way
        shown = [row.layout.display != "none" for row in widget.chooser.rows]
        assert shown == [n == number for n in range(3)]


@pytest.mark.parametrize("way", WAYS[1:])
def test_nothing_chosen_is_told(widget, way):
    widget.chooser.way.value = way
    with pytest.raises(UserError, match="first"):
        widget.chooser.song()


def test_size_limit_of_uploads_is_told(widget):
    assert "10 MB" in widget.chooser.uploaded.value and WAYS[1] in widget.chooser.uploaded.value


# ---- converting ---------------------------------------------------------------------------------------


def test_asks_for_what_the_controls_say(widget):
    widget.genre.value, widget.strength.value, widget.seed.value = "metal", 0.5, 7
    widget.steps.value, widget.guidance.value = 6, 3.0
    widget.convert()
    asked = widget.pipeline.asked[0]
    assert np.array_equal(asked.pop("sources")[0], sound.load(widget.chooser.song()[0]))
    assert asked == {
        "genre": "metal",
        "strength": 0.5,
        "rate": None,
        "mood": None,
        "num_inference_steps": 6,
        "guidance_scale": 3.0,
        "seed": 7,
    }


def test_asks_for_tempo_and_mood(widget):
    widget.tempo.value = 1.5
    widget.mood.words["happy"].click()
    widget.convert()
    asked = widget.pipeline.asked[0]
    assert asked["rate"] == 1.5 and asked["mood"] == MOODS["happy"]
    result = widget.result
    assert len(result.audio) < len(result.source)
    assert (
        "tempo 150%" in widget.results.after.heading.value
        and "mood +0.9 +0.5" in widget.results.after.heading.value
    )
    widget.mood.use("neutral")
    assert widget.mood.mood() is None


@pytest.mark.parametrize("name", ["tune.mid", "tune.abc", "Tune.MusicXML"])
def test_a_score_goes_to_the_pipeline_unread(widget, tmp_path, name):
    """Only the pipeline knows how to read notes; the widget would take them for damaged sound."""
    widget.chooser.way.value, widget.chooser.path.value = WAYS[1], str(tmp_path / name)
    widget.convert()
    assert widget.pipeline.asked[0]["sources"] == (tmp_path / name,)
    assert "nn-info" in widget.message.value and f"before: {name[:4]}" in widget.results.before.heading.value
    assert all(f".{kind}" in widget.chooser.upload.accept for kind in ("mid", "abc", "musicxml", "mp3"))


def test_shows_sound_picture_and_numbers(widget):
    assert widget.results.layout.display == "none"
    widget.convert()
    assert widget.results.layout.display != "none"
    before, after = decode(widget.results.before.player.value), decode(widget.results.after.player.value)
    assert abs(len(after) - len(TONE)) <= 0.05 * sound.SAMPLE_RATE
    assert np.abs(before - after[: len(before)]).max() > 0.1
    assert bytes(widget.results.after.picture.value).startswith(b"\x89PNG")
    assert bytes(widget.results.before.picture.value) != bytes(widget.results.after.picture.value)
    assert all(
        share in widget.results.numbers.value for share in ("75%", "62%", "12%")
    )  # 0.625 and 0.125, to even
    assert "Done" in widget.message.value


def test_titles_are_not_taken_for_html(widget, songs):
    widget.chooser.bundled.value = songs / "b.mp3"
    widget.convert()
    assert "The &lt;Blue&gt; Bell" in widget.results.before.heading.value


def test_progress_tells_the_time_left(widget):
    widget._started, widget._told = time.monotonic() - 3, 0.0
    widget.tell_progress(0.25, "denoising")
    assert widget.progress.value == 0.25
    assert widget.time_left.value == "denoising, about 9 s left"


def test_background_work_can_be_stopped_and_begun_again(songs):
    widget = converter(Pipeline())
    widget.convert()
    widget.thread.join(60)
    kept = widget.result
    assert kept is not None
    widget.pipeline.wait = threading.Event()
    widget.convert()
    assert widget.pipeline.wait.wait(60)
    assert widget.convert_button.disabled and not widget.stop_button.disabled
    widget.convert()  # a second press while it works does nothing
    widget.stop()
    widget.thread.join(60)
    assert not widget.thread.is_alive() and len(widget.pipeline.asked) == 2
    assert "Stopped. The earlier result" in widget.message.value and widget.result is kept
    assert not widget.convert_button.disabled and widget.stop_button.disabled
    widget.pipeline.wait = None
    widget.convert()
    widget.thread.join(60)
    assert "Done" in widget.message.value and widget.result is not kept


# ---- errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error, words",
    [
        (UserError("Give it a <longer> song."), "Give it a &lt;longer&gt; song."),
        (RuntimeError("shape mismatch"), "RuntimeError: shape mismatch"),
    ],
)
def test_error_is_one_sentence_and_the_widget_lives(widget, error, words):
    widget.convert()
    kept, shown = widget.result, bytes(widget.results.after.player.value)
    widget.pipeline.error = error
    widget.convert()
    assert "nn-error" in widget.message.value and words in widget.message.value
    assert widget.result is kept and bytes(widget.results.after.player.value) == shown
    assert not widget.convert_button.disabled
    widget.pipeline.error = None
    widget.convert()
    assert "Done" in widget.message.value and widget.result is not kept


@pytest.mark.parametrize(
    "name, content", [("text.mp3", b"This is a letter, not a song. " * 99), ("empty.wav", b""), (".", None)]
)
def test_wrong_file_is_told(widget, tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    widget.chooser.way.value, widget.chooser.path.value = WAYS[1], str(tmp_path / name)
    widget.convert()
    assert "nn-error" in widget.message.value and "Traceback" not in widget.message.value
    assert widget.pipeline.asked == []


def test_damaged_file_is_converted_and_told(widget, tmp_path):
    long = np.tile(TONE, 10)
    sound.save(tmp_path / "whole.mp3", long)
    whole = (tmp_path / "whole.mp3").read_bytes()
    (tmp_path / "cut.mp3").write_bytes(whole[: len(whole) // 2])
    pasted = f' "{tmp_path / "cut.mp3"}" '  # as file managers put a path into the clipboard
    widget.chooser.way.value, widget.chooser.path.value = WAYS[1], pasted
    widget.convert()
    assert "damaged" in widget.message.value and "nn-info" in widget.message.value
    assert sound.SAMPLE_RATE < len(widget.result.source) < len(long)


def test_errors_are_raised_under_test(widget, monkeypatch):
    monkeypatch.setenv("NOTENINJA_TEST", "1")
    widget.pipeline.error = ZeroDivisionError("oops")
    with pytest.raises(ZeroDivisionError):
        widget.convert()
    assert "oops" in widget.message.value and not widget.convert_button.disabled


# ---- saving and looks ---------------------------------------------------------------------------------


def test_saves_mp3_and_midi_and_never_over_an_earlier_file(widget, tmp_path):
    widget.convert()
    for kind in ("mp3", "mp3", "mid"):
        widget.results.save(kind)
        assert 'download="' in widget.results.saved.value
    names = sorted(path.name for path in (tmp_path / "outputs").iterdir())
    assert names == ["a_tune_jazz_1.00_0-2.mp3", "a_tune_jazz_1.00_0.mp3", "a_tune_tune.mid"]
    assert abs(len(sound.load(tmp_path / "outputs" / names[1])) - len(TONE)) <= 0.05 * sound.SAMPLE_RATE
    notes = pretty_midi.PrettyMIDI(str(tmp_path / "outputs" / names[2])).instruments[0].notes
    assert [(note.pitch, note.velocity) for note in notes] == [(69, 80), (71, 64)]
    assert [note.start for note in notes] == pytest.approx([0, 1], abs=0.01)


def test_unwritable_folder_is_told(widget, tmp_path):
    widget.convert()
    (tmp_path / "outputs").write_text("a file where the folder should be")
    for kind in ("mp3", "mid"):
        widget.results.save(kind)
        assert "nn-error" in widget.message.value and "outputs" in widget.message.value
    assert widget.results.saved.value == ""


def test_stage_size_is_switched(widget):
    widget.stage.value = True
    assert "nn-stage" in widget._dom_classes
    widget.stage.value = False
    assert "nn-stage" not in widget._dom_classes


# ---- players in plain cells ---------------------------------------------------------------------------


def test_players_do_not_change_the_loudness():
    page = players.compare({"loud": TONE, "<soft>": 0.1 * TONE}).data
    loud, soft = (decode(base64.b64decode(part.split('"')[0])) for part in page.split("base64,")[1:])
    assert np.std(loud) / np.std(soft) == pytest.approx(10, rel=0.05)
    assert np.std(loud) == pytest.approx(np.std(TONE), rel=0.05)
    assert "&lt;soft&gt;" in page and len(page) < 2 * len(base64.b64encode(sound.to_mp3(TONE))) + 1000


def test_hear_is_one_player():
    assert players.hear(TONE, "a tone").data.count("<audio") == 1
