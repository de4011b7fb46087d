"""How well real pages are read, scanned and photographed. Command: `sheets pages`.

The pages are other people's: real_pages.tsv names them, and they are taken from clones of their repositories,
`owner/name` in a folder of one's own. What is printed on them was written by eye before anything was read;
where the tune is old enough to be everybody's, it stands in real_pages.abc.

Other pages are measured by a pages.json in the folder. Each entry has `picture`, `kind`, and either `truth`
(a file of ABC as it is printed), perhaps with `upper` (of systems the uppermost voice), or `tunes` (in which
staff, from 1, each tune begins), or `reason` (a pattern that the sentence has to hold with which it is
refused).
"""

import csv
import json
import re
import subprocess
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import pypdfium2
from music21 import harmony, note
from tqdm import tqdm
from typer import Argument

from benchmarks.all_measures import align, bootstrap
from benchmarks.harness import finish, table
from benchmarks.options import Out
from noteninja_lib.errors import UserError
from noteninja_lib.music.abc_notation import read_abc
from noteninja_lib.music.harmony import read_chord
from noteninja_lib.omr.recognition import Sheet, read_sheet
from noteninja_lib.omr.vocabulary import midi_pitch

#: Figure -> what it is; each is counted as (so many, of so many).
FIGURES = {
    "note_errors": "note errors",
    "chords_right": "chord symbols right",
    "bars_marked": "marked bars with an error",
}
FIGURES |= {"errors_marked": "bars with an error that are marked", "read": "pages read"}
FIGURES |= {
    "tunes_right": "tunes that begin where they do",
    "refused_rightly": "refused for the right reason",
}
FIGURES |= {"accepted": "read though they can't be"}
Notes = list[tuple[int | None, float]]
LIST, TRUTHS = (Path(__file__).with_name(f"real_pages.{kind}") for kind in ("tsv", "abc"))
#: What can't be read -> how the sentence may say so.
REASONS = {"systems": "joined to a system", "chords": "chords, or two voices", "percussion": "percussion"}
REASONS |= {"tablature": "tablature", "cut": "cut off", "handwriting": "handwriting|not look like printed"}
REASONS |= {"blank": "No notes|blank|No staff", "illegible": "too small|No staff|Too little"}
REASONS |= {
    what: "No staff|fives|No notes|Too little|not look like printed" for what in ("no music", "chant")
}


def listed(folder: Path) -> Iterator[dict]:
    """Entries for the pages of real_pages.tsv whose repositories were cloned into a folder."""
    truths = dict(part.split("\n", 1) for part in TRUTHS.read_text(encoding="utf-8").split("%page ")[1:])
    for row in csv.DictReader(LIST.read_text(encoding="utf-8").splitlines(), delimiter="\t"):
        clone = folder / row["repository"]
        if row["kind"] == "left out" or not clone.is_dir():
            continue
        picture = folder / f"{row['number']}{Path(row['path']).suffix}"
        if not picture.exists():
            command = ["git", "-C", str(clone), "show", f"{row['commit']}:{row['path']}"]
            done = subprocess.run(command, capture_output=True)
            if done.returncode:
                raise UserError(f"{clone} lacks the commit {row['commit']}: fetch it with all its history.")
            if row["pages"]:
                chosen = pypdfium2.PdfDocument.new()
                numbers = [int(one) - 1 for one in row["pages"].split(",")]
                chosen.import_pages(pypdfium2.PdfDocument(done.stdout), numbers)
                chosen.save(str(picture))
            else:
                picture.write_bytes(done.stdout)
        entry = {"picture": picture.name, "kind": row["kind"], "upper": row["kind"] == "top voice"}
        if row["what"]:
            entry["reason"] = "|".join(REASONS[what] for what in row["what"].split(","))
        if row["tunes"]:
            entry["tunes"] = [int(one) for one in row["tunes"].split(",")]
        yield entry | ({"abc": truths[row["number"]]} if row["number"] in truths else {})


def truth_of(text: str) -> tuple[Notes, list[int], list[tuple[str, str]]]:
    """What is printed: MIDI pitch (None for a rest) and quarter notes of each, its bar, and the chords."""
    notes, bars, chords, number = [], [], [], 0
    for part in re.split(r"(?m)^(?=X:)", text):
        if "K:" not in part:
            continue
        score = read_abc(part)
        for measure in score.parts[0].getElementsByClass("Measure"):
            number += 1
            for element in measure.recurse().getElementsByClass((note.GeneralNote,)):
                if isinstance(element, harmony.ChordSymbol | harmony.NoChord) or element.duration.isGrace:
                    continue
                pitch = None if element.isRest else max(one.midi for one in element.pitches)
                notes.append((pitch, round(float(element.quarterLength), 3)))
                bars.append(number)
        symbols = re.findall(r'"([^"^_<>@][^"]*)"', part.split("K:", 1)[1])
        chords += [chord for chord in map(read_chord, symbols) if chord]
    return notes, bars, chords


def notes_of(sheet: Sheet) -> tuple[Notes, list[int]]:
    """What was read, and in which bar each stands."""
    notes, bars = [], []
    for number, bar in enumerate(sheet.bars):
        for event in bar.events:
            pitch = None if event.step is None else midi_pitch(event.step, event.alter)
            notes.append((pitch, round(float(event.quarters), 3)))
            bars.append(number)
    return notes, bars


def compare(sheet: Sheet, text: str) -> dict[str, tuple[int, int]]:
    """Counts of a page that was read, by its truth in ABC."""
    true, _, chords = truth_of(text)
    read, bars = notes_of(sheet)
    wrong, wrong_bars, at = 0, set(), 0
    for one, other in align(true, read):
        if one != other:
            wrong += 1
            wrong_bars.add(bars[min(at, len(bars) - 1)])
        at += other is not None
    marked = {number for number, bar in enumerate(sheet.bars) if bar.doubts}
    heard = [read_chord(text) for bar in sheet.bars for _, text in bar.harmony]
    right = sum(one == other for one, other in align(chords, heard) if one and other)
    extra = max(len(heard) - len(chords), 0)
    return {
        "note_errors": (wrong, len(true)),
        "chords_right": (right, len(chords) + (extra if chords else 0)),
        "bars_marked": (len(marked & wrong_bars), len(marked)),
        "errors_marked": (len(marked & wrong_bars), len(wrong_bars)),
    }


def measure(folder: Path, entry: dict) -> dict:
    """Counts of one page, and the sentence with which it was refused."""
    counts, refused, begin = {}, "", time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            sheet = read_sheet(folder / entry["picture"], upper=entry.get("upper", False))
        except UserError as problem:
            sheet, refused = None, str(problem)
        seconds = time.perf_counter() - begin
        if "reason" in entry:
            counts["refused_rightly"] = (int(bool(re.search(entry["reason"], refused, re.I))), 1)
            counts["accepted"] = (int(not refused), 1)
        else:
            counts["read"] = (int(not refused), 1)
        if "tunes" in entry and sheet:
            starts = np.cumsum([1, *(len(tune.lines) for tune in sheet.tunes)])[:-1].tolist()
            counts["tunes_right"] = (
                len(set(starts) & set(entry["tunes"])),
                len(set(starts) | set(entry["tunes"])),
            )
        elif "tunes" in entry:
            counts["tunes_right"] = (0, len(entry["tunes"]))
        text = entry.get("abc") or "truth" in entry and (folder / entry["truth"]).read_text(encoding="utf-8")
        if text and sheet:
            counts |= compare(sheet, text)
    told = refused or " ".join(sheet.left_out)
    return {"picture": entry["picture"], "kind": entry["kind"], "seconds": seconds, "told": told} | counts


def report(
    folder: Annotated[Path, Argument(help="With clones of the repositories, or pictures and pages.json.")],
    kind: str | None = None,
    out: Out = None,
) -> dict:
    """Measure how well real pages are read that lie in a folder with their truth."""
    own = folder / "pages.json"
    entries = json.loads(own.read_text(encoding="utf-8")) if own.exists() else list(listed(folder))
    entries = [entry for entry in entries if kind in (None, entry["kind"])]
    if not entries:
        raise UserError(f"{folder} holds no such page: clone the repositories of {LIST.name} into it.")
    results = [measure(folder, entry) for entry in tqdm(entries, unit=" pages", dynamic_ncols=True)]
    kinds = defaultdict(list)
    for result in results:
        kinds[result["kind"]].append(result)
    figures, rows = {"pages": len(results)}, []
    for name, some in kinds.items():
        figures[name] = {"pages": len(some), "seconds": float(np.median([one["seconds"] for one in some]))}
        for figure, words in FIGURES.items():
            pairs = [one[figure] for one in some if figure in one]
            if sum(whole for _, whole in pairs):
                figures[name][figure] = bootstrap(pairs)
                few, many = np.sum(pairs, axis=0)
                share, low, high = (f"{100 * one:.1f}" for one in figures[name][figure])
                rows.append([name, len(some), words, f"{few} of {many}", f"{share}% [{low}, {high}]"])
    figures["results"] = results
    return finish(figures, table(["kind", "pages", "", "", "share"], rows), out, "pages", usual=False)
