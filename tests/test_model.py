"""The networks' shapes and promises, and our samplers against diffusers' schedulers."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from time import sleep

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler

from noteninja_lib import models
from noteninja_lib.arranger.performance import Note
from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio.io import mono
from noteninja_lib.audio.spectrogram import log_mel, log_mel_tensor, mel_frequencies
from noteninja_lib.errors import UserError
from noteninja_lib.models import checkpoints, flow_matching, in_threads
from noteninja_lib.models.checkpoints import load_model
from noteninja_lib.models.classifiers import GenreClassifier, MelodyExtractor
from noteninja_lib.models.unet import Denoiser, drawing
from noteninja_lib.models.vae import MelAutoencoder, PatchDiscriminator, discriminator_loss
from noteninja_lib.models.vocoder import Vocoder
from noteninja_lib.music.piano_roll import from_notes
from noteninja_lib.music.style import plan
from noteninja_lib.pipeline import NoteNinjaPipeline, load_pipeline

CENTRES = tuple(map(float, mel_frequencies()))


def field(latents, time):
    """A velocity field with curves in it."""
    return torch.sin(latents * 3) + time * latents


def test_euler_equals_diffusers():
    scheduler, start = (
        FlowMatchEulerDiscreteScheduler(),
        torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0)),
    )
    scheduler.set_timesteps(7)
    theirs = start
    for time in scheduler.timesteps:
        theirs = scheduler.step(field(theirs, float(time) / 1000), time, theirs).prev_sample
    torch.testing.assert_close(
        flow_matching.euler(field, start, scheduler.sigmas), theirs, rtol=1e-5, atol=1e-5
    )


def test_heun_equals_diffusers():
    scheduler, start = (
        FlowMatchHeunDiscreteScheduler(),
        torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0)),
    )
    scheduler.set_timesteps(5)
    theirs = start
    for time in scheduler.timesteps:
        theirs = scheduler.step(field(theirs, float(time) / 1000), time, theirs).prev_sample
    times = torch.cat([scheduler.sigmas[:1], scheduler.sigmas[1:].unique().flip(0)])
    torch.testing.assert_close(flow_matching.heun(field, start, times), theirs, rtol=1e-4, atol=1e-4)


def test_heun_errs_less_than_euler():
    start, exact = torch.ones(1), torch.exp(torch.tensor(-1.0))

    def decay(latents, time):
        return latents

    errors = [
        abs(float(walk(decay, start, flow_matching.time_steps(8)) - exact))
        for walk in (flow_matching.euler, flow_matching.heun)
    ]
    assert errors[1] < errors[0] / 10


def test_one_step_along_the_true_velocity_gives_back_the_music():
    clean, noise = torch.randn(2, 3), torch.randn(2, 3)
    noisy = flow_matching.add_noise(clean, noise, torch.tensor([0.3, 0.9]))
    torch.testing.assert_close(noisy[0], 0.7 * clean[0] + 0.3 * noise[0])
    back = flow_matching.euler(
        lambda latents, time: flow_matching.velocity(clean, noise), noise, flow_matching.time_steps(1)
    )
    torch.testing.assert_close(back, clean)


def test_inversion_is_the_same_walk_the_other_way():
    start = torch.randn(4, generator=torch.Generator().manual_seed(1))
    times = flow_matching.time_steps(400)
    music = flow_matching.euler(field, start, times)
    assert (flow_matching.euler(field, music, times.flip(0)) - start).abs().max() < 0.05


def test_guidance_of_one_changes_nothing_and_times_lie_inside():
    told, untold = torch.ones(2), torch.zeros(2)
    assert torch.equal(flow_matching.guide(told, untold, 1.0), told)
    assert torch.equal(flow_matching.guide(told, untold, 3.0), 3 * told)
    times = flow_matching.sample_times(1000, torch.Generator().manual_seed(0))
    inside = times[times < 1]
    assert (
        0 < times.min() and times.max() == 1 and 860 < len(inside) < 940 and abs(inside.mean() - 0.5) < 0.03
    )


def test_autoencoder_folds_sixteen_pixels_into_eight_numbers():
    vae = MelAutoencoder(width=16, layers=1).eval()
    mel = torch.randn(2, 96, 64) - 4
    with torch.no_grad():
        latents = vae.encode(mel)
        assert latents.shape == (2, 8, 24, 16) and vae.decode(latents).shape == mel.shape


def test_vocoder_makes_512_samples_a_column_in_stereo_and_hears_no_future_far_away():
    vocoder = Vocoder(width=32, hidden=64, blocks=2).eval()
    mel = torch.randn(1, 96, 60)
    with torch.no_grad():
        whole = vocoder(mel)
        changed = mel.clone()
        changed[..., 50:] = 0
        assert whole.shape == (1, 2, 60 * 512)
        torch.testing.assert_close(vocoder(changed)[..., : 30 * 512], whole[..., : 30 * 512])
        middle, side = vocoder.middle_and_side(mel)
        torch.testing.assert_close(whole, torch.stack([middle + side, middle - side], 1))
        assert side.std() > 0.01 * middle.std()


def test_the_vocoders_middle_is_fitted_to_the_picture_and_its_side_is_left_alone():
    vocoder = Vocoder(width=32, hidden=64, blocks=2).eval()
    mel, found = log_mel_tensor(0.3 * torch.randn(1, 60 * 256)), []
    with torch.no_grad():
        for rounds in (0, 3):
            vocoder.register_to_config(refine=rounds)
            found.append(vocoder.middle_and_side(mel))
    raw, fitted = (torch.from_numpy(log_mel(mono(one[0][0].numpy(), STEREO_RATE))) for one in found)
    assert (fitted - mel[0]).abs().mean() < 0.5 * (raw - mel[0]).abs().mean()
    assert torch.equal(found[0][1], found[1][1])


def test_a_note_is_drawn_on_the_row_of_its_pitch_and_of_its_overtones():
    fundamental, overtones = drawing(CENTRES, (1,)), drawing(CENTRES, (2, 3))
    a440 = 69 - 21
    assert fundamental[:, a440].argmax() == np.abs(np.array(CENTRES) - 440).argmin()
    assert abs(float(fundamental[:, a440].sum()) - 1) < 1e-5
    assert overtones[:, a440].argmax() == np.abs(np.array(CENTRES) - 880).argmin()


def test_denoiser_takes_pictures_or_what_was_made_of_them():
    unet = Denoiser(CENTRES, (16, 16, 32), 1, 8).eval()
    noisy, picture, style = torch.randn(2, 8, 24, 16), torch.rand(2, 357, 64), torch.zeros(2, 12)
    with torch.no_grad():
        first = unet(noisy, torch.tensor([0.2, 0.8]), picture, style)
        second = unet(noisy, torch.tensor([0.2, 0.8]), unet.content(picture), style)
        other = unet(noisy, torch.tensor([0.2, 0.8]), picture.flip(1), style)
    torch.testing.assert_close(first, second)
    assert first.shape == noisy.shape and not torch.allclose(first, other)


def test_a_jump_of_no_length_without_guidance_is_the_plain_answer_and_others_are_not():
    torch.manual_seed(0)
    plain = Denoiser(CENTRES, (16, 16, 32), 1, 8).eval()
    unet = Denoiser(CENTRES, (16, 16, 32), 1, 8, jumps=True).eval()
    missing, unexpected = unet.load_state_dict(plain.state_dict(), strict=False)
    assert {name.split(".")[0] for name in missing} == {"jump"} and not unexpected
    given = torch.randn(2, 8, 24, 16), torch.tensor([0.5, 1.0]), torch.rand(2, 357, 64), torch.zeros(2, 12)
    ones = torch.ones(2)
    with torch.no_grad():
        answer = plain(*given)
        assert torch.equal(unet(*given), answer)
        assert torch.equal(unet(*given, torch.zeros(2), 2 * ones), answer)  # it has learned nothing yet
        torch.nn.init.normal_(unet.jump[-1].weight)
        assert torch.equal(unet(*given, given[1], ones), answer)
        for until, guidance in ((torch.zeros(2), ones), (given[1], 2 * ones)):
            assert not torch.allclose(unet(*given, until, guidance), answer, atol=1e-3)


@pytest.mark.parametrize(
    "jumps, scale, until, extra",
    [
        (True, 2.0, 0.5, 2),
        (True, 1.0, 0.5, 2),
        (True, 9.0, 0.5, 0),
        (True, 2.0, None, 0),
        (False, 2.0, 0.5, 0),
    ],
)
def test_a_flow_jumps_where_it_is_told_the_end_of_the_step_and_the_network_knows(jumps, scale, until, extra):
    unet, asked = Denoiser(CENTRES, (16, 16, 32), 1, 8, jumps=jumps).eval(), []
    unet.register_forward_hook(lambda network, given, made: asked.append(given))
    flow = flow_matching.Flow(unet, None, torch.eye(12)[:1], 16, scale, (0.55, 1.0))
    with torch.no_grad():
        assert flow(torch.randn(1, 8, 24, 16), 1.0, until=until).shape == (1, 8, 24, 16)
    ((noisy, *_, style), told) = asked[0][:4], asked[0][4:]
    assert len(told) == extra and len(noisy) == len(style) == (1 if extra or scale == 1 else 2)
    if extra:
        assert [float(one) for one in told] == [until, scale]


def test_only_eulers_steps_are_jumps():
    pipe = load_pipeline()
    unet, told = Denoiser(CENTRES, (16, 16, 32), 1, 48, jumps=True).eval(), []
    unet.register_forward_hook(lambda network, given, made: told.append([float(x[0]) for x in given[4:]]))
    song = plan(from_notes([Note(0.2, 0.8, 60, 90)], [], 1.0), "jazz")
    for scheduler in (FlowMatchEulerDiscreteScheduler(), FlowMatchHeunDiscreteScheduler()):
        with torch.no_grad():
            parts = {**pipe.components, "unet": unet, "scheduler": scheduler}
            NoteNinjaPipeline(**parts).denoise(None, song, num_inference_steps=2)
    assert told[:2] == [[0.5, 2.0], [0.0, 2.0]] and len(told) > 4 and not any(told[2:])


def test_listeners_shapes():
    with torch.no_grad():
        assert MelodyExtractor(8).eval()(torch.rand(2, 2, 88, 101)).shape == (2, 2, 88, 101)
        judge = GenreClassifier(width=8).eval()
        mel = torch.randn(2, 96, 256)
        torch.testing.assert_close(judge(mel + 3), judge(mel), rtol=1e-3, atol=1e-3)  # loudness tells nothing


def test_discriminator_loss_is_lower_when_it_is_right():
    scores, features = PatchDiscriminator(8)(torch.randn(2, 1, 96, 64))
    assert scores.shape[:2] == (2, 1) and len(features) == 3
    right, wrong = torch.ones(3), -torch.ones(3)
    assert discriminator_loss(right, wrong) == 0 < discriminator_loss(wrong, right)


def test_weights_are_half_precision_checked_and_refused_when_damaged(tmp_path):
    vocoder = Vocoder(width=32, hidden=64, blocks=1)
    vocoder.register_to_config(_name_or_path=str(tmp_path))
    checkpoints.save_model(vocoder, tmp_path)
    assert str(tmp_path) not in (tmp_path / "vocoder" / "config.json").read_text(encoding="utf-8")
    loaded = checkpoints.load_model(Vocoder, tmp_path)
    assert next(loaded.parameters()).dtype == torch.float32
    torch.testing.assert_close(loaded.head.weight, vocoder.head.weight, rtol=1e-3, atol=1e-3)
    file = next(tmp_path.rglob("*.safetensors"))
    roll = bytearray(file.read_bytes())
    roll[-1] ^= 1
    file.write_bytes(roll)
    with pytest.raises(UserError, match="damaged"):
        checkpoints.verify(tmp_path)
    file.unlink()
    with pytest.raises(UserError, match="missing"):
        checkpoints.verify(tmp_path)
    with pytest.raises(UserError, match="missing"):
        checkpoints.verify(tmp_path / "nowhere")


def test_threads_give_the_results_in_order_and_leave_torch_as_it_was():
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(4)
    try:
        with torch.enable_grad():
            found = in_threads(
                lambda n: (n, torch.get_num_threads(), torch.is_grad_enabled()), range(9), seen.append
            )
        assert found == [(n, 1, False) for n in range(9)] and torch.get_num_threads() == 4
        assert seen == [n / 9 for n in range(9)]
        assert in_threads(lambda n: torch.get_num_threads(), range(2)) == [2, 2]  # two threads each
        assert in_threads(lambda n: in_threads(lambda m: m + n, range(3)), [10, 20]) == [
            [10, 11, 12],
            [20, 21, 22],
        ]
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("where", ["work", "progress"])
def test_what_is_raised_in_a_thread_arrives_and_the_rest_is_not_begun(where):
    before, begun = torch.get_num_threads(), []
    torch.set_num_threads(2)

    def work(n):
        begun.append(n)
        if where == "work" and n == 0:
            raise UserError("That's enough.")

    def progress(done):
        if where == "progress" and done:
            raise UserError("That's enough.")

    try:
        with pytest.raises(UserError, match="enough"):
            in_threads(work, range(1000), progress)
        assert len(begun) < 1000 and torch.get_num_threads() == 2
        assert in_threads(str, range(3)) == ["0", "1", "2"]
    finally:
        torch.set_num_threads(before)


def test_a_second_interruption_leaves_torch_as_it_was(monkeypatch):
    """Pressing Ctrl-C twice: the second one comes while what has begun is waited for."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    wait = ThreadPoolExecutor.__exit__

    def interrupted(pool, *_):
        wait(pool, None, None, None)
        raise KeyboardInterrupt

    def progress(done):
        raise KeyboardInterrupt

    try:
        with monkeypatch.context() as patch:
            patch.setattr(ThreadPoolExecutor, "__exit__", interrupted)
            with pytest.raises(KeyboardInterrupt):
                in_threads(str, range(3), progress)
        assert torch.get_num_threads() == 2 and not models._sharing.locked()
    finally:
        torch.set_num_threads(before)


def test_work_within_work_ends_soon_when_it_is_stopped():
    before, begun = torch.get_num_threads(), []
    torch.set_num_threads(2)

    def work(number):
        in_threads(lambda _: (begun.append(number), sleep(0.02)), range(200))

    def progress(done):
        sleep(0.1)
        raise UserError("That's enough.")

    try:
        with pytest.raises(UserError, match="enough"):
            in_threads(work, range(2), progress)
        assert 0 < len(begun) < 40
    finally:
        torch.set_num_threads(before)


def test_stand_ins_give_way_to_whoever_wants_more():
    code = (
        "import sys; from noteninja_lib.models import stand_ins\n"
        "with stand_ins():\n"
        "    import scipy.stats; first = sys.modules['scipy.stats']\n"
        "    from scipy.stats import norm\n"
        "    import scipy; found = norm.cdf(0), scipy.stats.beta.cdf(1, 2, 2)\n"
        "    print(*found, first is sys.modules['scipy.stats'])\n"
        "print(sys.modules['scipy.stats'].__file__ is not None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0.5", "1.0", "False", "True"]


def test_conversions_need_neither_torchs_compiler_nor_the_statistics_and_have_them_where_asked():
    code = (
        "import sys; import noteninja_lib.pipeline as p; pipe = p.load_pipeline()\n"
        "print(*{'torch._dynamo', 'scipy.stats', 'scipy.signal'} & sys.modules.keys(), 'none')\n"
        "import scipy.stats, torch\n"
        "compiler = torch._dynamo\n"
        "print(scipy.stats.norm.cdf(0), callable(compiler.optimize), hasattr(compiler, '__file__'))\n"
        "from diffusers import DPMSolverMultistepScheduler\n"
        "scheduler = DPMSolverMultistepScheduler(use_beta_sigmas=True); scheduler.set_timesteps(4)\n"
        "print(len(scheduler.sigmas))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["none", "0.5", "True", "True", "5"]


def test_half_precision_changes_a_decoded_mel_by_less_than_the_autoencoder_loses(monkeypatch):
    vae, latents = (
        load_model(MelAutoencoder),
        torch.randn(1, 8, 24, 64, generator=torch.Generator().manual_seed(0)),
    )
    with torch.no_grad():
        whole = vae.decode(latents)
        with torch.autocast("cpu", torch.bfloat16):
            assert (vae.decode(latents).float() - whole).abs().mean() < 0.03
    for fast in (True, False):
        monkeypatch.setattr(models, "fast_bf16", lambda device=None, fast=fast: fast)
        with models.half_precision(latents.device):
            assert vae.decode(latents).dtype == (torch.bfloat16 if fast else torch.float32)
