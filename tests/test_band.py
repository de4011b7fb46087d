"""The band: in step across genres, true to the tune, playing chords of the right roots, moved by mood."""

from copy import deepcopy
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pretty_midi
import pytest
from scipy.stats import spearmanr

from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.parts import bass_pitch, hits, voice_chord
from noteninja_lib.arranger.performance import Clock, choose_feel
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.arranger.recipe import load_recipe as read_recipe
from noteninja_lib.arranger.stage import Stage, chord_index
from noteninja_lib.errors import UserError
from noteninja_lib.music.tunes import Tune

load_recipe = lru_cache(read_recipe)
MOODS = (-1, -0.5, 0, 0.5, 1)
BARS = {"4/4": 4.0, "2/4": 2.0, "2/2": 4.0, "3/4": 3.0, "6/8": 3.0, "9/8": 4.5, "12/8": 6.0}


def make_tune(metre="4/4", bars=8):
    """A tune in G that climbs and falls in half beats, with I-IV-V-I under it."""
    bar = BARS[metre]
    scale = [67, 69, 71, 72, 74, 76, 78, 79]
    starts = np.arange(0, bar * bars, 0.5)
    notes = tuple((float(q), 0.5, scale[abs(i % 14 - 7)]) for i, q in enumerate(starts))
    chords = tuple(
        (i * bar, bar, (7, 0, 2, 7)[i % 4], ("maj", "maj", "dom7", "maj")[i % 4]) for i in range(bars)
    )
    return Tune(
        name="test",
        title="Test",
        collection="ryan",
        metre=metre,
        tonic=7,
        mode="major",
        notes=notes,
        chords=chords,
        length=bar * bars,
        family="test",
        split="test",
    )


@pytest.mark.parametrize("metre", BARS)
@pytest.mark.parametrize("genre", GENRES)
def test_every_genre_plays_every_metre(genre, metre):
    performance = arrange(make_tune(metre), load_recipe(genre), seed=1, duration=15, intro=0, ending=False)
    names = [part.name for part in performance.parts]
    assert names[0] == "melody" and {"bass", "comp"} <= set(names) and len(set(names)) == len(names)
    assert ("drums" in names) == (genre != "classical")
    assert performance.melody[0].start < 0.05
    for part in performance.parts:
        assert part.notes, f"{part.name} is silent"
        for note in part.notes:
            assert 0 <= note.start < note.end <= performance.duration and 1 <= note.velocity <= 127
            assert 20 < note.pitch < 110
        # Nobody stops before the end: the tune is repeated until the time is filled.
        assert part.notes[-1].end > performance.duration - 3 * BARS[metre] * 60 / performance.tempo


@pytest.mark.parametrize("metre", ["4/4", "3/4", "6/8"])
@pytest.mark.parametrize("tempo, swing", [(70, 0.0), (170, 0.8)])
def test_genres_are_in_step(metre, tempo, swing):
    tune = make_tune(metre)
    played = [
        arrange(
            tune,
            load_recipe(genre),
            seed,
            tempo=tempo,
            swing=swing,
            transpose=-2,
            duration=12,
            intro=0,
            ending=False,
        )
        for seed, genre in enumerate(GENRES)
    ]
    onsets = np.array([[note.start for note in performance.melody] for performance in played])
    assert np.ptp(onsets, axis=0).max() <= 0.012
    assert np.ptp(onsets, axis=0).max() > 0.001, "played by people, not by a grid"
    for performance in played[1:]:
        assert np.array_equal(performance.beats, played[0].beats) and performance.chords == played[0].chords
        assert [note.pitch for note in performance.melody] == [note.pitch for note in played[0].melody]


def test_melody_is_the_tune():
    tune = make_tune()
    performance = arrange(
        tune,
        load_recipe("jazz"),
        seed=3,
        tempo=120,
        swing=0.0,
        transpose=5,
        duration=60,
        intro=0,
        ending=False,
    )
    expected = [
        (repeat * tune.length + start, pitch + 5) for repeat in range(10) for start, _, pitch in tune.notes
    ]
    expected = [(start / 2, pitch) for start, pitch in expected if start / 2 < 59.9]
    heard = [(note.start, note.pitch) for note in performance.melody if note.start < 59.9]
    assert [pitch for _, pitch in heard] == [pitch for _, pitch in expected]
    assert np.abs(np.subtract([t for t, _ in heard], [t for t, _ in expected])).max() < 0.008


def test_bass_plays_roots_and_chords_fit():
    tune = make_tune()
    for genre in GENRES:
        performance = arrange(tune, load_recipe(genre), seed=2, tempo=110, swing=0.0, duration=17)
        bass = next(part.notes for part in performance.parts if part.name == "bass")
        hit = 0
        for start, _, root, _ in performance.chords:  # a bar lasts 2.2 s; reggae leaves its first beat empty
            early = [note.pitch % 12 for note in bass if start - 0.05 < note.start < start + 1.4]
            hit += root in early
        assert hit / len(performance.chords) > 0.8, genre


def test_seed_decides_everything():
    tune, recipe = make_tune(), load_recipe("pop")
    assert arrange(tune, recipe, 5).parts == arrange(tune, recipe, 5).parts
    assert arrange(tune, recipe, 5).mix == arrange(tune, recipe, 5).mix
    drawn = [arrange(tune, recipe, seed, duration=5) for seed in range(12)]
    assert len({tuple(part.program for part in p.parts) for p in drawn}) >= 4
    assert len({round(p.tempo, 3) for p in drawn}) == 12
    low, high = recipe.tempo
    assert all(low <= p.tempo <= high for p in drawn)


def _accompaniment(performance):
    return [
        note
        for part in performance.parts
        if part.name not in ("melody", "double", "voice")
        for note in part.notes
    ]


@pytest.mark.parametrize("genre", GENRES)
def test_arousal_makes_louder_busier_faster_brighter(genre):
    """Step by step, in every genre: no setting is without effect, none works the wrong way."""
    recipe = load_recipe(genre)
    played = [
        [arrange(make_tune(), recipe, seed, arousal=arousal, duration=6, intro=0) for seed in range(4)]
        for arousal in MOODS
    ]
    for measure in (
        lambda p: sum(note.velocity**2 for note in _accompaniment(p)),
        lambda p: len(_accompaniment(p)),
        lambda p: p.tempo,
        lambda p: p.mix["brightness"],
    ):
        found = [np.mean([measure(p) for p in group]) for group in played]
        assert spearmanr(found, MOODS).statistic > 0.85 and found[-1] > found[0] + 0.05 * abs(found[0]), found
    assert [n.pitch for n in arrange(make_tune(), recipe, tempo=100, arousal=-1, duration=8).melody] == [
        n.pitch for n in arrange(make_tune(), recipe, tempo=100, arousal=1, duration=8).melody
    ]


@pytest.mark.parametrize("genre", GENRES)
def test_valence_raises_register_and_share_of_major(genre):
    """From sad to happy; the written chords and the tune stay."""
    recipe, minor = load_recipe(genre), [("maj", "min")[i % 2] for i in range(8)]
    tune = replace(
        make_tune(), chords=tuple((*chord[:3], quality) for chord, quality in zip(make_tune().chords, minor))
    )
    played = [
        [
            arrange(tune, recipe, seed, valence=valence, tempo=100, swing=0, duration=10, intro=0)
            for seed in range(4)
        ]
        for valence in MOODS
    ]

    def major(performance):
        return np.mean([quality in ("maj", "dom7") for *_, quality in performance.harmony])

    def register(performance):
        return np.mean([n.pitch for part in performance.parts if part.name == "comp" for n in part.notes])

    for measure, change in ((major, 0.4), (register, 2)):
        found = [np.mean([measure(p) for p in group]) for group in played]
        assert spearmanr(found, MOODS).statistic > 0.85 and found[-1] > found[0] + change, found
    assert played[0][0].chords == played[-1][0].chords
    assert [n.pitch for n in played[0][0].melody] == [n.pitch for n in played[-1][0].melody]


def test_played_by_people():
    """Swing moves the off-beats; nothing sits on a grid, and no two strokes are equally loud."""
    straight, swung = (
        arrange(
            make_tune(), load_recipe("jazz"), 4, tempo=120, swing=swing, duration=20, intro=0, ending=False
        )
        .parts[-1]
        .notes
        for swing in (0.0, 1.0)
    )
    assert len(straight) == len(swung)
    moved = [b.start - a.start for a, b in zip(straight, swung)]
    assert min(moved) > -0.001 and max(moved) == pytest.approx(1 / 12, abs=0.001)
    places = np.array([note.start / 0.125 for note in straight if note.start > 0.1])
    assert 0.001 < np.std((places - places.round()) * 0.125) < 0.015
    assert len({note.velocity for note in straight}) > 15


@pytest.mark.parametrize("metre", ["4/4", "3/4", "6/8"])
def test_intro_and_ending_keep_genres_in_step(metre):
    tune = make_tune(metre)
    seconds, bars = 0.5, {"4/4": 4, "3/4": 3, "6/8": 2}[metre]
    played = [
        arrange(tune, load_recipe(genre), seed, tempo=120, swing=0.3, duration=14.3, intro=1, ending=True)
        for seed, genre in enumerate(GENRES)
    ]
    onsets = np.array([[note.start for note in performance.melody] for performance in played])
    assert np.ptp(onsets, axis=0).max() <= 0.012
    assert abs(onsets[:, 0] - bars * seconds).max() < 0.012, "the tune begins after one bar"
    end = int(13.3 / seconds / bars) * bars * seconds
    for performance in played:
        assert performance.intro == 1 and performance.ending
        assert performance.melody[-1].pitch % 12 == tune.tonic
        assert abs(performance.melody[-1].start - end) < 0.012
        assert performance.chords == played[0].chords and performance.chords[0][2:] == (7, "maj")
        assert performance.chords[-1] == (end, 14.3, 7, "maj")
        starts = [chord[0] for chord in performance.chords]
        assert np.allclose(starts[1:], [chord[1] for chord in performance.chords[:-1]])
        accompaniment = [
            note.start for part in performance.parts[1:] if part.name != "double" for note in part.notes
        ]
        assert min(accompaniment) < bars * seconds / 2, "an intro is not silence"
        assert end - 0.03 < max(accompaniment) < end + 0.25, "all close together"
        players = [part for part in performance.parts if part.name != "voice"]
        assert all(part.notes[-1].start > end - 0.05 for part in players), "one of them misses the end"


def test_a_whole_piece_has_intro_and_ending_in_the_genres_way():
    drawn = [arrange(make_tune(), load_recipe("rock"), seed) for seed in range(12)]
    assert {p.intro for p in drawn} <= set(load_recipe("rock").form["intro"]) and len(
        {p.intro for p in drawn}
    ) > 1
    assert all(p.ending for p in drawn)
    snippet = arrange(make_tune(), load_recipe("rock"), duration=3)
    assert (snippet.intro, snippet.ending) == (0, False)


def test_no_room_for_the_tune():
    with pytest.raises(UserError, match="no bar for the tune"):
        arrange(make_tune(), load_recipe("rock"), tempo=60, duration=8, intro=2)


def test_ornaments_are_not_the_tune():
    """Grace notes lead into long notes, ahead of them, and leave the tune's own notes where they are."""
    recipe = deepcopy(load_recipe("blues"))
    recipe.melody.update(grace=1.0, grace_from="slide")
    long = replace(make_tune(), notes=tuple((float(i * 2), 2.0, 67 + i) for i in range(8)))
    plain, played = (
        arrange(
            long, recipe if grace else load_recipe("blues"), 1, tempo=90, duration=10, intro=0, ending=False
        )
        for grace in (False, True)
    )
    ornaments = [note for note in played.parts[0].notes if note.ornament]
    assert len(ornaments) >= 8 and all(note.end - note.start < 0.1 for note in ornaments)
    targets = [n.start for n in played.melody]
    for note in ornaments:
        following = min(start for start in targets if start > note.start)
        assert 0 < following - note.start < 0.13
    assert [n.pitch for n in played.melody] == [n.pitch for n in plain.melody]
    assert np.abs(np.subtract(targets, [n.start for n in plain.melody])).max() < 0.012


def test_half_time_and_double_time():
    assert choose_feel(160, (78, 102), "four") == 0.5
    assert choose_feel(70, (120, 184), "four") == 2.0
    assert choose_feel(110, (104, 152), "four") == 1.0
    assert choose_feel(160, (78, 102), "three") == 1.0


def test_a_calm_band_does_not_fall_into_double_time():
    """At its own slow tempo it plays the same patterns, only slower."""
    for genre in ("classical", "disco", "jazz"):
        recipe = load_recipe(genre)
        for seed in range(6):
            calm = arrange(make_tune(), recipe, seed, arousal=-1, duration=5)
            assert Stage(calm, recipe, 0.0, -1.0).feel == 1.0


def test_clock_swings_half_beats_and_leaves_triplets():
    straight, swung, jig = Clock(60, 0, False), Clock(60, 1, False), Clock(60, 0, True)
    assert straight.tune(1.5) == pytest.approx(1.5)
    assert swung.tune(1.5) == pytest.approx(1 + 2 / 3) and swung.tune(2.0) == pytest.approx(2.0)
    assert swung.tune(1 / 3) == pytest.approx(1 / 3)
    assert jig.tune(0.5) == pytest.approx(0.5) and jig.groove(0.5) == pytest.approx(2 / 3)


def test_hits_hold_and_strike_again_when_the_chord_changes():
    chords = [(0, 2, 0, "maj"), (2, 2, 5, "maj")]
    found = list(hits("X---------------", 16, 0, 16, lambda step: chord_index(chords, step / 4)))
    assert found == [(0, 8, "X"), (8, 16, "X")]
    assert list(hits("x-.x", 4, 0, 4, lambda step: 0)) == [(0, 2, "x"), (3, 4, "x")]


def test_voicings():
    assert voice_chord([0, 4, 7], [], 60, 72, "power") == [60, 67, 72]
    close = voice_chord([7, 11, 14], [60, 64, 67], 55, 76, "close")
    assert {pitch % 12 for pitch in close} == {7, 11, 2}
    assert max(abs(a - b) for a, b in zip(close, [60, 64, 67])) <= 5
    shell = voice_chord([0, 4, 7, 11], [], 52, 72, "shell")
    assert {pitch % 12 for pitch in shell} == {4, 11}


def test_bass_signs():
    rng = np.random.default_rng(0)
    assert bass_pitch("R", (0, "maj"), (5, "maj"), None, 28, 47, rng) == 36
    assert bass_pitch("3", (0, "min"), (5, "maj"), None, 28, 47, rng) == 39
    assert (bass_pitch("7", (0, "dom7"), (5, "maj"), None, 28, 47, rng) - 10) % 12 == 0
    approach = {bass_pitch("a", (0, "maj"), (5, "maj"), 36, 28, 47, rng) % 12 for _ in range(40)}
    assert approach <= {4, 6, 0, 7} and len(approach) > 1


def test_midi(tmp_path):
    performance = arrange(make_tune(), load_recipe("rock"), duration=8)
    performance.to_midi(tmp_path / "out.mid")
    midi = pretty_midi.PrettyMIDI(str(tmp_path / "out.mid"))
    assert [i.name for i in midi.instruments] == [part.name for part in performance.parts]
    assert [n.pitch for n in midi.instruments[0].notes] == [n.pitch for n in performance.parts[0].notes]


@pytest.mark.parametrize(
    "name, value", [("tempo", 0), ("swing", 2), ("valence", -3), ("arousal", 9), ("duration", 0)]
)
def test_numbers_out_of_range(name, value):
    with pytest.raises(UserError, match=name):
        arrange(make_tune(), load_recipe("rock"), **{name: value})
