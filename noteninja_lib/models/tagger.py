"""Which genre a listener hears who knows records: a network that learned from AudioSet's two million clips.

Schmid, Koutini and Widmer 2023 (arXiv 2211.04772; https://github.com/fschmid56/EfficientAT, MIT License):
a MobileNetV3 that learned what a larger network heard. Architecture and weights are theirs (mn04_as), and
what comes out for our ten genres is the same; the other 517 of AudioSet's tags are left out, and each batch
norm is multiplied into the convolution before it. It has never heard our band.
Lesson: 11_judging_a_converter.
"""

from functools import lru_cache

import numpy as np
import soxr
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

from noteninja_lib import data_folder
from noteninja_lib.audio import SAMPLE_RATE
from noteninja_lib.audio.io import mono
from noteninja_lib.models.checkpoints import WHERE, load_model, models_folder

RATE, HOP, FOURIER, WINDOW = 32000, 320, 1024, 800  # Hz, samples
N_MELS, HIGHEST, EMPHASIS = 128, 15000.0, 0.97  # of the picture; Hz; of what is taken off each sample
PIECE = 1000  # frames heard at once: 10 s, as the network learned
SAMPLES = PIECE * HOP * SAMPLE_RATE // RATE  # of ours in as many frames
PIECES = 18  # that are heard of a song at most, spread over it
TAGS = {  # our genres, and what AudioSet calls them
    "blues": "Blues", "classical": "Classical music", "country": "Country", "disco": "Disco",
    "hiphop": "Hip hop music", "jazz": "Jazz", "metal": "Heavy metal", "pop": "Pop music",
    "reggae": "Reggae", "rock": "Rock music",
}  # fmt: skip
#: Of each block: size of the convolution, channels inside, channels out, channels of the gate (0: it has
#: none), whether it bends by hard swish (else ReLU), stride.
BLOCKS = (
    (3, 8, 8, 0, False, 1), (3, 24, 16, 0, False, 2), (3, 32, 16, 0, False, 1),
    (5, 32, 16, 8, False, 2), (5, 48, 16, 16, False, 1), (5, 48, 16, 16, False, 1),
    (3, 96, 32, 0, True, 2), (3, 80, 32, 0, True, 1), (3, 72, 32, 0, True, 1), (3, 72, 32, 0, True, 1),
    (3, 192, 48, 48, True, 1), (3, 272, 48, 72, True, 1),
    (5, 272, 64, 72, True, 2), (5, 384, 64, 96, True, 1), (5, 384, 64, 96, True, 1),
)  # fmt: skip


class InvertedResidual(nn.Module):
    """More channels, a convolution in each of them by itself, a gate, fewer channels (Howard et al. 2019)."""

    def __init__(self, inputs: int, size: int, inside: int, outputs: int, gate: int, hard: bool, stride: int):
        super().__init__()
        self.bend = F.hardswish if hard else F.relu
        self.widen = nn.Conv2d(inputs, inside, 1) if inside != inputs else None
        self.depthwise = nn.Conv2d(inside, inside, size, stride, size // 2, groups=inside)
        self.gate = nn.ModuleList([nn.Linear(inside, gate), nn.Linear(gate, inside)]) if gate else None
        self.narrow = nn.Conv2d(inside, outputs, 1)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        y = self.bend(self.widen(x)) if self.widen is not None else x
        y = self.bend(self.depthwise(y))
        if self.gate is not None:
            first, second = self.gate
            y = y * second(F.relu(first(y.mean((2, 3))))).sigmoid()[..., None, None]
        y = self.narrow(y)
        return x + y if self.adds else y


class AudioTagger(ModelMixin, ConfigMixin):
    """How surely each genre is heard in log-mels, and an embedding of them on the way."""

    config_name = "config.json"

    @register_to_config
    def __init__(self, tags: int = len(TAGS)):
        super().__init__()
        widths = [8, *(outputs for _, _, outputs, *_ in BLOCKS)]
        self.first = nn.Conv2d(1, widths[0], 3, 2, 1)
        self.blocks = nn.ModuleList(InvertedResidual(*both) for both in zip(widths, *zip(*BLOCKS)))
        self.last = nn.Conv2d(widths[-1], 6 * widths[-1], 1)
        self.hidden, self.head = nn.Linear(6 * widths[-1], 512), nn.Linear(512, tags)

    def embedding(self, mel: torch.Tensor) -> torch.Tensor:
        """Embedding of shape (batch, 384) of log-mels (batch, 128, frames), as `tagger_mel` gives them."""
        x = F.hardswish(self.first(mel[:, None].contiguous(memory_format=torch.channels_last)))
        for block in self.blocks:
            x = block(x)
        return F.hardswish(self.last(x)).mean((2, 3))

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Logits of shape (batch, tags)."""
        return self.head(F.hardswish(self.hidden(self.embedding(mel))))


@lru_cache
def filters() -> torch.Tensor:
    """Triangles on Kaldi's mel scale, 1127 ln(1 + f / 700), from 0 to 15 kHz; shape (128, 513)."""
    edges = np.linspace(0, 1127 * np.log1p(HIGHEST / 700), N_MELS + 2)[:, None]
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    mels = 1127 * np.log1p(np.fft.rfftfreq(FOURIER, 1 / RATE) / 700)
    rising, falling = (mels - low) / (centre - low), (high - mels) / (high - centre)
    return torch.from_numpy(np.minimum(rising, falling).clip(0)).float()


def tagger_mel(audio: np.ndarray) -> torch.Tensor:
    """The picture that the tagger sees, shape (128, frames), of sound (samples,) at 32,000 Hz."""
    sound = torch.from_numpy(np.ascontiguousarray(audio, np.float32))
    sound = sound[1:] - EMPHASIS * sound[:-1]
    hann = torch.hann_window(WINDOW, periodic=False)
    power = torch.stft(sound, FOURIER, HOP, WINDOW, hann, return_complex=True).abs().square()
    return ((filters() @ power + 1e-5).log() + 4.5) / 5


def load_tagger() -> AudioTagger:
    """The tagger of the converter in use, or the shipped one: converters made before it have none."""
    own = models_folder()
    return load_model(AudioTagger, own if (own / WHERE["AudioTagger"]).exists() else data_folder() / "models")


def pieces_of(audio: np.ndarray) -> torch.Tensor:
    """Pictures (pieces, 128, frames) of 10 s each, spread over a recording (samples,) at 22,050 Hz.

    What is shorter is heard again until it lasts 10 s.
    """
    count = max(1, len(audio) // SAMPLES)
    long = audio if count > 1 else np.resize(audio, max(len(audio), SAMPLES))
    starts = SAMPLES * np.linspace(0, count - 1, min(count, PIECES)).round().astype(int)
    parts = (soxr.resample(long[start : start + SAMPLES], SAMPLE_RATE, RATE) for start in starts)
    return torch.stack([tagger_mel(part)[:, :PIECE] for part in parts])


@torch.no_grad()
def hear_genres(audio: np.ndarray) -> dict[str, float]:
    """What somebody who knows records takes a recording for: shares of the ten genres, the largest first.

    Parameters
    ----------
    audio : numpy.ndarray, float32, shape (n,) at 22,050 Hz, or (n, 2) at 44,100 Hz
        Of a long song, parts spread over all of it are heard.

    Returns
    -------
    dict of str to float
        Genre and share; the shares sum to 1.
    """
    tagger = load_tagger()
    pieces = pieces_of(mono(audio))
    shares = sum(tagger(one[None].to(tagger.device)).softmax(1)[0].cpu() for one in pieces)
    shares = shares.numpy() / shares.sum().item()
    names = list(TAGS)
    return {names[number]: float(shares[number]) for number in np.argsort(-shares)}


@torch.no_grad()
def embed(audio: np.ndarray) -> np.ndarray:
    """Embeddings (pieces, 384) of a recording (samples,) at 22,050 Hz, a row for each ten seconds heard."""
    tagger = load_tagger()
    return np.concatenate([tagger.embedding(one[None].to(tagger.device)).cpu() for one in pieces_of(audio)])
