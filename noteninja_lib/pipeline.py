"""The converter: a song in, the same tune out in another genre.

The long trip passes each room once: audio -> piano roll -> denoiser, guided by a style -> autoencoder ->
vocoder -> audio. Noise turns into latents of music under the eyes of the content (what is played) and the style
(how it is played); with an `amount` below 1 the trip begins part of the way, at the noised latents of the source.
Lesson: 00_genre_converter.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler
from diffusers.utils.logging import disable_progress_bar

from noteninja_lib import STEPS, fast_mode
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio.io import SAMPLE_RATE, normalise, save
from noteninja_lib.errors import UserError, check_range
from noteninja_lib.models import flow_matching
from noteninja_lib.models.checkpoints import current_names, load_model, models_folder, verify, write_checksums
from noteninja_lib.models.classifiers import GenreClassifier, classify
from noteninja_lib.models.flow_matching import heun, set_schedule, slerp, time_steps
from noteninja_lib.models.unet import Denoiser
from noteninja_lib.models.vae import MelAutoencoder
from noteninja_lib.models.vocoder import Vocoder
from noteninja_lib.music.piano_roll import transcribe, tune_likeness
from noteninja_lib.music.style import styles
from noteninja_lib.music.time_warp import align, mix, warp
from noteninja_lib.source import RATES, Conversion, Plan, check_arguments, read_source

GUIDANCE_INTERVAL = (
    0.55,
    1.0,
)  # noise levels at which guidance is on (Kynkäänniemi et al. 2024, arXiv 2404.07724)
FAST_SECONDS, FAST_STEPS = 8, 3


class NoteNinjaPipeline(DiffusionPipeline):
    """Genre conversion by latent diffusion, in the form of a diffusers pipeline.

    Parameters
    ----------
    vae : MelAutoencoder
    unet : Denoiser
    vocoder : Vocoder
    judge : GenreClassifier
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

    def __init__(
        self,
        vae,
        unet,
        vocoder,
        judge,
        scheduler,
        strength_curve=(0.0, 1.0),
        tune_scale=(0.0, 1.0),
        guidance_interval=GUIDANCE_INTERVAL,
    ):
        super().__init__()
        self.register_modules(vae=vae, unet=unet, vocoder=vocoder, judge=judge, scheduler=scheduler)
        self.register_to_config(
            strength_curve=tuple(strength_curve),
            tune_scale=tuple(tune_scale),
            guidance_interval=tuple(guidance_interval),
        )

    @classmethod
    def load_config(cls, folder, **kwargs):
        """What `save_pretrained` wrote, in today's names if it was written by an older version."""
        config = super().load_config(folder, **kwargs)
        if isinstance(config, tuple):
            return current_names(config[0]), *config[1:]
        return current_names(config)

    @classmethod
    def from_pretrained(cls, folder=None, **kwargs):
        """Load all networks from a folder, `data/models` by default, once their SHA-256 was found right."""
        folder = Path(folder) if folder else models_folder()
        verify(folder)
        disable_progress_bar()  # loading takes half a second
        pipe = super().from_pretrained(str(folder), **kwargs)
        for network in (pipe.vae, pipe.unet, pipe.vocoder, pipe.judge):
            network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        return pipe

    def save_pretrained(self, folder, **kwargs):
        """Save all networks, and the list of checksums that `from_pretrained` asks for."""
        super().save_pretrained(folder, **kwargs)
        write_checksums(Path(folder))

    @torch.no_grad()
    def __call__(
        self,
        audio,
        genre="jazz",
        strength=1.0,
        num_inference_steps=STEPS,
        guidance_scale=2.0,
        generator=None,
        *,
        mood=None,
        tempo=None,
        rate=None,
        seconds=None,
        latents=None,
        out=None,
        progress=None,
    ):
        """Convert a song.

        Parameters
        ----------
        audio : path, numpy.ndarray of shape (samples,) at 22,050 Hz, music21.stream.Stream, Tune or PianoRoll
            A recording; or notes, from a MIDI, MusicXML or ABC file too.
        genre : str, dict or list
            One of the ten, shares of several, or a path of either: [(0, "blues"), (1, "disco")].
        amount : float
            0 gives the source through autoencoder and vocoder, 1 the full conversion.
        num_inference_steps : int
            Steps of the scheduler.
        guidance_scale : float
            How far to go beyond what the network would do unasked; 1 switches guidance off and halves the time.
        generator : torch.Generator, optional
            Its seed decides the result.
        mood : str, (float, float) or list, optional
            A word such as "happy", valence and arousal from -1 to 1, or a path of either.
        tempo : float, optional
            Beats a minute, between half and twice the source's own.
        rate : float, optional
            The same as a factor, 0.5 to 2. If neither is given, the source's tempo stays, or the mood changes it by up to 15 %.
        seconds : float, optional
            Length of the result, up to an hour: the song is extended to it, with a form.
        latents : torch.Tensor or callable, optional
            Noise to begin with, such as `noise_like` or `invert` give, or a function of the content that gives it.
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
        check_arguments(strength, num_inference_steps, guidance_scale)
        check_range("rate of the tempo", 1.0 if rate is None else rate, *RATES)
        if seconds and strength < 1:
            raise UserError("What is extended can't keep the recording too: leave the amount at 1.")
        styles(genre, mood)  # what is wrong there is told before the song is listened to
        progress = progress or (lambda fraction, what: None)
        progress(0.0, "reading")
        source = read_source(
            audio,
            FAST_SECONDS if fast_mode() else None,
            lambda done: progress(0.02 + 0.13 * done, "listening"),
        )
        plan = Plan(source.piano_roll, mood, tempo, rate, seconds, samples=len(source.audio))
        begin = self.begin(source.whole, strength, plan.places)
        return self.make(
            source,
            plan,
            begin,
            genre,
            strength,
            num_inference_steps,
            guidance_scale,
            generator,
            latents,
            out,
            progress,
        )

    @torch.no_grad()
    def interpolate(
        self,
        first,
        second,
        share=0.5,
        genre="jazz",
        strength=1.0,
        num_inference_steps=STEPS,
        guidance_scale=2.0,
        generator=None,
        *,
        mood=None,
        out=None,
        progress=None,
    ):
        """A song between two songs: their contents mixed on one beat, at a tempo between theirs, and below amount 1 their latents too.

        Parameters
        ----------
        first, second, genre, amount, num_inference_steps, guidance_scale, generator, mood, out, progress
            As in a conversion.
        share : float
            0 is the first song alone, 1 the second.

        Returns
        -------
        Conversion
            `source` is the song that is nearer.
        """
        check_arguments(strength, num_inference_steps, guidance_scale)
        check_range("share", share, 0, 1)
        styles(genre, mood)
        progress = progress or (lambda fraction, what: None)
        seconds = FAST_SECONDS if fast_mode() else None
        sources = [
            read_source(song, seconds, lambda done: progress(0.07 * done + 0.07 * number, "listening"))
            for number, song in enumerate((first, second))
        ]
        places = align(*(source.piano_roll for source in sources), share)
        plan = Plan(mix(*(warp(source.piano_roll, one) for source, one in zip(sources, places)), share), mood)
        begins = [self.begin(source.whole, strength, one) for source, one in zip(sources, places)]
        begin = None if begins[0] is None else flow_matching.move(slerp(*begins, share), plan.places)
        source = sources[share > 0.5]
        return self.make(
            source,
            plan,
            begin,
            genre,
            strength,
            num_inference_steps,
            guidance_scale,
            generator,
            None,
            out,
            progress,
        )

    @torch.no_grad()
    def invert(self, audio, genre=None, num_inference_steps=25):
        """From a recording to the noise that makes it: the way of a conversion, walked backwards.

        Parameters
        ----------
        audio
            As in a conversion; a recording.
        genre : str or dict, optional
            What the song is now; the network is told no style if it is not given.
        num_inference_steps : int
            Heun steps, of two evaluations each.

        Returns
        -------
        torch.Tensor
            Noise (1, 8, rows, columns) for `latents` of a conversion.
        """
        source = read_source(audio, FAST_SECONDS if fast_mode() else None)
        style = (
            torch.from_numpy(styles(genre)).to(self.device)
            if genre
            else torch.zeros(1, len(GENRES) + 2, device=self.device)
        )
        flow = flow_matching.WindowedFlow(
            self.unet, source.piano_roll, style, source.piano_roll.rhythm.shape[-1] // flow_matching.FOLD
        )
        return heun(
            flow, flow_matching.encode(self.vae, source.whole), time_steps(num_inference_steps).flip(0)
        )

    def styles_for(self, genre, plan):
        """A style for each latent column where genre or mood is a path, shape (columns, 12), or else a single one, (1, 12)."""
        moving = isinstance(genre, list) or np.ptp(plan.moods, 0).any()
        places = (
            np.linspace(0, 1, plan.piano_roll.rhythm.shape[-1] // flow_matching.FOLD) if moving else (0.5,)
        )
        return torch.from_numpy(styles(genre, plan.mood, places)).to(self.device)

    def level_of(self, strength):
        """Noise level at which a conversion by this amount begins."""
        return float(
            np.interp(
                strength, np.linspace(0, 1, len(self.config.strength_curve)), self.config.strength_curve
            )
        )

    def noise_like(self, roll, generator=None):
        """Noise (1, 8, rows, columns) for a piano roll."""
        shape = (1, 8, self.unet.content.height.shape[0], roll.rhythm.shape[-1] // flow_matching.FOLD)
        return torch.randn(shape, generator=generator).to(self.device)

    def begin(self, audio, strength, places=None):
        """Latents of the source where a conversion begins at them, moved to new places; None where it begins at noise."""
        if self.level_of(strength) >= 1:
            return None
        source = flow_matching.encode(self.vae, audio)
        return source if places is None else flow_matching.move(source, places)

    def denoise(
        self,
        source,
        roll,
        styles,
        strength,
        steps,
        guidance_scale,
        generator,
        progress=lambda done: None,
        *,
        noise=None,
        neutral=None,
    ):
        """Latents (1, 8, rows, columns) of a conversion.

        Parameters
        ----------
        source : torch.Tensor or None
            Where it begins, as from `begin`.
        roll, neutral : PianoRoll
            With and without the mood; `neutral` is None if there is none.
        styles : torch.Tensor, shape (1, 12) or (columns, 12)
        amount, steps, guidance_scale, generator, progress
            As in a conversion.
        noise : torch.Tensor, optional
            In place of what the generator draws.
        """
        level = self.level_of(strength)
        if level < 0.01:
            return source
        latents = (
            self.noise_like(roll, generator) if noise is None else noise(roll) if callable(noise) else noise
        )
        begin = set_schedule(self.scheduler, steps, level, self.device)
        if source is not None:
            sigma = self.scheduler.sigmas[begin]
            latents = (1 - sigma) * source[
                ..., torch.arange(latents.shape[-1]).clamp(max=source.shape[-1] - 1)
            ] + sigma * latents
        flow = flow_matching.WindowedFlow(
            self.unet, roll, styles, latents.shape[-1], guidance_scale, self.config.guidance_interval, neutral
        )
        timesteps = self.scheduler.timesteps[begin:]
        for number, time in enumerate(timesteps):
            velocity = flow(
                latents, float(time) / 1000, lambda done: progress((number + done) / len(timesteps))
            )
            latents = self.scheduler.step(velocity, time, latents).prev_sample
        return latents

    def sound(self, latents, progress=lambda done: None):
        """Decode latents and make them sound; float32, shape (columns * 1024,)."""
        return flow_matching.decode(self.vae, self.vocoder, latents, progress)

    def make(
        self, source, plan, begin, genre, strength, steps, guidance_scale, generator, noise, out, progress
    ):
        """Play a song by its plan from latents, save that, and listen to it; see `__call__`."""
        steps = min(steps, FAST_STEPS) if fast_mode() else steps
        latents = self.denoise(
            begin,
            plan.piano_roll,
            self.styles_for(genre, plan),
            strength,
            steps,
            guidance_scale,
            generator,
            lambda done: progress(0.15 + 0.6 * done, "converting"),
            noise=noise,
            neutral=plan.neutral,
        )
        made = self.sound(latents, lambda done: progress(0.75 + 0.12 * done, "making sound"))
        made = normalise(plan.dynamics(made[: plan.samples]))
        with ThreadPoolExecutor(1) as pool:  # encoding an mp3 keeps only one core busy
            saved = pool.submit(save, out, made) if out else None
            heard = transcribe(made, lambda done: progress(0.88 + 0.11 * done, "listening to the result"))
            genre_heard, source_genre = self.judge_genre(made), self.judge_genre(source.audio)
        if saved:
            saved.result()  # raises what went wrong
        notes = plan.piano_roll.melody_notes()
        low, high = self.config.tune_scale
        kept = float(np.clip((tune_likeness(notes, heard) - low) / (high - low), 0, 1))
        progress(1.0, "done")
        return Conversion(
            made, SAMPLE_RATE, source.audio, plan.piano_roll, notes, kept, genre_heard, source_genre
        )

    def judge_genre(self, audio):
        """What the judge network takes a recording for: dict of genre to share, strongest first."""
        shares = classify(self.judge, audio)
        return {GENRES[number]: float(shares[number]) for number in np.argsort(-shares)}


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
        `strength_curve`, `tune_scale`, `guidance_interval`; those that are not given stay as they are.
    """
    index = folder / "model_index.json"
    kept = current_names(json.loads(index.read_text(encoding="utf-8"))) if index.exists() else {}
    settings = {
        name: kept[name] for name in ("strength_curve", "tune_scale", "guidance_interval") if name in kept
    } | settings
    networks = [load_model(kind, folder) for kind in (MelAutoencoder, Denoiser, Vocoder, GenreClassifier)]
    pipe = NoteNinjaPipeline(*networks, FlowMatchEulerDiscreteScheduler(), **settings)
    pipe.scheduler.save_pretrained(folder / "scheduler")
    pipe.save_config(folder)
