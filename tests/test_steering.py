"""The measures of the knobs: what they say of cases whose answer is known."""

import json

import numpy as np
import pytest

from benchmarks import controls
from benchmarks.arrangements import GRID
from benchmarks.controls import invented_tunes, length, mood_scale, morphing, tempo
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation.baselines import make_piece

EVEN = [share for share in morphing.SHARES]
JUMP = [float(share > 0.5) for share in morphing.SHARES]


def crossed(ways):
    """Rows in which the judge goes over by these ways."""
    return [
        {
            "first": [1 - gone for gone in way],
            "second": way,
            "note_f1": [0.9] * 11,
            "distance": way,
            "judge": [0.9] * 11,
        }
        for way in ways
    ]


def test_a_jump_is_told_from_an_even_crossing():
    assert morphing.crossing(crossed([EVEN, EVEN])) == (EVEN, 0.1)
    assert morphing.crossing(crossed([JUMP]))[1] == 1.0
    path = {"first": [0.8, 0.4, 0.1], "second": [0.1, 0.4, 0.8]}
    figures = morphing.summarise(
        crossed([EVEN]),
        crossed([EVEN]),
        crossed([JUMP]),
        [path, dict(first=path["second"], second=path["first"])],
    )
    assert figures["genres"]["largest_step"] == 0.1 and figures["songs"]["largest_step"] == 1.0
    assert figures["paths"]["begins_and_ends_right"][0] == 0.5
    assert any("largest step" in line for line in morphing.lines(figures))


def test_the_rate_of_a_recording_is_heard():
    piece = make_piece(3, split="validation", alone=True)
    audio = piece.recordings[piece.source]
    assert tempo.rate_heard(piece.melody, audio) == pytest.approx(1, abs=tempo.NEAR)
    assert tempo.rate_heard(tempo.quickened(piece.melody, 0.8), audio) == pytest.approx(1.25, abs=0.03)
    assert 80 <= piece.tempo <= 160
    assert [tempo.folded(ratio) for ratio in (2.0, 0.5, 1.0, 0.0)] == [1, 1, 1, 0]


def test_tempi_are_summed_up():
    good = {"rate": 1.0, "tracked": 1.0, "note_f1": 0.9, "judge": True, "sharpness": 2.0}
    row = {
        "rate": 1.5,
        "own_tempo": 1.0,
        "plain": good,
        "stretched": good,
        "vocoded": good | {"sharpness": 1.0, "rate": 1.03},
    }
    figures = tempo.summarise([row, row | {"own_tempo": 0.75}])
    assert figures["beats_a_minute_right"][0] == 0.5 and figures["stretched content"]["tempo_right"][0] == 1
    assert (
        figures["phase vocoder"]["tempo_right"][0] == 0
        and figures["phase vocoder"]["sharpness_in_time"][0] == 0.5
    )
    assert len([line for line in tempo.lines(figures) if line.startswith("|")]) == 2 + 3


def moody(measure):
    """A walk through all moods; `measure` gives all measures from valence and arousal."""
    cells = [
        {"valence": v, "arousal": a, "note_f1": 0.9 - 0.1 * (v == -1), "judge": 0.9}
        | {name: measure(v, a) for name in mood_scale.MEASURES}
        for v in GRID
        for a in GRID
    ]
    return {"genre": "jazz", "cells": cells}


def test_a_slider_that_does_nothing_is_found_out():
    obeying = mood_scale.summarise([moody(lambda v, a: 2 * a), moody(lambda v, a: 3 * a + 10)])
    assert obeying["correlations"]["arousal"]["brightness"] > 0.95 and obeying["ends"]["brightness"][
        "1"
    ] == pytest.approx(7.5)
    assert abs(obeying["correlations"]["valence"]["major_share"]) < 0.1
    assert obeying["kept"] == pytest.approx(0.8 / 0.9, abs=1e-3)
    dice = np.random.default_rng(0)
    assert (
        abs(mood_scale.summarise([moody(lambda v, a: dice.random())])["correlations"]["arousal"]["loudness"])
        < 0.5
    )


def test_variants_and_equal_pieces_are_counted():
    mels = [np.full((4, 6), level, np.float16) for level in (0.0, 1.0, 3.0)]
    assert invented_tunes.pair_distances(mels) == [1, 3, 2]
    rows = [
        {
            "genre": "jazz",
            "judge": True,
            "mel": mel,
            "alike": alike,
            "nearest": "a",
            "title": "b",
            "oracle": True,
            "oracle_mel": mel,
        }
        for mel, alike in zip(mels, (0.1, 0.2, 0.9))
    ]
    figures = invented_tunes.summarise(rows, [0.3])
    assert (
        figures["variants"] == {"inventions": 0.333, "test tunes": 0.0}
        and figures["pair_distance"]["inventions"] == [1.0, 2.0]
        and figures["beside_oracle"] == 1
    )
    assert figures["nearest"]["most_alike"] == ["b", "a"]


def test_a_seam_is_told_from_what_is_elsewhere():
    still = {"flux": [(1.0, 1.0)] * 4, "judge": [[0.9, 0.8], [0.8, 0.9]]}
    piece = {
        "windows": still,
        "concatenated": {"flux": [(2.0, 1.0)] * 4, "judge": [[0.5, 0.5], [0.9, 0.9]]},
        "truth": still,
    }
    clip = {
        "seconds": length.EXTENDED + 0.5,
        "same_key": True,
        "chroma": 0.9,
        "tempo_drift": 0.01,
        "judge": True,
    }
    figures = length.summarise([piece, piece], [clip, clip | {"tempo_drift": 0.1, "same_key": False}])
    assert figures["seams"]["windows"]["flux"][0] == 1 and figures["seams"]["concatenated"]["flux"][0] == 2
    assert figures["seams"]["concatenated"]["judge"][0] == pytest.approx(-0.4)
    assert (
        figures["extended"]["length_error"] == 0.5 and figures["extended"]["tempo_within_2_percent"][0] == 0.5
    )
    assert [edge // length.HOP for edge in length.edges_of(1292, 32)] == [420, 840]


def test_figures_are_kept_part_by_part(tmp_path, monkeypatch):
    class Part:
        report = staticmethod(lambda count, run: {"count": count})
        lines = staticmethod(lambda figures: [str(figures)])

    monkeypatch.setattr(controls, "PARTS", {"first": (Part, 10), "second": (Part, 20)})
    out = tmp_path / "steering.json"
    controls.report(["second"], 0.5, out, workers=1)
    controls.report(["first"], out=out, workers=1)
    kept = json.loads(out.read_text("utf-8"))
    assert kept["second"]["count"] == 10 and kept["first"]["count"] == 10
    with pytest.raises(UserError, match="choose from first, second"):
        controls.report(["third"], out=out)
