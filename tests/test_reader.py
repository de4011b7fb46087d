"""The network that reads lines: its shapes, CTC's way from columns to words, its training."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from noteninja_lib.errors import UserError
from noteninja_lib.models.crnn import COLUMN, LineReader, as_input, read_staff_image
from noteninja_lib.omr.decoration import letter_chords, letter_octave, letter_text
from noteninja_lib.omr.page_maker import StaffImages, build
from noteninja_lib.omr.rendering import FONT_FILES
from noteninja_lib.omr.vocabulary import MARKS, ROOTS, VOCABULARY
from noteninja_lib.training.tasks import MarkTask, ReadingTask
from noteninja_lib.training.trainer import Trainer, train


class Fixed(torch.nn.Module):
    """Says the same classes whatever it sees."""

    def __init__(self, classes, sure=8.0):
        super().__init__()
        self.weight = torch.nn.Parameter(
            torch.nn.functional.one_hot(torch.tensor([classes]), len(VOCABULARY) + 1) * sure
        )

    def forward(self, staff_images):
        return self.weight


@pytest.fixture(scope="module")
def engraved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strips")
    assert list(build(folder, 12, size=6)) == [(0, 2), (1, 2), (2, 2)]
    assert list(build(folder, 12, size=6)) == [(2, 2)]  # made already
    return folder


@pytest.fixture(scope="module")
def staff_images(engraved):
    return StaffImages(engraved)


def test_marks_are_learned_from_what_is_around_the_staves(engraved, staff_images):
    around = StaffImages(engraved, marks=True)
    assert len(around) == 2 * len(staff_images)
    task = MarkTask(around, LineReader(channels=(4, 4, 4, 4, 4), features=8, hidden=8))
    assert task.networks["reader"].config.classes == len(MARKS) + 1
    images, frames, words, lengths = task.batch(np.random.default_rng(0), 4)
    assert images.shape[:3] == (4, 1, 96) and len(words) == lengths.sum() and words.max() <= len(MARKS)
    written, tokens = letter_chords(np.full((96, 600), 255, np.uint8), np.random.default_rng(1))
    assert tokens and set(tokens) <= set(MARKS) and tokens[0] in (*ROOTS, "N.C.") and written.min() < 100
    assert letter_chords(np.zeros((96, 600), np.uint8), np.random.default_rng(1))[1] == []  # no room


def test_words_are_written_where_there_is_room_and_are_no_marks():
    page = np.full((96, 600), 255, np.uint8)
    page[20:60, 100:140] = 0  # what is there stays
    written = letter_text(page, np.random.default_rng(2))
    assert 0.001 < (written < 128).mean() - (page < 128).mean() < 0.2
    assert (written[20:60, 100:140] == 0).all() and (
        letter_text(page * 0, np.random.default_rng(2)) == 0
    ).all()


def test_fonts_that_lie_with_the_lines_write_chords(engraved, tmp_path):
    shutil.copytree(engraved, tmp_path / "lines")
    assert StaffImages(engraved).fonts == []
    (tmp_path / "lines/fonts").mkdir()
    own = Path(shutil.copy(FONT_FILES / "DejaVuSerif-Bold.ttf", tmp_path / "lines/fonts"))
    fonts = StaffImages(tmp_path / "lines", marks=True).fonts
    assert fonts == [own]
    blank = np.full((96, 600), 255, np.uint8)
    with_them, without = (letter_chords(blank, np.random.default_rng(1), some) for some in (fonts, ()))
    assert with_them[1] and (with_them[0] != without[0]).any()


def test_octave_signs_end_in_a_hook_or_go_on():
    rng, blank = np.random.default_rng(0), np.full((96, 600), 255, np.uint8)
    signs = [letter_octave(blank, rng) for _ in range(12)]
    assert {tuple(tokens) for _, tokens in signs} == {("8va", "8va-end"), ("8va",)}
    for page, tokens in signs:
        dark = page < 128
        last = np.flatnonzero(dark.any(axis=0))[-1]
        assert dark[:, last].sum() >= 5 if "8va-end" in tokens else last > 580
    assert letter_octave(blank * 0, rng)[1] == []


def test_chords_in_brackets_and_fractions():
    rng = np.random.default_rng(0)
    pages = [letter_chords(np.full((96, 2000), 255, np.uint8), rng) for _ in range(8)]
    assert any("/" in tokens for _, tokens in pages)
    dark = [page < 128 for page, _ in pages]
    long = [cv2.erode(one.astype(np.uint8), np.ones((2, 24))).any() for one in dark]  # brackets' lines
    assert any(long) and not all(long)


def test_a_network_keeps_what_it_knows_for_more_classes():
    old = LineReader(classes=5, channels=(4, 4, 4, 4, 4), features=8, hidden=8).eval()
    new, batch = old.with_classes(9).eval(), as_input([np.zeros((96, 40), np.uint8)])
    assert new(batch).shape[-1] == 9 and torch.allclose(new(batch)[..., :5], old(batch), atol=1e-6)


def test_columns_become_words():
    """Equal neighbours are one word, a blank between them makes two."""
    read = read_staff_image(Fixed([0, 5, 5, 0, 5, 7, 7, 7, 0]), np.full((96, 36), 255, np.uint8), VOCABULARY)
    assert [symbol.token for symbol in read] == [VOCABULARY[4], VOCABULARY[4], VOCABULARY[6]]
    assert [symbol.column // COLUMN for symbol in read][:2] == [1, 4]
    assert all(0.9 < symbol.confidence <= 1 for symbol in read)
    assert read_staff_image(Fixed([0] * 9), np.full((96, 36), 255, np.uint8), VOCABULARY) == []
    assert (
        read_staff_image(Fixed([5], sure=0.5), np.full((96, 4), 255, np.uint8), VOCABULARY)[0].confidence
        < 0.1
    )


def test_what_was_nearly_read_is_remembered():
    chances = torch.full((1, 8, 9), 1e-6)
    chances[..., 0] = 1  # the blank
    chances[0, 1, [5, 6, 0]] = torch.tensor([0.7, 0.2, 0.1])
    chances[0, 4, [7, 0]] = torch.tensor([0.3, 0.7])  # a peak of its own
    chances[0, 7, [8, 0]] = torch.tensor([0.9, 0.1])
    chances[0, 6, [8, 0]] = torch.tensor([0.4, 0.6])  # belongs to what follows

    class Given(torch.nn.Linear):
        def forward(self, images):
            return chances.log()

    first, second = read_staff_image(Given(1, 1), np.full((96, 32), 255, np.uint8), VOCABULARY)
    assert [(token, round(chance, 2)) for token, chance in first.others] == [(VOCABULARY[5], 0.2), ("", 0.1)]
    (missed,) = first.missed
    assert (missed.token, round(missed.confidence, 2)) == (
        VOCABULARY[6],
        0.3,
    ) and missed.column == 4.5 * COLUMN
    assert second.token == VOCABULARY[7] and second.missed == ()


def test_shapes_and_padding():
    network = LineReader().eval()
    assert 0.5e6 < sum(one.numel() for one in network.parameters()) < 3e6
    batch = as_input([np.full((96, 99), 255, np.uint8), np.zeros((96, 41), np.uint8)])
    assert batch.shape == (2, 1, 96, 100)
    assert (
        batch[0].max() == 0 and batch[1, 0, :, :41].min() == 1 and batch[1, 0, :, 41:].max() == 0
    )  # paper is 0
    assert network(batch).shape == (2, 25, len(VOCABULARY) + 1)


def test_a_set_of_strips(staff_images, tmp_path):
    assert len(staff_images) >= 12
    for number in range(len(staff_images)):
        picture, words = staff_images[number]
        assert (
            picture.shape == (96, staff_images.widths[number])
            and 1 <= words.min()
            and words.max() < len(VOCABULARY) + 1
        )
    with pytest.raises(UserError, match="no engraved lines"):
        StaffImages(tmp_path)


def test_it_learns_and_goes_on_where_it_stopped(staff_images, tmp_path):
    """A tiny network learns three lines by heart; a run in two pieces is the run in one."""

    def run(folder, steps, stop):
        torch.manual_seed(0)
        few = ReadingTask(
            staff_images, LineReader(channels=(4, 8, 8, 12, 16), features=32, hidden=32), peak=1e-2
        )
        trainer = Trainer(few, folder, steps)
        return [
            losses["loss_a_word"] for _, (_, losses) in zip(range(stop - trainer.step), train(trainer, 3))
        ]

    losses = run(tmp_path / "one", 24, 24)
    assert np.mean(losses[-6:]) < 0.6 * losses[0]
    halves = run(tmp_path / "two", 24, 12) + run(tmp_path / "two", 24, 24)
    assert halves == pytest.approx(losses, rel=1e-4)
