"""Files that users have: settings and folders that commit 1612599 wrote, with the names of that time,
still work."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from noteninja_lib.models.checkpoints import models_folder, write_checksums
from noteninja_lib.models.classifiers import GenreClassifier
from noteninja_lib.pipeline import NoteNinjaPipeline, load_pipeline
from noteninja_lib.settings import Settings, differences, export, read_settings, weights

OLD = Path(__file__).parent / "made_by_1612599"


def test_settings_of_a_result_are_read():
    settings = read_settings(OLD / "result.json")
    expected = {
        "genre": "jazz",
        "strength": 0.5,
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
    for path in models_folder().rglob("*.safetensors"):
        if (folder / path.parent.name).is_dir():
            shutil.copy(path, folder / path.parent.name / path.name)
    write_checksums(folder)
    pipe, shipped = NoteNinjaPipeline.from_pretrained(folder), load_pipeline()
    assert isinstance(pipe.judge, GenreClassifier)
    assert pipe.config.strength_curve == shipped.config.strength_curve and len(pipe.config.strength_curve) > 2
    assert tuple(pipe.config.guidance_interval) == (0.55, 1.0)
    for name in ("vae", "unet", "vocoder", "judge"):
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

    from noteninja_lib.music.score_io import from_score

    (file,) = export(as_result(from_score(TUNES[0])), tmp_path / "a.mp3", Settings("rock", 0.4), ("json",))
    assert json.loads(file.read_text(encoding="utf-8"))["settings"]["strength"] == 0.4
    assert read_settings(file).strength == 0.4
