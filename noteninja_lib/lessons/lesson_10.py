"""Exercises of lesson 10: reading sheet music."""

import html
from collections import Counter
from fractions import Fraction

import cv2
import ipywidgets as widgets
import numpy as np

from noteninja_lib.errors import UserError
from noteninja_lib.evaluation.metrics import align
from noteninja_lib.lessons.exercise import Exercise
from noteninja_lib.models.crnn import BLANK, COLUMN
from noteninja_lib.omr.page_maker import cut_staff_images, find_systems
from noteninja_lib.omr.recognition import read_sheet
from noteninja_lib.omr.rendering import engrave, rasterise
from noteninja_lib.omr.vocabulary import encode, note
from noteninja_lib.plots import BLUE, SPECTROGRAM_MAP, VERMILION, _axes, plt
from noteninja_lib.widgets.sheet_reader import marked_page
from noteninja_lib.widgets.style_sheet import meter, style_sheet
from noteninja_lib.widgets.workbench import name_parts, row


def _test_beats(beats):
    assert callable(beats), "hand in the function itself: check(beats), without brackets behind it"
    found = beats(["note:2:4", "note:3:4"])
    assert found is not None, "your function gives nothing back: is there a return?"
    assert found == 2, f"two quarter notes last 2; you say {found}"
    assert beats(["note:2:1"]) == 4, (
        "the number says which part of a whole note: 1 is a whole note, which lasts 4 quarters"
    )
    assert beats(["note:4:2", "rest:4"]) == 3, "a rest takes as much time as a note of the same value"
    assert beats(["note:2:4", "dot", "note:3:8"]) == 2, (
        "a dot adds half of the note before it: a dotted quarter and an eighth last 2"
    )
    assert beats(["acc:#", "note:2:4", "tie", "note:2:4", "bar"]) == 2, (
        "accidentals, ties and bar lines take no time"
    )
    assert beats(["note:2:4", "dot", "dot"]) == 1.75, (
        "a second dot adds half of the first one's half: 1 + 1/2 + 1/4"
    )


def beats(words):
    """Quarter notes that the words of a bar last (triplets left aside)."""
    total, last = Fraction(0), Fraction(0)
    for word in words:
        if word.startswith(("note:", "rest:")):
            last = Fraction(4, int(word.split(":")[-1]))
        elif word == "dot":
            last /= 2
        else:
            continue
        total += last
    return total


BEATS = Exercise(
    _test_beats,
    "Split each word at its colons; the last part is the value, and 4 divided by it the length. "
    "Remember the length of the last note: a dot adds half of it, and leaves that half behind for a second dot.",
    beats,
)


def _test_columns(columns):
    assert callable(columns), "hand in the function itself: check(columns), without brackets behind it"
    found = columns(["clef:treble", "note:2:4", "bar"])
    assert found is not None, "your function gives nothing back: is there a return?"
    assert found == 3, (
        f"three different words need three columns: the blanks between them may be left out; you say {found}"
    )
    assert columns([]) == 0, "nothing needs no column"
    assert columns(["note:2:4", "note:2:4"]) == 3, (
        "two equal neighbours would melt into one: something must stand between them"
    )
    assert columns(["note:2:4", "note:3:4", "note:2:4"]) == 3, (
        "equal words melt only where they are neighbours"
    )
    assert columns(["note:2:4"] * 4) == 7, "each pair of equal neighbours needs a blank of its own"


def columns(words):
    """The fewest columns in which CTC can say these words."""
    return len(words) + sum(one == other for one, other in zip(words, words[1:]))


COLUMNS = Exercise(
    _test_columns,
    "Think of collapse() backwards: which labels could be left out without changing what it gives, "
    "and which could not?",
    columns,
)


def _test_own_page(answer):
    assert isinstance(answer, dict) and {"page", "read_right", "wrong", "why"} <= set(answer), (
        "hand in a dict with the keys page, read_right, wrong and why"
    )
    assert str(answer["page"]).strip(". "), (
        "say which page it was: a title, and whether it was scanned, photographed or engraved"
    )
    share = answer["read_right"]
    assert isinstance(share, (int, float)) and not isinstance(share, bool) and 0 <= share <= 1, (
        "'read_right' should be the share of bars that were read right, from 0 to 1: count them"
    )
    assert share == 1 or str(answer["wrong"]).strip(". "), "say what was read wrong: which symbols, as what?"
    words = len(str(answer["why"]).split())
    assert words >= 15, (
        f"explain it in a sentence or two, with what you see in the picture; so far it is {words} words"
    )


def own_page():
    """One possible answer; yours depends on your page."""
    return {
        "page": "a hymn's melody, photographed by lamplight",
        "read_right": 0.8,
        "wrong": "dots beside notes on a line",
        "why": "The photograph is blurred towards its corners, and there the dots have melted into the staff lines; "
        "the bar sums found three of the four bars, but the fourth had two errors that made up for each other.",
    }


OWN_PAGE = Exercise(
    _test_own_page,
    "Count the bars that are right, and look closely at one that is not. Was it seen wrongly, or "
    "understood wrongly? Is the symbol small, pale, crowded, or one that the reader never learned? Did the bar sum "
    "find it?",
    own_page,
    answer=lambda solution: solution(),
)


# A page that is blurred, tilted and faded by hand until the reader no longer follows.
#
# Lesson: 10_reading_sheet_music

MARGIN, GRAIN = 60, 8.0  # white that a tilted page needs around it, in pixels; noise of a camera, of 255


def spoil(page, blur=0.0, tilt=0.0, fade=0.0):
    """A page as a bad photograph shows it.

    Parameters
    ----------
    page : numpy.ndarray, uint8, shape (height, width)
    blur : float
        Standard deviation in pixels.
    tilt : float
        Degrees.
    fade : float
        How much of the ink is gone, 0..1; the grain of the camera stays.

    Returns
    -------
    numpy.ndarray, uint8, shape (height + 120, width + 120)
    """
    page = np.pad(page, MARGIN, constant_values=255)
    height, width = page.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), tilt, 1)
    page = cv2.warpAffine(page, turn, (width, height), flags=cv2.INTER_AREA, borderValue=255)
    page = cv2.GaussianBlur(page, (0, 0), blur) if blur else page
    grain = GRAIN * np.random.default_rng(0).standard_normal(page.shape) if fade else 0
    return np.clip(255 - (1 - fade) * (255.0 - page) + grain, 0, 255).astype(np.uint8)


def error_rate(truth, words):
    """Share of words that must be put in, left out or exchanged, of all that are printed.

    Parameters
    ----------
    truth, words : list of list of str
        What is printed, and what was read, line by line.
    """
    truth, words = sum(truth, []), sum(words, [])
    return sum(one != other for one, other in align(truth, words)) / len(truth)


class PageBreaker(widgets.VBox):
    """Sliders that spoil a page, and what the reader still makes of it.

    Parameters
    ----------
    page : numpy.ndarray, uint8, shape (height, width)
    truth : list of list of str
        Words of its lines.
    """

    def __init__(self, page, truth):
        self.original, self.truth, self.rate = page, truth, None
        self.blur, self.tilt, self.fade = (
            widgets.FloatSlider(
                value=0, max=most, step=step, description=name, continuous_update=False, readout_format=form
            )
            for name, most, step, form in (
                ("blur", 4, 0.25, ".2f"),
                ("tilt", 12, 0.5, ".1f"),
                ("fade", 1, 0.05, ".2f"),
            )
        )
        self.page, self.words, self.errors = widgets.HTML(), widgets.HTML(), widgets.HTML()
        for part in (self.blur, self.tilt, self.fade):
            part.observe(self.read, "value")
        name_parts(
            blur=self.blur,
            tilt=self.tilt,
            fade=self.fade,
            spoiled=self.page,
            errors=self.errors,
            message=self.words,
            breaker=self,
            converter=self,
        )
        units = widgets.HTML("blur in pixels, tilt in degrees, fade as a share of the ink")
        super().__init__(
            [style_sheet(), row(self.blur, self.tilt, self.fade), units, self.errors, self.words, self.page]
        )
        self.read()

    def read(self, _=None):
        """Spoil the page as the sliders say, and read it; their handler."""
        page = spoil(self.original, self.blur.value, self.tilt.value, self.fade.value)
        try:
            sheet = read_sheet(page)
            self.rate, told, kind = error_rate(self.truth, sheet.tokens()), str(sheet), "info"
            self.page.value = marked_page(sheet)
        except UserError as refusal:
            self.rate, told, kind = 1.0, str(refusal), "error"
            self.page.value = plain_page(page)
        self.errors.value = meter("Symbol errors", self.rate, "of all that is printed")
        self.words.value = f'<div class="nn-{kind}" role="status">{html.escape(told)}</div>'


def plain_page(page):
    """A page as HTML, with nothing drawn over it."""
    from types import SimpleNamespace

    return marked_page(SimpleNamespace(pages=[page], lines=[]), marks=False)


# Engraved lines for the lesson on reading: any words as strips, and a small set of easy ones to train on.
#
# Lesson: 10_reading_sheet_music

ZOOM = 0.6
BARS = ((4, 4, 4, 4), (2, 4, 4), (4, 4, 2), (2, 2), (4, 8, 8, 4, 4), (4, 4, 8, 8, 4))  # values that fill 4/4


def engrave_staff_images(lines, font="Leland", width=2100):
    """Lines of words as strips.

    Parameters
    ----------
    lines : list of list of str
        See `omr.vocabulary`.
    font : str
        One of `engraver.FONTS`.
    width : int
        Of the page, 18 to a staff space.

    Returns
    -------
    list of numpy.ndarray, uint8, shape (96, width of the strip)
    """
    svg = engrave(lines, width, font)
    return list(cut_staff_images(rasterise(svg, ZOOM), find_systems(svg), ZOOM))


def easy_line(draw, bars=2):
    """Words of a line that is easy to learn: treble clef, nothing but notes on and between the five lines."""
    words, position = ["clef:treble"], 4
    for number in range(bars):
        for value in BARS[draw.integers(len(BARS))]:
            position = int(np.clip(position + draw.integers(-3, 4), 0, 8))
            words.append(note(position, value))
        words.append("bar" if number < bars - 1 else "final-bar")
    return words


class EasyLines:
    """A small set of easy lines, with the face of `omr.page_maker.StaffImages`: `lines[k]` is (strip, class numbers).

    Parameters
    ----------
    count : int
    seed : int
    fonts : tuple of str

    Attributes
    ----------
    words : list of list of str
    strips : list of numpy.ndarray
    widths : numpy.ndarray
    """

    def __init__(self, count, seed=0, fonts=("Leland",)):
        draw = np.random.default_rng(seed)
        self.words = [easy_line(draw) for _ in range(count)]
        self.staff_images = []
        for number, font in enumerate(fonts):
            first, end = (count * place // len(fonts) for place in (number, number + 1))
            self.staff_images += engrave_staff_images(self.words[first:end], font, width=640)
        self.widths = np.array([staff_image.shape[1] for staff_image in self.staff_images])

    def __len__(self):
        return len(self.staff_images)

    def __getitem__(self, number):
        return self.staff_images[number], np.array(encode(self.words[number]), np.int16)


# Pictures of printed lines: strips below each other, row sums beside a page, CTC as a heat map, errors cut out.
#
# Lesson: 10_reading_sheet_music

AROUND = 44  # pixels of a strip that are shown to both sides of an error


def plot_staff_images(staff_images):
    """Strips, one below the other.

    Parameters
    ----------
    strips : dict of str to numpy.ndarray, uint8, shape (96, width)
        Title and picture.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
    """
    axes = plt.subplots(
        len(staff_images), 1, figsize=(11, 1.4 * len(staff_images)), layout="constrained", squeeze=False
    )[1][:, 0]
    for ax, (title, staff_image) in zip(axes, staff_images.items()):
        ax.imshow(staff_image, cmap="gray", vmin=0, vmax=255)
        ax.set_axis_off()
        ax.set_title(title, fontsize=9, loc="left", pad=1)
    return axes


def plot_row_sums(page, sums, rows, ax=None):
    """A page, and beside it how dark each of its rows is.

    Parameters
    ----------
    page : numpy.ndarray, uint8, shape (height, width)
    sums : numpy.ndarray, shape (height,)
        Share of dark pixels.
    rows : sequence of float
        Where lines were found; marked.
    ax : pair of matplotlib.axes.Axes, optional

    Returns
    -------
    pair of matplotlib.axes.Axes
    """
    if ax is None:
        size = (11, 9 * page.shape[0] / page.shape[1] + 0.6)
        ax = plt.subplots(1, 2, figsize=size, layout="constrained", sharey=True, width_ratios=(4, 1))[1]
    ax[0].imshow(page, cmap="gray", vmin=0, vmax=255, aspect="auto")
    ax[0].set(ylabel="row of the picture", xlabel="column of the picture")
    ax[1].plot(sums, np.arange(len(sums)), color=BLUE, linewidth=0.8)
    ax[1].plot(sums[np.round(rows).astype(int)], rows, "o", color=VERMILION, markersize=4, label="lines")
    ax[1].set(xlabel="share of dark pixels", xlim=(0, None))
    ax[1].legend(loc="lower right", fontsize=8)
    return ax


def plot_ctc(staff_image, chances, words):
    """What a network thinks of each column: the strip, and below it a row of chances for each word that it ever believed in.

    Parameters
    ----------
    strip : numpy.ndarray, uint8, shape (96, width)
    chances : numpy.ndarray, shape (columns, classes)
        Each row sums to 1.
    words : sequence of str
        Of the classes from 1 on; class 0 is the blank.

    Returns
    -------
    pair of matplotlib.axes.Axes
    """
    best = chances.argmax(1)
    shown = [BLANK, *sorted(set(best) - {BLANK}, key=lambda one: int(np.argmax(best == one)))]
    figure, axes = plt.subplots(
        2,
        1,
        figsize=(11, 1.6 + 0.27 * len(shown)),
        layout="constrained",
        height_ratios=(1.3, 0.27 * len(shown)),
    )
    axes[0].imshow(
        staff_image, cmap="gray", vmin=0, vmax=255, aspect="auto", extent=(0, staff_image.shape[1], 96, 0)
    )
    axes[0].set_axis_off()
    picture = axes[1].imshow(
        chances[:, shown].T,
        cmap=SPECTROGRAM_MAP,
        vmin=0,
        vmax=1,
        aspect="auto",
        interpolation="nearest",
        extent=(0, COLUMN * len(chances), len(shown) - 0.5, -0.5),
    )
    axes[1].set_yticks(range(len(shown)), ["blank", *(words[one - 1] for one in shown[1:])], fontsize=8)
    axes[1].set(
        xlabel=f"column of the strip in pixels (the network has one for every {COLUMN})",
        xlim=(0, staff_image.shape[1]),
    )
    figure.colorbar(picture, ax=axes[1], label="probability", pad=0.01)
    return axes


def find_errors(truth, symbols):
    """Where what was read is not what is printed.

    Parameters
    ----------
    truth : list of str
    symbols : list of Symbol

    Returns
    -------
    list of (float, str or None, str or None)
        About which column of the strip; what is printed there, what was read; None for nothing.
    """
    found, place = [], 0
    for printed, read in align(truth, [symbol.token for symbol in symbols]):
        place += read is not None
        if printed != read:
            near = symbols[min(max(place - 1, 0), len(symbols) - 1)].column if symbols else 0.0
            found.append((near, printed, read))
    return found


def plot_errors(errors, most=8):
    """The commonest errors, an example of each cut out of its line.

    Parameters
    ----------
    errors : list of (numpy.ndarray, float, str or None, str or None)
        Strip, column, what is printed, what was read.
    most : int
        How many kinds.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
    """
    counts = Counter((printed, read) for _, _, printed, read in errors).most_common(most)
    places = max(len(counts), 1)
    axes = plt.subplots(1, places, figsize=(1.4 * places, 2.1), layout="constrained", squeeze=False)[1][0]
    for ax in axes:
        ax.set_axis_off()
    for ax, ((printed, read), times) in zip(axes, counts):
        staff_image, column = next(
            (staff_image, column) for staff_image, column, *pair in errors if pair == [printed, read]
        )
        begin = int(np.clip(column - AROUND, 0, max(staff_image.shape[1] - 2 * AROUND, 0)))
        ax.imshow(staff_image[:, begin : begin + 2 * AROUND], cmap="gray", vmin=0, vmax=255)
        ax.set_title(f"{printed or 'nothing'}\nread as\n{read or 'nothing'}\n{times} ×", fontsize=8)
    return axes


def plot_shares(shares, label, ax=None):
    """Bars with their values, longest possible 1.

    Parameters
    ----------
    shares : dict of str to float
    label : str
        What the shares are.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (8, 0.5 + 0.4 * len(shares)))
    ax.bar_label(ax.barh(list(shares), list(shares.values()), color=BLUE), fmt="{:.1%}", padding=4)
    ax.invert_yaxis()
    ax.set(xlim=(0, 1.12), xlabel=label)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
