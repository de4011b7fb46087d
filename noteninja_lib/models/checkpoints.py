"""Trained weights: half-precision safetensors, loaded once, and only if their SHA-256 is right."""

import copy
import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import torch
from diffusers.models.modeling_utils import ModelMixin

from noteninja_lib import data_folder
from noteninja_lib.errors import UserError

Network = TypeVar("Network", bound=ModelMixin)

CHECKSUMS = "SHA256SUMS.json"
WHERE = {
    "MelAutoencoder": "vae",
    "Vocoder": "vocoder",
    "Denoiser": "unet",
    "MelodyExtractor": "lead",
    "GenreClassifier": "judge",
    "LineReader": "reader",
    "BasicPitch": "basic_pitch",
    "PitchTracker": "pitch",
    "VoiceSeparator": "separator",
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


def current_names(saved: dict) -> dict:
    """A dict as an older version saved it, with today's names for its keys, modules and classes."""

    def now(value):
        return OLD_NAMES.get(value, value) if isinstance(value, str) else value

    return {now(key): list(map(now, one)) if isinstance(one, list) else one for key, one in saved.items()}


def models_folder() -> Path:
    """Folder of the trained weights, `data/models`."""
    return data_folder() / "models"


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=64)
def _known_sha256(path, size, changed):
    """A file's SHA-256, worked out once for as long as its size and its time stay as they are."""
    return _sha256(path)


def write_checksums(folder: Path) -> None:
    """Write the SHA-256 of each weight file below `folder`: the list that `verify` reads."""
    files = sorted(folder.rglob("*.safetensors"))
    digests = {path.relative_to(folder).as_posix(): _sha256(path) for path in files}
    (folder / CHECKSUMS).write_text(json.dumps(digests, indent=1) + "\n", encoding="utf-8")


def verify(folder: Path, name: str = "") -> None:
    """Make sure that weights below `folder`, all or one network's, are whole; a UserError names the first
    that is not."""
    mend = "get it again with `git checkout -- data/models`, or download the project anew"
    try:
        expected = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        what = f"The trained weights in {folder} are missing or have no {CHECKSUMS}"
        raise UserError(f"{what}: {mend}.") from problem
    for file, digest in expected.items():
        path = folder / file
        if not file.startswith(name):
            continue
        if not path.exists():
            raise UserError(f"The trained weights {path} are missing: {mend}.")
        state = path.stat()
        if _known_sha256(path, state.st_size, state.st_mtime_ns) != digest:
            raise UserError(f"The trained weights {path} are damaged: {mend}.")


@lru_cache(maxsize=16)
def _load(kind, folder, name):
    verify(folder, f"{name}/")
    try:
        model = kind.from_pretrained(folder / name)
    except (OSError, ValueError, KeyError) as problem:
        raise UserError(
            f"The trained weights in {folder / name} can't be read: get them again with "
            "`git checkout -- data/models`."
        ) from problem
    return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def load_model(kind: type[Network], folder: Path | None = None, name: str | None = None) -> Network:
    """A trained network of a class in evaluation mode, cached in the process.

    `folder` holds all networks, by default `data/models`; `name` is the network's folder below it, if it is
    not its class's usual one.
    """
    return _load(kind, folder or models_folder(), name or WHERE[kind.__name__])  # type: ignore[arg-type]


def save_model(model: ModelMixin, folder: Path, name: str | None = None) -> None:
    """Save a network's weights in half precision and renew the checksums; arguments as for `load_model`."""
    half = copy.deepcopy(model)
    for tensor in [*half.parameters(), *half.buffers()]:
        if tensor.is_floating_point():
            tensor.data = tensor.data.half()
    place = folder / (name or WHERE[type(model).__name__])
    half.save_pretrained(place, safe_serialization=True)
    config = json.loads((place / "config.json").read_text(encoding="utf-8"))
    config.pop("_name_or_path", None)  # the folder on this machine that it was loaded from
    (place / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    write_checksums(folder)
    _load.cache_clear()
