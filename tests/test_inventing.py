"""Invented tunes: they are tunes, they are new, and they keep the notes that somebody gave. Reading
written notes."""

from dataclasses import replace

import numpy as np
import pretty_midi
import pytest

from noteninja_lib.arranger.performance import Note
from noteninja_lib.errors import UserError
from noteninja_lib.music import generation
from noteninja_lib.music.generation import KNOWN_RUN, RANGE, invent, known_runs, nearest_tune, runs_of
from noteninja_lib.music.harmony import SCALES
from noteninja_lib.music.score_io import read_notes
from noteninja_lib.music.tunes import load_tunes, to_stream

MOTIF = [(0.0, 1.0, 60), (1.0, 1.0, 62), (2.0, 1.0, 64), (3.0, 0.5, 67), (3.5, 0.5, 65), (4.0, 2.5, 64)]


@pytest.fixture(scope="module")
def training():
    return load_tunes("train")


@pytest.fixture(scope="module")
def invented():
    return [invent(seed, metre=metre) for metre in ("4/4", "6/8", "3/4") for seed in range(8)]


def bars_of(tune):
    """Notes of each bar, as positions in it."""
    return [
        [
            (round(start - number * tune.bar, 3), pitch)
            for start, _, pitch in tune.notes
            if number * tune.bar - 1e-3 <= start < (number + 1) * tune.bar - 1e-3
        ]
        for number in range(round(tune.length / tune.bar))
    ]


def test_a_seed_gives_one_tune_and_another_seed_another():
    assert invent(5) == invent(5)
    assert len({invent(seed).notes for seed in range(20)}) == 20


def test_an_invention_is_a_tune(invented):
    for tune in invented:
        starts, durations, pitches = (np.array(column) for column in zip(*tune.notes))
        assert (durations > 0).all() and starts[0] == 0
        assert (starts[1:] >= starts[:-1] + durations[:-1] - 1e-3).all()
        assert (
            starts[-1] + durations[-1] == pytest.approx(tune.length, abs=1e-3)
            and tune.length == 16 * tune.bar
        )
        assert pitches[-1] % 12 == tune.tonic and durations[-1] >= tune.beat - 1e-3
        assert np.ptp(pitches) <= RANGE and 66 <= (pitches.min() + pitches.max()) / 2 <= 76
        at = 0.0
        for start, duration, _, _ in tune.chords:
            assert start == pytest.approx(at)
            at = start + duration
        assert at == pytest.approx(tune.length)


def test_phrases_come_back(invented):
    for tune in invented:
        bars = bars_of(tune)
        assert any(bars[number : number + 2] == bars[:2] for number in (4, 8))
        assert len({str(bar) for bar in bars}) >= 8


@pytest.mark.parametrize("mode", ["minor", "dorian", "mixolydian"])
def test_the_mode_is_kept(mode):
    tune = invent(1, mode=mode)
    assert tune.mode == mode
    assert np.mean([(pitch - tune.tonic) % 12 in SCALES[mode] for _, _, pitch in tune.notes]) > 0.8


@pytest.mark.parametrize("bars", [4, 6, 8, 12, 24, 32])
def test_any_even_number_of_bars(bars):
    tune = invent(2, bars=bars)
    assert tune.length == bars * 4 and tune.notes[-1][2] % 12 == tune.tonic


def test_tunes_move_as_those_of_the_books_do(invented, training):
    def steps(tunes):
        sizes = np.concatenate([np.abs(np.diff([pitch for _, _, pitch in tune.notes])) for tune in tunes])
        return np.histogram(sizes, [0, 1, 3, 8, 99])[0] / len(sizes)

    real = steps([tune for tune in training if tune.metre in ("4/4", "6/8", "3/4")])
    assert np.abs(steps(invented) - real).max() < 0.1
    rng = np.random.default_rng(0)
    shuffled = [
        replace(tune, notes=tuple((0.0, 1.0, int(p)) for p in rng.permutation([p for _, _, p in tune.notes])))
        for tune in invented
    ]
    assert np.abs(steps(shuffled) - real).max() > 0.1


def test_no_invention_is_a_copy(invented, training):
    for tune in invented:
        assert not known_runs() & set(runs_of(tune.notes, KNOWN_RUN + 1))
    unseen = load_tunes("test")[::4]
    longer = [not known_runs().isdisjoint(runs_of(tune.notes, KNOWN_RUN + 1)) for tune in unseen]
    assert 0.3 < np.mean(longer) < 0.7  # the limit is no lax one
    alike, usual = ([nearest_tune(tune, training)[1] for tune in tunes] for tunes in (invented, unseen))
    assert np.mean(alike) < np.mean(usual) and max(alike) < 0.8


def test_a_copy_is_found_in_any_key_and_rhythm(training):
    tune = training[100]
    moved = replace(
        tune, notes=tuple((start * 2, duration * 1.5, pitch + 5) for start, duration, pitch in tune.notes)
    )
    found, alike = nearest_tune(moved, training)
    assert found.family == tune.family and alike == 1
    half = replace(
        invent(3), notes=(*moved.notes[:40], *((1000.0 + s, d, p) for s, d, p in invent(3).notes[:40]))
    )
    found, alike = nearest_tune(half, training)
    assert found.family == tune.family and 0.45 < alike < 0.8
    scattered = replace(
        tune, notes=tuple((float(n), 1.0, p) for n, p in enumerate((60, 71, 61, 75, 59, 80, 62, 77, 58, 78)))
    )
    assert nearest_tune(scattered, training)[1] == 0


def test_notes_that_were_given_are_kept_and_come_back():
    tune = invent(3, motif=MOTIF)
    assert tune.notes[: len(MOTIF)] == tuple(MOTIF)
    assert (tune.tonic, tune.mode) == (0, "major")
    starts = {(start, pitch) for start, _, pitch in tune.notes}
    assert any(all((start + back, pitch) in starts for start, _, pitch in MOTIF) for back in (16.0, 32.0))
    assert invent(4, motif=MOTIF).notes[len(MOTIF) :] != tune.notes[len(MOTIF) :]
    moved = invent(3, motif=[(start, duration, pitch + 4) for start, duration, pitch in MOTIF])
    assert [pitch - 4 for _, _, pitch in moved.notes] == [pitch for _, _, pitch in tune.notes]


def test_a_motif_of_any_shape():
    late = [(1.5, 1 / 3, 70), (1.5 + 1 / 3, 1 / 3, 72), (1.5 + 2 / 3, 1 / 3, 73)]
    assert invent(1, motif=late, bars=12).notes[:3] == tuple(late)
    long = [
        (n * 0.5, 0.5, 60 + (0, 2, 4, 7, 9, 16, 12, 24)[n * n % 8]) for n in range(32)
    ]  # four bars, two octaves
    tune = invent(1, motif=long, bars=8)
    assert tune.notes[:32] == tuple(long) and bars_of(tune)[4:7] == bars_of(tune)[:3]
    written = read_notes("X:1\nM:6/8\nL:1/8\nK:Em\nE2 G B2 G|A2 F D3|")
    tune = invent(2, metre="6/8", motif=written)
    assert tune.notes[:7] == written.notes and (tune.tonic, tune.mode) == (written.tonic, written.mode)


def test_a_model_of_other_tunes_gives_other_tunes():
    odd = replace(
        load_tunes("train")[0],
        metre="4/4",
        tonic=0,
        length=64.0,
        notes=tuple((float(n), 1.0, 60 + (0, 6, 1, 9, 3, 10, 3, 0)[n % 8]) for n in range(64)),
    )
    model = generation.TuneModel(generation.learn_rhythms([odd]), generation.learn_pitches([odd]))
    tune = invent(0, mode="major", model=model)
    assert {duration for _, duration, _ in tune.notes} == {1.0}
    assert {(pitch - tune.tonic) % 12 for _, _, pitch in tune.notes} <= {0, 6, 1, 9, 3, 10}


@pytest.mark.parametrize(
    "arguments, word",
    [
        ({"seed": -1}, "seed"),
        ({"seed": 0, "bars": 7}, "even"),
        ({"seed": 0, "bars": 66}, "64"),
        ({"seed": 0, "metre": "5/4"}, "6/8"),
        ({"seed": 0, "mode": "lydian"}, "dorian"),
        ({"seed": 0, "motif": [(0, 1)]}, "triples"),
        ({"seed": 0, "motif": [(0, 1, 60), (0.5, 1, 64)]}, "one note at a time"),
        ({"seed": 0, "motif": [(0, 1, 300)]}, "96"),
        ({"seed": 0, "motif": [(0, 40, 60)]}, "half"),
    ],
)
def test_what_is_refused(arguments, word):
    with pytest.raises(UserError, match=word) as error:
        invent(**arguments)
    assert str(error.value).count(".") == 1


# --- reading ----------------------------------------------------------------------------------


def test_abc_is_read():
    tune = read_notes("C D E F | G2 G2")
    assert (
        [pitch for _, _, pitch in tune.notes] == [60, 62, 64, 65, 67, 67]
        and tune.metre == "4/4"
        and tune.tonic == 0
    )
    assert [start for start, _, _ in tune.notes] == [0, 1, 2, 3, 4, 6]
    tune = read_notes('X:1\nT:A jig\nM:6/8\nL:1/8\nK:Dm\n"Dm"d2 f a2 g|"A7"e3 ^c3|"Dm"d6|]')
    assert (tune.title, tune.metre, tune.tonic, tune.mode) == ("A jig", "6/8", 2, "minor")
    assert tune.notes[3] == (2.5, 0.5, 79) and tune.chords[1] == (3.0, 3.0, 9, "dom7")


def test_files_are_read(tmp_path):
    tune = invent(5, mode="major")
    midi, part = pretty_midi.PrettyMIDI(initial_tempo=90), pretty_midi.Instrument(0)
    notes = [Note(s / 1.5, (s + d) / 1.5, p, 90) for s, d, p in tune.notes]
    chords = [
        Note(s / 1.5, (s + d) / 1.5, 36 + root, 90) for s, d, root, _ in tune.chords
    ]  # on the same staff
    part.notes = [pretty_midi.Note(n.velocity, n.pitch, n.start, n.end) for n in notes + chords]
    midi.instruments.append(part)
    midi.write(str(tmp_path / "tune.mid"))
    read = read_notes(tmp_path / "tune.mid")
    assert [(s, p) for s, _, p in read.notes] == [(pytest.approx(s, abs=0.01), p) for s, _, p in tune.notes]
    assert read.title == "tune" and (read.tonic, read.length) == (tune.tonic, tune.length)
    to_stream(tune).write("musicxml", tmp_path / "tune.musicxml")
    read = read_notes(str(tmp_path / "tune.musicxml"))
    assert [n[2] for n in read.notes] == [n[2] for n in tune.notes] and read.title == tune.title
    (tmp_path / "tune.abc").write_text("L:1/4\nK:G\nGABc|d4|")
    assert read_notes(tmp_path / "tune.abc").tonic == 7


@pytest.mark.parametrize(
    "text",
    ["", "  \n", "hello world", "C D", "z4 | z4", "C99999 D E F", "M:9\nK:C\nCDEF", "X:1\nL:1/0\nK:C\nCDEFG"],
)
def test_text_that_holds_no_tune_gets_one_sentence(text):
    with pytest.raises(UserError) as error:
        read_notes(text)
    assert "\n" not in str(error.value) and str(error.value).endswith(".")


@pytest.mark.parametrize(
    "name, content",
    [
        ("empty.abc", b""),
        ("binary.abc", bytes(range(256)) * 8),
        ("binary.mid", bytes(range(256)) * 8),
        ("binary.mxl", b"PK" + bytes(99)),
        ("broken.xml", b"<score-partwise><part>"),
        ("song.wav", b"RIFF"),
        ("nothing.mid", None),
        ("short.mid", b"MThd\0\0\0\6\0\1"),
    ],
)
def test_files_that_hold_no_tune_get_one_sentence(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with (
        pytest.raises(UserError, match=name)
        if not name.endswith("ry.abc")
        else pytest.raises(UserError) as error
    ):
        read_notes(tmp_path / name)
    assert "\n" not in str(error.value) and str(error.value).endswith(".")
