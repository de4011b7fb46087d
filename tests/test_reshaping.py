"""Piano rolls stretched, cut, joined, mixed and put into a mood: the tune stays, the rest does what was
asked."""

import numpy as np
import pytest

from noteninja_lib.errors import UserError
from noteninja_lib.music import piano_roll, style
from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.extension import join
from noteninja_lib.music.playback import from_score
from noteninja_lib.music.tunes import load_tunes


@pytest.fixture(scope="module")
def roll():
    tune = next(tune for tune in load_tunes("test") if tune.metre == "4/4" and tune.mode == "major")
    return from_score(tune, 100.0)


def tune_of(roll):
    return [(note.start, note.pitch) for note in roll.melody_notes()]


# ---- time --------------------------------------------------------------------------------------------


def test_a_roll_knows_its_beats_and_tempo(roll):
    assert roll.tempo == pytest.approx(100, rel=1e-3)
    np.testing.assert_allclose(roll.beats[:4], [0, 0.6, 1.2, 1.8], atol=0.02)


@pytest.mark.parametrize("rate", [0.5, 0.77, 1.6, 2.0])
def test_stretching_moves_every_note_and_leaves_it_as_sharp(roll, rate):
    stretched = piano_roll.stretch(roll, rate)
    assert stretched.frames == round(roll.frames / rate)
    assert stretched.tempo == pytest.approx(100 * rate, rel=0.01)
    before, after = tune_of(roll), tune_of(stretched)
    assert [pitch for _, pitch in before] == [pitch for _, pitch in after]
    assert max(abs(old / rate - new) for (old, _), (new, _) in zip(before, after)) < 0.02
    widths = [(layer.melody[0] > 0.4).sum() / len(before) for layer in (roll, stretched)]
    assert widths[0] == pytest.approx(widths[1], rel=0.05)


def test_what_is_cut_and_joined_again_is_what_it_was(roll):
    middle = roll.frames / FRAME_RATE / 2
    whole = join([piano_roll.cut(roll, 0, middle), piano_roll.cut(roll, middle, 1e9)])
    np.testing.assert_array_equal(whole.notes, roll.notes)
    assert piano_roll.cut(roll, 0, 1.0).padded().frames % 16 == 0


def test_two_songs_meet_on_one_beat(roll):
    fast = piano_roll.stretch(roll, 1.25)
    for share, tempo in ((0.0, 100), (0.5, 111.8), (1.0, 125)):
        pair = [piano_roll.warp(*one) for one in zip((roll, fast), piano_roll.align(roll, fast, share))]
        assert [one.tempo for one in pair] == pytest.approx([tempo, tempo], rel=0.01)
        assert pair[0].frames == pair[1].frames
        np.testing.assert_allclose(*(one.beats for one in pair), atol=0.02)
    places, _ = piano_roll.align(roll, piano_roll.stretch(roll, 2.0), 0.5)
    assert piano_roll.warp(roll, places).tempo == pytest.approx(100, rel=0.01), "double time is the same beat"


def test_a_mixture_holds_both_and_its_ends_are_the_songs(roll):
    other = piano_roll.warp(roll, np.arange(roll.frames - 40) + 40.0)
    for share, like in ((0.0, roll), (1.0, other)):
        mixed = piano_roll.mix(roll, other, share)
        frames = like.frames
        np.testing.assert_allclose(mixed.melody[..., :frames], like.melody, atol=1e-6)
    half = piano_roll.mix(roll, other, 0.5)
    assert 0 < half.melody.max() <= 1 and half.melody.sum() == pytest.approx(
        (roll.melody.sum() + other.melody.sum()) / 2, rel=1e-3
    )


# ---- mood --------------------------------------------------------------------------------------------


def test_valence_turns_chords_and_spares_the_tune(roll):
    segments = style.segments_of(roll)
    shares, heights = [], []
    for valence in (-1.0, 0.0, 1.0):
        moody = style.with_mood(roll, np.array([[valence, 0.0]]))
        assert tune_of(moody) == tune_of(roll)
        shares.append(np.mean(style.chords_of(moody, segments) < 12))
        heights.append(np.mean([note.pitch for note in moody.accompaniment()]))
    assert shares[0] < shares[1] - 0.3 and shares[1] <= shares[2]
    assert heights[0] < heights[1] - 2 and heights[1] + 2 < heights[2]


def test_a_triad_and_its_relative_change_places():
    c_major, a_minor = 0, 12 + 9
    assert [style.shift_of(pitch, c_major, -1.0) for pitch in (36, 48, 52, 55)] == [-3, 0, 0, 2]  # A C E A
    assert [style.shift_of(pitch, a_minor, 1.0) % 12 for pitch in (45, 48, 52, 57)] == [
        3,
        0,
        0,
        10,
    ]  # C C E G
    assert style.shift_of(52, a_minor, -0.2) == 0 and style.shift_of(60, c_major, -1.0) == -12


def test_arousal_quickens_and_a_path_of_it_ends_quicker_than_it_began(roll):
    frames = roll.frames
    assert len(style.mood_map(np.array([[0.0, 1.0]]), frames)) == pytest.approx(
        frames / (1 + style.QUICKER), abs=2
    )
    rising = piano_roll.warp(roll, style.mood_map(np.array([[0.0, -1.0], [0.0, 1.0]]), frames))
    steps = np.diff(rising.beats)
    assert steps[:3].mean() > 1.2 * steps[-3:].mean()


def test_a_plan_swells_where_the_mood_is_excited(roll):
    flat = np.ones(100_000, np.float32)
    loud = style.shape_dynamics(flat.copy(), style.plan(roll, "pop", [(0.0, (0.0, -1.0)), (1.0, (0.0, 1.0))]))
    assert 20 * np.log10(loud[-1] / loud[0]) == pytest.approx(2 * style.LOUDER, abs=0.01)
    assert np.ptp(style.shape_dynamics(flat.copy(), style.plan(roll, "pop", (1.0, 0.0)))[:50_000]) == 0


def test_arousal_changes_how_many_notes_are_struck(roll):
    excited = style.with_mood(roll, np.array([[0.0, 1.0]]))
    calmed = style.with_mood(excited, np.array([[0.0, -1.0]]))
    struck = [(one.notes[0] > 0.4).sum() for one in (roll, calmed, excited)]
    assert struck[0] <= struck[1] < struck[2]
    assert excited.onsets[1].sum() > calmed.onsets[1].sum()


# ---- what users write --------------------------------------------------------------------------------


def test_paths_go_in_straight_lines_between_their_points():
    found = style.styles([(0.0, "blues"), (1.0, "disco")], [(0.5, "sad"), (1.0, "happy")], (0.0, 0.5, 1.0))
    np.testing.assert_allclose(found[:, 0], [1, 0.5, 0])
    np.testing.assert_allclose(found[:, 3], [0, 0.5, 1])
    np.testing.assert_allclose(
        found[:, -2:], [style.MOODS["sad"], style.MOODS["sad"], style.MOODS["happy"]], rtol=1e-6
    )


def test_what_users_write_is_read():
    assert style.parse_tempo("120") == ("tempo", 120.0) and style.parse_tempo("80 %") == ("rate", 0.8)
    assert style.parse_mood("0.5,-0.3") == (0.5, -0.3) and style.parse_mood("Happy") == style.MOODS["happy"]
    assert style.parse_path("blues,jazz,disco") == [(0.0, "blues"), (0.5, "jazz"), (1.0, "disco")]
    assert style.parse_path("blues:0, disco:0.8") == [(0.0, "blues"), (0.8, "disco")]


@pytest.mark.parametrize(
    "read, text, sentence",
    [
        (style.parse_tempo, "fast", "such as 120"),
        (style.parse_mood, "grumpy", "choose from neutral"),
        (style.parse_mood, "2,0", "between -1 and 1"),
        (style.parse_path, "blues:x,disco:1", "can't be read"),
        (style.parse_path, "blues:0,disco", "all or for none"),
        (style.parse_path, "blues:1,disco:0", "must rise"),
        (style.parse_path, "polka", "choose from blues"),
    ],
)
def test_what_can_not_be_read_is_told_in_one_sentence(read, text, sentence):
    with pytest.raises(UserError, match=sentence):
        read(text)
