"""The converter: a song in, the same tune out in another genre.

The long trip passes each room once: audio -> content picture -> denoiser, guided by a style -> autoencoder ->
vocoder -> audio. Noise turns into latents of music under the eyes of the content (what is played) and the style
(how it is played); with an `amount` below 1 the trip begins part of the way, at the noised latents of the source.
Lesson: 00_genre_converter.
"""
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler
from diffusers.utils import BaseOutput
from diffusers.utils.logging import disable_progress_bar

from . import STEPS, fast_mode
from .errors import UserError
from .model.autoencoder import MelAutoencoder          # diffusers loads only classes that were imported before
from .model.denoiser import Denoiser
from .model.diffusion import guide, time_steps
from .model.listener import Judge
from .model.vocoder import Vocoder
from .model.weights import load_model, models_folder, verify, write_checksums
from .music.content import Content, from_audio, transcribe, tune_likeness
from .music.genres import GENRES, style_vector
from .sound.audio import SAMPLE_RATE, check, load, normalise, save
from .sound.spectrogram import HOP_LENGTH, log_mel

FOLD = 4                       # spectrogram columns to a latent column
WINDOW, OVERLAP = 512, 32      # latent columns denoised at once (23.8 s), and shared by neighbours (1.5 s)
CONTEXT = 24                   # latent columns around a window that decoder and vocoder also see
GUIDED = (0.55, 1.0)           # noise levels at which guidance is on (Kynkäänniemi et al. 2024, arXiv 2404.07724)
JUDGED = 256                   # spectrogram columns that the judge hears at once (3 s)
JUDGED_BLOCKS = 4              # of 48 s that it hears of a song at most
FAST_SECONDS, FAST_STEPS = 8, 3


@dataclass
class Conversion(BaseOutput):
    """What the pipeline returns.

    Attributes
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
        As long as the source, about -16 LUFS.
    sample_rate : int
    source : numpy.ndarray, float32, shape (samples,)
        The song that was converted, mono.
    content : Content
        What was heard in the source.
    notes : list of Note
        The tune that was heard in the source.
    tune_kept : float
        How much of that tune is heard again at the same time, from 0 (no more than in another song) to 1.
    genre_heard, source_genre : dict of str to float
        What the judge network takes the result and the source for; the shares sum to 1.
    """
    audio: np.ndarray
    sample_rate: int
    source: np.ndarray
    content: Content
    notes: list
    tune_kept: float
    genre_heard: dict
    source_genre: dict


class NoteNinjaPipeline(DiffusionPipeline):
    """Genre conversion by latent diffusion, in the form of a diffusers pipeline.

    Parameters
    ----------
    vae : MelAutoencoder
    unet : Denoiser
    vocoder : Vocoder
    judge : Judge
    scheduler : SchedulerMixin
        Any of diffusers' schedulers that walks a flow, such as `FlowMatchEulerDiscreteScheduler`, or
        `DPMSolverMultistepScheduler` and `UniPCMultistepScheduler` with `use_flow_sigmas=True` and
        `prediction_type="flow_prediction"`.
    amount_curve : sequence of float
        Noise level (0..1) at which the trip begins for the amounts 0, 1/n ... 1.
    tune_scale : (float, float)
        Likeness of the tune to another song's, and of a true recording in the target genre to its source's.
    guided : (float, float)
        Noise levels between which guidance is on.
    """

    def __init__(self, vae, unet, vocoder, judge, scheduler, amount_curve=(0.0, 1.0), tune_scale=(0.0, 1.0), guided=GUIDED):
        super().__init__()
        self.register_modules(vae=vae, unet=unet, vocoder=vocoder, judge=judge, scheduler=scheduler)
        self.register_to_config(amount_curve=tuple(amount_curve), tune_scale=tuple(tune_scale), guided=tuple(guided))

    @classmethod
    def from_pretrained(cls, folder=None, **kwargs):
        """Load all networks from a folder, `data/models` by default, once their SHA-256 was found right."""
        folder = Path(folder) if folder else models_folder()
        verify(folder)
        disable_progress_bar()                          # loading takes half a second
        pipe = super().from_pretrained(str(folder), **kwargs)
        for network in (pipe.vae, pipe.unet, pipe.vocoder, pipe.judge):
            network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        return pipe

    def save_pretrained(self, folder, **kwargs):
        """Save all networks, and the list of checksums that `from_pretrained` asks for."""
        super().save_pretrained(folder, **kwargs)
        write_checksums(Path(folder))

    @torch.no_grad()
    def __call__(self, audio, genre="jazz", amount=1.0, num_inference_steps=STEPS, guidance_scale=2.0, generator=None, *,
                 valence=0.0, arousal=0.0, out=None, progress=None):
        """Convert a song.

        Parameters
        ----------
        audio : path, numpy.ndarray of shape (samples,) at 22,050 Hz
        genre : str or dict
            One of the ten, or shares of several.
        amount : float
            0 gives the source through autoencoder and vocoder, 1 the full conversion.
        num_inference_steps : int
            Steps of the scheduler.
        guidance_scale : float
            How far to go beyond what the network would do unasked; 1 switches guidance off and halves the time.
        generator : torch.Generator, optional
            Its seed decides the result.
        valence, arousal : float
            Mood, -1 to 1.
        out : path, optional
            Where to save the result; sooner done here than afterwards, since it is listened to meanwhile.
        progress : callable, optional
            Called with (fraction done, what is being done); may raise to stop.

        Returns
        -------
        Conversion

        Raises
        ------
        UserError
            If an argument is out of range, the song can't be used or the result can't be saved.
        """
        check_arguments(amount, num_inference_steps, guidance_scale, valence, arousal)
        style = torch.from_numpy(style_vector(genre, valence, arousal))[None].to(self.device)
        progress = progress or (lambda fraction, what: None)
        progress(0.0, "reading")
        seconds = FAST_SECONDS if fast_mode() else None
        source = load(audio, duration=seconds) if isinstance(audio, (str, Path)) else check(audio)
        if fast_mode():
            source, num_inference_steps = source[:FAST_SECONDS * SAMPLE_RATE], min(num_inference_steps, FAST_STEPS)
        whole, samples = np.pad(source, (0, -len(source) % (16 * HOP_LENGTH))), len(source)
        source = whole[:samples]                        # a view: a long song should lie in memory once
        progress(0.02, "listening")
        content = from_audio(whole, lambda done: progress(0.02 + 0.13 * done, "listening"))
        latents = self.denoise(whole, content, style, amount, num_inference_steps, guidance_scale, generator,
                               lambda done: progress(0.15 + 0.6 * done, "converting"))
        made = self.sound(latents, lambda done: progress(0.75 + 0.12 * done, "making sound"))
        made = normalise(made[:samples])
        with ThreadPoolExecutor(1) as pool:             # encoding an mp3 keeps only one core busy
            saved = pool.submit(save, out, made) if out else None
            heard = transcribe(made, lambda done: progress(0.88 + 0.11 * done, "listening to the result"))
            genre_heard, source_genre = self.judge_genre(made), self.judge_genre(source)
        if saved:
            saved.result()                              # raises what went wrong
        notes = content.melody()
        low, high = self.config.tune_scale
        kept = float(np.clip((tune_likeness(notes, heard) - low) / (high - low), 0, 1))
        result = Conversion(made, SAMPLE_RATE, source, content, notes, kept, genre_heard, source_genre)
        progress(1.0, "done")
        return result

    def encode(self, audio):
        """Latents (1, 8, rows, columns) of a recording, window by window."""
        parts, columns = [], len(audio) // (FOLD * HOP_LENGTH)
        for start in range(0, columns, WINDOW):
            first, last = max(0, start - CONTEXT), min(columns, start + WINDOW + CONTEXT)
            mel = torch.from_numpy(log_mel(audio[first * FOLD * HOP_LENGTH:last * FOLD * HOP_LENGTH]))
            latents = self.vae.encode(mel[None].to(self.device))
            parts.append(latents[..., start - first:start - first + min(WINDOW, columns - start)])
        return torch.cat(parts, -1)

    def denoise(self, audio, content, style, amount, steps, guidance_scale, generator, progress):
        """Latents of the converted song: windows that share noise and overlap, blended where they meet."""
        rows, columns = self.unet.content.height.shape[0], len(audio) // (FOLD * HOP_LENGTH)
        level = float(np.interp(amount, np.linspace(0, 1, len(self.config.amount_curve)), self.config.amount_curve))
        source = self.encode(audio) if level < 1 else None
        if level < 0.01:
            return source
        noise = torch.randn((1, 8, rows, columns), generator=generator).to(self.device)
        blended, weights = torch.zeros_like(noise), torch.zeros(columns, device=self.device)
        starts = range(0, max(columns - OVERLAP, 1), WINDOW - OVERLAP)
        for number, start in enumerate(starts):
            window = slice(start, min(start + WINDOW, columns))
            picture = torch.from_numpy(content.stack(slice(FOLD * window.start, FOLD * window.stop)))[None].to(self.device)
            latents = self.denoise_window(noise[..., window], None if source is None else source[..., window], level,
                                          picture, style, steps, guidance_scale,
                                          lambda done: progress((number + done) / len(starts)))
            place = torch.arange(window.stop - start, device=self.device) + 1.0
            ramp = torch.minimum(place, place.flip(0)).clamp(max=OVERLAP)
            blended[..., window] += latents * ramp
            weights[window] += ramp
        return blended.div_(weights)

    def denoise_window(self, noise, source, level, picture, style, steps, guidance_scale, progress):
        """Walk from `level` of noise to music under one window of the content."""
        begin = 0
        if isinstance(self.scheduler, FlowMatchEulerDiscreteScheduler):   # whose own last step, from .001 to 0, does nothing
            self.scheduler.set_timesteps(sigmas=time_steps(steps, level)[:-1].tolist(), device=self.device)
        elif level >= 1:
            self.scheduler.set_timesteps(steps, device=self.device)
        else:                                          # a finer schedule, begun at the step nearest to the level
            skipped = round(steps / level) - steps
            self.scheduler.set_timesteps(steps + skipped, device=self.device)
            begin = skipped * self.scheduler.order
        if hasattr(self.scheduler, "set_begin_index"):
            self.scheduler.set_begin_index(begin)
        sigma = self.scheduler.sigmas[begin]
        latents = noise if source is None else (1 - sigma) * source + sigma * noise
        both = torch.cat([picture, torch.zeros_like(picture)])
        drawn, styles = self.unet.content(both), torch.cat([style, torch.zeros_like(style)])
        timesteps = self.scheduler.timesteps[begin:]
        for number, time in enumerate(timesteps):
            progress(number / len(timesteps))
            noise_level = float(time) / 1000
            guided = guidance_scale != 1 and self.config.guided[0] <= noise_level <= self.config.guided[1]
            rows = 2 if guided else 1                      # told everything, and told nothing
            velocity = self.unet(latents.expand(rows, -1, -1, -1), torch.full((rows,), noise_level, device=self.device),
                                 drawn[:rows], styles[:rows])
            if guided:
                velocity = guide(velocity[:1], velocity[1:], guidance_scale)
            latents = self.scheduler.step(velocity, time, latents).prev_sample
        return latents

    def sound(self, latents, progress=lambda done: None):
        """Decode latents and make them sound, window by window; float32, shape (columns * 1024,)."""
        columns, column = latents.shape[-1], FOLD * HOP_LENGTH
        made = np.empty(columns * column, np.float32)
        for start in range(0, columns, WINDOW):
            progress(start / columns)
            first, last = max(0, start - CONTEXT), min(columns, start + WINDOW + CONTEXT)
            audio = self.vocoder(self.vae.decode(latents[..., first:last]))[0].cpu().numpy()
            end = min(start + WINDOW, columns)
            made[start * column:end * column] = audio[(start - first) * column:(end - first) * column]
        return made

    @torch.no_grad()
    def judge_genre(self, audio):
        """What the judge network takes a recording for: dict of genre to share, strongest first."""
        total, block = np.zeros(len(GENRES)), 16 * JUDGED * HOP_LENGTH
        starts = range(0, len(audio), block)
        for start in starts[::-(-len(starts) // JUDGED_BLOCKS)]:           # of a long song, parts spread over all of it
            mel = torch.from_numpy(log_mel(audio[start:start + block]))
            if mel.shape[1] < JUDGED:
                if start:
                    break                                  # the last bits of a long song change nothing
                mel = mel[:, torch.arange(JUDGED) % mel.shape[1]]
            windows = mel.unfold(1, JUDGED, JUDGED // 2).transpose(0, 1)
            total += self.judge(windows.to(self.device)).softmax(1).sum(0).cpu().numpy()
        order = np.argsort(-total)
        return {GENRES[n]: float(total[n] / total.sum()) for n in order}


def check_arguments(amount, steps, guidance_scale, valence=0.0, arousal=0.0):
    """Refuse what is out of range, with one sentence that names the range."""
    for name, value, low, high in (("amount", amount, 0, 1), ("guidance scale", guidance_scale, 0, 20),
                                   ("number of inference steps", steps, 1, 1000),
                                   ("valence", valence, -1, 1), ("arousal", arousal, -1, 1)):
        if not low <= value <= high:
            raise UserError(f"The {name} must lie between {low} and {high}, not {value}.")


@lru_cache(maxsize=1)
def load_pipeline():
    """The pipeline with the weights in data/models, loaded once in a process."""
    return NoteNinjaPipeline.from_pretrained()


def assemble(folder, **settings):
    """Write the files that tell diffusers which networks make up the pipeline.

    Parameters
    ----------
    folder : pathlib.Path
        Holds the trained networks.
    settings
        `amount_curve`, `tune_scale`, `guided`; those that are not given stay as they are.
    """
    index = folder / "model_index.json"
    kept = json.loads(index.read_text(encoding="utf-8")) if index.exists() else {}
    settings = {name: kept[name] for name in ("amount_curve", "tune_scale", "guided") if name in kept} | settings
    networks = [load_model(kind, folder) for kind in (MelAutoencoder, Denoiser, Vocoder, Judge)]
    pipe = NoteNinjaPipeline(*networks, FlowMatchEulerDiscreteScheduler(), **settings)
    pipe.scheduler.save_pretrained(folder / "scheduler")
    pipe.save_config(folder)
