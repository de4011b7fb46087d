"""The converter widget without a browser: its handlers are called directly.

A button's ``click()`` swallows the errors of its handler, so it is not used here. The pipeline is a double,
since these tests ask what the widget does with an answer, an error or a stop, and not how music sounds.
"""

import ast
import base64
import io
import re
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
import soundfile
from widget_doubles import TONE, Pipeline, upload

import noteninja_lib
from noteninja_lib.audio import STEREO_RATE, decoding, rate_of
from noteninja_lib.audio import io as sound
from noteninja_lib.audio.io import save
from noteninja_lib.audio.tags import Tags, read_tags
from noteninja_lib.errors import Notice, UserError
from noteninja_lib.music.style import MOODS
from noteninja_lib.settings import Settings
from noteninja_lib.widgets import players
from noteninja_lib.widgets.converter import GenreConverter, converter
from noteninja_lib.widgets.inputs import WAYS


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


def test_upload_is_converted(widget, songs):
    content = (songs / "b.mp3").read_bytes()
    upload(widget.chooser.upload, ("../mein Lied.mp3", content))  # chosen, or dropped on the widget
    path, title = widget.chooser.song()
    assert path.read_bytes() == content and (path.name, title) == ("mein Lied.mp3", "mein Lied")
    assert widget.chooser.way.value == WAYS[2]
    assert widget.chooser.upload.told == f"mein Lied.mp3: {len(content) / 1e6:.1f} MB arrived."
    widget.convert()
    assert widget.results.sounds.sides[0]["heading"] == "before: mein Lied"
    assert widget.results.settings["source"] == "mein Lied.mp3"
    upload(widget.chooser.upload, ("mein Lied.mp3", b"another"))
    assert widget.chooser.song()[0] != path  # what was heard in the first is not taken for this one's


def test_several_uploads_lie_together(widget):
    upload(widget.chooser.upload, ("one.mp3", b"1" * 2500), ("two.mp3", b""))
    assert [path.read_bytes() for path in widget.chooser.upload.files] == [b"1" * 2500, b""]
    assert len({path.parent for path in widget.chooser.upload.files}) == 1
    assert widget.chooser.upload.told == "2 files: 0.0 MB arrived."


def test_what_nothing_here_decodes_comes_once_more_from_the_browser(widget, monkeypatch):
    part, told = widget.chooser.upload, []
    monkeypatch.setattr(part, "send", told.append)
    monkeypatch.setattr(decoding, "decoder", lambda: None)
    film = b"\0\0\0\x20ftypisom" + bytes(500)
    upload(part, ("a.wav", b"RIFF1"), ("film.mp3", film), ("film.wav", b"RIFF2"), ("a.wav", b"RIFF3"))
    assert [one["decode"] for one in told] == [False, True, False, False]
    assert [(one.name, one.read_bytes()) for one in part.files] == [
        ("a.wav", b"RIFF1"),
        ("film.wav", b"RIFF2"),
        ("a (2).wav", b"RIFF3"),
    ]
    assert {one.name for one in part.files[0].parent.iterdir()} == {one.name for one in part.files}
    part._receive(part, {"what": "fail", "words": "film.mp3 can't be decoded."}, [])
    assert part.told == "film.mp3 can't be decoded." and part.files == []
    widget.convert()  # not the song that was chosen before
    assert "Choose a file to upload first" in widget.message.value
    monkeypatch.setattr(decoding, "decoder", lambda: "the user's own")
    upload(part, ("film.m4a", film))
    assert part.files[0].read_bytes() == film


def test_only_the_chosen_way_is_shown(widget):
    for number, way in enumerate(WAYS):
        widget.chooser.way.value = way
        shown = [row.layout.display != "none" for row in widget.chooser.rows]
        assert shown == [n == number for n in range(4)]


@pytest.mark.parametrize("way", WAYS[1:])
def test_nothing_chosen_is_told(widget, way):
    widget.chooser.way.value = way
    with pytest.raises(UserError, match="first"):
        widget.chooser.song()


# ---- converting ---------------------------------------------------------------------------------------


def test_asks_for_what_the_controls_say(widget):
    widget.genre.value, widget.strength.value, widget.seed.value = "metal", 0.5, 7
    widget.steps.value, widget.guidance.value = 6, 3.0
    widget.convert()
    asked = widget.pipeline.asked[0]
    assert asked.pop("sources") == (widget.chooser.song()[0],)  # the file itself: an array would be mono
    assert asked == {
        "genre": "metal",
        "strength": 0.5,
        "rate": None,
        "mood": None,
        "voice": "keep",
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
    assert len(result.mono()) < len(result.source)
    assert (
        "tempo 150%" in widget.results.sounds.sides[1]["heading"]
        and "mood +0.9 +0.5" in widget.results.sounds.sides[1]["heading"]
    )
    widget.mood.use("neutral")
    assert widget.mood.mood() is None


@pytest.mark.parametrize("name", ["tune.mid", "tune.abc", "Tune.MusicXML"])
def test_a_score_goes_to_the_pipeline_unread(widget, tmp_path, name):
    """Only the pipeline knows how to read notes; the widget would take them for damaged sound."""
    widget.chooser.way.value, widget.chooser.path.value = WAYS[1], str(tmp_path / name)
    widget.convert()
    assert widget.pipeline.asked[0]["sources"] == (tmp_path / name,)
    assert (
        "nn-info" in widget.message.value
        and f"before: {name[:4]}" in widget.results.sounds.sides[0]["heading"]
    )
    assert all(f".{kind}" in widget.chooser.upload.accept for kind in ("mid", "abc", "musicxml", "mp3"))


def test_shows_sound_picture_and_numbers(widget):
    assert widget.results.layout.display == "none"
    widget.convert()
    assert widget.results.layout.display != "none"
    before, after = (
        decode(widget.results.sounds.sides[0]["sound"]),
        decode(widget.results.sounds.sides[1]["sound"]),
    )
    assert after.shape == (pytest.approx(2 * len(TONE), abs=0.05 * STEREO_RATE), 2)
    assert np.abs(before - sound.mono(after)[: len(before)]).max() > 0.1
    assert bytes(widget.results.sounds.sides[1]["picture"]).startswith(b"\x89PNG")
    assert bytes(widget.results.sounds.sides[0]["picture"]) != bytes(
        widget.results.sounds.sides[1]["picture"]
    )
    assert all(
        share in widget.results.numbers.value for share in ("75%", "62%", "12%")
    )  # 0.625 and 0.125, to even
    assert "Done" in widget.message.value


def read_stereo(mp3):
    samples, rate = soundfile.read(io.BytesIO(bytes(mp3)), always_2d=True)
    return samples, rate


def test_a_kept_voice_is_heard_in_stereo_and_apart(widget):
    widget.pipeline.sung = True
    widget.convert()
    after, rate = read_stereo(widget.results.sounds.sides[1]["sound"])
    assert rate == 44100 and np.std(after[:, 0]) > 3 * np.std(after[:, 1]) > 0
    assert after.shape == (pytest.approx(len(widget.result.source) * 2, abs=5000), 2)
    assert "voice kept" in widget.results.numbers.value and widget.results.apart.layout.display == ""
    assert [bytes(one.value) for one in widget.results.stems.values()] == [
        b"",
        b"",
    ]  # until they are asked for
    widget.results.apart.selected_index = 0
    voice, band = (read_stereo(widget.results.stems[name].value)[0] for name in ("voice", "band"))
    assert np.std(voice[:, 0]) > 0.1 > 0.01 > np.std(voice[:, 1]) and np.std(band[:, 1]) > 0.01 > np.std(
        band[:, 0]
    )
    widget.pipeline.sung = False
    widget.convert()
    assert widget.results.apart.layout.display == "none" and widget.results.apart.selected_index is None
    assert "Singer" not in widget.results.numbers.value


def test_a_picture_of_a_kept_voice_has_the_right_length_and_notes(widget, monkeypatch):
    drawn = []
    real = players.plot_spectrogram
    monkeypatch.setattr(
        players, "plot_spectrogram", lambda *given: drawn.append(given) or real(*given), raising=True
    )
    widget.pipeline.sung = True
    widget.convert()
    for samples, _, notes in drawn:
        assert abs(len(samples) / rate_of(samples) - len(TONE) / sound.SAMPLE_RATE) < 0.1
        assert [note.start for note in notes] == pytest.approx([0, 1], abs=0.02)


@pytest.mark.parametrize("voice, words", [("play", "played by an instrument"), ("off", "left out")])
def test_the_voice_is_what_was_chosen(widget, voice, words, tmp_path):
    widget.pipeline.sung, widget.voice.value = True, voice
    widget.convert()
    assert widget.pipeline.asked[0]["voice"] == voice and words in widget.results.numbers.value
    assert f"voice {voice}" in widget.results.sounds.sides[1]["heading"] and widget.result.audio.shape[1] == 2
    assert widget.results.apart.layout.display == "none"
    widget.results.save("mp3")
    assert [path.name for path in (tmp_path / "outputs").iterdir()] == [f"a tune (jazz, voice {voice}).mp3"]


def test_no_tune_is_told_in_place_of_a_share(widget):
    widget.pipeline.tune_kept = None
    widget.convert()
    assert "no tune was found" in widget.results.numbers.value and "nn-error" not in widget.message.value


def test_what_the_pipeline_does_in_another_way_is_told_once(widget, monkeypatch):
    def warn(*sources, **wish):
        for _ in range(2):
            warnings.warn("A voice can't be sung in a lift.", Notice, stacklevel=1)
        warnings.warn("internal matter", stacklevel=1)
        return Pipeline.__call__(widget.pipeline, *sources, **wish)

    monkeypatch.setattr(widget.pipeline, "__call__", warn, raising=False)
    widget.convert()
    assert widget.message.value.count("sung in a lift") == 1 and "internal" not in widget.message.value


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
    kept, shown = widget.result, bytes(widget.results.sounds.sides[1]["sound"])
    widget.pipeline.error = error
    widget.convert()
    assert "nn-error" in widget.message.value and words in widget.message.value
    assert widget.result is kept and bytes(widget.results.sounds.sides[1]["sound"]) == shown
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


@pytest.mark.parametrize("name, words", [("letter.mp3", "is no recording"), ("half.mp3", "is damaged")])
def test_an_upload_is_called_by_its_own_name(widget, songs, tmp_path, name, words):
    sound.save(tmp_path / "whole.mp3", np.tile(TONE, 10))
    whole = (tmp_path / "whole.mp3").read_bytes()
    content = whole[: len(whole) // 2] if name == "half.mp3" else b"This is a letter, not a song. " * 99
    upload(widget.chooser.upload, (name, content))
    widget.convert()
    assert f">{name} {words}" in widget.message.value and widget.message.value.count(name) == 1


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
    assert names == ["a tune (jazz) tune.mid", "a tune (jazz).mp3"]  # each once
    saved, rate = soundfile.read(tmp_path / "outputs" / names[1])
    assert rate == 44100 and saved.shape == (pytest.approx(2 * len(TONE), abs=0.05 * rate), 2)
    notes = pretty_midi.PrettyMIDI(str(tmp_path / "outputs" / names[0])).instruments[0].notes
    assert [(note.pitch, note.velocity) for note in notes] == [(69, 80), (71, 64)]
    assert [note.start for note in notes] == pytest.approx([0, 1], abs=0.01)


def test_tags_of_the_song_go_into_what_is_saved(widget, tmp_path):
    save(
        tmp_path / "song.mp3",
        TONE,
        tags=Tags("Lied ohne Worte 歌", "Fanny", "Das Jahr", b"\xff\xd8\xff picture"),
    )
    widget.chooser.song = lambda: (tmp_path / "song.mp3", "song")
    widget.convert()
    widget.results.save("mp3")
    (path,) = (tmp_path / "outputs").iterdir()
    title = "Lied ohne Worte 歌 (jazz, by NoteNinja)"
    assert read_tags(path) == Tags(title, "Fanny", "Das Jahr", b"\xff\xd8\xff picture")


def test_names_of_files_are_allowed_everywhere_and_say_what_differs(widget, tmp_path):
    widget.chooser.song = lambda: (widget.chooser.bundled.value, 'What? "A/B": ' + 40 * "ein langer Titel ")
    widget.tempo.value, widget.seed.value, widget.strength.value = 1.5, 3, 0.12
    widget.convert()
    widget.results.save("mp3")
    (path,) = (tmp_path / "outputs").iterdir()
    assert path.name.startswith("What A B ein langer") and len(path.name) < 130
    assert path.name.endswith(" (jazz, amount 12%, tempo 150%, seed 3).mp3")


def test_everything_has_the_voice_and_the_band_apart(widget, tmp_path, monkeypatch):
    widget.pipeline.sung = True
    widget.convert()
    monkeypatch.delenv("NOTENINJA_DATA")  # the settings name the networks
    stem = "a tune (jazz)"
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / f"{stem} voice.wav").write_bytes(b"of an earlier result whose sound is gone")
    widget.results.format.value = "wav"
    widget.results.save("everything")
    kinds = (".wav", ".mid", ".musicxml", ".json", " voice.wav", " band.wav")
    written = {path.name for path in (tmp_path / "outputs").iterdir()}
    assert written == {f"{stem} voice.wav", *(f"{stem} (2){kind}" for kind in kinds)}
    voice, band, mix = (
        soundfile.read(tmp_path / "outputs" / f"{stem} (2){kind}")
        for kind in (" voice.wav", " band.wav", ".wav")
    )
    assert voice[1] == band[1] == mix[1] == 44100 and mix[0].shape[1] == 2
    assert np.abs(voice[0] + band[0] - mix[0]).max() < 1e-4


def test_each_format_is_saved_in_stereo(widget, tmp_path, monkeypatch):
    widget.convert()
    monkeypatch.delenv("NOTENINJA_DATA")  # the settings name the networks
    for kind in ("mp3", "wav", "flac", "ogg"):
        widget.results.format.value = kind
        widget.results.save("everything")
        (saved,) = (tmp_path / "outputs").glob(f"*.{kind}")
        facts = soundfile.info(saved)
        assert (facts.samplerate, facts.channels, facts.frames) == (44100, 2, 2 * len(TONE))
        assert saved.name in widget.results.saved.value


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


def test_percentages_are_written_in_one_way():
    """12%, as sliders write it; whatever a widget or the command line tells."""
    for path in Path(noteninja_lib.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        parts = [part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values]
        parts += [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        docs = [ast.get_docstring(node, clean=False) for node in ast.walk(tree) if hasattr(node, "body")
                and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]  # fmt: skip
        words = [one.value for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        assert [one for one in words if one not in docs and re.search(r"(^|\d) %", one)] == [], path
    for path in Path(players.STATIC).glob("*.js"):
        assert "} %" not in path.read_text("utf-8"), path


# ---- before and after ---------------------------------------------------------------------------------


def test_before_and_after_share_axis_colours_and_loudness():
    drawn, stereo = [], np.repeat(np.tile(TONE, 4)[::2, None], 2, 1) * np.float32(0.1)

    def picture(figure):
        drawn.append(figure)
        players.plot_spectrogram(stereo, figure.subplots())

    shown = players.Comparison()
    shown.show(players.Side("one", TONE), players.Side("two", stereo))
    (one, two), seconds = shown.sides, len(TONE) / sound.SAMPLE_RATE
    assert shown.longest == seconds and one["span"] == two["span"] and 0 < one["span"][0] < one["span"][1] < 1
    level = sound.loudness(TONE) - sound.loudness(stereo, STEREO_RATE)
    assert shown.gains == pytest.approx([-level, 0]) and 10 < level < 20  # two channels are 3 dB louder
    assert f"A is played {level:.1f} dB softer" in shown.levelled and "dB softer" not in shown.levels
    louder = players.Side("two", 10 * stereo, [], picture)
    shown.show(players.Side("one", np.tile(TONE, 2), [], picture), louder)
    limits = {figure.axes[0].images[0].get_clim() for figure in drawn}
    assert len(limits) == 1 and shown.longest == 2 * seconds
    with_axis, alone = (side["span"] for side in shown.sides)
    assert alone[1] - alone[0] == pytest.approx(2 * (with_axis[1] - with_axis[0]))  # which lasts half as long


def test_equal_and_silent_sounds_are_not_turned_down():
    shown = players.Comparison()
    shown.show(players.Side("one", TONE), players.Side("two", TONE))
    assert shown.gains == [0, 0] and "equally loud as they are" in shown.levelled
    shown.show(players.Side("one", TONE), players.Side("two", 0 * TONE))
    assert shown.gains == [0, 0]


def test_a_sound_that_stays_is_not_encoded_again(widget, monkeypatch):
    widget.convert()
    encoded = []
    monkeypatch.setattr(players, "to_mp3", lambda audio: encoded.append(audio) or b"mp3")
    widget.results.passage.value = (0.5, 2.0)
    widget.results.redo()
    assert len(encoded) == 1 and encoded[0] is widget.result.audio


# ---- players in plain cells ---------------------------------------------------------------------------


def test_players_do_not_change_the_loudness():
    page = players.compare({"loud": TONE, "<soft>": 0.1 * TONE}).data
    loud, soft = (decode(base64.b64decode(part.split('"')[0])) for part in page.split("base64,")[1:])
    assert np.std(loud) / np.std(soft) == pytest.approx(10, rel=0.05)
    assert np.std(loud) == pytest.approx(np.std(TONE), rel=0.05)
    assert "&lt;soft&gt;" in page and len(page) < 2 * len(base64.b64encode(sound.to_mp3(TONE))) + 1000


def test_stereo_is_played_at_its_own_rate():
    kept = np.repeat(np.repeat(TONE, 2)[:, None], 2, 1)
    page = players.compare({"mono": TONE, "stereo": kept}).data
    one, two = (read_stereo(base64.b64decode(part.split('"')[0])) for part in page.split("base64,")[1:])
    assert (one[1], two[1]) == (22050, 44100) and two[0].shape[1] == 2
    assert len(one[0]) / one[1] == pytest.approx(len(two[0]) / two[1], abs=0.1)


def test_hear_is_one_player():
    assert players.hear(TONE, "a tone").data.count("<audio") == 1


# ---- playing while it is made ---------------------------------------------------------------------------


@pytest.fixture
def live(songs, tmp_path, monkeypatch):
    """A widget with a song of 66 s, and what its player is told: (message, decoded sound)."""
    sound.save(songs / "a_tune.mp3", np.tile(TONE, 22))
    widget, told = GenreConverter(Pipeline(), in_background=False, folder=tmp_path), []

    def send(message, pieces=()):
        shown = widget.results.layout.display != "none"
        told.append((message | {"shown": shown}, [decode(piece) for piece in pieces]))

    monkeypatch.setattr(widget.live, "send", send)
    return widget, told


def test_a_long_song_is_played_while_it_is_made(live):
    widget, told = live
    widget.genre.value, widget.seed.value = "reggae", 5
    widget.convert()
    assert [message["what"] for message, _ in told[:2]] == ["start", "add"]
    assert abs(told[0][0]["seconds"] - 66) < 0.1 and not told[1][0]["shown"]
    assert told[-1][0] == {"what": "finish", "shown": True}
    (asked,) = widget.pipeline.streamed
    whole = widget.pipeline.asked[0]
    assert asked["genre"] == "reggae" and asked["seed"] == 5 and asked["parts"] >= 1
    assert {name: asked[name] for name in whole} == whole  # the same wish, and the same noise
    played = np.concatenate([piece for _, pieces in told for piece in pieces])
    assert played.shape == (asked["parts"] * 3 * 44100, 2)
    assert asked["parts"] * 3 <= 0.24 * 66 + 3  # the rest is left to the result


def test_long_stretches_are_sent_in_pieces_without_loss(live):
    widget, told = live
    sent = np.random.default_rng(0).uniform(-0.5, 0.5, (11 * 44100, 2)).astype(np.float32)
    widget.live.add(sent)
    pieces = [piece for _, (piece,) in told]
    assert [len(piece) for piece in pieces] == [5 * 44100, 5 * 44100, 44100]
    assert np.abs(np.concatenate(pieces) - sent).max() < 1e-4


@pytest.mark.parametrize("why", ["not asked for", "short", "another mood", "another tempo"])
def test_else_it_is_heard_when_it_is_finished(live, songs, why):
    widget, told = live
    if why == "not asked for":
        widget.at_once.value = False
    elif why == "short":
        widget.chooser.bundled.value = songs / "b.mp3"
    elif why == "another mood":
        widget.mood.words["happy"].click()
    else:
        widget.tempo.value = 1.5
    widget.convert()
    assert widget.result is not None and widget.pipeline.streamed == []
    assert [message["what"] for message, _ in told] == ["finish"]


def test_what_goes_wrong_ends_the_sound(live):
    widget, told = live
    widget.pipeline.error = UserError("There is no music in this song.")
    widget.convert()
    assert told[-1][0]["what"] == "stop" and "no music" in widget.message.value
    told.clear()
    widget.stop()
    widget.stop_button.click()
    assert [message["what"] for message, _ in told] == ["stop"]


# ---- one passage again --------------------------------------------------------------------------------


def test_a_passage_is_made_anew_and_compared(widget, tmp_path):
    widget.genre.value, widget.seed.value = "metal", 4
    widget.convert()
    results, first = widget.results, widget.result
    assert results.passage.options[0] == ("0:00", 0.0) and results.passage.options[-1][1] == 3.0
    assert results.seed.value == 5 and results.take.layout.display == "none"
    results.passage.value = (0.5, 2.0)
    results.redo()
    assert widget.pipeline.asked[1] == widget.pipeline.asked[0] | {"redone": ((0.5, 2.0, 5),)}
    assert widget.result is not first and "0:00.5-0:02 anew (seed 5)" in results.sounds.sides[1]["heading"]
    assert results.take.index == 1 and results.take.layout.display == "" and results.seed.value == 6
    results.save("mp3")
    assert len(list((tmp_path / "outputs").glob("a tune (metal, seed 4, 0.00.5-0.02 anew 5).mp3"))) == 1
    assert Settings(**results.settings).redone == ((0.5, 2.0, 5),)  # which JSON gets
    results.take.index = 0
    assert widget.result is first and "anew" not in results.sounds.sides[1]["heading"]
    results.take.index = 1
    results.passage.value = (1.5, 2.5)
    results.redo()  # what is shown is gone on from
    assert widget.pipeline.asked[2]["redone"] == ((0.5, 2.0, 5), (1.5, 2.5, 6))
    widget.convert()
    assert results.take.layout.display == "none" and "anew" not in results.sounds.sides[1]["heading"]


def test_the_earlier_result_stays_if_a_passage_fails(widget, songs):
    widget.convert()
    first = widget.result
    for passage, seed, sentence in (
        ((1.0, 1.5), 5, "too short"),
        ((0.5, 2.0), 0, "is that of the result"),
    ):
        widget.results.passage.value, widget.results.seed.value = passage, seed
        widget.results.redo()
        assert sentence in widget.message.value and widget.result is first
    widget.results.seed.value, widget.pipeline.error = 5, UserError("No room.")
    widget.results.redo()
    assert "No room." in widget.message.value and widget.result is first
    widget.pipeline.error = None
    sound.save(songs / "a_tune.mp3", TONE[::-1] * 0.5)
    widget.results.redo()
    assert "another song" in widget.message.value and widget.result is first


def test_a_passage_can_be_stopped_and_locks_the_buttons(widget):
    widget.convert()
    first, widget.in_background, widget.pipeline.wait = widget.result, True, threading.Event()
    widget.results.redo()
    assert widget.pipeline.wait.wait(10)
    assert widget.convert_button.disabled and widget.results.redo_button.disabled
    widget.stop()
    widget.thread.join(10)
    assert "The earlier result is still here" in widget.message.value and widget.result is first
    assert not widget.results.redo_button.disabled and not widget.convert_button.disabled
