"""The network that knows records: it answers as the original does, of long music and of short."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile
import soxr
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin

from benchmarks import adapters, records
from noteninja_lib import data_folder
from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio.io import SAMPLE_RATE, load
from noteninja_lib.datasets import Records
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation import baselines
from noteninja_lib.models import checkpoints, tagger
from noteninja_lib.models.basic_pitch import BasicPitch
from noteninja_lib.models.checkpoints import load_model, models_folder, write_checksums
from noteninja_lib.models.classifiers import MelodyExtractor
from noteninja_lib.models.pitch import PitchTracker
from noteninja_lib.models.tagger import TAGS, hear_genres, load_tagger, pieces_of, tagger_mel
from noteninja_lib.pipeline import load_pipeline

#: What EfficientAT's mn04_as says of `tune()` (commit a425fdc, torch 2.13), in the order of `TAGS`.
LOGITS = [-8.6522, -6.2628, -7.9030, -8.3531, -7.7517, -8.0072, -7.0494, -7.4680, -8.8534, -7.1208]
EMBEDDED = [-0.0263, 0.2693, -0.1542, -0.1420, 0.6173]  # the first of its 384 numbers
SONGS = {"classical": "oh-dear-what-can-the-matter-be-classical.mp3", "pop": "peggy-bawn-pop-sung.mp3"}


def tune():
    """Ten seconds of gliding sine and noise at 32,000 Hz."""
    rng, times = np.random.default_rng(0), np.arange(320_000) / 32_000
    pitches = 220 * 2 ** (rng.integers(0, 24, 41) / 12)
    phase = 2 * np.pi * np.cumsum(np.interp(times, np.linspace(0, 10, 41), pitches)) / 32_000
    return (0.3 * np.sin(phase) + 0.02 * rng.standard_normal(320_000)).astype(np.float32)


def song(genre, seconds=None):
    return load(data_folder() / "songs" / SONGS[genre], duration=seconds)


def test_it_answers_as_the_original():
    mel, network = tagger_mel(tune())[None], load_tagger()
    assert mel.shape == (1, 128, 1000)
    assert (mel.mean(), mel.std()) == pytest.approx((0.3512, 0.6795), abs=1e-4)
    with torch.no_grad():
        assert network(mel)[0].tolist() == pytest.approx(LOGITS, abs=0.05)  # its weights are halved
        assert network.embedding(mel)[0, :5].tolist() == pytest.approx(EMBEDDED, abs=0.02)


@pytest.mark.parametrize("genre", SONGS)
def test_songs_are_heard_as_what_they_are(genre):
    heard = hear_genres(song(genre))
    assert next(iter(heard)) == genre and set(heard) == set(TAGS)
    assert sum(heard.values()) == pytest.approx(1) and list(heard.values()) == sorted(heard.values())[::-1]


@pytest.mark.parametrize("samples", [0, 1, 500, SAMPLE_RATE, 10 * SAMPLE_RATE, 10 * SAMPLE_RATE + 7, 700_000])
def test_any_length_is_heard(samples):
    pictures = pieces_of(song("pop")[:samples] if samples < 600_000 else np.tile(song("pop"), 2)[:samples])
    assert pictures.shape == (max(1, samples // 220_500), 128, 1000) and pictures.isfinite().all()


def test_of_long_music_parts_spread_over_all_of_it_are_heard(monkeypatch):
    monkeypatch.setattr(tagger, "PIECES", 3)
    classical, pop = song("classical", 25), song("pop", 25)
    ends = np.concatenate([pop[:220_500], classical, classical, pop[:220_500]])
    assert len(pieces_of(ends)) == 3
    assert hear_genres(ends)["pop"] > hear_genres(np.concatenate([classical] * 3))["pop"] + 0.1


def test_a_second_of_music_is_heard_as_ten_times_that_second():
    second = song("classical", 1)
    assert torch.allclose(pieces_of(second), pieces_of(np.tile(second, 10)), atol=1e-4)


def test_stereo_is_heard_as_what_it_is_in_mono():
    sound = song("pop", 10)
    both = np.repeat(soxr.resample(sound, SAMPLE_RATE, STEREO_RATE)[:, None], 2, 1)
    assert hear_genres(both) == pytest.approx(hear_genres(sound), abs=0.02)


def test_loudness_decides_little():
    loud, soft = song("classical"), 0.25 * song("classical")
    assert next(iter(hear_genres(soft))) == next(iter(hear_genres(loud)))


def test_a_converter_from_before_is_heard_by_the_shipped_tagger(tmp_path, monkeypatch):
    shutil.copytree(models_folder() / "judge", tmp_path / "judge")
    write_checksums(tmp_path)
    expected = hear_genres(song("pop"))
    monkeypatch.setenv("NOTENINJA_MODELS", str(tmp_path))
    assert hear_genres(song("pop")) == expected


def test_threads_that_load_networks_at_once_get_whole_ones():
    kinds = (tagger.AudioTagger, BasicPitch, PitchTracker, MelodyExtractor) * 2
    checkpoints._load.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        networks = list(pool.map(load_model, kinds))
    assert not any(weight.is_meta for network in networks for weight in network.parameters())
    assert networks[:4] == networks[4:]


class Slow(ModelMixin, ConfigMixin):
    """A network that is being built for as long as a test wants."""

    config_name = "config.json"
    begun, go_on = threading.Event(), threading.Event()

    @register_to_config
    def __init__(self, size: int = 4):
        super().__init__()
        self.begun.set()
        assert self.go_on.wait(60)
        self.layer = torch.nn.Linear(size, size)


def test_what_others_build_while_a_network_is_loaded_has_its_weights(tmp_path):
    Slow.go_on.set()
    Slow().half().save_pretrained(tmp_path / "slow")
    write_checksums(tmp_path)
    Slow.begun.clear()
    Slow.go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load_model, Slow, tmp_path, "slow")
        assert Slow.begun.wait(60)
        built = torch.nn.Linear(4, 4)
        Slow.go_on.set()
        loaded = loading.result()
    assert built.weight.device.type == loaded.layer.weight.device.type == "cpu"
    assert loaded.layer.weight.dtype == torch.float32


def test_a_listener_of_styles_goes_by_all_pieces_together():
    rng = np.random.default_rng(0)
    centres = {"chiptune": rng.normal(size=384), "waltz": rng.normal(size=384)}
    known = {
        style: [centre + rng.normal(size=(5, 384)) for _ in range(6)] for style, centre in centres.items()
    }
    known["waltz"] = known["waltz"][:2]  # fewer recordings make no style less likely
    listener = adapters.train_listener(known)
    assert {style: adapters.heard_as(listener, centre[None]) for style, centre in centres.items()} == {
        style: style for style in centres
    }
    one, other = centres["chiptune"], centres["waltz"]
    assert adapters.heard_as(listener, np.stack([other, one, one + 0.2 * (other - one)])) == "chiptune"


def row(number, target, source, heard, level=1.0, voice="none"):
    """A recording as the benchmark of records measures it; `heard` names the strongest genres."""
    shares = {genre: 0.5 / 2**place for place, genre in enumerate(heard)}
    return {
        "number": number, "target": target, "source": source, "judge": heard[0], "heard": shares,
        "attack": level, "range": level, "treble": level, "onsets": np.eye(12)[:, [number]], "voice": voice,
    }  # fmt: skip


def test_what_is_heard_of_conversions_is_counted_by_the_target():
    rock, jazz = ("rock", "pop", "jazz", "blues"), ("jazz", "blues", "pop", "rock")
    real = [row(0, None, "rock", rock), row(1, None, "jazz", jazz), row(2, None, "jazz", rock)]
    made = [
        row(0, "jazz", "rock", ("jazz", "pop", "blues", "rock"), level=2.0),
        row(1, "rock", "jazz", jazz, level=0.5, voice="keep"),
    ]
    figures = records.figures_of(real, made)
    told = {name: figures["together"][f"heard {name}"][0] for name in ("rises", "among three", "first")}
    assert told == {"rises": 0.5, "among three": 0.5, "first": 0.5}
    assert figures["tagger on real recordings"][0] == pytest.approx(2 / 3, abs=1e-3)
    assert (
        figures["genres"]["jazz"]["heard first"][0] == 1 and figures["genres"]["rock"]["heard first"][0] == 0
    )
    singers = {
        voice: (one["conversions"], one["heard first"][0]) for voice, one in figures["singers"].items()
    }
    assert singers == {"keep": (1, 0), "none": (1, 1)}
    # Twice as much and half as much: neither more nor less.
    assert figures["together"]["range ratio"][0] == figures["together"]["attack ratio"][0] == 1
    assert figures["together"]["treble difference"][0] == 0.25
    text = records.lines(figures | {"title": "It", "recordings": 2, "conversions": 2})
    assert any(line.startswith("| nobody sings | 1 | 1.00 |") for line in text)


def test_a_listener_hears_recordings_as_they_are_and_decoded(tmp_path):
    long, short = np.resize(song("pop"), 32 * SAMPLE_RATE), song("classical", 4)
    for style, heard in {"waltz": [short], "song": [long, short]}.items():
        (tmp_path / style / "listen").mkdir(parents=True)
        for number, audio in enumerate(heard):
            soundfile.write(
                tmp_path / style / "listen" / f"{number}.wav", audio, SAMPLE_RATE, subtype="FLOAT"
            )
    recordings = {style: Records(tmp_path / style / "listen") for style in ("song", "waltz")}
    found = adapters.embedded(recordings, workers=1)
    assert {style: [len(both) for both in some] for style, some in found.items()} == {
        "song": [2, 2], "waltz": [2]
    }  # fmt: skip
    (whole, middle), brief = found["song"]
    np.testing.assert_allclose(whole, tagger.embed(long), atol=1e-3)
    np.testing.assert_allclose(brief[0], found["waltz"][0][0])
    decoded = baselines.decoded(load_pipeline(), long[SAMPLE_RATE : 31 * SAMPLE_RATE])
    np.testing.assert_allclose(middle, tagger.embed(decoded), atol=1e-3)
    assert np.abs(brief[0] - brief[1]).max() > 0.01


def test_what_is_wrong_with_recordings_of_styles_is_told_before_anything_is_learned(tmp_path, monkeypatch):
    monkeypatch.setattr(adapters, "adapt", lambda *_, **__: pytest.fail("it began to learn"))
    monkeypatch.setenv("NOTENINJA_ADAPTERS", str(tmp_path / "own"))
    told = {"songs": tmp_path / "songs", "runs": tmp_path / "runs"}
    with pytest.raises(UserError, match="styles"):
        adapters.report(tmp_path / "styles", **told)
    for place in ("a/learn", "b/learn", "b/listen"):
        (tmp_path / "styles" / place).mkdir(parents=True)
        soundfile.write(tmp_path / "styles" / place / "one.wav", np.ones(SAMPLE_RATE * 5) / 9, SAMPLE_RATE)
    with pytest.raises(UserError, match="listen"):  # one of a's is missing
        adapters.report(tmp_path / "styles", **told)
    shutil.copytree(tmp_path / "styles/b/listen", tmp_path / "styles/a/listen")
    with pytest.raises(UserError, match="songs"):
        adapters.report(tmp_path / "styles", **told)
