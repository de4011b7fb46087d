"""Trained weights: half-precision safetensors, loaded once, and only if their SHA-256 is right."""

import copy
import hashlib
import json
from functools import lru_cache

import torch

from noteninja_lib import data_folder
from noteninja_lib.errors import UserError

CHECKSUMS = "SHA256SUMS.json"
WHERE = {
    "MelAutoencoder": "vae",
    "Vocoder": "vocoder",
    "Denoiser": "unet",
    "MelodyExtractor": "lead",
    "GenreClassifier": "judge",
    "LineReader": "reader",
    "BasicPitch": "basic_pitch",
}
#: Names in files that older versions wrote (commit 1612599), and today's: settings, modules, classes.
OLD_NAMES = {
    "amount": "strength",
    "amount_curve": "strength_curve",
    "guided": "guidance_interval",
    "noteninja_lib.model.autoencoder": "noteninja_lib.models.vae",
    "noteninja_lib.model.denoiser": "noteninja_lib.models.unet",
    "noteninja_lib.model.listener": "noteninja_lib.models.classifiers",
    "noteninja_lib.model.vocoder": "noteninja_lib.models.vocoder",
    "Judge": "GenreClassifier",
}


def current_names(saved):
    """A dict as an older version saved it, with today's names for its keys, modules and classes."""
    return {
        OLD_NAMES.get(key, key): [OLD_NAMES.get(one, one) if isinstance(one, str) else one for one in value]
        if isinstance(value, list)
        else value
        for key, value in saved.items()
    }


def models_folder():
    """Folder of the trained weights, `data/models`."""
    return data_folder() / "models"


def checksums(folder):
    """SHA-256 of each weight file below `folder`, by its relative path."""
    return {
        str(path.relative_to(folder).as_posix()): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.safetensors"))
    }


def write_checksums(folder):
    """Write the list that `verify` compares with."""
    (folder / CHECKSUMS).write_text(json.dumps(checksums(folder), indent=1) + "\n", encoding="utf-8")


def verify(folder):
    """Make sure that all weights are there and whole.

    Parameters
    ----------
    folder : pathlib.Path

    Raises
    ------
    UserError
        If a file is missing or damaged; names it.
    """
    mend = "get it again with `git checkout -- data/models`, or download the project anew"
    try:
        expected = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise UserError(
            f"The trained weights in {folder} are missing or have no {CHECKSUMS}: {mend}."
        ) from problem
    for name, digest in expected.items():
        path = folder / name
        if not path.exists():
            raise UserError(f"The trained weights {path} are missing: {mend}.")
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise UserError(f"The trained weights {path} are damaged: {mend}.")


@lru_cache(maxsize=16)
def _load(kind, folder, name):
    verify(folder)
    try:
        model = kind.from_pretrained(folder / name)
    except (OSError, ValueError, KeyError) as problem:
        raise UserError(
            f"The trained weights in {folder / name} can't be read: get them again with "
            "`git checkout -- data/models`."
        ) from problem
    return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def load_model(kind, folder=None, name=None):
    """A trained network in evaluation mode, cached in the process.

    Parameters
    ----------
    kind : type
        Its class, for instance `Vocoder`.
    folder : pathlib.Path, optional
        Where the folders `vae`, `vocoder`, `unet`, `lead`, `judge` lie; `data/models` by default.
    name : str, optional
        The network's folder below it, if it is not its kind's usual one.

    Returns
    -------
    torch.nn.Module
    """
    return _load(kind, folder or models_folder(), name or WHERE[kind.__name__])


def save_model(model, folder, name=None):
    """Save a network's weights in half precision, with the list of checksums renewed.

    Parameters
    ----------
    model : ModelMixin
    folder : pathlib.Path
        The folder that holds all networks.
    name : str, optional
        The network's folder below it, if it is not its kind's usual one.
    """
    half = copy.deepcopy(model)
    for tensor in [*half.parameters(), *half.buffers()]:
        if tensor.is_floating_point():
            tensor.data = tensor.data.half()
    place = folder / (name or WHERE[type(model).__name__])
    half.save_pretrained(place, safe_serialization=True)
    config = json.loads((place / "config.json").read_text(encoding="utf-8"))
    config.pop("_name_or_path", None)  # diffusers notes where a network was loaded from: nobody's business
    (place / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    write_checksums(folder)
    _load.cache_clear()
