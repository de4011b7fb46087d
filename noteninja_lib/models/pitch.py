"""How high a voice sings: the network of SwiftF0, in PyTorch.

Nieradzik 2025 (arXiv 2508.18440; https://github.com/lars76/swift-f0, MIT License). Architecture and weights
are theirs, from the file model.onnx of the package's version 0.3.0, and the results are the same. It is made
for one voice or instrument at a time. Lesson: 12_singers_and_stems.
"""

from functools import lru_cache

import numpy as np
import soxr
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

from noteninja_lib.models import half_precision
from noteninja_lib.models.checkpoints import load_model

RATE, HOP = 16000, 256  # Hz, samples: a frame every 16 ms
LOWEST, HIGHEST, STEPS = 46.875, 2093.75, 95  # Hz, and pitches that are told apart in between
BINS = 128  # of the spectra, as far apart as the pitches; those above the highest hold overtones only
WINDOWS = (1024, 2048, 512)  # samples: the network sees each moment with three sharpnesses
LOUD, SILENCE, NEVER = 0.7, 1e-3, -20.0  # peak; share of it below which nothing is sung; the logit of that
#: MIDI pitches that are told apart.
PITCHES = 69 + 12 * np.log2(np.geomspace(LOWEST, HIGHEST, STEPS) / 440)
BLOCK, BEFORE, AFTER = 1875, 11, 11  # frames heard at once, and how many around them count


@lru_cache
def centres() -> np.ndarray:
    """Frequencies of the spectra's bins in Hz; the first 95 are the pitches."""
    return LOWEST * (HIGHEST / LOWEST) ** (np.arange(BINS) / (STEPS - 1))


@lru_cache
def filters(window: int) -> torch.Tensor:
    """Triangles on a logarithmic axis that sum to 1, or the nearest bin; shape (window // 2 + 1, 128)."""
    frequencies = np.fft.rfftfreq(window, 1 / RATE)
    ratio = centres()[1] / centres()[0]
    edges = np.concatenate([centres()[:1] / ratio, centres(), centres()[-1:] * ratio])
    bins = np.zeros((len(frequencies), BINS))
    for number, (low, centre, high) in enumerate(zip(edges, edges[1:], edges[2:])):
        rising, falling = (frequencies - low) / (centre - low), (high - frequencies) / (high - centre)
        bins[:, number] = np.minimum(rising, falling).clip(0)
        if not bins[:, number].any():
            bins[np.abs(frequencies - centre).argmin(), number] = 1
    return torch.from_numpy(bins / bins.sum(0)).float()


class PitchTracker(ModelMixin, ConfigMixin):
    """How likely each of 95 pitches is in each moment, and whether anything is sung."""

    config_name = "config.json"

    @register_to_config
    def __init__(self, width: int = 12):
        super().__init__()
        # Reach along the pitches by gaps that are those of the overtones: an octave is 17 or 18 steps.
        shapes = [((7, 3), 1), ((7, 1), 17), ((5, 1), 27), ((3, 1), 40), ((3, 1), 48), ((7, 3), 2)]
        self.first = nn.Conv2d(3, width, 3, padding=1)
        self.layers = nn.ModuleList(
            nn.Conv2d(width, width, size, padding="same", dilation=(gap, 1))
            for size, gap in shapes
            for _ in range(2)
        )
        self.last = nn.Conv2d(width, 4, 3)
        self.pitch, self.voice = nn.Conv2d(4, 1, 1), nn.Conv2d(4, 4, (5, 1), padding=(2, 0))
        self.sung = nn.ModuleList([nn.Conv1d(5, 16, 3, padding=1), nn.Conv1d(16, 1, 1)])

    def forward(self, audio: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of the pitches (batch, 95, frames) and of anything being sung (batch, frames).

        `audio` has shape (batch, samples), 16,000 samples a second.
        """
        x = torch.stack([self.spectrum(audio, window) for window in WINDOWS], 1)
        level = x.mean((1, 2))[:, None]
        x = F.relu_(self.first(x.contiguous(memory_format=torch.channels_last)))
        for one, other in zip(self.layers[::2], self.layers[1::2]):
            if other is self.layers[-1]:
                x = x[:, :, : STEPS + 1 + 12]  # what lies higher reaches no pitch any more
            x = F.relu_(other(F.relu_(one(x))).add_(x))
        x = F.relu_(self.last(F.pad(x[:, :, : STEPS + 1], (1, 1, 1, 0))))
        voice = torch.cat([self.voice(x).amax(2), level], 1)
        return self.pitch(x)[:, 0], self.sung[1](F.relu(self.sung[0](voice)))[:, 0]

    def spectrum(self, audio: torch.Tensor, window: int) -> torch.Tensor:
        """Logarithm of the strength in 128 bins, shape (batch, 128, frames)."""
        hann = torch.hann_window(window, device=audio.device)
        fourier = torch.stft(audio, window, HOP, window=hann, pad_mode="constant", return_complex=True)
        fourier = fourier[..., : audio.shape[-1] // HOP]
        # Quicker than `abs`, which minds numbers too large or small to be squared.
        strength = torch.addcmul(fourier.real.square(), fourier.imag, fourier.imag).sqrt_()
        return torch.log(filters(window).to(audio.device).T @ strength + 1e-8)


@torch.no_grad()
def track_pitch(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How likely each pitch is in a voice.

    Parameters
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
        Mono, 16,000 Hz, of any level: it is brought to the same one.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray)
        Logits of the pitches in `PITCHES`, shape (95, frames), and of anything being sung, shape (frames,); a
        frame every 256 samples, the first at 0 s.
    """
    if len(audio) < HOP:
        audio = np.pad(audio, (0, HOP - len(audio)))
    tracker, peak = load_model(PitchTracker), max(audio.max(), -audio.min(), 1e-9)
    frames, pitches, sung = len(audio) // HOP, [], []
    for start in range(0, frames, BLOCK):
        first = max(0, start - BEFORE)
        piece = torch.from_numpy(audio[first * HOP : (start + BLOCK + AFTER) * HOP] * np.float32(LOUD / peak))
        logits, voice = (
            one[0, ..., start - first :][..., :BLOCK] for one in tracker(piece[None].to(tracker.device))
        )
        pitches.append(logits.float().cpu().numpy())
        sung.append(voice.float().cpu().numpy())
    framed = audio[: frames * HOP].reshape(-1, HOP)
    silent = np.maximum(framed.max(1), -framed.min(1)) < SILENCE * peak
    return np.concatenate(pitches, 1)[:, :frames], np.where(silent, NEVER, np.concatenate(sung)[:frames])


def pitch_classes(audio: np.ndarray, sample_rate: int, frame_rate: float) -> np.ndarray:
    """How surely each pitch class (C first) is the one that is sung or played above all others.

    Parameters
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
    sample_rate : int
    frame_rate : float
        Frames a second of the result.

    Returns
    -------
    numpy.ndarray, shape (12, frames)
        0 to 1; each frame sums to 1.
    """
    sound = soxr.resample(audio, sample_rate, RATE)
    with half_precision(torch.device("cpu")):
        logits, _ = track_pitch(sound)
    likely = np.exp(logits - logits.max(0))
    classes = np.zeros((12, likely.shape[1]))
    np.add.at(classes, np.round(PITCHES).astype(int) % 12, likely / likely.sum(0))
    times = np.arange(int(len(audio) / sample_rate * frame_rate)) / frame_rate
    return classes[:, np.minimum(np.round(times * RATE / HOP).astype(int), classes.shape[1] - 1)]
