"""A converter that sounds like records, and genres of one's own. Lesson: 07_training_on_gtzan.

`noteninja train converter` makes a converter of a folder with recordings of ten genres. `noteninja adapt`
makes an eleventh genre of some recordings: an adapter of 1 MB, which leaves the ten as they are.
"""

import contextlib
import hashlib
import json
import re
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from safetensors import SafetensorError
from tqdm import tqdm

from noteninja_lib import fast_mode
from noteninja_lib.arranger.recipe import GENRES, own_folder, own_genres, style_vector
from noteninja_lib.audio.io import SAMPLE_RATE, load
from noteninja_lib.cluster import executor
from noteninja_lib.datasets import Records, SyntheticSet, build, hear_all, open_dataset
from noteninja_lib.datasets.base import WHOLE, DataSet
from noteninja_lib.errors import UserError, make_folder, whole, write_whole
from noteninja_lib.models.checkpoints import (
    MARKED,
    WHERE,
    current_names,
    load_adapter,
    load_model,
    mend_of,
    models_folder,
    save_adapter,
    save_model,
    verify,
)
from noteninja_lib.models.classifiers import MelodyExtractor
from noteninja_lib.models.unet import Denoiser
from noteninja_lib.models.vae import MelAutoencoder
from noteninja_lib.pipeline import NETWORKS, NoteNinjaPipeline, load_pipeline
from noteninja_lib.settings import weights
from noteninja_lib.training import learn
from noteninja_lib.training.diffusion import SHORTEST, AdapterTask, DiffusionTask, DistillationTask, Versions
from noteninja_lib.training.trainer import Trainer, processes

BAR = "{desc}: {percentage:3.0f}% |{bar}| {elapsed} < {remaining}{postfix}"
BAND = {"seconds": 10.0, "versions": 5, "seed": 17}  # of the arranger's set, where none is given
HOURS, HEARD = 1.0, 0.2  # of it, and which share of it is heard as sources
STYLE_GUIDANCE = 2.0  # real genres are less unlike each other than the arranger's
#: Seconds that a piece of each stage takes on two cores, by which the time left is told.
RECORD, TUNE, CLIP, STEP, JUMP = 3.5, 2.0, 1.5, 1.0, 2.1


def train_converter(
    data: Path | None,
    run: Path,
    steps: int = 2000,
    batch_size: int = 12,
    share: float = 0.5,
    band: Path | None = None,
    seed: int = 0,
    ema: float = 0.998,
    models: Path | None = None,
    workers: int = 1,
    threads: int = 0,
) -> Path | None:
    """From a folder of records to a converter that sounds like them; started again, it goes on.

    Parameters
    ----------
    data : path
        GTZAN's folder; its training part is learned from.
    run : path
        For checkpoints, and the converter: `run/models`.
    steps : int
        Of the denoiser; a quarter as many follow in which it learns jumps.
    batch_size, seed, ema, threads
        As for `run_training`.
    share : float
        Of the examples that are records'; the others are the arranger's pairs.
    band : path, optional
        A set that the arranger made; by default one is made in `run`.
    models : path, optional
        The converter to begin with; data/models by default.
    workers : int
        Processes that listen.

    Returns
    -------
    Path or None
        Where the converter is; None in all processes but the first, where accelerate started several.
    """
    run, models, state = Path(run), Path(models) if models else models_folder(), processes()
    verify(models)
    if not (models / "model_index.json").is_file():
        raise UserError(f"{models} holds no converter: {mend_of(models)}.")
    if band:
        open_dataset(band, tell=None)
    if threads:
        torch.set_num_threads(threads)
    records = Versions(of_training(open_dataset(data, tell=print if state.is_main_process else None)))
    make_folder(run)
    stages = [len(records.data) * RECORD, 0.0 if band else HOURS * 360 / BAND["versions"] * TUNE]
    jumps = max(1, steps // 4)
    stages += [0.0 if band else HOURS * 360 * HEARD * CLIP, steps * STEP, jumps * JUMP]
    look = {"bar_format": BAR, "dynamic_ncols": True, "disable": not state.is_main_process}
    with tqdm(total=sum(stages), **look) as bar, contextlib.ExitStack() as closing:
        progress = Whole(bar)
        progress.stage("hearing the records", stages[0], versions(records, workers, models))
        own = band or run / "band"
        if not band and state.is_main_process:
            progress.stage("the band is playing", stages[1], build(own, HOURS, workers=workers, **BAND))
            opened = SyntheticSet(own, tell=None)
            progress.stage("hearing the band", stages[2], hear_all(opened, workers, HEARD))
        state.wait_for_everyone()
        opened = open_dataset(own, tell=None)
        pairs = opened.part(opened.training())
        heard = (load_model(MelAutoencoder, models), load_model(MelodyExtractor))
        mixed = {"records": records, "share": share}

        def learned(what, task, folder, count, seconds):
            make_folder(folder)
            trainer = Trainer(task, folder, count, ema, seed)
            steps_done = learn(trainer, batch_size)
            closing.callback(steps_done.close)
            progress.stage(what, seconds, ((step, count) for step, _ in steps_done))
            network = trainer.averaged()
            task.finish(network)
            return network.requires_grad_(True)

        start = load_model(Denoiser, models).requires_grad_(True)
        task = DiffusionTask(pairs, *heard, start=start, **mixed)
        start = learned("learning", task, run / "diffusion", steps, stages[3])
        task = DistillationTask(pairs, *heard, start=start, style_scale=STYLE_GUIDANCE, **mixed)
        # Of a denoiser that has learned on, the jumps are learned anew.
        start = learned("learning jumps", task, run / f"jumps-{steps}", jumps, stages[4])
    if not state.is_main_process:
        return None
    made = run / "models"
    make_folder(made)
    for name in (*WHERE.values(), MARKED, "scheduler"):
        if name != WHERE["Denoiser"] and (models / name).is_dir():
            with whole(made / name) as unfinished:
                shutil.copytree(models / name, unfinished)
    write_whole(made / "model_index.json", (models / "model_index.json").read_text(encoding="utf-8"))
    save_model(start.requires_grad_(False), made)
    assemble(made, style_guidance=STYLE_GUIDANCE)
    return made


#: What a pipeline's model_index.json says besides its networks.
SETTINGS = ("strength_curve", "guidance_interval", "style_guidance", "jump_style_guidance")


def settings_of(pipe: NoteNinjaPipeline) -> dict:
    """These of a pipeline."""
    return {name: pipe.config[name] for name in SETTINGS}


def assemble(folder: Path, **settings) -> None:
    """Write the files that tell diffusers which networks make up the pipeline.

    Parameters
    ----------
    folder : pathlib.Path
        Holds the trained networks.
    settings
        Some of `SETTINGS`; those that are not given stay as they are.
    """
    index = folder / "model_index.json"
    kept = current_names(json.loads(index.read_text(encoding="utf-8"))) if index.exists() else {}
    settings = {name: kept[name] for name in SETTINGS if name in kept} | settings
    networks = [load_model(kind, folder) for kind in NETWORKS]
    pipe = NoteNinjaPipeline(*[*networks, FlowMatchEulerDiscreteScheduler()], **settings)
    with whole(folder / "scheduler") as unfinished:
        pipe.scheduler.save_pretrained(unfinished)
    write_whole(index, pipe.to_json_string())


class Whole:
    """One bar over several stages, each of which counts for as many seconds as it should take."""

    def __init__(self, bar: tqdm):
        self.bar, self.begun = bar, 0.0

    def stage(self, what: str, seconds: float, pairs: Iterator[tuple[int, int]]) -> None:
        """Work through a stage, an iterator of (done, all)."""
        self.bar.set_description_str(what)
        for done, count in pairs:
            self.bar.update(self.begun + seconds * done / max(count, 1) - self.bar.n)
        self.begun += seconds
        self.bar.update(self.begun - self.bar.n)


def versions(records: Versions, workers: int, models: Path | None = None) -> Iterator[tuple[int, int]]:
    """Make versions of all records by a converter, in some processes, this one's share; (done, all)."""
    state = processes()
    numbers = list(range(len(records.data)))[state.process_index :: state.num_processes]
    left = [number for number in numbers if not records.path(number).exists()]
    yield len(numbers) - len(left), len(numbers)
    for number in left if not workers else ():
        records.make(number, load_pipeline(models))
        yield len(numbers) - len(left) + left.index(number) + 1, len(numbers)
    if not workers or not left:
        return
    with executor(workers) as pool:
        for done, _ in enumerate(pool.map(partial(_version, records.data, models), left), 1):
            yield len(numbers) - len(left) + done, len(numbers)


def _version(data, models, number):
    torch.set_num_threads(1)  # one process a core
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as that a recording is quiet
        Versions(data).make(number, load_pipeline(models))


def of_training(data: DataSet) -> DataSet:
    """Recordings of the training part that are long enough to learn from; says what is missing."""
    if data.has_scores:
        raise UserError(
            f"{data.root} is the band's own, which the converter knows already: give --data a folder of "
            "records, such as GTZAN's."
        )
    numbers = data.training()
    if not numbers:
        raise UserError(f"None of the recordings in {data.root} belongs to the training part of the split.")
    lengths = {number: len(data.audio(number)) / SAMPLE_RATE for number in numbers}
    found = data.part([number for number, length in lengths.items() if length >= SHORTEST])
    counts = Counter(found.labels)
    if not counts:
        raise UserError(f"No recording of the training part of {data.root} lasts {SHORTEST:g} seconds.")
    absent = [genre for genre in GENRES if not counts[genre]]
    if absent and processes().is_main_process:
        print(f"The training part has no {', no '.join(absent)}: there the converter stays the band's.")
    return found


# --- An eleventh genre ---

NAME = re.compile(r"[^\W_][\w -]{0,39}")  # of a genre: it becomes a folder's
FEWEST, MOST = 4, 50  # recordings
PART, PARTS = 20.0, 48  # seconds of an excerpt, and how many are taken of all recordings together
RANK, EMA = 8, 0.99


class Excerpts(DataSet):
    """Excerpts of recordings, spread over each; what is heard in them is kept in another folder.

    Too short ones, and silence, are left out.
    """

    def __init__(self, records: DataSet, folder: Path):
        each = 1 if fast_mode() else max(1, PARTS // len(records))
        self.folder, self.places, index = folder, [], []
        for number, recording in enumerate(records.index):
            length = soundfile.info(records.path(number)).duration
            count = int(min(each, length // PART)) or 1
            for start in np.linspace(0, max(0.0, length - PART), count + 2)[1:-1] if length > PART else [0.0]:
                with contextlib.suppress(UserError):
                    if len(load(records.path(number), offset=start, duration=PART)) >= SHORTEST * SAMPLE_RATE:
                        index.append(recording)
                        self.places.append(float(start))
        super().__init__(records.root, index, [])

    def audio(self, number: int) -> np.ndarray:
        """Sound of an excerpt, see `DataSet.audio`."""
        samples = load(self.path(number), offset=self.places[number], duration=PART)
        return samples[: len(samples) // WHOLE * WHOLE]

    def kept(self, number: int) -> Path:
        """Where what is heard in an excerpt is kept."""
        return self.folder / f"{number:03d}.npz"


def adapter_folder(name: str) -> Path:
    """Where a genre of one's own lies; a UserError if it can't be called so."""
    if not NAME.fullmatch(name) or name != name.strip() or name.lower() in GENRES:
        letters = "40 letters, digits, spaces and hyphens at most, and none of the ten"
        raise UserError(f"A genre can't be called {name!r}: {letters}.")
    return own_folder() / name


def in_its_case(name: str) -> str:
    """The name of a genre of one's own as it was given first, whatever its case is now."""
    return next((one for one in own_genres() if one.lower() == name.lower()), name)


def remove_genre(name: str) -> None:
    """Take a genre of one's own away."""
    name = in_its_case(name)
    folder = adapter_folder(name)
    if not folder.is_dir():
        raise UserError(
            f"There is no genre of your own called {name}: there is {', '.join(own_genres()) or 'none'}."
        )
    shutil.rmtree(folder)


def adapt(
    recordings: Path,
    name: str,
    run: Path,
    steps: int = 600,
    batch_size: int = 12,
    seed: int = 0,
    workers: int = 1,
    listen: Callable[[str, NoteNinjaPipeline, str], None] | None = None,
) -> Iterator[tuple[float, str]]:
    """Make a genre of some recordings; a generator of (share done, what is being done).

    Parameters
    ----------
    recordings : path
        A folder with 4 to 50 of them; 8 and more are better.
    name : str
        Of the genre.
    run : path
        For what is heard, and for checkpoints; started again, it goes on.
    steps, batch_size, seed
        As for `run_training`.
    workers : int
        Processes that listen; 0 does it in this one.
    listen : callable, optional
        Called with "before", "half way" and "at the end", the converter as it then is, and the genre that it
        is to be asked for.

    Raises
    ------
    UserError
        If the name can't be one, or there are too few or too many recordings.
    """
    name = in_its_case(name)
    folder, found = adapter_folder(name), Records(recordings, tell=print)
    long = [n for n in range(len(found)) if soundfile.info(found.path(n)).duration >= SHORTEST]
    found = found.part(long)
    if not FEWEST <= len(found) <= MOST:
        wanted = f"a genre is made of {FEWEST} to {MOST} that last {SHORTEST:g} seconds or more"
        raise UserError(f"{recordings} holds {len(found)} recordings that can be used: {wanted}.")
    fresh = folder.with_name(f".{name}")  # half-written, it never bears that name
    make_folder(fresh)
    steps, listen = min(steps, 4) if fast_mode() else steps, listen or (lambda when, pipe, near: None)
    # Other recordings, or another converter, are heard anew, and with other settings it learns anew.
    state = [found.path(n).stat() for n in range(len(found))]
    what = [fast_mode(), weights()] + [(one.st_size, one.st_mtime_ns) for one in state]
    heard = run / f"heard-{key_of(what)}"
    run = run / f"learned-{key_of([*what, steps, batch_size, seed])}"
    make_folder(heard)
    make_folder(run)
    records, pipe = Versions(Excerpts(found, heard)), load_pipeline()
    hearing, learning = len(records.data) * RECORD / max(workers, 1), steps * STEP
    for done, count in versions(records, workers):
        yield done / max(count, 1) * hearing / (hearing + learning), "hearing the recordings"
    # Which of the band's genres is it most like? That the judge knows, who learned from the band.
    shares = [pipe.judge_genre(records.data.audio(number)) for number in range(len(records.data))]
    near = max(GENRES, key=lambda genre: sum(one[genre] for one in shares))
    listen("before", pipe, near)
    trainer = Trainer(AdapterTask(records, pipe.unet, style_vector(near), RANK), run, steps, EMA, seed)
    for step, _ in learn(trainer, batch_size):
        yield (hearing + step * STEP) / (hearing + learning), "learning"
        if step == steps // 2:
            listen("half way", with_denoiser(pipe, trainer.averaged()), near)
    card = {"name": name, "style": style_vector(near)[:-2].tolist(), "near": near, "steps": steps}
    card |= {"recordings": len(found), "excerpts": len(records.data), "date": f"{date.today()}"}
    try:
        save_adapter(trainer.averaged(), fresh, **card)
        (fresh / "README.md").write_text(CARD.format(**card), encoding="utf-8")
        if folder.exists():
            folder.replace(fresh.with_name(f".{name}.old"))
        fresh.replace(folder)
        shutil.rmtree(fresh.with_name(f".{name}.old"), ignore_errors=True)
    except (OSError, SafetensorError) as problem:
        raise UserError(
            f"{folder} can't be written ({problem}): make room, and start again; it goes on."
        ) from None
    listen("at the end", with_denoiser(pipe, load_adapter(pipe.unet, folder)), near)


def key_of(what: list) -> str:
    """A short name for what a folder is of."""
    return hashlib.sha256(repr(what).encode()).hexdigest()[:12]


def with_denoiser(pipe: NoteNinjaPipeline, unet: Denoiser) -> NoteNinjaPipeline:
    """The same converter with another denoiser."""
    return NoteNinjaPipeline(**pipe.components | {"unet": unet}, **settings_of(pipe))


CARD = """# {name}

An adapter (LoRA, in peft's format) of NoteNinja's denoiser: a genre that was learned from {recordings}
recordings ({excerpts} excerpts of up to 20 s, {steps} steps, {date}). Of the ten genres {near} comes nearest.

It plays as these recordings do, so whoever made them has a say in what is done with it: pass it on only if
you may pass on what they play.
"""
