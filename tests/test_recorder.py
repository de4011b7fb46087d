"""The recorder without a browser: what Python makes of the parts that arrive."""

import numpy as np
import pytest
import soundfile

from benchmarks.humming import Job, hummed
from noteninja_lib.errors import UserError
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.widgets.inputs import WAYS, Recorder, SongChooser
from noteninja_lib.widgets.tune_editor import MIDDLE, Inventor

RATE = 44100


def send(recorder, sound, rate=RATE, beats=(), lost=0):
    """What the page sends of a recording (samples,); so many of its parts get lost."""
    whole = np.round(32767 * sound).astype("<i2")
    recorder._receive(None, {"what": "begin", "rate": rate}, [])
    for part in np.array_split(whole, 5)[lost:]:
        recorder._receive(None, {"what": "part"}, [memoryview(part.tobytes())])
    recorder._receive(None, {"what": "end", "samples": len(whole), "beats": list(beats)}, [])


def test_parts_become_a_file(tmp_path):
    recorder, sound = Recorder(), 0.5 * np.sin(np.arange(RATE) / 20)
    with pytest.raises(UserError, match="Press Record"):
        recorder.write(tmp_path / "a.wav")
    send(recorder, sound, beats=(0.25, 0.75))
    written, rate = soundfile.read(recorder.write(tmp_path / "a.wav"))
    assert rate == RATE and recorder.seconds == 1 and recorder.beats.tolist() == [0.25, 0.75]
    np.testing.assert_allclose(written, sound, atol=1e-4)
    send(recorder, sound[: RATE // 2])  # again
    assert recorder.seconds == 0.5 and recorder.beats is None
    assert len(soundfile.read(recorder.write(tmp_path / "a.wav"))[0]) == RATE // 2


def test_a_part_that_is_lost_is_told(tmp_path):
    recorder = Recorder()
    send(recorder, np.zeros(RATE), lost=1)
    assert recorder.seconds == 0
    with pytest.raises(UserError, match="got lost on its way: record it again"):
        recorder.write(tmp_path / "a.wav")


def test_a_recording_is_a_way_to_a_song():
    chooser = SongChooser()
    chooser.way.value = WAYS[3]
    send(chooser.recorder, np.zeros(RATE))
    path, title = chooser.song()
    assert title == "my recording" and soundfile.info(path).frames == RATE


@pytest.mark.parametrize("kind", ["hum", "whistle"])
def test_a_hum_is_put_on_the_roll_where_instruments_play(kind, tmp_path):
    tune, studio = load_tunes("test")[5], Inventor(in_background=False, folder=tmp_path)
    studio.hum()
    assert "Press Record" in studio.message.value and not studio.roll.notes
    send(studio.recorder, hummed(tune, Job(5, kind, "near", 0), 0.02)[0], 22050)
    studio.hum()
    pitches = [pitch for _, _, pitch in studio.roll.notes]
    assert abs(np.median(pitches) - MIDDLE) <= 6 and studio.roll.metre == studio.tune.metre
    steps, known = (np.diff(one) for one in (pitches, [pitch for _, _, pitch in tune.notes]))
    runs = {tuple(known[at : at + 4]) for at in range(len(known))}
    assert np.mean([tuple(steps[at : at + 4]) in runs for at in range(len(steps) - 3)]) > 0.7
