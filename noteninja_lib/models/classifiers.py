"""Three small classifiers: of the melody among all notes, of the genre, and of the chord in each beat.

The second gives the "genre heard" number beside each conversion. Lessons: 11_judging_a_converter, 02.
"""

from collections.abc import Sequence

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

from noteninja_lib.audio.spectrogram import HOP_LENGTH, LOWEST, PITCHES, log_mel
from noteninja_lib.models import half_precision
from noteninja_lib.models.checkpoints import load_model

CLASSIFIED = 256  # frames that the genre classifier hears at once (3 s)
BLOCKS = 4  # of 48 s that it hears of a song at most
TOGETHER = 4  # pieces classified at once: more of them would not stay in a processor's cache


class MelodyExtractor(ModelMixin, ConfigMixin):
    """Onsets and sustain of the melody from onsets and sustain of all notes.

    What sounds above a note is given as a further channel, since the melody is often the highest voice. Time
    is folded by 4 into channels, which makes it fast.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(self, width: int = 32):
        super().__init__()
        sizes, dilations = ((13, 5), (5, 5), (3, 5), (5, 3)), ((1, 1), (1, 2), (12, 4), (1, 8))
        shapes = zip((13, width, width, width), sizes, dilations)
        layers = [nn.Conv2d(inputs, width, size, 1, "same", step) for inputs, size, step in shapes]
        self.layers = nn.ModuleList(layers)
        self.norms = nn.ModuleList(nn.GroupNorm(4, width) for _ in self.layers)
        self.head = nn.Conv2d(width, 8, 1)

    def forward(self, notes: torch.Tensor) -> torch.Tensor:
        """Logits of shape (batch, 2, 88, frames) from posteriors of the same shape."""
        frames = notes.shape[-1]
        notes = F.pad(notes, (0, -frames % 4))
        batch, _, pitches, padded = notes.shape
        above = notes[:, 1].flip(1).cummax(1).values.flip(1)
        above = F.pad(above, (0, 0, 0, 1))[:, 1:, None]  # the loudest strictly above each note
        folded = torch.cat([notes.transpose(1, 2), above], 2).reshape(batch, pitches, 3, padded // 4, 4)
        folded = folded.permute(0, 2, 4, 1, 3).reshape(batch, 12, pitches, padded // 4)
        height = torch.linspace(-1, 1, pitches, device=notes.device)[None, None, :, None]
        x = torch.cat([folded, height.expand(batch, 1, -1, padded // 4)], 1)
        x = x.contiguous(memory_format=torch.channels_last)
        for number, (layer, norm) in enumerate(zip(self.layers, self.norms)):
            y = F.gelu(norm(layer(x)))
            x = y if number == 0 else y.add_(x)
        logits = self.head(x).reshape(batch, 2, 4, pitches, padded // 4).permute(0, 1, 3, 4, 2)
        return logits.reshape(batch, 2, pitches, padded)[..., :frames]


class GenreClassifier(ModelMixin, ConfigMixin):
    """Which genre log-mels belong to, and an embedding of them on the way.

    `width` is that of the first convolution; `mean` and `std` are those of the log-mels.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(
        self, n_mels: int = 96, classes: int = 10, width: int = 32, mean: float = -4.0, std: float = 2.3
    ):
        super().__init__()
        sizes = (1, width, 2 * width, 3 * width, 4 * width)
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip(sizes, sizes[1:]))
        self.norms = nn.ModuleList(nn.BatchNorm2d(size) for size in sizes[1:])
        self.embed = nn.Linear(2 * 4 * width * (n_mels // 16), 64)
        self.head = nn.Linear(64, classes)

    def embedding(self, mel: torch.Tensor) -> torch.Tensor:
        """Embedding of shape (batch, 64) of log-mels (batch, mels, frames)."""
        x = (mel - mel.mean((1, 2), keepdim=True)) / self.config.std  # loudness tells nothing of genre
        x = x[:, None].contiguous(memory_format=torch.channels_last)
        for layer, norm in zip(self.layers, self.norms):
            x = F.gelu(norm(layer(x)))
        x = x.flatten(1, 2)
        mean = x.mean(2, keepdim=True)
        variance = (x - mean).square().sum(2) / (x.shape[2] - 1)  # ten times as fast as torch's own
        spread = variance.clamp(min=1e-12).sqrt()  # the root has no slope at 0
        return self.embed(torch.cat([mean[..., 0], spread], 1))

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Logits of shape (batch, classes)."""
        return self.head(F.gelu(self.embedding(mel)))


@torch.no_grad()
def extract_melody(notes: np.ndarray, extractor: MelodyExtractor | None = None) -> np.ndarray:
    """The melody among all notes.

    Parameters
    ----------
    notes : numpy.ndarray, shape (2, 88, frames)
        Onset and sustain, 0 to 1, as `basic_pitch.transcribe` gives them.
    extractor : MelodyExtractor, optional
        The one in data/models by default.

    Returns
    -------
    numpy.ndarray, float16, shape (2, 88, frames)
    """
    extractor, block, context = extractor or load_model(MelodyExtractor), 4096, 128
    found = torch.empty(notes.shape, dtype=torch.float16)  # which torch rounds to far faster than NumPy
    for start in range(0, notes.shape[-1], block):
        first = max(0, start - context)
        part = torch.from_numpy(notes[None, ..., first : start + block + context].astype(np.float32))
        with half_precision(part.device):
            heard = extractor(part)[0].float().sigmoid()
        found[..., start : start + block] = heard[..., start - first :][..., :block]
    return found.numpy()


@torch.no_grad()
def classify(classifier: GenreClassifier, names: Sequence[str], audio: np.ndarray) -> dict[str, float]:
    """What the classifier takes a recording for: shares of the classes, which sum to 1, the largest first.

    Parameters
    ----------
    classifier : GenreClassifier
    names : sequence of str
        Of its classes.
    audio : numpy.ndarray, float32, shape (samples,)
        Of a long song, parts spread over all of it are heard.
    """
    total, block = np.zeros(1, np.float32), 16 * CLASSIFIED * HOP_LENGTH
    starts = range(0, len(audio), block)
    for start in starts[:: -(-len(starts) // BLOCKS)]:
        mel = torch.from_numpy(log_mel(audio[start : start + block]))
        if mel.shape[1] < CLASSIFIED:
            if start:
                break  # the last bits of a long song change nothing
            mel = mel[:, torch.arange(CLASSIFIED) % mel.shape[1]]
        heard = mel.unfold(1, CLASSIFIED, CLASSIFIED // 2).transpose(0, 1)
        for some in heard.split(TOGETHER):
            total = total + classifier(some.to(classifier.device)).softmax(1).sum(0).cpu().numpy()
    shares = total / total.sum()
    return {names[number]: float(shares[number]) for number in np.argsort(-shares)}


# --- Chords ---

#: Registers in which pitch classes are heard apart, as first rows of the keys: of what sounds, what begins.
SOUNDING, BEGINNING = (0, 19, 31, 43, 55), (0, 31)
RECOGNISED = ("maj", "min", "dom7")  # qualities, see `music.harmony`


class ChordRecogniser(ModelMixin, ConfigMixin):
    """Chords from what is heard in each beat and its neighbours.

    Its weights are shared by all twelve keys (they turn around the circle of pitch classes), so that a chord
    that was heard in one key is known in all.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(self, width: int = 24):
        super().__init__()
        inputs = len(SOUNDING) + len(BEGINNING)
        self.first = nn.Conv2d(inputs, width, (12, 3))
        self.second = nn.Conv2d(width, len(RECOGNISED), (12, 3))
        self.drop = nn.Dropout(0.3)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits (batch, 3 * 12, beats), qualities by roots, from features (batch, 7, 12, beats)."""
        for layer in (self.first, self.second):
            x = features if layer is self.first else self.drop(F.relu(features))
            x = torch.cat([x, x[:, :, :11]], 2)  # around the circle
            features = layer(F.pad(x, (1, 1)))
        return features.flatten(1, 2)


def chord_features(notes: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How strongly each pitch class sounds and begins in some registers, beat by beat.

    Parameters
    ----------
    notes : numpy.ndarray, shape (2, 88, frames)
        Onset and sustain, 0 to 1, as `basic_pitch.transcribe` gives them.
    edges : numpy.ndarray of int, shape (beats + 1,)
        Frames between which the beats lie, rising.

    Returns
    -------
    numpy.ndarray, float32, shape (7, 12, beats)
        Each beat as a whole has a length of 1, or less where little sounds.
    """
    starts = np.clip(edges[:-1], 0, notes.shape[-1] - 1)
    stop = int(np.clip(edges[-1], starts[-1] + 1, notes.shape[-1]))
    lengths = np.maximum(np.diff(np.append(starts, stop)), 1)
    sounds = np.add.reduceat(notes[1, :, :stop].astype(np.float32), starts, axis=1) / lengths
    begins = np.maximum.reduceat(notes[0, :, :stop].astype(np.float32), starts, axis=1)
    layers = []
    for rows, registers in ((sounds, SOUNDING), (begins, BEGINNING)):
        for low, high in zip(registers, (*registers[1:], PITCHES)):
            layer = np.zeros((12, len(starts)), np.float32)
            np.add.at(layer, (np.arange(low, high) + LOWEST) % 12, rows[low:high])
            layers.append(layer)
    features = np.sqrt(np.stack(layers))
    return features / (np.linalg.norm(features, axis=(0, 1)) + 0.3)


@torch.no_grad()
def recognise_chords(
    notes: np.ndarray, edges: np.ndarray, network: ChordRecogniser | None = None
) -> np.ndarray:
    """How likely each chord is in each beat.

    Parameters
    ----------
    notes, edges
        As in `chord_features`.
    network : ChordRecogniser, optional
        The one in data/models by default.

    Returns
    -------
    numpy.ndarray, float32, shape (beats, 36)
        Probabilities: twelve roots, C first, of each quality in `RECOGNISED`.
    """
    network = network or load_model(ChordRecogniser)
    features = torch.from_numpy(chord_features(notes, edges))[None].to(network.device)
    return network(features)[0].float().softmax(0).T.cpu().numpy()
