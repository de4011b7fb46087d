"""The piano roll: from sound, from notes, from scores and MIDI, to the same picture."""

import numpy as np
import pretty_midi
import pytest
import torch
from torch.nn import functional as F

from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.recipe import load_recipe
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.errors import UserError
from noteninja_lib.models.basic_pitch import WINDOW, BasicPitch, convolve_rows, sum_taps, transcribe
from noteninja_lib.models.checkpoints import load_model
from noteninja_lib.music import piano_roll, playback, score_io
from noteninja_lib.music.tunes import load_tunes, to_stream
from noteninja_lib.source import hear


@pytest.fixture(scope="module")
def played():
    """A test tune in country, with what is heard in it."""
    performance = arrange(load_tunes("test")[3], load_recipe("country"), 1, tempo=100, swing=0, duration=8)
    audio = render(performance)
    return performance, audio, hear(audio)


def test_a_tone_is_heard_at_its_pitch_and_time():
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    tone = sum(np.sin(2 * np.pi * 440 * h * time) / h for h in (1, 2, 3)) * 0.2 * ((time > 1) & (time < 2))
    notes = transcribe(tone.astype(np.float32))
    assert notes.shape == (2, 88, len(tone) // 256)
    row, column = np.unravel_index(notes[0].argmax(), notes[0].shape)
    assert row == 69 - piano_roll.LOWEST and abs(column / piano_roll.FRAME_RATE - 1) < 0.03
    assert notes[1, row, 110:160].mean() > 0.5 > notes[1, row, :60].mean()


def test_what_is_heard_is_what_the_original_of_basic_pitch_hears():
    """The figures are those of nmp.onnx through onnxruntime for the same sound: four notes, one after the
    other."""
    time, pitches = np.arange(WINDOW) / SAMPLE_RATE, np.array([48, 64, 67, 76])
    sound = sum(
        0.2 * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time) * (time > 0.4 * number)
        for number, pitch in enumerate(pitches, 1)
    )
    with torch.no_grad():
        onset, sustain = load_model(BasicPitch)(torch.from_numpy(sound[None].astype(np.float32)))[0].numpy()
    assert onset.shape == (88, 172) and onset[pitches - piano_roll.LOWEST].argmax(1).tolist() == [
        34,
        137,
        103,
        137,
    ]
    np.testing.assert_allclose(
        onset[pitches - piano_roll.LOWEST].max(1), [0.581, 0.662, 0.709, 0.708], atol=1e-3
    )
    np.testing.assert_allclose(
        sustain[pitches - piano_roll.LOWEST, 150], [0.722, 0.628, 0.316, 0.414], atol=1e-3
    )
    np.testing.assert_allclose(
        [onset.mean(), sustain.mean(), onset.std(), sustain.std()],
        [0.0991, 0.1092, 0.0292, 0.0629],
        atol=1e-4,
    )


@pytest.mark.parametrize("height, width, channels", [(5, 5, 8), (7, 3, 32), (3, 3, 1), (1, 7, 3)])
def test_taps_added_up_are_a_convolution(height, width, channels):
    kernel, x = torch.randn(1, channels, height, width), torch.randn(2, channels, 9, 13)
    wanted = F.conv2d(x, kernel, padding=(height // 2, width // 2))
    torch.testing.assert_close(sum_taps(x, kernel), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("width, columns, batch", [(39, 264, 3), (3, 50, 1), (7, 41, 2)])
def test_rows_convolved_by_fourier_transforms_are_the_same(width, columns, batch):
    layer = torch.nn.Conv2d(4, 5, (3, width), padding=(1, width // 2))
    x = torch.randn(batch, 4, 9, columns)
    torch.testing.assert_close(convolve_rows(F.pad(x, (0, 0, 1, 1)), layer), layer(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("samples", [WINDOW, 40001])
def test_the_constant_q_transform_is_that_of_filters_octave_by_octave(samples):
    transform, octaves = load_model(BasicPitch).transform, []
    x = sound = torch.randn(2, 1, samples, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for octave in range(9):
            padded = F.pad(x, (128, 128), mode="reflect")
            octaves.append(F.conv1d(padded, transform.filters.weight, stride=256 >> octave))
            x = F.conv1d(x, transform.lowpass.weight[:, 0], stride=2, padding=127)
        bins = torch.cat([one.unflatten(1, (2, 36)) for one in octaves[::-1]], 2)[:, :, -309:]
        wanted = torch.log10((bins * transform.gain[:, None]).square().sum(1) + 1e-10)
        wanted = wanted - wanted.amin((1, 2), keepdim=True)
        wanted = wanted.transpose(1, 2) / wanted.amax((1, 2), keepdim=True)
        torch.testing.assert_close(transform(sound[:, 0]), wanted, rtol=1e-4, atol=1e-4)


def test_frames_and_onsets_can_be_left_out():
    listener, sound = (
        load_model(BasicPitch),
        torch.randn(2, WINDOW, generator=torch.Generator().manual_seed(0)),
    )
    with torch.no_grad():
        for margin in (4, 15):
            wanted = listener(sound)[..., margin:-margin]
            torch.testing.assert_close(listener(sound, margin), wanted, rtol=1e-3, atol=1e-4)
        sustain = listener(sound, margin, onsets=False)
    torch.testing.assert_close(sustain[:, 1], wanted[:, 1], rtol=1e-3, atol=1e-4)
    assert not sustain[:, 0].any() and transcribe(sound[0].numpy(), onsets=False)[1].any()


def test_windows_leave_no_drift_in_a_long_recording():
    audio, hits = np.zeros(40 * SAMPLE_RATE, np.float32), np.arange(1, 39, 2)
    time = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    for second in hits:
        pluck = sum(np.sin(2 * np.pi * 330 * h * time) / h for h in (1, 2, 3)) * np.exp(-6 * time) * 0.3
        audio[second * SAMPLE_RATE : second * SAMPLE_RATE + len(pluck)] += pluck.astype(np.float32)
    found = piano_roll.pick_notes(*transcribe(audio).astype(np.float32))
    starts = np.array([note.start for note in found if note.pitch == 64])
    assert all(np.abs(starts - second).min() < 0.03 for second in hits)


def test_the_tune_is_heard_in_the_band(played):
    performance, _, heard = played
    melody = [note for note in performance.melody if note.end < 8]
    assert piano_roll.tune_likeness(melody, heard.notes) > 0.8
    moved = [Note(n.start + 0.21, n.end, n.pitch + 1, 90) for n in melody]
    assert piano_roll.tune_likeness(moved, heard.notes) < 0.4


def test_layers_have_one_length_and_range(played):
    _, audio, heard = played
    stack = heard.network_input()
    assert stack.shape == (357, len(audio) // 256) and stack.dtype == np.float32
    assert stack[:352].min() >= 0 and np.abs(stack).max() <= 1.01
    assert heard.chroma().shape == (12, stack.shape[1])
    np.testing.assert_array_equal(heard.network_input(slice(10, 20)), stack[:, 10:20])


def test_score_and_midi_give_the_same_picture_of_the_tune(tmp_path):
    tune = load_tunes("test")[5]
    from_tune = playback.from_score(tune, tempo=120)
    from_stream = playback.from_score(to_stream(tune), tempo=120)
    assert from_tune.melody.shape[:2] == (2, 88) and from_tune.melody[0].max() == 1
    np.testing.assert_array_equal(from_tune.melody, from_stream.melody)
    midi, second = pretty_midi.PrettyMIDI(initial_tempo=120), 0.5 / tune.beat
    part = pretty_midi.Instrument(0)
    part.notes = [pretty_midi.Note(90, p, s * second, (s + d) * second) for s, d, p in tune.notes]
    midi.instruments.append(part)
    midi.write(str(tmp_path / "tune.mid"))
    from_file = score_io.from_midi(tmp_path / "tune.mid")
    frames = min(from_file.melody.shape[-1], from_tune.melody.shape[-1])
    agree = (from_file.melody[1, :, :frames] > 0) == (from_tune.melody[1, :, :frames] > 0)
    assert agree.mean() > 0.999
    assert (
        piano_roll.tune_likeness(
            [Note(s * second, (s + d) * second, p, 90) for s, d, p in tune.notes], from_tune.notes
        )
        > 0.9
    )


def test_bad_midi_is_one_sentence(tmp_path):
    (tmp_path / "text.mid").write_text("no midi")
    with pytest.raises(UserError, match="MIDI"):
        score_io.from_midi(tmp_path / "text.mid")
    empty = pretty_midi.PrettyMIDI()
    empty.write(str(tmp_path / "empty.mid"))
    with pytest.raises(UserError, match="no notes"):
        score_io.from_midi(tmp_path / "empty.mid")


def test_picked_notes_are_those_that_were_drawn():
    notes = [Note(0.2, 0.5, 60, 90), Note(0.6, 0.9, 64, 90), Note(1.0, 1.4, 60, 90)]
    found = piano_roll.pick_notes(*piano_roll.draw_notes(notes, 200), single=True)
    assert [note.pitch for note in found] == [60, 64, 60]
    assert all(abs(a.start - b.start) < 0.02 and abs(a.end - b.end) < 0.05 for a, b in zip(found, notes))
