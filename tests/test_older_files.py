"""Files that users have: settings and folders that commit 1612599 wrote, with the names of that time,
still work."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from noteninja_lib.models.checkpoints import WHERE, models_folder, save_model, write_checksums
from noteninja_lib.models.classifiers import GenreClassifier
from noteninja_lib.models.unet import Denoiser
from noteninja_lib.models.vocoder import Vocoder
from noteninja_lib.pipeline import NoteNinjaPipeline, load_pipeline
from noteninja_lib.settings import Settings, differences, export, read_settings, weights

OLD = Path(__file__).parent / "made_by_1612599"


def test_settings_of_a_result_are_read():
    settings = read_settings(OLD / "result.json")
    expected = {
        "genre": "jazz",
        "strength": 0.5,
        "steps": 4,  # the usual number of that time
        "rate": 0.9,
        "mood": (0.9, 0.5),
        "seed": 7,
        "voice": "play",  # of that time: an instrument played the tune, whoever had it
        "source": "song.mp3",
    }
    assert settings == Settings(**expected)
    told = differences(OLD / "result.json", OLD / "result.json")
    assert any("is not the song" in sentence for sentence in told)
    assert not any(network in sentence for network in ("pitch,", "separator") for sentence in told)


def test_networks_that_came_later_are_not_told(tmp_path):
    """A file knows those that its result was made with; of these a changed one is still told."""
    record = json.loads((OLD / "result.json").read_text(encoding="utf-8"))
    record["weights_sha256"] = {name: weights()[name] for name in record["weights_sha256"]}
    file = tmp_path / "result.json"
    for changed in ({}, {"unet": "0" * 64}):
        record["weights_sha256"] |= changed
        file.write_text(json.dumps(record), encoding="utf-8")
        told = [sentence for sentence in differences(file, file) if "weights" in sentence]
        assert [("unet" in sentence, "separator" in sentence) for sentence in told] == [(True, False)] * len(
            changed
        )


def test_a_saved_folder_loads_and_is_what_it_was(tmp_path):
    """Its `model_index.json` names modules and classes that have moved; the weights are those of today."""
    folder = tmp_path / "saved"
    shutil.copytree(OLD / "saved", folder)
    assert "noteninja_lib.model.denoiser" in (folder / "model_index.json").read_text(encoding="utf-8")
    for name in ("vae", "judge"):
        (weights,) = (models_folder() / name).glob("*.safetensors")
        shutil.copy(weights, folder / name / weights.name)
    for kind in (Denoiser, Vocoder):  # in the shapes of then: without jumps, and in mono
        save_model(kind(**kind.load_config(folder / WHERE[kind.__name__])), folder)
    write_checksums(folder)
    pipe, shipped = NoteNinjaPipeline.from_pretrained(folder), load_pipeline()
    made = pipe(np.float32(0.3 * np.sin(np.arange(44100) / 20)), "jazz", voice="off")
    assert made.audio.shape == (2 * len(made.source), 2) and made.audio.any()
    np.testing.assert_array_equal(made.audio[:, 0], made.audio[:, 1])
    assert isinstance(pipe.judge, GenreClassifier)
    assert pipe.config.strength_curve == shipped.config.strength_curve and len(pipe.config.strength_curve) > 2
    assert tuple(pipe.config.guidance_interval) == (0.55, 1.0)
    for name in ("vae", "judge"):
        ours = getattr(shipped, name).state_dict()
        assert all(torch.equal(value, ours[key]) for key, value in getattr(pipe, name).state_dict().items())
    pipe.save_pretrained(tmp_path / "again")
    index = json.loads((tmp_path / "again" / "model_index.json").read_text(encoding="utf-8"))
    assert index["unet"] == ["noteninja_lib.models.unet", "Denoiser"] and "strength_curve" in index


def test_the_old_word_for_strength_works_and_warns():
    pipe = load_pipeline()
    with pytest.warns(FutureWarning, match="strength"), pytest.raises(Exception, match="between 0 and 1"):
        pipe("song.mp3", "jazz", amount=1.5)


def test_new_settings_are_written_in_todays_words(tmp_path):
    from test_export import TUNES, as_result  # a conversion without the networks

    from noteninja_lib.music.playback import from_score

    (file,) = export(as_result(from_score(TUNES[0])), tmp_path / "a.mp3", Settings("rock", 0.4), ("json",))
    assert json.loads(file.read_text(encoding="utf-8"))["settings"]["strength"] == 0.4
    assert read_settings(file).strength == 0.4
