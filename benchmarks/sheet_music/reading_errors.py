"""How well printed music is read: pages with their truth go through the reader, and what it says is laid beside what is printed.

Command: `noteninja sheets measure`. Lesson: 10_reading_sheet_music.
"""

import json
import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from benchmarks.sheet_music.musicxml_pages import page_source
from benchmarks.sheet_music.notation import sounding, tokens
from benchmarks.sheet_music.printed_pages import KINDS, load_sheets
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation.metrics import align, bootstrap
from noteninja_lib.omr.recognition import read_sheet
from noteninja_lib.omr.score import read_bars, to_musicxml
from noteninja_lib.omr.vocabulary import pitch_name

#: Figure -> how it is called.
FIGURES = {
    "symbol_errors": "symbol errors",
    "notes_right": "notes with right pitch and duration",
    "lines_right": "whole lines right",
    "clef_and_key_right": "clef and key right",
    "staves_found": "staffs found",
}
MISSING, ADDED = "(missed)", "(nothing there)"


@dataclass
class Result:
    """One page: counts (wrong or right, all) for each of FIGURES, [true word, read word] of each error, why it was refused."""

    kind: str
    everything: bool
    counts: dict
    seconds: float = 0.0
    errors: list = field(default_factory=list)
    refused: str = ""


def match_staves(sheet, found):
    """Which of the staffs that were found is which of those that are there.

    Parameters
    ----------
    sheet : Sheet
    found : list of Staff

    Returns
    -------
    dict of int to int
        True staff -> found one: their middle lines lie within a staff space of each other nearly all along.
    """
    matches = {}
    for number, staff in enumerate(found):
        x, y = staff.to_page(np.linspace(8, staff.width - 9, 20), 48)
        for true, (line, space) in enumerate(zip(sheet.staves, sheet.spaces)):
            off = np.abs(np.interp(x, line[:, 0], line[:, 1]) - y)
            overlap = min(x[-1], line[-1, 0]) - max(x[0], line[0, 0])
            if np.mean(off < space) > 0.9 and overlap > 0.9 * (line[-1, 0] - line[0, 0]):
                matches.setdefault(true, number)
    return matches


def signature(words):
    """Clef and key with which a line begins."""
    head = []
    for word in words:
        if not (word.startswith("clef:") or word[:-1] in ("sharp", "flat")):
            break
        head.append(word)
    return head


def notes_of_lines(lines):
    """(pitch, quarter notes) of notes as the reader understands words; line by line, like `printed.sounding`."""
    notes = [[] for _ in lines]
    for bar in read_bars(lines):
        for event in bar.events:
            if event.position is not None:
                pitch = pitch_name(event.step, event.alter).replace("-", "b")
                notes[bar.spans[0][0]].append((pitch, float(event.quarters)))
    return notes


def compare(sheet, read, staves):
    """Counts and errors of one page.

    Parameters
    ----------
    sheet : Sheet
    read : list of list of str
        Words of each staff that was found.
    staves : list of Staff

    Returns
    -------
    Result
    """
    matches = match_staves(sheet, staves)
    lines = [read[matches[true]] if true in matches else [] for true in range(len(sheet.lines))]
    true_notes, read_notes = sounding(sheet.lines), notes_of_lines(lines)
    counts, errors = {name: np.zeros(2) for name in FIGURES}, []
    for words, line, notes, heard in zip(sheet.lines, lines, true_notes, read_notes):
        wrong = [pair for pair in align(words, line) if pair[0] != pair[1]]
        errors += [[one or ADDED, other or MISSING] for one, other in wrong]
        counts["symbol_errors"] += len(wrong), len(words)
        counts["lines_right"] += not wrong, 1
        counts["clef_and_key_right"] += signature(words) == signature(line), 1
        pairs = [pair for pair in align(notes, heard) if pair[0]]
        counts["notes_right"] += sum(one == other for one, other in pairs), len(pairs)
    extra = [word for number, line in enumerate(read) if number not in matches.values() for word in line]
    counts["symbol_errors"] += len(extra), 0  # a staff where there is none
    errors += [[ADDED, word] for word in extra]
    counts["staves_found"] += len(matches), len(sheet.lines)
    return Result(
        sheet.kind,
        sheet.everything,
        {name: tuple(map(int, pair)) for name, pair in counts.items()},
        errors=errors,
    )


def measure_sheet(sheet, scores=None):
    """Read one page and compare it with its truth; a page that is refused has nothing right.

    Parameters
    ----------
    sheet : Sheet
    scores : pathlib.Path, optional
        Folder for the page's truth and for what was read, both as MusicXML, for other programs that compare scores.

    Returns
    -------
    Result
    """
    begin = time.perf_counter()
    try:
        read = read_sheet(sheet.path)
        text = to_musicxml(read.bars)
    except UserError as problem:
        result = compare(sheet, [], [])
        result.refused, text = str(problem), to_musicxml(read_bars([["clef:treble", "rest:1"]]))
    else:
        seconds = time.perf_counter() - begin
        result = compare(sheet, read.words(), [line.staff for line in read.lines])
        result.seconds = seconds
    for name, score in (
        (("truth", page_source("", "", tokens(sheet.lines))), ("read", text)) if scores else ()
    ):
        (scores / name).mkdir(parents=True, exist_ok=True)
        (scores / name / f"{sheet.path.stem}.musicxml").write_text(score, encoding="utf-8")
    return result


def figures_of(results, seed=0):
    """Figures of each kind of page, each as [share, low, high] with its 95 % interval over pages, and the commonest errors.

    Parameters
    ----------
    results : list of Result
    seed : int

    Returns
    -------
    dict
    """
    kinds = {}
    for kind in KINDS:
        some = [result for result in results if result.kind == kind]
        if some:
            kinds[kind] = {
                "pages": len(some),
                **{name: _share(some, name, seed) for name in FIGURES},
                "plain_symbol_errors": _share(
                    [one for one in some if not one.everything], "symbol_errors", seed
                ),
                "everything_symbol_errors": _share(
                    [one for one in some if one.everything], "symbol_errors", seed
                ),
                "seconds": round(float(np.median([one.seconds for one in some])), 2),
                "refused": [one.refused for one in some if one.refused],
                "confusions": _commonest(some),
            }
    seconds = round(float(np.median([one.seconds for one in results])), 2)
    return {"kinds": kinds, "seconds": seconds, "confusions": _commonest(results)}


def _share(results, name, seed):
    return bootstrap([result.counts[name] for result in results], seed=seed) if results else None


def _commonest(results, count=20):
    errors = Counter(tuple(error) for result in results for error in result.errors)
    return [[*pair, times] for pair, times in errors.most_common(count)]


def table(figures):
    """The figures as lines of a table in Markdown."""
    lines = [
        "| | " + " | ".join(KINDS[kind][0] for kind in figures["kinds"]) + " |",
        "|---|" + "---|" * len(figures["kinds"]),
    ]
    for name, heading in FIGURES.items():
        shares = [100 * np.array(found[name]) for found in figures["kinds"].values()]
        cells = ["{:.1f}% [{:.1f}, {:.1f}]".format(*share) for share in shares]
        lines.append(f"| {heading} | " + " | ".join(cells) + " |")
    lines.append(
        "| seconds a page | "
        + " | ".join(str(found["seconds"]) for found in figures["kinds"].values())
        + " |"
    )
    return "\n".join(lines)


def report(folder=None, out=None, *, scores=None, seed=0):
    """Read all pages of a set with a progress bar, print the table and the commonest errors, and write the figures as JSON.

    Parameters
    ----------
    folder : path, optional
        The frozen set by default.
    out : pathlib.Path, optional
    scores : pathlib.Path, optional
        See `measure_sheet`.
    seed : int
        Of the intervals.

    Returns
    -------
    dict
    """
    sheets = load_sheets(folder)
    results = [measure_sheet(sheet, scores) for sheet in tqdm(sheets, unit=" pages", dynamic_ncols=True)]
    figures = {"pages": len(sheets), "lines": sum(len(sheet.lines) for sheet in sheets)} | figures_of(
        results, seed
    )
    print(table(figures))
    print(
        "Commonest errors:",
        "; ".join(f"{true} read as {read} ({count})" for true, read, count in figures["confusions"][:12]),
    )
    if out:
        out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures
