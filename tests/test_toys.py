"""The toys of the lessons on latent space and diffusion, and the songs encoded for them, keep what the
lessons say of them."""

import matplotlib.figure
import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from noteninja_lib import plots
from noteninja_lib.audio.spectrogram import log_mel
from noteninja_lib.lessons import lesson_05, lesson_06
from noteninja_lib.models.flow_matching import euler, set_schedule, time_steps


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def test_notes_are_two_and_as_wide_as_noise(generator):
    points, side = lesson_06.beamed_notes(4000, generator)
    assert points.shape == (4000, 2) and points.abs().max() < lesson_06.REACH
    assert points.mean(0).abs().max() < 0.2 and ((points.std(0) - 1).abs() < 0.3).all()
    assert set(side.tolist()) == {lesson_06.LEFT, lesson_06.RIGHT}
    assert (
        points[side == lesson_06.LEFT][:, 0].mean() < -0.5
        and points[side == lesson_06.RIGHT][:, 0].mean() > 0.5
    )


def test_flow_of_the_plane_takes_one_time_or_many_and_uses_its_condition(generator):
    flow, points = lesson_06.PlaneFlow(16), torch.randn(5, 2, generator=generator)
    assert flow(points, 0.3).shape == (5, 2)
    torch.testing.assert_close(flow(points, 0.3), flow(points, torch.full((5,), 0.3), lesson_06.NOTHING))
    assert not torch.allclose(flow(points, 0.3, lesson_06.LEFT), flow(points, 0.3, lesson_06.RIGHT))


def test_a_jumping_flow_begins_as_its_teacher_and_can_learn_steps(generator):
    teacher, points = lesson_06.PlaneFlow(16), torch.randn(5, 2, generator=generator)
    student = lesson_06.JumpingFlow(teacher)
    torch.testing.assert_close(
        student(points, 0.8, lesson_06.LEFT, 0.2, 2.0), teacher(points, 0.8, lesson_06.LEFT)
    )
    torch.nn.init.ones_(student.step[2].weight)
    plain = student(points, 0.8, lesson_06.LEFT)  # of no length, unguided: still the teacher's answer
    torch.testing.assert_close(plain, teacher(points, 0.8, lesson_06.LEFT))
    told = [student(points, 0.8, lesson_06.LEFT, until, w) for until, w in ((0.2, 1), (0.2, 2), (0.8, 2))]
    assert not any(torch.allclose(one, plain) for one in told) and not torch.allclose(told[0], told[1])


def test_jumps_land_where_the_mean_velocity_leads(generator):
    start = torch.randn(9, 2, generator=generator)

    def growth(points, time, until):
        return points * (1 - np.exp(until - time)) / (time - until)

    for count in (1, 3):
        torch.testing.assert_close(lesson_06.leap(growth, start, time_steps(count)), start / np.e)
    student = lesson_06.JumpingFlow(lesson_06.PlaneFlow(16))
    run = lesson_06.descend(
        lambda: (student.jump(start, 2, lesson_06.LEFT, 2.0) - 1).square().mean(), student, 150
    )
    losses = list(run)
    assert len(losses) == 150 and losses[-1] < 0.5 * losses[0]


def test_two_places_lie_on_one_way_of_the_teacher():
    walks = lesson_06.Walks(lambda points, time, labels=None: torch.full_like(points, 3.0), 50, small=8)
    start, now, end, until, labels, w = walks.two_places(200)
    assert (now > until).all() and set(labels.tolist()) == {lesson_06.LEFT, lesson_06.RIGHT}
    assert w.min() >= 1 and w.max() <= 4
    torch.testing.assert_close(start - end, (3 * (now - until))[:, None].expand(-1, 2))


def test_errors_are_those_of_the_ways_when_training_is_over(generator):
    goal, done = torch.randn(9, 2, generator=generator), []
    ways = {
        "exact": lambda count: goal,
        "learns": lambda count: goal + torch.tensor([3 / count / len(done or "x"), 0]),
    }
    errors = lesson_06.watch_errors((done.append(step) or 0.1 for step in range(3)), ways, goal)
    assert errors["exact"] == [0] * 5
    np.testing.assert_allclose(errors["learns"], [1 / count for count in lesson_06.COUNTS], rtol=1e-5)


def test_exact_velocity_leads_from_noise_to_the_drawing(generator):
    drawing = lesson_06.beamed_notes(1000, generator)[0]
    middle = lesson_06.exact_velocity(torch.zeros(1, 2), 1.0, drawing)
    torch.testing.assert_close(middle, -drawing.mean(0)[None])  # at noise every dot is equally likely
    made = euler(
        lambda points, time: lesson_06.exact_velocity(points, time, drawing),
        torch.randn(500, 2, generator=generator),
        time_steps(40),
    )
    assert torch.cdist(made, drawing).min(1).values.mean() < 0.05
    assert (
        lesson_06.distance_to_notes(made)
        < 0.2
        < lesson_06.distance_to_notes(torch.randn(500, 2, generator=generator))
    )


def test_sampling_with_a_scheduler_is_euler_sampling(generator):
    scheduler, start = FlowMatchEulerDiscreteScheduler(), torch.randn(3, 2, generator=generator)
    set_schedule(scheduler, 6)
    theirs = lesson_06.sample_with(scheduler, lambda points, timestep: points * float(timestep) / 1000, start)
    torch.testing.assert_close(
        theirs, euler(lambda points, time: points * time, start, time_steps(6)), rtol=1e-4, atol=1e-4
    )


def test_pictures_are_drawn_and_sliders_move_them(generator):
    clouds = {"one": torch.randn(10, 2, generator=generator), "two": torch.randn(10, 2, generator=generator)}
    labels = torch.tensor([1, 2] * 5)
    figure = lesson_06.plot_clouds(clouds, labels)
    assert [ax.get_title() for ax in figure.axes] == ["one", "two"] and figure.axes[0].get_xlabel()
    mels = plots.plot_mels({"a": np.full((96, 40), -4.0), "b": torch.full((96, 40), -2.0)})
    assert mels.axes[0].get_ylabel() == "frequency in Hz"
    assert mels.axes[1].images[0].get_clim() == mels.axes[0].images[0].get_clim()
    asked = []
    paths = lesson_06.plot_paths(lambda points, time: points, clouds["one"], (1, 4))
    assert [ax.get_title() for ax in paths.axes] == ["steps: 1", "steps: 4"]
    np.testing.assert_allclose(np.transpose(paths.axes[0].lines[-1].get_data()), 0 * clouds["one"], atol=1e-6)
    box = lesson_06.explore(lambda t, k: asked.append((t, k)), t=(0.0, 1.0, 0.1, 0.5), k=(1, 8, 1, 2))
    sliders = box.children[1].children
    sliders[0].value = 0.8
    sliders[1].value = 3
    assert asked[-1] == (0.8, 3) and isinstance(asked[-1][1], int)
    assert "nn-slider-t" in sliders[0]._dom_classes
    assert isinstance(lesson_06.plot_tiles({"one": np.eye(3), "two": -np.eye(3)}), matplotlib.figure.Figure)


def test_patches_come_together_again_and_scales_are_undone(generator):
    picture = torch.randn(96, 64, generator=generator)
    patches = lesson_05.to_patches(picture)
    assert patches.shape == (96, 64)
    torch.testing.assert_close(patches[1].reshape(8, 8), picture[:8, 8:16])
    torch.testing.assert_close(lesson_05.from_patches(patches, 96), picture)
    mel = np.linspace(-9, 1, 12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_allclose(lesson_05.unscaled(lesson_05.scaled(mel)), mel, atol=1e-5)


def test_toy_autoencoder_begins_as_principal_components_and_learns_more(generator):
    torch.manual_seed(0)
    picture = torch.randn(96, 1, generator=generator) * torch.sin(torch.arange(640) / 3) ** 3
    patches = lesson_05.to_patches(picture)
    mean = patches.mean(0)
    _, strengths, directions = torch.linalg.svd(patches - mean, full_matrices=False)
    model = lesson_05.ToyAutoencoder(mean, directions[:2], strengths[:2] / len(patches) ** 0.5)
    straight = lesson_05.from_patches((patches - mean) @ directions[:2].T @ directions[:2] + mean, 96)
    torch.testing.assert_close(lesson_05.reconstruction(model, picture), straight, rtol=1e-3, atol=1e-4)
    batch = lesson_05.excerpts(picture, 4, 64, generator)
    latents, log_variance = model.encode(batch)
    assert latents.shape == log_variance.shape == (4, 2, 12, 8) and (log_variance == lesson_05.NARROW).all()
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(40):
        loss = (model.decode(model.encode(batch)[0]) - batch).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert (lesson_05.reconstruction(model, picture) - picture).square().mean() < 0.7 * (
        straight - picture
    ).square().mean()
    assert lesson_05.sharpness(picture) > lesson_05.sharpness(0.5 * picture) > 0


def test_critic_learns_to_tell_blurred_pictures(generator):
    torch.manual_seed(0)
    critic, real = lesson_05.Critic(), torch.randn(4, 96, 64, generator=generator)
    made = torch.nn.functional.avg_pool1d(real, 5, 1, 2)
    assert critic.scores(real).shape == (4, 12, 8)
    before = float(critic.complaint(real, made).detach())
    for _ in range(20):
        critic.learn(real, made)
    assert critic.scores(real).mean() > 0 > critic.scores(made).mean()
    assert critic.complaint(real, made) > before


def test_songs_have_an_end_that_is_kept_apart():
    seen, unseen = lesson_05.song_pictures()
    assert (
        len(seen) == len(unseen) == 96
        and seen.shape[1] > 4 * 512 == unseen.shape[1]
        and seen.shape[1] % 8 == 0
    )
    assert abs(float(seen.mean())) < 1 and 0.3 < float(seen.std()) < 2


def test_the_picture_does_not_tell_left_from_right_and_the_side_is_drawn():
    band = lesson_05.band_in_stereo(seconds=2)
    assert band.shape == (88200, 2)
    np.testing.assert_allclose(log_mel(band), log_mel(band[:, ::-1]), atol=1e-3)
    middle_alone = np.repeat(band.mean(1, keepdims=True), 2, 1)
    figure = lesson_05.plot_middle_and_side({"stereo": band, "mono": middle_alone})
    middles, sides = ([line.get_ydata() for line in ax.lines[:2]] for ax in figure.axes)
    np.testing.assert_allclose(middles[0], middles[1], atol=0.1)
    assert sides[0].max() > -90 and sides[1].max() < -130


def test_encoded_song_comes_back_as_picture_and_sound():
    song = lesson_05.bundled(1, seconds=1.5, begin=2.0)
    frames = song.latents.shape[-1]
    assert song.picture(song.latents).shape == (96, 4 * frames) and len(song.audio) == 1024 * frames
    sound = song.sound(song.latents)
    assert sound.shape == (2 * len(song.audio), 2)
    assert np.abs(log_mel(sound) - log_mel(song.audio)).mean() < 0.5
    assert lesson_05.sound_of(log_mel(song.audio)).shape == sound.shape
    assert song.flow("jazz")(song.noise(0), 0.5).shape == song.latents.shape
    assert song.sharpness(song.noise(0)) > 0
