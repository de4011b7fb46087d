"""The amount slider, its calibration, and quality against time: on curves made by hand, and on the real
pipeline."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from benchmarks import calibration, harness, samplers, strength
from benchmarks.samplers import Way
from benchmarks.tables import PANELS, plot_amounts, plot_steps
from noteninja_lib.audio.io import normalise
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation import baselines
from noteninja_lib.evaluation.baselines import choose_tunes, make_piece
from noteninja_lib.pipeline import NoteNinjaPipeline, load_pipeline
from noteninja_lib.source import read_source

EVEN = np.linspace(0, 1, 11)
TUNE = np.linspace(0.9, 0.8, 11)


def failed(genre, distance=0.2 + EVEN, kept=TUNE):
    return {name for name, (_, passed) in strength.judge_slider(genre, distance, kept).items() if not passed}


# --- the slider -------------------------------------------------------------------------------


def test_an_even_slider_does_what_is_asked():
    assert failed(EVEN) == set()
    verdict = strength.judge_slider(0.1 + 0.5 * EVEN, 0.2 + EVEN, TUNE)
    assert verdict["genre_largest_step"][0] == verdict["mean_largest_step"][0] == pytest.approx(0.1)
    assert verdict["genre_rises"][0] == pytest.approx(0.05) and verdict["tune_stays"][0] == pytest.approx(
        8 / 9, abs=1e-3
    )


def test_a_slider_that_jumps_is_reported():
    jump = 0.01 * EVEN + (EVEN > 0.45)
    assert failed(jump) == {"genre_largest_step", "mean_largest_step"}
    assert failed(EVEN, jump) == {"likeness_largest_step", "mean_largest_step"}


def test_a_slider_that_does_nothing_or_turns_back_is_reported():
    assert {"genre_rises", "likeness_falls", "genre_largest_step", "mean_largest_step"} <= failed(
        0 * EVEN + 0.4, 0 * EVEN + 0.4
    )
    turning = EVEN.copy()
    turning[6] = turning[5] - 0.01
    assert failed(turning) == {"genre_rises"} and failed(EVEN, turning) == {"likeness_falls"}


def test_a_tune_that_is_lost_on_the_way_is_reported():
    lost = TUNE.copy()
    lost[5] = 0.7
    assert failed(EVEN, kept=lost) == {"tune_stays"}  # below 80 % of .9
    assert failed(EVEN, kept=0 * TUNE) == {"tune_stays"}


def test_a_conversion_is_the_pipelines_own():
    pipe, piece = load_pipeline(), make_piece(choose_tunes(1)[0], alone=True)
    assert list(piece.recordings) == [piece.source]
    source, whole = piece.recordings[piece.source], make_piece(choose_tunes(1)[0])
    np.testing.assert_array_equal(source, whole.recordings[piece.source])
    heard = read_source(source)
    for share in (0.4, 1.0):
        made = baselines.convert(pipe, heard, "reggae", 3, strength=share, steps=2)
        noise = torch.Generator().manual_seed(3)
        theirs = normalise(pipe(source, "reggae", share, 2, generator=noise, voice="play").mono())
        np.testing.assert_allclose(made, theirs, atol=1e-4)


def test_the_real_slider_leads_away_and_one_that_does_nothing_is_found_out(monkeypatch):
    number, few = choose_tunes(1, split="validation")[0], [0.0, 0.5, 1.0]
    found = strength.measure_tune(number, split="validation", strengths=few)
    assert list(found) == list(strength.MEASURES) and all(len(values) == 3 for values in found.values())
    assert found["spectral_distance"] == sorted(found["spectral_distance"]) and min(found["note_f1"]) > 0.2
    assert found["chroma_cosine"][0] > found["chroma_cosine"][-1]
    assert found["embedding_distance"][0] < found["embedding_distance"][-1]
    stuck = NoteNinjaPipeline(**load_pipeline().components, strength_curve=(1.0, 1.0))
    monkeypatch.setattr(harness, "load_pipeline", lambda: stuck)
    figures = strength.summarise([strength.measure_tune(number, split="validation", strengths=few)], few)
    assert not figures["verdict"]["genre_rises"][1] and not figures["verdict"]["likeness_falls"][1]
    assert figures["way"]["judge_share"] == [0, 0, 0]


def walks(tunes=3):
    rng = np.random.default_rng(0)
    return [
        {
            name: list((TUNE if name == "note_f1" else EVEN) + rng.normal(0, 0.001, 11))
            for name in strength.MEASURES
        }
        for _ in range(tunes)
    ]


def test_figures_of_the_slider_are_written_told_and_drawn(tmp_path, monkeypatch, capsys):
    made = iter(walks())
    monkeypatch.setattr(harness, "measure", lambda work, numbers, *_, **__: [next(made) for _ in numbers])
    figures = strength.report(3, tmp_path / "amounts.json")
    assert json.loads((tmp_path / "amounts.json").read_text(encoding="utf-8")) == figures
    assert figures["conversions"] == 3 and figures["half"] == pytest.approx(0.5, abs=0.01)
    assert all(low <= mean <= high for rows in figures["measures"].values() for mean, low, high in rows)
    assert "Asked and found" in capsys.readouterr().out
    told = "\n".join(strength.lines(figures))
    assert "3 conversions" in told and "missed" not in told
    figures["verdict"]["tune_stays"] = [0.5, False]
    assert "0.500 (**missed**)" in "\n".join(strength.lines(figures))
    figure = plot_amounts(figures)
    assert len(figure.axes) == 2 and all(
        ax.get_xlabel() == "amount" and ax.get_ylabel() for ax in figure.axes
    )
    np.testing.assert_allclose(figure.axes[0].lines[2].get_ydata(), TUNE, atol=0.01)
    plt.close(figure)


# --- calibration ------------------------------------------------------------------------------


def test_calibration_makes_a_jumping_slider_even():
    levels = np.linspace(0, 1, 21)
    genre, distance = 1 / (1 + np.exp(-40 * (levels - 0.72))), 0.2 + levels
    assert "genre_largest_step" in failed(*(np.interp(EVEN, levels, one) for one in (genre, distance)))
    noisy = np.stack([genre, distance]) + np.random.default_rng(1).normal(0, 0.01, (2, 21))
    curve = calibration.spread_evenly(levels, noisy)
    assert curve[0] == 0 and curve[-1] == 1 and (np.diff(curve) > 0).all()
    at = np.interp(EVEN, np.linspace(0, 1, len(curve)), curve)
    assert failed(*(np.interp(at, levels, one) for one in (genre, distance))) == set()


def test_calibration_on_the_real_pipeline():
    curve = calibration.calibrate(2, levels=3)["strength_curve"]
    assert curve[0] == 0 and curve[-1] == 1 and curve == sorted(curve)


# --- steps ------------------------------------------------------------------------------------


def test_ways_can_be_chosen():
    everything = samplers.ways()
    assert len(set(everything)) == len(everything)
    asked = {(name, number) for name in samplers.SCHEDULERS for number in (4, 8, 12, 20, 50)}
    assert {(how.scheduler, how.steps) for how in everything} >= asked
    assert {how.guidance for how in everything} >= {1.0, 1.5, 2.0, 3.0} and len(
        {how.guidance_interval for how in everything}
    ) > 3
    assert samplers.ways(steps=[4, 8], schedulers=["heun"]) == [Way("heun", 4), Way("heun", 8)]
    assert samplers.ways(scales=[1.0], intervals=[samplers.parse_interval("0.3-0.8")]) == [
        Way(guidance=1.0, guidance_interval=(0.3, 0.8))
    ]
    with pytest.raises(UserError, match="choose from jumps, euler"):
        samplers.ways(schedulers=["rungekutta"])
    for text in ("0.5", "0.8-0.3", "0.5-2", "high-low"):
        with pytest.raises(UserError, match="between two noise levels"):
            samplers.parse_interval(text)


@pytest.mark.parametrize(
    "how, evaluations",
    [
        (Way("jumps", 2), 2),
        (Way("euler", 3, guidance=1.0), 3),
        (Way("euler", 3, guidance_interval=(0.0, 1.0)), 6),
        (Way("euler", 3, guidance_interval=(0.5, 1.0)), 5),
        (Way("heun", 2, guidance=1.0), 3),
        (Way("dpm++", 3, guidance=1.0), 3),
        (Way("unipc", 3, guidance=1.0, shift=2.0), 3),
    ],
)
def test_each_way_converts_and_its_evaluations_are_counted(how, evaluations):
    rows = samplers.measure_way((choose_tunes(1, split="validation")[0], how), targets=1)
    assert [row["evaluations"] for row in rows] == [evaluations]
    row = rows[0]
    assert row["core_seconds"] > 0 and row["note_f1"] > 0.3 and 0 < row["log_spectral_distance"] < 30
    assert row["judge"] in (True, False) and all(
        len(row[name]) == 2 for name in ("sharpness_in_time", "treble")
    )
    assert not load_pipeline().unet._forward_hooks  # the counter is gone


def rows_of(quality, cost=1.0):
    single = dict.fromkeys(
        (
            "note_f1",
            "chroma_cosine",
            "right_recording_of_10",
            "right_spectrum_of_10",
            "judge",
            "judge_share",
            "log_spectral_distance",
        ),
        [quality, quality, quality + 0.1, quality + 0.1],
    )
    return (
        single
        | {name: [[quality, 1.0]] * 4 for name in ("sharpness_in_time", "sharpness_in_frequency", "treble")}
        | {"evaluations": [cost] * 4, "core_seconds": [cost / 100] * 4}
    )


def test_parts_add_up_in_one_file(tmp_path):
    path, of, tunes = tmp_path / "steps.json", {"tunes": 2, "weights": "a"}, [7, 7, 9, 9]
    samplers.write(
        path,
        {
            "of": of,
            "ways": samplers.merge({}, {Way(steps=4): rows_of(0.5), Way(steps=50): rows_of(0.8)}, tunes),
        },
    )
    kept = samplers.read(path, of)
    assert set(kept) == {Way(steps=4), Way(steps=50)} and samplers.read(path, of | {"weights": "b"}) == {}
    assert samplers.read(tmp_path / "none.json", of) == {}
    merged = samplers.merge(kept, {Way(steps=4): rows_of(0.6), Way("heun", 4): rows_of(0.7)}, tunes)
    assert [(one["scheduler"], one["steps"]) for one in merged] == [("euler", 4), ("euler", 50), ("heun", 4)]
    few, many, heun = merged
    assert few["measures"]["note_f1"][0] == pytest.approx(0.65) and few["measures"]["treble"][
        0
    ] == pytest.approx(0.6)
    assert few["beside"]["note_f1"] == pytest.approx(
        [-0.2] * 3
    )  # conversion by conversion: no spread is left
    assert many["beside"]["judge"] == [0, 0, 0]
    assert heun["beside"]["note_f1"][0] == pytest.approx(-0.1)


def test_quality_against_time_is_told_and_drawn():
    found = {
        Way(name, n): rows_of(0.5 + 0.01 * n, n)
        for name in samplers.SCHEDULERS
        for n in (2, samplers.PLAIN, 20)
    }
    found[Way(guidance=1.0)] = rows_of(0.4)
    figures = {
        "of": {"tunes": 2, "targets": 2, "split": "validation"},
        "ways": samplers.merge({}, found, [7, 7, 9, 9]),
    }
    told = "\n".join(samplers.lines(figures))
    assert (
        "4 conversions of 2 validation tunes" in told and "| euler | 20 | 2 |" in told and "| off |" in told
    )
    assert "| heun | 20 " not in told
    figure = plot_steps(figures)
    assert len(figure.axes) == len(PANELS)
    for ax in figure.axes:
        assert (
            len(ax.lines) == 4
            and ax.get_title()
            and list(ax.lines[0].get_xdata()) == [0.02, samplers.PLAIN / 100, 0.2]
        )
    plt.close(figure)
