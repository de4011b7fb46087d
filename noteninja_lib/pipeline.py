"""The converter: a song in, the same tune out in another genre.

`NoteNinjaPipeline.__call__` shows the way in seven numbered steps. What is played (the piano roll) and how it
is played (the style) lead noise to latents of music; with a `strength` below 1, sampling begins at the
source's noised latents. Lesson: 00_genre_converter.
"""

import copy
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from noteninja_lib import STEPS, fast_mode, passages, quick_imports, streaming

with quick_imports():
    import numpy as np
    import torch
    from diffusers import DiffusionPipeline
    from diffusers.utils import BaseOutput
    from diffusers.utils.logging import disable_progress_bar

    from noteninja_lib.arranger.performance import Note
    from noteninja_lib.arranger.recipe import GENRES, own_folder
    from noteninja_lib.audio import STEREO_RATE
    from noteninja_lib.audio.io import SAMPLE_RATE, levels, mono, normalise, save
    from noteninja_lib.audio.mixdown import USUAL, Stems, balance, mixdown, stretch
    from noteninja_lib.errors import Notice, UserError, check_range
    from noteninja_lib.lead_sheet import LeadSheet, rewritten
    from noteninja_lib.models import flow_matching, give_back, in_threads, share_of, stand_ins
    from noteninja_lib.models.basic_pitch import transcribe
    from noteninja_lib.models.checkpoints import (
        BY_ITSELF,
        Adapted,
        current_names,
        mend_of,
        models_folder,
        verify,
        write_checksums,
    )
    from noteninja_lib.models.classifiers import GenreClassifier, classify
    from noteninja_lib.models.tagger import hear_genres
    from noteninja_lib.models.unet import Denoiser
    from noteninja_lib.models.vae import MelAutoencoder
    from noteninja_lib.models.vocoder import Vocoder
    from noteninja_lib.music import style
    from noteninja_lib.music.extension import LONGEST
    from noteninja_lib.music.piano_roll import PianoRoll, align, mix, sounding, strongest_octave, warp
    from noteninja_lib.music.style import Genre, Mood, Plan
    from noteninja_lib.source import Source, read_recording, read_source, surety

#: The networks of a pipeline, in its order; diffusers loads only classes that are imported.
NETWORKS = (MelAutoencoder, Denoiser, Vocoder, GenreClassifier)
#: Noise levels at which guidance is on (Kynkäänniemi et al. 2024, arXiv 2404.07724) where no model_index.json
#: says others: the shipped pipeline's are in data/models/model_index.json.
GUIDANCE_INTERVAL = (0.55, 1.0)
FAST_SECONDS, FAST_STEPS = 8, 3
VOICES = ("keep", "play", "off")
NO_TUNE = 0.2  # of `surety`: below, there is no tune

Out = str | Path | Callable[[np.ndarray, int], None] | None  # a file, or what saves samples of a rate
Progress = Callable[[float, str], None]  # called with (fraction done, what is being done); may raise to stop
Latents = torch.Tensor | Callable[[PianoRoll], torch.Tensor] | None  # noise, or what gives it


@dataclass
class Conversion(BaseOutput):
    """What the pipeline returns.

    Attributes
    ----------
    audio : numpy.ndarray, float32, shape (samples, 2)
        About -16 LUFS; as long as the source, but for tempo, mood and `seconds`.
    sample_rate : int
        44,100 Hz.
    source : numpy.ndarray, float32, shape (samples,)
        The song that was converted, mono.
    piano_roll : PianoRoll
        What was played; a tune that was left to the singer, or out, is in it, too.
    notes : list of Note
        The tune in it.
    tune_kept : float or None
        How surely a tune was heard at all, times how much of it is heard again at the same time, from 0 (no
        more than in another song) to 1; None where no tune was found.
    genre_heard, source_genre : dict of str to float
        What result and source sound like, see `models.tagger.hear_genres`; the shares sum to 1.
    voice : {"keep", "play", "off", "none"}
        What became of the singer; "none" where nobody sings or speaks.
    stems : mapping of str to numpy.ndarray
        "voice" and "band" as they are in `audio`, see `mixdown.Stems`; empty where no voice is kept.
    lead : LeadSheet or None
        The corrected lead sheet that was played, if there was one.
    heard : (PianoRoll, list of Note) or None
        What was heard in the source, and the notes of whoever sings alone in it.
    """

    audio: np.ndarray
    sample_rate: int
    source: np.ndarray
    piano_roll: PianoRoll
    notes: list[Note]
    tune_kept: float | None
    genre_heard: dict[str, float]
    source_genre: dict[str, float]
    voice: str = "none"
    stems: Mapping[str, np.ndarray] = field(default_factory=dict)
    lead: LeadSheet | None = None
    heard: tuple[PianoRoll, list[Note]] | None = None

    def mono(self) -> np.ndarray:
        """`audio` as pictures and networks take it: mono, 22,050 Hz."""
        return mono(self.audio)


class NoteNinjaPipeline(DiffusionPipeline):
    """Genre conversion by latent diffusion, in the form of a diffusers pipeline.

    Parameters
    ----------
    vae : MelAutoencoder
    unet : Denoiser
    vocoder : Vocoder
    judge : GenreClassifier
    scheduler : SchedulerMixin
        Any of diffusers' schedulers that samples a flow, such as `FlowMatchEulerDiscreteScheduler`, or
        `DPMSolverMultistepScheduler` and `UniPCMultistepScheduler` with `use_flow_sigmas=True` and
        `prediction_type="flow_prediction"`.
    strength_curve : sequence of float
        Noise level (0..1) at which sampling begins for the strengths 0, 1/n ... 1.
    guidance_interval : (float, float)
        Noise levels between which guidance is on.
    style_guidance, jump_style_guidance : float
        How much more the style is guided than the notes; and that of a denoiser that knows jumps once more.
    """

    def __init__(
        self,
        vae,
        unet,
        vocoder,
        judge,
        scheduler,
        strength_curve=(0.0, 1.0),
        guidance_interval=GUIDANCE_INTERVAL,
        style_guidance=1.0,
        jump_style_guidance=1.0,
    ):
        super().__init__()
        self.register_modules(vae=vae, unet=unet, vocoder=vocoder, judge=judge, scheduler=scheduler)
        curve, interval = tuple(strength_curve), tuple(guidance_interval)
        self.register_to_config(strength_curve=curve, guidance_interval=interval)
        self.register_to_config(style_guidance=style_guidance, jump_style_guidance=jump_style_guidance)

    @classmethod
    def load_config(cls, folder: str | Path, **kwargs):
        """What `save_pretrained` wrote, in today's names if it was written by an older version."""
        config = super().load_config(folder, **kwargs)
        first, *more = config if isinstance(config, tuple) else (config,)
        now = {name: value for name, value in current_names(first).items() if name != "tune_scale"}
        return (now, *more) if more else now

    @classmethod
    def from_pretrained(cls, folder: str | Path | None = None, **kwargs) -> "NoteNinjaPipeline":
        """Load all networks from a folder, `data/models` by default, after checking their SHA-256."""
        folder = Path(folder) if folder else models_folder()
        verify(folder)
        disable_progress_bar()  # loading takes half a second
        try:
            with stand_ins():
                pipe = super().from_pretrained(str(folder), **BY_ITSELF | kwargs)
        except Exception as problem:  # diffusers has an error for each thing that may be wrong
            raise UserError(f"{folder} holds no whole converter: {mend_of(folder)}.") from problem
        for network in (pipe.vae, pipe.unet, pipe.vocoder, pipe.judge):
            network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        return pipe

    def save_pretrained(self, folder: str | Path, **kwargs) -> None:
        """Save all networks, and the list of checksums that `from_pretrained` asks for."""
        super().save_pretrained(folder, **kwargs)
        write_checksums(Path(folder))

    @torch.no_grad()
    def __call__(
        self,
        audio,
        genre: Genre = "jazz",
        strength: float = 1.0,
        num_inference_steps: int = STEPS,
        guidance_scale: float = 2.0,
        generator: torch.Generator | None = None,
        *,
        mood: Mood = None,
        tempo: float | None = None,
        rate: float | None = None,
        seconds: float | None = None,
        voice: str = "keep",
        voice_gain: float = 0.0,
        lead: LeadSheet | str | Path | None = None,
        key: str | None = None,
        transpose: int = 0,
        chords: str | None = None,
        redone: Sequence[passages.Passage] = (),
        latents: Latents = None,
        out: Out = None,
        progress: Progress | None = None,
        amount: float | None = None,
    ) -> Conversion:
        """Convert a song.

        Parameters
        ----------
        audio : path, numpy.ndarray of shape (samples,) at 22,050 Hz, music21.stream.Stream, Tune or PianoRoll
            A recording; or notes, from a MIDI, MusicXML or ABC file too.
        genre : str, dict or list
            One of the ten, shares of several, or a path of either: [(0, "blues"), (1, "disco")].
        strength : float
            0 gives the source through autoencoder and vocoder, 1 the full conversion. Its old name is
            `amount`.
        num_inference_steps : int
            Steps of the scheduler; with Euler's method, the default, each is a jump of the network.
        guidance_scale : float
            How far to go beyond the unconditional velocity; 1 switches guidance off, and saves the network's
            second answer wherever the noise level lies in the guidance interval.
        generator : torch.Generator, optional
            Its seed decides the result.
        mood : str, (float, float) or list, optional
            A word such as "happy", valence and arousal from -1 to 1, or a path of either.
        tempo : float, optional
            Beats a minute, between half and twice the source's own.
        rate : float, optional
            The same as a factor, 0.5 to 2. If neither is given, the source's tempo stays, but for the mood's
            15 %.
        seconds : float, optional
            Length of the result, up to an hour: the song is extended to it, with a form.
        voice : {"keep", "play", "off"}
            What becomes of a singer: as recorded over the new band, which leaves the tune out; an instrument
            takes the tune; or neither. A mood and a form can't be sung: with these, "keep" becomes "play".
        voice_gain : float
            dB by which a kept voice is louder beside its band than in the song, -24 to 24.
        lead, key, transpose, chords
            What is played in place of what was heard: see `lead_sheet.rewritten`.
        redone : sequence of (float, float, int)
            Passages that are made anew, one after the other: from and up to which second of the result, and
            the seed of their noise. The rest, and the gain of all, stays as it is without them.
        latents : torch.Tensor or callable, optional
            Noise to begin with, such as `noise_like` or `invert` give, or a function of the piano roll that
            gives it.
        out : path or callable, optional
            Where to save the result, or what does: `out(audio, sample_rate)`; it is measured meanwhile.
        progress : callable, optional
            Called with (fraction done, what is being done); may raise to stop.

        Raises
        ------
        UserError
            If an argument is out of range, the song can't be used or the result can't be saved.
        """
        strength, progress = current_strength(strength, amount), progress or (lambda fraction, what: None)
        check_arguments(strength, num_inference_steps, guidance_scale, voice, voice_gain)
        check_range("rate of the tempo", 1.0 if rate is None else rate, *style.RATES)
        if seconds is not None:
            check_range("length in seconds", seconds, 1, LONGEST)
        if seconds and strength < 1:
            raise UserError("What is extended can't keep the recording too: leave the amount at 1.")
        style.styles(genre, mood)  # what is wrong there is told before the song is listened to
        # 1. Read: which notes are played in the song, and when.
        progress(0.0, "reading")
        source = read_source(audio, seconds_used(), share_of(progress, 0.02, 0.13, "listening"))
        heard_in, source = source, rewritten(source, lead, key, transpose, chords)
        voice = choice_of_voice(voice, source, mood, seconds)
        alone = voice in ("keep", "off")  # the band has nobody's tune to play
        roll, heard = (source.backing, source.band) if alone else (source.piano_roll, source.whole)
        # 2. Condition: these notes in the asked-for mood, tempo and length, and the style.
        timing: dict = {"tempo": tempo, "rate": rate, "seconds": seconds, "samples": len(source.audio)}
        if alone and source.alone:
            strength = 1.0  # there is no band of which something could be kept
        level = levels(source.whole if source.alone else heard) if source.recorded else None
        usual = source.usual and (source.usual.backing if alone else source.usual.piano_roll)
        plan = style.plan(roll, genre, mood, level=level, usual=usual, **timing)
        # 3. Encode: the latents of the source, where something of the recording is to be kept.
        start = None
        if self.noise_level(strength) < 1:
            heard = stretch(heard, 1.0, source.semitones, SAMPLE_RATE)
            start = flow_matching.warp_latents(flow_matching.encode(self.vae, heard), plan.time_map)
        # 4. Denoise: from noise to latents of music, conditioned on the notes and on the style.
        steps = (strength, num_inference_steps, guidance_scale, generator)
        noise = self.noise_like(plan.piano_roll, generator, latents)
        made = self.denoise(start, plan, *steps, noise, share_of(progress, 0.15, 0.6, "converting"))
        # 5. Decode: from latents to sound, some passages of which may be made anew.
        sound, first = passages.sounds(self, made, redone, plan, start, noise, *steps, progress=progress)
        # 6. Mix: the singer over the band, where the voice is kept; the gain is that of the first sound.
        if voice == "keep":
            mixed, stems = self.mix(sound, source, plan, voice_gain, first)
        else:
            mixed, stems = normalise(sound, out=sound, like=first), None
        del sound, first  # a long song's sound is large
        # 7. Measure: what was kept and what has changed; the result is saved meanwhile.
        # What was left to the singer, or out, is in this plan, too.
        sung = style.plan(source.piano_roll, genre, mood, **timing) if alone else plan
        ears = source if source.lead else heard_in
        result = self.measure(mixed, ears, sung.piano_roll, out, progress, voice)
        result.stems, result.lead = stems or {}, source.lead
        return result

    def stream(
        self,
        audio,
        genre: Genre = "jazz",
        strength: float = 1.0,
        num_inference_steps: int = STEPS,
        guidance_scale: float = 2.0,
        generator: torch.Generator | None = None,
        *,
        voice: str = "keep",
        voice_gain: float = 0.0,
        progress: Progress | None = None,
        **changes,
    ) -> Iterator[np.ndarray]:
        """Convert a song and give out its sound while it is made, the first of it after a few seconds.

        Parameters are those of a conversion but for `out`; `changes` are the others. With a mood, another
        tempo or length, a path of genres, noise of one's own, or notes for a song, all is made first. It may
        differ from the conversion in loudness and beat; see `streaming`.

        Yields
        ------
        numpy.ndarray, float32, shape (n, 2)
            44,100 Hz, in order and without a gap, together as long as the result of the conversion.
        """
        check_arguments(strength, num_inference_steps, guidance_scale, voice, voice_gain)
        style.styles(genre, changes.get("mood"))
        steps: Any = (strength, num_inference_steps, guidance_scale, generator)
        fate: Any = {"voice": voice, "voice_gain": voice_gain, "progress": progress}
        if streaming.streams(audio, genre, **changes):
            return streaming.sounds(self, read_recording(audio, seconds_used()), genre, *steps, **fate)
        names = ("strength", "num_inference_steps", "guidance_scale", "generator")
        options: Any = dict(zip(names, steps)) | fate | changes
        return streaming.in_parts(lambda: self(audio, genre, **options).audio)

    @torch.no_grad()
    def interpolate(
        self,
        first,
        second,
        share: float = 0.5,
        genre: Genre = "jazz",
        strength: float = 1.0,
        num_inference_steps: int = STEPS,
        guidance_scale: float = 2.0,
        generator: torch.Generator | None = None,
        *,
        mood: Mood = None,
        redone: Sequence[passages.Passage] = (),
        out: Out = None,
        progress: Progress | None = None,
        amount: float | None = None,
    ) -> Conversion:
        """A song between two songs: their notes mixed on one beat, at a tempo between theirs; with a strength
        below 1, their latents too.

        Parameters
        ----------
        first, second, genre, strength, num_inference_steps, guidance_scale, generator, mood, redone, out
            As in a conversion.
        share : float
            0 is the first song alone, 1 the second.

        Returns
        -------
        Conversion
            `source` is the song that is nearer.
        """
        strength, progress = current_strength(strength, amount), progress or (lambda fraction, what: None)
        check_arguments(strength, num_inference_steps, guidance_scale)
        check_range("share", share, 0, 1)
        style.styles(genre, mood)
        sources = [
            read_source(song, seconds_used(), share_of(progress, begin, 0.07, "listening"))
            for begin, song in ((0.0, first), (0.07, second))
        ]
        maps = align(sources[0].piano_roll, sources[1].piano_roll, share)
        one, other = (warp(source.piano_roll, time_map) for source, time_map in zip(sources, maps))
        plan = style.plan(mix(one, other, share), genre, mood)
        start = None
        if self.noise_level(strength) < 1:
            latents = [flow_matching.encode(self.vae, source.whole) for source in sources]
            latents = [flow_matching.warp_latents(one, time_map) for one, time_map in zip(latents, maps)]
            longest = max(one.shape[-1] for one in latents)  # they differ where a song has no beat
            latents = [flow_matching.fit_length(one, longest) for one in latents]
            start = flow_matching.slerp(latents[0], latents[1], share)
            start = flow_matching.warp_latents(start, plan.time_map)
        steps = (strength, num_inference_steps, guidance_scale, generator)
        noise = self.noise_like(plan.piano_roll, generator)
        made = self.denoise(start, plan, *steps, noise, share_of(progress, 0.15, 0.6, "converting"))
        sound, first = passages.sounds(self, made, redone, plan, start, noise, *steps, progress=progress)
        sound = normalise(sound, out=sound, like=first)
        return self.measure(sound, sources[share > 0.5], plan.piano_roll, out, progress)

    @torch.no_grad()
    def invert(self, audio, genre: Genre | None = None, num_inference_steps: int = 25) -> torch.Tensor:
        """From a recording to the noise that makes it: sampling backwards.

        Parameters
        ----------
        audio
            As in a conversion; a recording.
        genre : str or dict, optional
            What the song is now; without it the notes alone are the condition.
        num_inference_steps : int
            Heun steps, of two evaluations each.

        Returns
        -------
        torch.Tensor
            Noise (1, 8, rows, frames) for `latents` of a conversion.
        """
        source = read_source(audio, seconds_used())
        vector = style.styles(genre) if genre else 0 * style.styles(GENRES[0])
        latents = flow_matching.encode(self.vae, source.whole)
        own = style.own_named(genre) if genre else ()
        flow = self.flow(source.piano_roll, vector, latents.shape[-1], own)
        return flow_matching.heun(flow, latents, flow_matching.time_steps(num_inference_steps).flip(0))

    def flow(
        self,
        roll: PianoRoll,
        styles: np.ndarray,
        frames: int,
        own: Sequence[str] = (),
        scale=1.0,
        neutral=None,
        pull=None,
    ) -> flow_matching.Flow:
        """The velocity of a whole piece; see `flow_matching.Flow`. `own` names genres of one's own."""
        adapted = Adapted(self.unet, [own_folder() / name for name in own])
        guidance = (scale, self.config.guidance_interval, neutral, adapted, self.config.style_guidance, pull)
        vectors, jump = torch.from_numpy(styles).to(self.device), self.config.jump_style_guidance
        return flow_matching.Flow(self.unet, roll, vectors, frames, *guidance, jump)

    def noise_level(self, strength: float) -> float:
        """Noise level at which a conversion of this strength begins."""
        curve = self.config.strength_curve
        return float(np.interp(strength, np.linspace(0, 1, len(curve)), curve))

    def noise_like(self, roll: PianoRoll, generator=None, latents: Latents = None) -> torch.Tensor:
        """Noise (1, 8, rows, frames) for a piano roll: a generator's, or what `latents` is or gives."""
        noise = latents(roll) if callable(latents) else latents
        return self.noise(roll.frames, generator) if noise is None else noise

    def noise(self, frames: int, generator: torch.Generator | None = None) -> torch.Tensor:
        """Noise (1, 8, rows, frames / 4) for spectrogram frames."""
        shape = (1, 8, self.unet.content.height.shape[0], frames // flow_matching.FOLD)
        return torch.randn(shape, generator=generator).to(self.device)

    def denoise(
        self,
        start: torch.Tensor | None,
        plan: Plan,
        strength: float = 1.0,
        num_inference_steps: int = STEPS,
        guidance_scale: float = 2.0,
        generator: torch.Generator | None = None,
        latents: Latents = None,
        progress: Callable[[float], None] = lambda done: None,
        known: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Latents (1, 8, rows, frames) of a conversion.

        Parameters
        ----------
        start : torch.Tensor or None
            Latents to begin from, of `flow_matching.encode` and `warp_latents`; None at full strength.
        plan : Plan
        strength, num_inference_steps, guidance_scale, generator, latents
            As in a conversion.
        progress : callable
            Called with the fraction done.
        known : (torch.Tensor, torch.Tensor), optional
            Latents that were made before, and their share in each frame: the piece goes on from them.
        """
        level = self.noise_level(strength)
        steps = min(num_inference_steps, FAST_STEPS) if fast_mode() else num_inference_steps
        if level < 0.01 and start is not None:
            return start
        now = noise = self.noise_like(plan.piano_roll, generator, latents)
        scheduler = copy.deepcopy(self.scheduler)  # it counts steps; several songs may be made at once
        begin = flow_matching.set_schedule(scheduler, steps, level, self.device)
        if start is not None:
            sigma = scheduler.sigmas[begin]
            now = (1 - sigma) * flow_matching.fit_length(start, now.shape[-1]) + sigma * now
        told = (plan.piano_roll, plan.styles, now.shape[-1], plan.own)
        flow = self.flow(*told, guidance_scale, plan.neutral, plan.pull)
        held = None if known is None else (*known, noise)
        return flow_matching.sample(flow, scheduler, now, begin, progress, held)

    def decode(
        self, latents: torch.Tensor, progress: Callable[[float], None] = lambda done: None
    ) -> np.ndarray:
        """The sound of latents; float32, shape (frames * 2048, 2), 44,100 Hz."""
        return flow_matching.decode(self.vae, self.vocoder, latents, progress)

    def mix(
        self, sound: np.ndarray, source: Source, plan: Plan, voice_gain: float = 0.0, like=None
    ) -> tuple[np.ndarray, Stems]:
        """The singer of a song over a new band, as loud beside it as in the song; see `mixdown`."""
        assert source.voice is not None
        voice = source.voice.audio
        louder = voice_gain + (USUAL if source.alone else balance(voice, source.band))
        if not plan.in_time or source.semitones:
            times = 1.0 if plan.in_time else plan.time_map
            voice = stretch(voice.astype(np.float32), times, source.semitones)
            voice = voice[: plan.samples * STEREO_RATE // SAMPLE_RATE]
        return mixdown(sound, voice, louder, like)

    def measure(
        self, audio: np.ndarray, source: Source, roll: PianoRoll, out, progress: Progress, voice: str = "none"
    ) -> Conversion:
        """Save a result and listen to it: how much of the tune is heard again, and which genre."""
        sound, tune = mono(audio), roll.melody_notes()
        ears = (
            lambda: out and (out if callable(out) else partial(save, out))(audio, STEREO_RATE),
            lambda: transcribe(sound, onsets=False),
            lambda: surety(source),
            lambda: hear_genres(sound),
            lambda: hear_genres(source.audio),
        )
        give_back(audio.nbytes)
        told = share_of(progress, 0.88, 0.11, "listening to the result")
        _, heard, sure, *genres = in_threads(lambda ear: ear(), ears, told)
        again = sounding(tune, strongest_octave(heard[1]))
        kept = None if not tune else share_kept(sure, again)
        progress(1.0, "done")
        told = (audio, STEREO_RATE, source.audio, roll, tune, kept, *genres, voice)
        sung = source.voice.notes if source.voice and source.alone else []
        return Conversion(*told, heard=(source.piano_roll, sung))

    def judge_genre(self, audio: np.ndarray) -> dict[str, float]:
        """What the genre classifier, which learned from our band, takes a recording for, strongest first.

        `audio` is mono (n,) at 22,050 Hz, or stereo (n, 2) at 44,100 Hz, as conversions are.
        """
        return classify(self.judge, GENRES, mono(audio))


def seconds_used() -> float | None:
    """Seconds of a song that are used: all (None) but in fast mode."""
    return FAST_SECONDS if fast_mode() else None


def current_strength(strength: float, amount: float | None) -> float:
    """The strength; `amount` is its old name, which the command line and the widgets keep."""
    if amount is None:
        return strength
    # Out of this function, the method, and torch's wrapper around it.
    warnings.warn("`amount` is called `strength` now.", FutureWarning, stacklevel=4)
    return amount


def share_kept(surety: float, again: float) -> float | None:
    """*Tune kept*: how surely a tune was heard at all, times for how much of its time it is heard again.

    The square root, and what is as good as sure (`SURE`), were chosen so that it meets the true tunes;
    `python -m benchmarks singers` measures how well it does. None where no tune was found.
    """
    return None if surety < NO_TUNE else float(np.clip(again, 0, 1) * surety**0.5)


def choice_of_voice(voice: str, source: Source, mood: Mood, seconds: float | None) -> str:
    """What becomes of a singer: what was asked for, where that can be; a warning says where it can't."""
    if source.voice is None:
        return "none"
    changed = source.unsung or (
        "another mood" if style.moods(mood).any() else "another form" if seconds else ""
    )
    if voice == "keep" and changed:
        warnings.warn(
            f"A voice can't be sung in {changed}: an instrument plays its tune.", Notice, stacklevel=4
        )
        return "play"
    return voice


def check_arguments(
    strength: float, steps: int, guidance_scale: float, voice: str = "keep", voice_gain: float = 0.0
) -> None:
    """Refuse a conversion's arguments that are out of range."""
    if voice not in VOICES:
        raise UserError(f"The voice can be {', '.join(VOICES[:-1])} or {VOICES[-1]}, not {voice!r}.")
    check_range("gain of the voice in dB", voice_gain, -24, 24)
    check_range("amount", strength, 0, 1)
    check_range("guidance scale", guidance_scale, 0, 20)
    check_range("number of inference steps", steps, 1, 1000)


@lru_cache(maxsize=2)
def load_pipeline(folder: Path | None = None) -> NoteNinjaPipeline:
    """The pipeline with the weights in a folder, `models_folder` by default, loaded once in a process."""
    return NoteNinjaPipeline.from_pretrained(folder)
