"""Trained weights: half-precision safetensors, loaded once, and only if their SHA-256 is right; adapters.

An adapter adds a product of two thin matrices to each weight of a network (Hu et al. 2021, arXiv 2106.09685).
Its files are those that the library peft writes and reads.
"""

import copy
import hashlib
import json
import math
import os
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import torch
from diffusers.models.modeling_utils import ModelMixin
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.utils import parametrize

from noteninja_lib import data_folder
from noteninja_lib.errors import UserError, make_folder, whole, write_whole

Network = TypeVar("Network", bound=ModelMixin)

CHECKSUMS = "SHA256SUMS.json"
ADAPTER, ADAPTER_CONFIG, CARD = "adapter_model.safetensors", "adapter_config.json", "card.json"
PREFIX = "base_model.model."  # of the names of weights in an adapter
STYLES = 10  # genres that a style vector names
MARKED = "marks"  # folder of the reader of what stands around staves; converters made before it have none
WHERE = {
    "MelAutoencoder": "vae",
    "Vocoder": "vocoder",
    "Denoiser": "unet",
    "MelodyExtractor": "lead",
    "ChordRecogniser": "chords",
    "GenreClassifier": "judge",
    "AudioTagger": "tagger",
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
    """Folder of the trained weights: the environment variable NOTENINJA_MODELS, or `data/models`."""
    return Path(os.environ.get("NOTENINJA_MODELS") or data_folder() / "models")


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=64)
def _known_sha256(path, size, changed):
    """A file's SHA-256, worked out once for as long as its size and its time stay as they are."""
    return _sha256(path)


def write_checksums(folder: Path) -> None:
    """Write the SHA-256 of each weight file below `folder`: the list that `verify` reads."""
    files = sorted(folder.glob("[!.]*/*.safetensors"))
    digests = {path.relative_to(folder).as_posix(): _sha256(path) for path in files}
    write_whole(folder / CHECKSUMS, json.dumps(digests, indent=1) + "\n")


def mend_of(folder: Path) -> str:
    """What to do where weights in a folder are of no use."""
    if folder.resolve() == (data_folder() / "models").resolve():
        return "get them again with `git checkout -- data/models`, or download the project anew"
    return "make this converter anew with `noteninja train converter`"


def verify(folder: Path, name: str = "") -> None:
    """Make sure that weights below `folder`, all or one network's, are whole; a UserError names the first
    that is not."""
    mend = mend_of(folder)
    try:
        expected = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
        if not isinstance(expected, dict) or not any(file.startswith(name) for file in expected):
            raise ValueError
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


#: Not to save memory is what keeps threads apart: else diffusers, while it loads a network, makes every layer
#: of this process without numbers, whichever thread builds it.
BY_ITSELF = {"low_cpu_mem_usage": False}
_loading = threading.Lock()  # so that two threads get the same network


@lru_cache(maxsize=16)
def _load(kind, folder, name):
    verify(folder, f"{name}/")
    try:
        model = kind.from_pretrained(folder / name, **BY_ITSELF)
    except (OSError, ValueError, KeyError) as problem:
        raise UserError(
            f"The trained weights in {folder / name} can't be read: {mend_of(folder)}."
        ) from problem
    return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def load_model(kind: type[Network], folder: Path | None = None, name: str | None = None) -> Network:
    """A trained network of a class in evaluation mode, cached in the process.

    `folder` holds all networks, by default `data/models`; `name` is the network's folder below it, if it is
    not its class's usual one.
    """
    with _loading:
        return _load(kind, folder or models_folder(), name or WHERE[kind.__name__])  # type: ignore[arg-type]


def save_model(model: ModelMixin, folder: Path, name: str | None = None) -> None:
    """Save a network's weights in half precision and renew the checksums; arguments as for `load_model`."""
    half = copy.deepcopy(model)
    for tensor in [*half.parameters(), *half.buffers()]:
        if tensor.is_floating_point():
            tensor.data = tensor.data.half()
    place = folder / (name or WHERE[type(model).__name__])
    make_folder(folder)
    with whole(place) as unfinished:
        half.save_pretrained(unfinished, safe_serialization=True)
        config = json.loads((unfinished / "config.json").read_text(encoding="utf-8"))
        config.pop("_name_or_path", None)  # the folder on this machine that it was loaded from
        (unfinished / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    write_checksums(folder)
    _load.cache_clear()


class LowRank(nn.Module):
    """What an adapter makes of a weight (out, ...): B A is added, with A (rank, ...) and B (out, rank)."""

    def __init__(self, weight: torch.Tensor, rank: int):
        super().__init__()
        inside = weight.shape[1:]
        self.lora_A = nn.Parameter(torch.randn(rank, *inside) / math.sqrt(math.prod(inside)))
        self.lora_B = nn.Parameter(torch.zeros(weight.shape[0], rank))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return weight + (self.lora_B @ self.lora_A.flatten(1)).view_as(weight)


def with_adapter(network: Network, rank: int, inside: str) -> Network:
    """A copy of a network of which only a new adapter can learn, to all convolutions and linear layers of the
    part that is called `inside`."""
    network = copy.deepcopy(network).requires_grad_(False)
    for layer in list(network.get_submodule(inside).modules()):
        if isinstance(layer, nn.Conv2d | nn.Linear):
            parametrize.register_parametrization(layer, "weight", LowRank(layer.weight, rank))
    return network


def _low_ranks(network):
    """Name of each layer that has an adapter, and the adapter."""
    for name, layer in network.named_modules():
        if parametrize.is_parametrized(layer, "weight"):
            yield name, layer.parametrizations.weight[0]


def save_adapter(network: nn.Module, folder: Path, **card: object) -> None:
    """Write the adapter of a network that `with_adapter` gave, in half precision; `card` is kept with it."""
    weights, rank = {}, 0
    for name, low in _low_ranks(network):
        rank, thin = len(low.lora_A), low.lora_A.dim() - 2  # of a convolution B is one, too, 1 x 1
        weights[f"{PREFIX}{name}.lora_A.weight"] = low.lora_A.detach().half().contiguous()
        weights[f"{PREFIX}{name}.lora_B.weight"] = low.lora_B.detach().half().reshape(-1, rank, *[1] * thin)
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": rank, "base_model_name_or_path": None}
    config |= {"target_modules": [name for name, _ in _low_ranks(network)]}
    with whole(folder / ADAPTER) as unfinished:
        save_file(weights, unfinished)
    for name, content in ((ADAPTER_CONFIG, config), (CARD, card)):
        write_whole(folder / name, json.dumps(content, indent=1) + "\n")


def load_adapter(network: Network, folder: Path) -> Network:
    """A copy of a network with an adapter's weights added to its own; a UserError if they do not fit."""
    network = copy.deepcopy(network)
    try:
        weights = load_file(folder / ADAPTER)
        config = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))
        if not config["target_modules"] or len(weights) != 2 * len(config["target_modules"]):
            raise ValueError
        for name in config["target_modules"]:
            one, other = (weights[f"{PREFIX}{name}.lora_{part}.weight"].float() for part in "AB")
            weight = network.get_submodule(name).weight
            with torch.no_grad():
                added = (other.flatten(1) @ one.flatten(1)).view_as(weight)
                weight += config["lora_alpha"] / config["r"] * added
                if not weight.isfinite().all():
                    raise ValueError
    except Exception as problem:  # anything may stand in a file that somebody passed on
        raise UserError(f"{folder} holds no adapter for this converter: make it anew.") from problem
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)


class Adapted(Sequence):
    """A network with each of some adapters, and the style that it is then asked for; loaded when needed."""

    def __init__(self, network: nn.Module, folders: Sequence[Path]):
        self.network, self.folders = network, folders

    def __len__(self):
        return len(self.folders)

    def __getitem__(self, number):
        folder = self.folders[number]
        if not folder.is_dir():
            raise UserError(f"{folder} holds no adapter for this converter: make it anew.")
        return _adapted(self.network, folder, tuple(path.stat().st_mtime_ns for path in folder.iterdir()))


@lru_cache(maxsize=4)
def _adapted(network, folder, changed):
    adapted, card = load_adapter(network, folder), read_card(folder)
    return adapted, torch.tensor(card["style"], dtype=torch.float32)


def read_card(folder: Path) -> dict:
    """What was written down about an adapter: `style`, what it is asked for, and where it came from."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        style = torch.tensor(card["style"], dtype=torch.float32)
        if style.shape != (STYLES,) or not style.isfinite().all():
            raise ValueError
        return card
    except Exception as problem:  # anything may stand in a file that somebody passed on
        raise UserError(f"{folder} holds no adapter for this converter: make it anew.") from problem
