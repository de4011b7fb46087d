"""Learning from records: versions of them in other genres, examples, and a converter of one's own."""

import io
import json

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file
from widget_doubles import upload

from noteninja_lib import datasets, fine_tuning
from noteninja_lib.arranger.recipe import GENRES, nearest_genre, own_genres, style_vector
from noteninja_lib.datasets import SyntheticSet, build, open_dataset
from noteninja_lib.errors import UserError
from noteninja_lib.fine_tuning import Excerpts, of_training
from noteninja_lib.models.checkpoints import (
    LowRank,
    load_adapter,
    load_model,
    models_folder,
    save_adapter,
    with_adapter,
)
from noteninja_lib.models.classifiers import MelodyExtractor
from noteninja_lib.models.flow_matching import Condition, weigh
from noteninja_lib.models.unet import Denoiser
from noteninja_lib.models.vae import MelAutoencoder
from noteninja_lib.music.style import parse_path
from noteninja_lib.pipeline import NoteNinjaPipeline, load_pipeline
from noteninja_lib.settings import weights
from noteninja_lib.training import make_task
from noteninja_lib.training.diffusion import (
    OTHERS,
    SHIFTS,
    DiffusionTask,
    DistillationTask,
    Versions,
    marked,
    played_faster,
    thinned,
)
from noteninja_lib.training.tasks import GenreClassifierTask
from noteninja_lib.widgets import converter

SECONDS = 9.0


@pytest.fixture(scope="module")
def band(tmp_path_factory):
    """Two tunes in two genres each, by the arranger."""
    folder = tmp_path_factory.mktemp("band")
    list(build(folder, 4 * SECONDS / 3600, seconds=SECONDS, versions=2))
    return SyntheticSet(folder)


@pytest.fixture(scope="module")
def records(tmp_path_factory, band):
    """Two of them as if they were GTZAN's, with versions."""
    folder = tmp_path_factory.mktemp("gtzan")
    for number in (0, 3):
        path = folder / band.index[number].file
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, band.audio(number), 22050)
    names = sorted(path.name for path in folder.rglob("*.wav"))
    for part, some in (("train", names), ("valid", []), ("test", [])):
        (folder / f"{part}_filtered.txt").write_text("\n".join(some))
    found = Versions(open_dataset(folder, tell=None))
    with pytest.MonkeyPatch.context() as patch:  # with as many versions as in earnest
        patch.delenv("NOTENINJA_FAST")
        for number in range(2):
            found.make(number, load_pipeline())
    return found


@pytest.fixture
def heard_before(records, monkeypatch):
    """Nothing is heard anew: each recording has one of the records' versions (lesson 07 hears for real)."""

    def make(self, number, pipe, seed=0):
        if not self.path(number).exists():
            self.path(number).write_bytes(records.path(number % 2).read_bytes())

    monkeypatch.setattr(Versions, "make", make)


def test_versions_of_a_record_are_kept_with_its_own_sound(records):
    layers = records.layers(0)
    frames = layers["rolls"].shape[-1]
    assert layers["rolls"].shape[:2] == (1 + OTHERS, 357) and layers["rolls"].dtype == np.uint8
    for shift in SHIFTS:
        wanted = frames / 4 / 2 ** (shift / 12)
        assert wanted - 2 < layers[f"latents{shift}"].shape[-1] <= wanted + 1e-6
    own, *others = layers["rolls"].astype(float)
    assert all(not np.array_equal(own, other) for other in others)

    def alike(first, second):
        return np.corrcoef(first[176:352].ravel(), second[176:352].ravel())[0, 1]

    for other in others:  # in step with it
        assert alike(own, other) > 0.1 + alike(own, np.roll(other, frames // 2, 1))
    changed = records.path(0).stat().st_mtime_ns
    records.make(0, None)
    assert records.path(0).stat().st_mtime_ns == changed


def test_a_roll_that_is_played_faster_is_higher_and_shorter():
    roll = np.full((357, 400), 0, np.uint8)
    roll[4 * 88 :] = 128
    roll[176 + 40, 100:200], roll[352, 300] = 255, 255
    up, down = (played_faster(roll, 0, 300, shift) for shift in (2, -2))
    assert np.flatnonzero(up[176:264].any(1)).tolist() == [42]
    assert np.flatnonzero(up[176 + 42])[[0, -1]].tolist() == [
        89,
        177,
    ]  # 100 to 199, at 1.1225 times the speed
    assert np.flatnonzero(down[176:264].any(1)).tolist() == [38]
    assert np.flatnonzero(down[176 + 38])[0] == 112
    assert up[352].max() == 1 and not up[353:].any()
    top = np.zeros_like(roll)
    top[87], top[88] = 255, 255  # the highest pitch of one layer, the lowest of the next
    assert not played_faster(top, 0, 300, 2)[[0, 1, 88, 89]].any()


def test_thinned_rolls_keep_tune_and_beat():
    rng, seen = np.random.default_rng(0), []
    for number in range(40):
        roll = np.ones((357, 8), np.float32)
        roll[:176] = 0
        roll[20] = roll[88 + 20] = 1
        own = number % 2 == 0
        made = thinned(roll.copy(), rng, own)
        assert np.array_equal(made[:176], roll[:176]) and made[355:].all()
        assert made[176 + 20].all() and made[264 + 20].all()
        assert not (own and made[352:355].any())
        seen.append((made[176:352].mean() < 1, made[352:355].any()))
    assert 0.3 < np.mean([thin for thin, _ in seen]) < 0.7 and any(strokes for _, strokes in seen)


def task_of(band, records, kind=DiffusionTask, **options):
    start = Denoiser(channels=(16, 16, 32), content_width=8)
    heard = (MelAutoencoder(width=16, layers=1).eval(), load_model(MelodyExtractor))
    return kind(band, *heard, start=start, records=records, **options)


def test_examples_say_which_are_the_arrangers(band, records):
    task = task_of(band, records, share=0.5, drop_style=0.0, drop_content=0.0)
    rng, found = np.random.default_rng(0), []
    for latents, roll, style in task.examples(rng, 40):
        assert latents.shape == (8, 24, 64) and roll.shape == (357, 256) and style.shape == (13,)
        found.append(style)
    marks = [style[-1] for style in found]
    assert set(marks) == {0.0, 1.0} and 10 < sum(marks) < 30
    genres = {GENRES[style[:10].argmax()] for style in found if not style[-1]}
    assert genres == set(records.data.labels)
    task.drop_style = 1.0
    assert not any(style.any() for _, _, style in task.examples(rng, 8))
    for style in (one[2] for one in task_of(band, records, DistillationTask).examples(rng, 8)):
        assert style.shape == (12,)


def test_the_mark_means_nothing_at_first_and_is_taken_out_again():
    start = Denoiser(channels=(16, 16, 32), content_width=8).eval()
    wide = marked(start).eval()
    noisy, time, roll = torch.randn(1, 8, 24, 16), torch.tensor([0.5]), torch.rand(1, 357, 64)
    style = torch.from_numpy(style_vector("jazz"))[None]

    def answer(network, *mark):
        with torch.no_grad():
            return network(noisy, time, roll, torch.cat([style, torch.tensor([mark])], 1))

    assert torch.allclose(answer(start), answer(wide, 1.0)) and torch.allclose(
        answer(start), answer(wide, 0.0)
    )
    with torch.no_grad():
        wide.style[0].weight[:, -1] = 1
    before = answer(wide, 0.0)
    assert not torch.allclose(before, answer(wide, 1.0), atol=1e-4)
    DiffusionTask.finish(None, wide)
    assert wide.config.style_size == 12 and torch.allclose(answer(wide), before)


def test_one_command_makes_a_converter_and_goes_on_where_it_was_stopped(
    band, records, tmp_path, noteninja, monkeypatch
):
    list(open_dataset(band.root, tell=None).heard(n) for n in range(4))
    words = ["train", "converter", "--data", records.data.root, "--run", tmp_path, "--band", band.root]
    words += ["--steps", 4, "--batch", 2, "--workers", 1]
    from noteninja_lib import cli_training, fine_tuning

    monkeypatch.setattr(cli_training, "measure", lambda words: None)  # the slider: a benchmark
    learn = fine_tuning.learn

    def stopped(trainer, size):
        for number, step in enumerate(learn(trainer, size)):
            yield step
            if number == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(fine_tuning, "learn", stopped)
    status, _, told = noteninja(*words)
    assert status == 130 and "goes on from there" in told and not (tmp_path / "models").exists()
    began = []
    monkeypatch.setattr(
        fine_tuning, "learn", lambda trainer, size: began.append(trainer.step) or learn(trainer, size)
    )
    status, out, _ = noteninja(*words)
    assert status == 0 and "--models" in out and began == [3, 0]
    pipe = NoteNinjaPipeline.from_pretrained(tmp_path / "models")
    assert pipe.unet.config.style_size == 12 and pipe.unet.config.jumps
    shipped = load_pipeline().unet.state_dict()
    assert any(not torch.equal(shipped[name], one) for name, one in pipe.unet.state_dict().items())
    assert pipe(records.data.audio(0), "rock").audio.shape[1] == 2


def test_only_records_make_a_converter(band, tmp_path, noteninja):
    status, _, told = noteninja("train", "converter", "--data", band.root, "--run", tmp_path, "--again")
    assert status == 2 and "learns on by itself" in told
    status, _, told = noteninja("train", "converter", "--data", band.root, "--run", tmp_path)
    assert status == 2 and "the band's own" in told and told.count("\n") == 1
    with pytest.raises(UserError, match="lasts 8 seconds"):
        short = open_dataset(band.root, tell=None)
        short.has_scores = False
        short.audio = lambda number: np.zeros(22050, np.float32)
        of_training(short)


def test_a_converter_is_taken_from_its_folder_or_refused(tmp_path, noteninja):
    status, _, told = noteninja("convert", "a.mp3", "--to", "jazz", "--models", tmp_path)
    assert status == 2 and "holds no converter" in told


def test_a_judge_learns_from_records_by_halves_and_from_each_genre_as_often(band, records):
    uneven = band.part([0, 0, 0, 0, 1])
    task = make_task("judge", band.root, 1, models_folder(), True, records.data.root)
    assert [sorted(set(part.tolist())) for part in task.labels] == [
        sorted({GENRES.index(genre) for genre in one.labels}) for one in (band, records.data)
    ]
    sounds, kinds = task.batch(np.random.default_rng(0), 7)
    assert sounds.shape == (7, 256 * 256) and kinds.shape == (7,)
    assert set(kinds[4:].tolist()) <= {GENRES.index(genre) for genre in records.data.labels}
    drawn = GenreClassifierTask(uneven).batch(np.random.default_rng(0), 200)[1]
    shares = [np.mean(drawn == GENRES.index(genre)) for genre in {band.labels[0], band.labels[1]}]
    assert len(shares) == 1 or 0.35 < min(shares)
    with pytest.raises(UserError, match="train converter"):
        make_task("lead", band.root, 1, models_folder(), True, records.data.root)


# --- A genre of one's own ---


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder in which genres can be made."""
    monkeypatch.setenv("NOTENINJA_ADAPTERS", str(tmp_path / "own"))
    return tmp_path / "own"


def made_up(folder, rank=2, near="rock", strength=0.05):
    """An adapter drawn by chance, with the card that `adapt` writes."""
    network = with_adapter(load_pipeline().unet, rank, "unet")
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, LowRank):
            module.lora_B.data.normal_().mul_(strength)
    folder.mkdir(parents=True)
    save_adapter(network, folder, name=folder.name, style=style_vector(near)[:-2].tolist())
    return network.eval()


def velocity_of(network, style):
    noisy, roll = torch.ones(1, 8, 24, 16), torch.zeros(1, 357, 64)
    with torch.no_grad():
        return network(noisy, torch.tensor([0.5]), roll, torch.from_numpy(style)[None])


def test_an_adapter_is_written_as_peft_does_and_read_again(tmp_path):
    network = made_up(tmp_path / "mine")
    weights = load_file(tmp_path / "mine" / "adapter_model.safetensors")
    name = "base_model.model.unet.conv_in.lora_A.weight"
    assert weights[name].shape == (2, 56, 3, 3) and weights[name.replace("_A", "_B")].shape == (48, 2, 1, 1)
    config = json.loads((tmp_path / "mine" / "adapter_config.json").read_text())
    assert config["peft_type"] == "LORA" and config["r"] == config["lora_alpha"] == 2
    assert len(weights) == 2 * len(config["target_modules"])
    style, shipped = style_vector("rock"), load_pipeline().unet
    added = load_adapter(shipped, tmp_path / "mine")
    wanted = velocity_of(network, style)
    assert torch.allclose(velocity_of(added, style), wanted, atol=2e-2)
    assert (velocity_of(shipped, style) - wanted).abs().max() > 0.1
    with pytest.raises(UserError, match="holds no adapter"):
        load_adapter(Denoiser(channels=(16, 16, 32)), tmp_path / "mine")


def test_a_new_adapter_changes_nothing_and_learns_alone():
    shipped = load_pipeline().unet
    network = with_adapter(shipped, 4, "unet").eval()
    assert torch.allclose(
        velocity_of(network, style_vector("pop")), velocity_of(shipped, style_vector("pop"))
    )
    learning = [name for name, one in network.named_parameters() if one.requires_grad]
    assert learning and all("lora_" in name for name in learning)
    assert not any(one.requires_grad for one in shipped.parameters())


def test_a_genre_of_ones_own_is_played_mixed_and_travelled_to(home, noteninja):
    pipe, song = load_pipeline(), make_song()
    usual = pipe(song, "rock", generator=torch.Generator().manual_seed(0)).audio
    made_up(home / "my band")
    made_up(home / "another", near="jazz", strength=0.02)

    def play(genre):
        return pipe(song, genre, generator=torch.Generator().manual_seed(0)).audio

    assert np.array_equal(play("rock"), usual)  # the ten stay as they are
    own, mixed = play("my band"), play({"my band": 0.5, "rock": 0.5})
    assert own.shape == usual.shape and not np.allclose(own, usual, atol=1e-3)
    far = [np.square(one - other).mean() for one, other in ((mixed, usual), (mixed, own), (usual, own))]
    assert far[0] < far[2] and far[1] < far[2]
    assert play(parse_path("rock,My Band")).shape == usual.shape
    assert np.array_equal(play("My Band"), own)
    named = weights([(0, "rock"), (1, {"my band": 0.5, "jazz": 0.5})])
    assert {"genre my band", "unet"} <= set(named) and "genre another" not in named
    assert pipe.invert(song, "my band", 1).shape[1] == 8
    status, out, _ = noteninja("genres")
    assert status == 0 and out.split("\n")[10:12] == ["another", "my band"]
    assert nearest_genre("Another") == "jazz" and nearest_genre("Rock") == "rock"
    assert noteninja("genres", "--remove", "ANOTHER")[1].split("\n")[10:11] == ["my band"]
    status, _, told = noteninja("genres", "--remove", "another")
    assert status == 2 and "there is my band" in told
    with pytest.raises(UserError, match="rock, my band"):
        play("another")


@pytest.mark.parametrize(
    "file, content",
    [
        ("card.json", "{}"),
        ("card.json", json.dumps({"style": [1, 0]})),
        ("card.json", json.dumps({"style": [float("nan")] * 10})),
        ("card.json", json.dumps({"style": "0123456789"})),
        ("adapter_config.json", json.dumps({"target_modules": [], "r": 2, "lora_alpha": 2})),
        ("adapter_model.safetensors", "damaged"),
        ("card.json", None),
        ("adapter_model.safetensors", None),
    ],
)
def test_a_damaged_genre_is_told_in_one_sentence_and_can_be_taken_away(home, file, content, noteninja):
    made_up(home / "my band")
    path = home / "my band" / file
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(UserError, match="my band holds no adapter"):
        load_pipeline()(make_song(), "my band")
    assert "genre my band" in weights("my band")
    assert noteninja("genres", "--remove", "My Band")[0] == 0 and not (home / "my band").exists()


@pytest.mark.parametrize(
    "file, content",
    [
        ("model_index.json", "{}"),
        ("model_index.json", "no"),
        ("SHA256SUMS.json", "{}"),
        ("SHA256SUMS.json", "[]"),
    ],
)
def test_a_damaged_converter_is_told_in_one_sentence(tmp_path, file, content):
    for path in models_folder().iterdir():
        if path.is_dir() or path.name in ("model_index.json", "SHA256SUMS.json"):
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / file).unlink()
    (tmp_path / file).write_text(content)
    with pytest.raises(UserError, match="noteninja train converter"):
        NoteNinjaPipeline.from_pretrained(tmp_path)
    with pytest.raises(UserError):
        fine_tuning.train_converter(None, tmp_path / "run", models=tmp_path / "nothing")


@pytest.mark.parametrize("name", ["jazz", "Rock", "", "a:b", "a,b", "../x", " x", "x" * 41, "-x"])
def test_a_genre_has_a_name_that_can_be_a_folder(home, name, noteninja):
    status, _, told = noteninja("adapt", home.parent, "--name", name)
    assert status == 2 and "can't be called" in told
    assert noteninja("genres", "--remove", name)[0] == 2


def test_adapt_makes_a_genre_and_goes_on_where_it_was_stopped(
    home, band, noteninja, monkeypatch, tmp_path, heard_before
):
    folder = tmp_path / "recordings"
    folder.mkdir()
    words = ["adapt", folder, "--name", "my band", "--steps", 3, "--workers", 1, "--run", tmp_path / "run"]
    status, _, told = noteninja(*words)
    assert status == 2 and "holds no recording" in told
    for number in range(4):
        soundfile.write(folder / f"{number}.wav", band.audio(number), 22050)
        if number == 2:
            status, _, told = noteninja(*words)
            assert status == 2 and "holds 3 recordings that can be used: a genre is made of 4 to 50" in told
    make = Versions.make

    def stopped(self, number, pipe, seed=0):
        if number == 2:
            raise KeyboardInterrupt
        make(self, number, pipe, seed)

    monkeypatch.setattr(fine_tuning, "versions", alone)
    monkeypatch.setattr(Versions, "make", stopped)
    assert noteninja(*words)[0] == 130 and len(list((tmp_path / "run").rglob("*.npz"))) == 2
    monkeypatch.setattr(Versions, "make", make)
    status, out, _ = noteninja(*words)
    made = home / "my band"
    assert status == 0 and "--to 'my band'" in out
    files = ["README.md", "adapter_config.json", "adapter_model.safetensors", "card.json"]
    assert sorted(path.name for path in made.iterdir()) == files
    assert (made / "adapter_model.safetensors").stat().st_size < 3e6
    card = json.loads((made / "card.json").read_text())
    assert card["recordings"] == 4 and sum(card["style"]) == 1 and card["near"] in GENRES
    assert own_genres() == ["my band"]
    soundfile.write(folder / "0.wav", band.audio(0)[: 8 * 22050], 22050)  # other recordings: all anew
    assert noteninja(*words)[0] == 0 and len(list((tmp_path / "run").rglob("*.npz"))) == 8


def alone(records, workers, models=None):
    """As `versions`, in this process."""
    for number in range(len(records.data)):
        records.make(number, load_pipeline())
        yield number + 1, len(records.data)


def test_long_recordings_give_several_excerpts(tmp_path, monkeypatch):
    monkeypatch.delenv("NOTENINJA_FAST")
    for number in range(8):
        rng = np.random.default_rng(number)
        soundfile.write(
            tmp_path / f"{number}.wav", 0.1 * rng.standard_normal(8000 * (300 if number else 12)), 8000
        )
    found = Excerpts(datasets.Records(tmp_path), tmp_path / "heard")
    assert len(found) == 1 + 7 * 6 and found.places[0] == 0
    assert (
        all(20 <= one <= 260 for one in found.places[1:]) and len(set(found.kept(n) for n in range(43))) == 43
    )
    assert len(found.audio(1)) == 20 * 22050 // 1024 * 1024
    assert 11.9 * 22050 < len(found.audio(0)) <= 12 * 22050


def make_song():
    """Four seconds that repeat a chord."""
    time = np.arange(4 * 22050) / 22050
    chord = sum(np.sin(2 * np.pi * 220 * 2 ** (step / 12) * time) for step in (0, 4, 7, 12))
    return (0.1 * chord * (1 - (2 * time) % 1) ** 2).astype(np.float32)


def test_style_guidance_pushes_the_style_alone():
    zero, one = torch.zeros(1), torch.ones(1)
    style = torch.from_numpy(style_vector("jazz"))

    def weights(**options):
        found = weigh([Condition(one, style)], None, zero, 2.0, **options)
        assert sum(part.weight for part in found) == pytest.approx(1)
        return [(float(part.content), bool(part.style.any()), part.weight) for part in found]

    assert weights() == [(1, True, 2.0), (0, False, -1.0)]
    assert weights(style_scale=3.0) == [(1, True, 6.0), (1, False, -4.0), (0, False, -1.0)]


def test_the_widget_makes_a_genre_and_lets_it_be_heard(home, band, tmp_path, monkeypatch, heard_before):
    monkeypatch.delenv("NOTENINJA_TEST", raising=False)
    maker = converter.genre_maker(in_background=False, folder=tmp_path / "outputs")
    maker.make()
    assert "nn-error" in maker.message.value and "folder of your recordings" in maker.message.value
    maker.name.value = "jazz"
    maker.make()
    assert "can&#x27;t be called" in maker.message.value
    maker.name.value, maker.path.value = "my choir", str(tmp_path / "nowhere")
    maker.make()
    assert "There is no folder" in maker.message.value
    folder = tmp_path / "recordings"
    folder.mkdir()
    for number in range(4):
        soundfile.write(folder / f"{number}.wav", band.audio(number), 22050)
    maker.path.value = str(folder)
    told, tell = [], maker.tell_progress
    monkeypatch.setattr(
        maker, "tell_progress", lambda done, what: (told.append((done, what)), tell(done, what))
    )
    maker.make()
    assert "my choir is a genre now" in maker.message.value and own_genres() == ["my choir"]
    assert [html.value.count("<audio") for html in maker.heard.children] == [3, 3, 3]
    before, _, after = (html.value for html in maker.heard.children)
    assert "before" in before and "at the end" in after and before[2000:4000] != after[2000:4000]
    assert {"hearing the recordings", "learning", "listening: half way"} <= {what for _, what in told}
    assert "my choir" in converter.genre_menu().options
    maker.name.value = "another choir"
    monkeypatch.setattr(
        maker, "tell_progress", lambda done, what: what == "learning" and maker.stop() or tell(done, what)
    )
    maker.make()
    assert "Stopped" in maker.message.value and own_genres() == ["my choir"]


def test_uploads_are_recordings_too(home, band, tmp_path, heard_before):
    maker = converter.genre_maker(in_background=False, folder=tmp_path)
    content = io.BytesIO()
    soundfile.write(content, band.audio(0), 22050, format="wav")
    upload(maker.upload, *((f"../{number}.wav", content.getvalue()) for number in range(4)))
    maker.name.value, maker.steps.min, maker.steps.value = "choir", 4, 4
    maker.make()
    assert own_genres() == ["choir"]
