"""Lesson 10, reading sheet music: exercises, a page to spoil, easy lines to train on, plots.

Lesson: 10_reading_sheet_music
"""

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import cv2
import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from noteninja_lib.errors import UserError
from noteninja_lib.evaluation.metrics import align
from noteninja_lib.lessons.exercise import Desk, Exercise, Question, is_number
from noteninja_lib.models.crnn import BLANK, COLUMN, Symbol
from noteninja_lib.music.harmony import chord_name
from noteninja_lib.music.tunes import find_tune
from noteninja_lib.omr.composer import print_tune
from noteninja_lib.omr.page_maker import cut_staff_images, find_systems
from noteninja_lib.omr.recognition import Sheet, read_sheet
from noteninja_lib.omr.rendering import ID, MeiWriter, engrave, rasterise, render
from noteninja_lib.omr.vocabulary import BAR_LINES, encode, note
from noteninja_lib.plots import BLUE, SPECTROGRAM_MAP, VERMILION, axes_or_new
from noteninja_lib.widgets.sheet_reader import marked_page
from noteninja_lib.widgets.style_sheet import meter
from noteninja_lib.widgets.workbench import row


def _test_beats(beats):
    found = beats(["note:2:4", "note:3:4"])
    assert found == 2, f"two quarter notes last 2; you say {found}"
    whole = "the number says which part of a whole note: 1 is a whole note, which lasts 4 quarters"
    assert beats(["note:2:1"]) == 4, whole
    assert beats(["note:4:2", "rest:4"]) == 3, "a rest takes as much time as a note of the same value"
    dotted = "a dot adds half of the note before it: a dotted quarter and an eighth last 2"
    assert beats(["note:2:4", "dot", "note:3:8"]) == 2, dotted
    timeless = beats(["acc:#", "note:2:4", "tie", "note:2:4", "bar"])
    assert timeless == 2, "accidentals, ties and bar lines take no time"
    twice = "a second dot adds half of the first one's half: 1 + 1/2 + 1/4"
    assert beats(["note:2:4", "dot", "dot"]) == 1.75, twice


def beats(tokens: list[str]) -> Fraction:
    """Quarter notes that the tokens of a bar last (triplets left aside)."""
    total, last = Fraction(0), Fraction(0)
    for token in tokens:
        if token.startswith(("note:", "rest:")):
            last = Fraction(4, int(token.split(":")[-1]))
        elif token == "dot":
            last /= 2
        else:
            continue
        total += last
    return total


BEATS = Exercise(
    _test_beats,
    beats,
    "Split each token at its colons; the last part is the value, and 4 divided by it the length. Remember "
    "the length of the last note: a dot adds half of it, and leaves that half behind for a second dot.",
)


def _test_frames(frames):
    found = frames(["clef:treble", "note:2:4", "bar"])
    three = "three different tokens need three frames: the blanks between them may be left out"
    assert found == 3, f"{three}; you say {found}"
    assert frames([]) == 0, "nothing needs no frame"
    melt = "two equal neighbours would melt into one: something must stand between them"
    assert frames(["note:2:4", "note:2:4"]) == 3, melt
    apart = frames(["note:2:4", "note:3:4", "note:2:4"])
    assert apart == 3, "equal tokens melt only where they are neighbours"
    assert frames(["note:2:4"] * 4) == 7, "each pair of equal neighbours needs a blank of its own"


def frames(tokens: list[str]) -> int:
    """The fewest frames in which CTC can say these tokens."""
    return len(tokens) + sum(one == other for one, other in zip(tokens, tokens[1:]))


FRAMES = Exercise(
    _test_frames,
    frames,
    "Think of collapse() backwards: which labels could be left out without changing what it gives, and "
    "which could not?",
)


def _test_own_page(answer):
    which = "say which page it was: a title, and whether it was scanned, photographed or engraved"
    assert str(answer["page"]).strip(". "), which
    share = answer["read_right"]
    number = is_number(share) and 0 <= share <= 1
    assert number, "'read_right' should be the share of bars that were read right, from 0 to 1: count them"
    told = share == 1 or str(answer["wrong"]).strip(". ")
    assert told, "say what was read wrong: which symbols, as what?"


def own_page() -> dict:
    """One possible answer; yours depends on your page."""
    page, wrong = "a hymn's melody, photographed by lamplight", "dots beside notes on a line"
    why = """The photograph is blurred towards its corners, and there the dots have melted into the staff
        lines; the bar sums found three of the four bars, but the fourth had two errors that made up for each
        other."""
    return {"page": page, "read_right": 0.8, "wrong": wrong, "why": why}


OWN_PAGE = Question(
    _test_own_page,
    own_page,
    "Count the bars that are right, and look closely at one that is not. Was it seen wrongly, or understood "
    "wrongly? Is the symbol small, pale, crowded, or one that the reader never learned? Did the bar sum "
    "find it?",
    {"why": "explain it in a sentence or two, with what you see in the picture"},
    least=15,
)

BOOK_TUNES = ("oneill-1695-frost-and-snow", "aird-0615-oh-dear-what-can-the-matter-be")
MARGIN, GRAIN = 60, 8.0  # white that a tilted page needs around it, in pixels; noise of a camera, of 255
GREY = {"cmap": "gray", "vmin": 0, "vmax": 255}


def spoil(page: np.ndarray, blur: float = 0.0, tilt: float = 0.0, fade: float = 0.0) -> np.ndarray:
    """A page as a bad photograph shows it.

    Parameters
    ----------
    page : np.ndarray, uint8, shape (height, width)
    blur : float
        Standard deviation in pixels.
    tilt : float
        Degrees.
    fade : float
        How much of the ink is gone, 0..1; the grain of the camera stays.

    Returns
    -------
    np.ndarray, uint8, shape (height + 120, width + 120)
    """
    page = np.pad(page, MARGIN, constant_values=255)
    height, width = page.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), tilt, 1)
    page = cv2.warpAffine(page, turn, (width, height), flags=cv2.INTER_AREA, borderValue=255)
    page = cv2.GaussianBlur(page, (0, 0), blur) if blur else page
    grain = GRAIN * np.random.default_rng(0).standard_normal(page.shape) if fade else 0
    return np.clip(255 - (1 - fade) * (255.0 - page) + grain, 0, 255).astype(np.uint8)


def book_page() -> np.ndarray:
    """A page with two tunes of 1782 and 1903, and their chords, engraved here: uint8, white is 255.

    The tunes are free, and the chords our own, see `harmony.harmonise`.
    """
    parts = []
    for name in BOOK_TUNES:
        tune, lines = find_tune(name), []
        for seed in range(50):  # until it is printed without pick-ups, endings and repeats
            lines = print_tune(tune, np.random.default_rng(seed))
            if sum(token in BAR_LINES for line in lines for token in line) == round(tune.length / tune.bar):
                break
        writer = MeiWriter(lines[:2])
        for number, bar in enumerate(writer.score.iter("measure")):
            start, _, root, quality = next(one for one in tune.chords[::-1] if one[0] <= number * tune.bar)
            first = next(one for one in bar.iter("note") if ID in one.attrib)
            symbol = {"startid": f"#{first.get(ID)}", "place": "above"}
            ET.SubElement(bar, "harm", symbol).text = chord_name(root, quality)
        picture = rasterise(render(writer.text(), 1500, pageMarginTop=190)[0], 0.7)
        cv2.putText(picture, tune.title, (60, 50), cv2.FONT_HERSHEY_SIMPLEX, 1, 0, 2, cv2.LINE_AA)
        parts.append(picture)
    width = max(part.shape[1] for part in parts)
    sheets = [np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=255) for part in parts]
    return np.concatenate(sheets)


def photograph(page: np.ndarray) -> np.ndarray:
    """A page as a telephone sees it on a table, from the side and under a lamp; a simulation."""
    height, width = page.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    lean = np.array([[90, 70], [-30, 110], [20, -40], [40, -90]], np.float32) * width / 1000
    table = np.full((height + 160, width + 160), 90, np.uint8)
    move = cv2.getPerspectiveTransform(corners, corners + 80 + lean / 3)
    seen = cv2.warpPerspective(page, move, table.shape[::-1], dst=table, borderMode=cv2.BORDER_TRANSPARENT)
    light = np.linspace(1.0, 0.65, seen.shape[1])[None] * np.linspace(0.85, 1.0, seen.shape[0])[:, None]
    grain = GRAIN / 2 * np.random.default_rng(0).standard_normal(seen.shape)
    return np.clip(cv2.GaussianBlur(seen, (0, 0), 0.9) * light + grain, 0, 255).astype(np.uint8)


def error_rate(truth: list[list[str]], words: list[list[str]]) -> float:
    """Share of tokens to put in, leave out or exchange, of all that are printed; both line by line."""
    truth, words = sum(truth, []), sum(words, [])
    return sum(one != other for one, other in align(truth, words)) / len(truth)


class PageBreaker(Desk):
    """Sliders that spoil a page, and what the reader still makes of it.

    Parameters
    ----------
    page : np.ndarray, uint8, shape (height, width)
    truth : list of list of str
        Tokens of its lines.
    """

    def __init__(self, page: np.ndarray, truth: list[list[str]]):
        super().__init__()
        self.original, self.truth, self.rate = page, truth, 1.0
        self.page, self.errors = widgets.HTML(), widgets.HTML()
        still = {"value": 0, "continuous_update": False}
        self.blur = widgets.FloatSlider(max=4, step=0.25, description="blur", **still)
        self.tilt = widgets.FloatSlider(max=12, step=0.5, description="tilt", readout_format=".1f", **still)
        self.fade = widgets.FloatSlider(max=1, step=0.05, description="fade", **still)
        for part in (self.blur, self.tilt, self.fade):
            part.observe(self.read, "value")
        units = widgets.HTML("blur in pixels, tilt in degrees, fade as a share of the ink")
        self.arrange(row(self.blur, self.tilt, self.fade), units, self.errors, self.message, self.page)
        self.read()

    def read(self, _: object = None) -> None:
        """Spoil the page as the sliders say, and read it; their handler."""
        page = spoil(self.original, self.blur.value, self.tilt.value, self.fade.value)
        try:
            sheet = read_sheet(page)
            self.rate = error_rate(self.truth, sheet.tokens())
            self.page.value = marked_page(sheet)
            self.say(str(sheet))
        except UserError as refusal:
            self.rate = 1.0
            self.page.value = marked_page(Sheet("", [page], []), marks=False)
            self.say(str(refusal), "error")
        self.errors.value = meter("Symbol errors", self.rate, "of all that is printed")


ZOOM = 0.6
BARS = ((4, 4, 4, 4), (2, 4, 4), (4, 4, 2), (2, 2), (4, 8, 8, 4, 4), (4, 4, 8, 8, 4))  # values that fill 4/4


def engrave_staff_images(lines: list[list[str]], font: str = "Leland", width: int = 2100) -> list[np.ndarray]:
    """Lines of tokens as staff images.

    Parameters
    ----------
    lines : list of list of str
        See `omr.vocabulary`.
    font : str
        One of `rendering.FONTS`.
    width : int
        Of the page, 18 to a staff space.

    Returns
    -------
    list of np.ndarray, uint8, shape (96, width of the line)
    """
    svg = engrave(lines, width, font)
    return list(cut_staff_images(rasterise(svg, ZOOM), find_systems(svg), ZOOM))


def easy_line(rng: np.random.Generator, bars: int = 2) -> list[str]:
    """Tokens of a line that is easy to learn: treble clef, only notes on and between the five lines."""
    words, position = ["clef:treble"], 4
    for number in range(bars):
        for value in BARS[rng.integers(len(BARS))]:
            position = int(np.clip(position + rng.integers(-3, 4), 0, 8))
            words.append(note(position, value))
        words.append("bar" if number < bars - 1 else "final-bar")
    return words


class EasyLines:
    """A small set of easy lines, as `StaffImages`: ``lines[k]`` is (staff image, class numbers).

    Attributes
    ----------
    words : list of list of str
    staff_images : list of np.ndarray
    widths : np.ndarray
    """

    def __init__(self, count: int, seed: int = 0, fonts: tuple[str, ...] = ("Leland",)):
        rng = np.random.default_rng(seed)
        self.words = [easy_line(rng) for _ in range(count)]
        self.staff_images = []
        for number, font in enumerate(fonts):
            first, end = (count * place // len(fonts) for place in (number, number + 1))
            self.staff_images += engrave_staff_images(self.words[first:end], font, width=640)
        self.widths = np.array([staff_image.shape[1] for staff_image in self.staff_images])

    def __len__(self):
        return len(self.staff_images)

    def __getitem__(self, number):
        return self.staff_images[number], np.array(encode(self.words[number]), np.int16)


AROUND = 44  # pixels of a staff image that are shown to both sides of an error


def plot_staff_images(staff_images: dict[str, np.ndarray]) -> np.ndarray:
    """Draw staff images (uint8, 96 rows) by title, one below the other; returns their axes."""
    size = (11, 1.4 * len(staff_images))
    axes = plt.subplots(len(staff_images), 1, figsize=size, layout="constrained", squeeze=False)[1][:, 0]
    for ax, (title, staff_image) in zip(axes, staff_images.items()):
        ax.imshow(staff_image, **GREY)
        ax.set_axis_off()
        ax.set_title(title, fontsize=9, loc="left", pad=1)
    return axes


def plot_row_sums(page: np.ndarray, sums: np.ndarray, rows: Sequence[float]) -> np.ndarray:
    """Draw a page, and beside it how dark each of its rows is; returns both axes.

    Parameters
    ----------
    page : np.ndarray, uint8, shape (height, width)
    sums : np.ndarray, shape (height,)
        Share of dark pixels.
    rows : sequence of float
        Where lines were found; marked.
    """
    size = 11, 9 * page.shape[0] / page.shape[1] + 0.6
    axes = plt.subplots(1, 2, figsize=size, sharey=True, width_ratios=(4, 1), layout="constrained")[1]
    axes[0].imshow(page, aspect="auto", **GREY)
    axes[0].set(ylabel="row of the picture", xlabel="column of the picture")
    axes[1].plot(sums, np.arange(len(sums)), color=BLUE, linewidth=0.8)
    axes[1].plot(sums[np.round(rows).astype(int)], rows, "o", color=VERMILION, markersize=4, label="lines")
    axes[1].set(xlabel="share of dark pixels", xlim=(0, None))
    axes[1].legend(loc="lower right", fontsize=8)
    return axes


def plot_ctc(staff_image: np.ndarray, chances: np.ndarray, words: Sequence[str]) -> np.ndarray:
    """Draw a staff image, and below it each frame's probability of all tokens that it may show.

    Parameters
    ----------
    staff_image : np.ndarray, uint8, shape (96, width)
    chances : np.ndarray, shape (frames, classes)
        Each row sums to 1.
    words : sequence of str
        Tokens of the classes from 1 on; class 0 is the blank.

    Returns
    -------
    np.ndarray of Axes
        Both.
    """
    best, width = chances.argmax(1), staff_image.shape[1]
    shown = [BLANK, *sorted(set(best) - {BLANK}, key=lambda one: int(np.argmax(best == one)))]
    size, heights = (11, 1.6 + 0.27 * len(shown)), (1.3, 0.27 * len(shown))
    figure, axes = plt.subplots(2, 1, figsize=size, layout="constrained", height_ratios=heights)
    axes[0].imshow(staff_image, aspect="auto", extent=(0, width, 96, 0), **GREY)
    axes[0].set_axis_off()
    look = {"cmap": SPECTROGRAM_MAP, "vmin": 0, "vmax": 1, "aspect": "auto", "interpolation": "nearest"}
    extent = (0, COLUMN * len(chances), len(shown) - 0.5, -0.5)
    picture = axes[1].imshow(chances[:, shown].T, extent=extent, **look)
    axes[1].set_yticks(range(len(shown)), ["blank", *(words[one - 1] for one in shown[1:])], fontsize=8)
    place = f"place on the staff image in pixels (the network has a frame for every {COLUMN})"
    axes[1].set(xlabel=place, xlim=(0, width))
    figure.colorbar(picture, ax=axes[1], label="probability", pad=0.01)
    return axes


def find_errors(truth: list[str], symbols: list[Symbol]) -> list[tuple[float, str | None, str | None]]:
    """Where what was read is not what is printed.

    Returns
    -------
    list of (float, str or None, str or None)
        About which column of the staff image; what is printed there, what was read; None for nothing.
    """
    found, place = [], 0
    for printed, read in align(truth, [symbol.token for symbol in symbols]):
        place += read is not None
        if printed != read:
            near = symbols[min(max(place - 1, 0), len(symbols) - 1)].column if symbols else 0.0
            found.append((near, printed, read))
    return found


def plot_errors(errors: list[tuple[np.ndarray, float, str | None, str | None]], most: int = 8) -> np.ndarray:
    """Draw the commonest kinds of errors, an example of each cut out of its line; returns their axes.

    Parameters
    ----------
    errors : list of (np.ndarray, float, str or None, str or None)
        Staff image, column, what is printed, what was read.
    most : int
        How many kinds.
    """
    counts = Counter((printed, read) for _, _, printed, read in errors).most_common(most)
    places = max(len(counts), 1)
    size = (1.4 * places, 2.1)
    axes = plt.subplots(1, places, figsize=size, layout="constrained", squeeze=False)[1][0]
    for ax in axes:
        ax.set_axis_off()
    for ax, (kind, times) in zip(axes, counts):
        staff_image, column = next(error[:2] for error in errors if tuple(error[2:]) == kind)
        begin = int(np.clip(column - AROUND, 0, max(staff_image.shape[1] - 2 * AROUND, 0)))
        ax.imshow(staff_image[:, begin : begin + 2 * AROUND], **GREY)
        printed, read = (word or "nothing" for word in kind)
        ax.set_title(f"{printed}\nread as\n{read}\n{times} ×", fontsize=8)
    return axes


def plot_shares(shares: dict[str, float], label: str, ax: Axes | None = None) -> Axes:
    """Draw named shares (0..1) as bars with their values; ``label`` says what they are."""
    ax = axes_or_new(ax, 8, 0.5 + 0.4 * len(shares))
    ax.bar_label(ax.barh(list(shares), list(shares.values()), color=BLUE), fmt="{:.1%}", padding=4)
    ax.invert_yaxis()
    ax.set(xlim=(0, 1.12), xlabel=label)
    return ax
