"""Long pieces through small networks: in windows that overlap, as if it were one.

All windows share one noise and take each step together, and where they overlap their velocities are blended
(MultiDiffusion, Bar-Tal et al. 2023, arXiv 2302.08113): so that there is one piece at each noise level, and no seam to
be mended afterwards. Lesson: 09_tempo_mood_and_length.
"""
import numpy as np
import torch

from ..sound.spectrogram import HOP_LENGTH, log_mel
from .diffusion import guide

FOLD = 4                       # spectrogram columns to a latent column
COLUMN = FOLD * HOP_LENGTH     # samples to a latent column
WINDOW, OVERLAP = 512, 32      # latent columns denoised at once (23.8 s), and shared by neighbours (1.5 s)
NARROW, LAP = 128, 64          # the same where the style changes on the way: a window knows one style only
CONTEXT = 24                   # latent columns around a window that encoder, decoder and vocoder also see


def spans(columns, size, overlap):
    """Windows (slices) that cover all columns, each sharing `overlap` columns with the one before."""
    return [slice(start, min(start + size, columns)) for start in range(0, max(columns - overlap, 1), size - overlap)]


def ramp(length, overlap):
    """Weight of each column of a window: rising at its beginning, falling at its end; shape (length,)."""
    place = torch.arange(length) + 1.0
    return torch.minimum(place, place.flip(0)).clamp(max=overlap)


class WindowedFlow:
    """The velocity of a whole piece at any noise level, from a network that sees windows of it.

    Parameters
    ----------
    unet : Denoiser
    content : Content
        `stack(columns)` gives the content picture of some spectrogram columns.
    styles : torch.Tensor, shape (1, 12) or (columns, 12)
        One style, or one for each latent column.
    columns : int
        Latent columns of the piece.
    guidance_scale : float
    guided : (float, float)
        Noise levels between which guidance is on.
    """

    def __init__(self, unet, content, styles, columns, guidance_scale=1.0, guided=(0.0, 1.0)):
        self.unet, self.scale, self.guided = unet, guidance_scale, guided
        self.size, self.overlap = (WINDOW, OVERLAP) if len(styles) == 1 else (NARROW, LAP)
        self.windows = spans(columns, self.size, self.overlap)
        self.styles = [styles[min((window.start + window.stop) // 2, len(styles) - 1)][None] for window in self.windows]
        # Drawn once for all steps, and kept in half precision: of a long piece this is the most.
        self.drawn = [self._draw(content.stack(slice(FOLD * window.start, FOLD * window.stop))) for window in self.windows]
        lengths = {window.stop - window.start for window in self.windows} if guidance_scale != 1 else ()
        self.nothing = {length: self._draw(np.zeros((357, FOLD * length), np.float32)) for length in lengths}

    def _draw(self, picture):
        return self.unet.content(torch.from_numpy(picture)[None].to(self.unet.device)).half()

    def __call__(self, latents, time, progress=lambda done: None):
        """Velocity (1, 8, rows, columns) at latents of the same shape and a noise level from 0 to 1."""
        blended, weights = torch.zeros_like(latents), torch.zeros(latents.shape[-1], device=latents.device)
        for number, window in enumerate(self.windows):
            progress(number / len(self.windows))
            weight = ramp(window.stop - window.start, self.overlap).to(latents.device)
            blended[..., window] += self._velocity(latents[..., window], time, number) * weight
            weights[window] += weight
        return blended.div_(weights)

    def _velocity(self, latents, time, number):
        """Velocity in one window: told content and style, and where guidance is on, pushed away from being told nothing."""
        drawn, style = self.drawn[number].float(), self.styles[number]
        guided = self.scale != 1 and self.guided[0] <= time <= self.guided[1]
        if guided:
            drawn = torch.cat([drawn, self.nothing[latents.shape[-1]].float()])
            style = torch.cat([style, torch.zeros_like(style)])
        noise_level = torch.full((len(style),), time, device=latents.device)
        velocity = self.unet(latents.expand(len(style), -1, -1, -1), noise_level, drawn, style)
        return guide(velocity[:1], velocity[1:], self.scale) if guided else velocity


def encode(vae, audio):
    """Latents (1, 8, rows, columns) of a recording (samples,), window by window."""
    parts, columns = [], len(audio) // COLUMN
    for window in spans(columns, WINDOW, 0):
        first, last = max(0, window.start - CONTEXT), min(columns, window.stop + CONTEXT)
        mel = torch.from_numpy(log_mel(audio[first * COLUMN:last * COLUMN]))
        latents = vae.encode(mel[None].to(vae.device))
        parts.append(latents[..., window.start - first:window.stop - first])
    return torch.cat(parts, -1)


def decode(vae, vocoder, latents, progress=lambda done: None):
    """The sound of latents, window by window; float32, shape (columns * 1024,)."""
    columns = latents.shape[-1]
    made = np.empty(columns * COLUMN, np.float32)
    for window in spans(columns, WINDOW, 0):
        progress(window.start / columns)
        first, last = max(0, window.start - CONTEXT), min(columns, window.stop + CONTEXT)
        audio = vocoder(vae.decode(latents[..., first:last]))[0].cpu().numpy()
        made[window.start * COLUMN:window.stop * COLUMN] = audio[(window.start - first) * COLUMN:(window.stop - first) * COLUMN]
    return made
