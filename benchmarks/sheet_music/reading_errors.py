"""How well printed music is read. Command: `noteninja sheets measure`. Lesson: 10_reading_sheet_music."""

import time
from collections import Counter, namedtuple
from itertools import takewhile
from pathlib import Path
from typing import Annotated

import numpy as np
from tqdm import tqdm
from typer import Argument, Option

from benchmarks.all_measures import align, bootstrap
from benchmarks.harness import cell, finish, table
from benchmarks.options import Out
from benchmarks.sheet_music.musescore import page_source
from benchmarks.sheet_music.notation import elements, sounding
from benchmarks.sheet_music.printed_pages import KINDS, Page, load_sheets
from noteninja_lib.errors import UserError
from noteninja_lib.omr.recognition import read_sheet
from noteninja_lib.omr.score import read_bars, to_musicxml
from noteninja_lib.omr.staff_detection import Staff
from noteninja_lib.omr.vocabulary import pitch_name

#: Figure -> how it is called.
FIGURES = {"symbol_errors": "symbol errors", "notes_right": "notes with right pitch and duration"}
FIGURES |= {"lines_right": "whole lines right", "clef_and_key_right": "clef and key right"}
FIGURES["staves_found"] = "staffs found"
HEAD = ("clef:", "sharp", "flat")  # how tokens of a clef and a key begin
MISSING, ADDED = "(missed)", "(nothing there)"


#: One page: counts (wrong or right, all) of each of FIGURES, [true, read] of errors, a refusal.
Result = namedtuple("Result", "kind everything counts seconds errors refused", defaults=(0.0, (), ""))


def match_staves(sheet: Page, found: list[Staff]) -> dict[int, int]:
    """True staff -> found one: their middle lines lie within a staff space of each other nearly all along."""
    matches = {}
    for number, staff in enumerate(found):
        x, y = staff.to_page(np.linspace(8, staff.width - 9, 20), 48)
        for true, (line, space) in enumerate(zip(sheet.staves, sheet.spaces)):
            off = np.abs(np.interp(x, line[:, 0], line[:, 1]) - y)
            overlap = min(x[-1], line[-1, 0]) - max(x[0], line[0, 0])
            if np.mean(off < space) > 0.9 and overlap > 0.9 * (line[-1, 0] - line[0, 0]):
                matches.setdefault(true, number)
    return matches


def notes_of_lines(lines: list[list[str]]) -> list[list[tuple[str, float]]]:
    """(pitch, quarter notes) of notes as the reader understands tokens, like `notation.sounding`."""
    notes = [[] for _ in lines]
    for bar in read_bars(lines):
        for event in (event for event in bar.events if event.position is not None):
            pitch = pitch_name(event.step, event.alter).replace("-", "b")
            notes[bar.spans[0][0]].append((pitch, float(event.quarters)))
    return notes


def compare(sheet: Page, read: list[list[str]], staves: list[Staff]) -> Result:
    """Counts and errors of one page; `read` are the tokens of each staff that was found."""
    matches = match_staves(sheet, staves)
    lines = [read[matches[true]] if true in matches else [] for true in range(len(sheet.lines))]
    counts, errors = {name: np.zeros(2, int) for name in FIGURES}, []
    for tokens, line, notes, heard in zip(sheet.lines, lines, sounding(sheet.lines), notes_of_lines(lines)):
        wrong = [pair for pair in align(tokens, line) if pair[0] != pair[1]]
        errors += [[one or ADDED, other or MISSING] for one, other in wrong]
        counts["symbol_errors"] += len(wrong), len(tokens)
        counts["lines_right"] += not wrong, 1
        heads = [[*takewhile(lambda one: one.startswith(HEAD), some)] for some in (tokens, line)]
        counts["clef_and_key_right"] += heads[0] == heads[1], 1
        counts["notes_right"] += sum(one == other for one, other in align(notes, heard)), len(notes)
    extra = [token for number, line in enumerate(read) if number not in matches.values() for token in line]
    counts["symbol_errors"] += len(extra), 0  # a staff where there is none
    errors += [[ADDED, token] for token in extra]
    counts["staves_found"] += len(matches), len(sheet.lines)
    pairs = {name: tuple(map(int, pair)) for name, pair in counts.items()}
    return Result(sheet.kind, sheet.everything, pairs, errors=errors)


def measure_sheet(sheet: Page, scores: Path | None = None) -> Result:
    """Read one page and compare it with its truth; both are written as MusicXML into the folder `scores`."""
    begin, refused = time.perf_counter(), ""
    try:
        read = read_sheet(sheet.picture)
        text, found = to_musicxml(read.bars), (read.tokens(), [line.staff for line in read.lines])
    except UserError as problem:
        text, found = to_musicxml(read_bars([["clef:treble", "rest:1"]])), ([], [])
        refused = str(problem)
    seconds = 0.0 if refused else time.perf_counter() - begin
    result = compare(sheet, *found)._replace(seconds=seconds, refused=refused)
    if scores:
        for name, score in (("truth", page_source("", "", elements(sheet.lines))), ("read", text)):
            (scores / name).mkdir(parents=True, exist_ok=True)
            (scores / name / f"{sheet.picture.stem}.musicxml").write_text(score, encoding="utf-8")
    return result


def figures_of(results: list[Result]) -> dict:
    """[share, low, high] of each figure and kind of page (95 % interval), and the commonest errors."""

    def share(some, name):
        return bootstrap([result.counts[name] for result in some]) if some else None

    def seconds_and_errors(some):
        errors = Counter(tuple(error) for result in some for error in result.errors).most_common(20)
        seconds = round(float(np.median([result.seconds for result in some])), 2)
        return {"seconds": seconds, "confusions": [[*pair, times] for pair, times in errors]}

    kinds = {}
    for kind in KINDS:
        some = [result for result in results if result.kind == kind]
        if some:
            kinds[kind] = {"pages": len(some)} | {name: share(some, name) for name in FIGURES}
            for word, everything in (("plain", False), ("everything", True)):
                half = [one for one in some if one.everything == everything]
                kinds[kind][f"{word}_symbol_errors"] = share(half, "symbol_errors")
            kinds[kind]["refused"] = [one.refused for one in some if one.refused]
            kinds[kind] |= seconds_and_errors(some)
    return {"kinds": kinds} | seconds_and_errors(results)


def lines(figures: dict) -> list[str]:
    """How well printed music is read, in Markdown."""
    kinds, rows = figures["kinds"], []
    for name, heading in FIGURES.items():
        shares = [100 * np.array(one[name]) for one in kinds.values()]
        rows.append([heading, *("{:.1f}% [{:.1f}, {:.1f}]".format(*share) for share in shares)])
    rows.append(["seconds a page", *(one["seconds"] for one in kinds.values())])
    clean, halves = kinds.get("lilypond", {}), ("plain", "everything")
    errors = ", ".join(f"{half} {cell(clean.get(f'{half}_symbol_errors'), '.1%')}" for half in halves)
    refused = sum(len(kind["refused"]) for kind in kinds.values())
    return [
        f"Sheet music: {figures['pages']} pages ({figures['lines']} lines) of test tunes:",
        *table(["", *(KINDS[kind][0] for kind in kinds)], rows),
        f"Symbol errors of clean LilyPond pages: {errors}. Pages refused: {refused}.",
    ]


def report(
    folder: Annotated[Path | None, Argument(help="Pages to read; the frozen ones by default.")] = None,
    out: Out = None,
    scores: Annotated[Path | None, Option(help="Folder for truth and readings as MusicXML.")] = None,
) -> dict:
    """Measure how well printed music is read, on pages by engravers that the reader never learned from."""
    sheets = load_sheets(folder)
    results = [measure_sheet(sheet, scores) for sheet in tqdm(sheets, unit=" pages", dynamic_ncols=True)]
    figures = {"pages": len(sheets), "lines": sum(len(sheet.lines) for sheet in sheets)}
    figures |= figures_of(results)
    commonest = (f"{true} read as {read} ({count})" for true, read, count in figures["confusions"][:12])
    told = [*lines(figures), f"Commonest errors: {'; '.join(commonest)}"]
    return finish(figures, told, out, "sheets", not folder)
