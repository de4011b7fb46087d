"""Is the voice of a printed song its tune, and the rest its accompaniment? Command: `scores`."""

import resource
import time
import traceback
import warnings
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Annotated
from xml.etree import ElementTree
from zipfile import ZipFile

import numpy as np
from typer import Argument, Option

from benchmarks.harness import finish, measure, rounded, table
from benchmarks.options import CORES, Out, Workers
from noteninja_lib.errors import Notice, UserError
from noteninja_lib.music.playback import find_tune, perform
from noteninja_lib.music.playing_order import played_spans
from noteninja_lib.music.score_io import parse_notes

STEPS = dict(C=0, D=2, E=4, F=5, G=7, A=9, B=11)
SAME = 0.06  # seconds by which a note may be played beside its place
HIDDEN = {"as it is": "", "names hidden": "n", "words hidden": "w", "names and words hidden": "nw"}
HIDDEN |= {"names and words hidden, staves from below": "nwr"}
JUMPS = "dacapo dalsegno tocoda fine".split()


class Page:
    """A song in MusicXML, read apart from the library: staves, notes, words, and how fast it is."""

    def __init__(self, path: Path):
        if path.suffix == ".mxl":
            with ZipFile(path) as packed:
                name = next(name for name in packed.namelist() if name.endswith("xml") and "META" not in name)
                root = ElementTree.fromstring(packed.read(name))
        else:
            root = ElementTree.parse(path).getroot()
        self.notes = defaultdict(list)  # (part, staff) -> [start, length, pitch] in quarter notes
        self.words, self.tempi, self.begin, self.order = defaultdict(int), {}, {}, []
        signs = list(root.iter("repeat")) + list(root.iter("ending"))
        jumps = [one for one in root.iter("sound") if any(one.get(name) for name in JUMPS)]
        self.once = not signs and not jumps  # played as it stands
        measures = [part.findall("measure") for part in root.iter("part")]
        lengths, found = defaultdict(float), []
        for number, part in enumerate(measures):
            divisions, steps = 1.0, 0
            for place, bar in enumerate(part):
                at = last = 0.0
                for one in bar:
                    lasts = float(one.findtext("duration") or 0) / divisions
                    if one.tag == "attributes":
                        divisions = float(one.findtext("divisions") or divisions)
                        if one.find("transpose") is not None:
                            octaves = int(one.findtext("transpose/octave-change") or 0)
                            steps = int(one.findtext("transpose/chromatic") or 0) + 12 * octaves
                    elif one.tag in ("backup", "forward"):
                        at += lasts if one.tag == "forward" else -lasts
                    elif one.tag in ("direction", "sound"):
                        late = float(one.findtext("offset") or 0) / divisions
                        for sound in [one] if one.tag == "sound" else one.findall("sound"):
                            if sound.get("tempo"):
                                self.tempi[place, at + late] = float(sound.get("tempo"))
                    elif one.tag == "note" and one.find("grace") is None:
                        start = last if one.find("chord") is not None else at
                        staff = number, int(one.findtext("staff") or 1)
                        if staff not in self.order:
                            self.order.append(staff)
                        self.words[staff] += one.find("lyric") is not None
                        if one.find("pitch") is not None and one.find("cue") is None:
                            step, octave = one.findtext("pitch/step"), int(one.findtext("pitch/octave"))
                            pitch = STEPS[step] + 12 * octave + 12 + steps
                            pitch += int(float(one.findtext("pitch/alter") or 0))
                            held = any(tie.get("type") == "stop" for tie in one.findall("tie"))
                            found.append((staff, place, start, lasts, pitch, held))
                        last, at = start, start + lasts
                    lengths[place] = max(lengths[place], at)
        starts = np.concatenate([[0.0], np.cumsum([lengths[place] for place in range(len(lengths))])])
        self.length, whole = starts[-1], [bar.get("implicit") != "yes" for bar in measures[0]]
        self.lines = [start for start, full in zip(starts, whole) if full]  # where bar lines are
        self.tempi = {starts[place] + at: tempo for (place, at), tempo in sorted(self.tempi.items())}
        for staff, place, start, lasts, pitch, held in sorted(found):
            start += starts[place]
            line = self.notes[staff]
            before = [one for one in line if held and one[2] == pitch and abs(sum(one[:2]) - start) < 1e-3]
            if before:
                before[-1][1] += lasts
            else:
                line.append([start, lasts, pitch])

    def seconds(self, quarters: float) -> float:
        """When a place is played by the tempi that the file gives."""
        places, speeds = list(self.tempi), list(self.tempi.values())
        edges = [0.0, *places[1:], np.inf]
        spans = (min(quarters, after) - one for one, after in zip(edges, edges[1:]))
        return sum(max(0.0, span) * 60 / speed for span, speed in zip(spans, speeds))


def chosen(score, hidden: str) -> int:
    """Number of the part that is taken for the tune when names (n) or words (w) are hidden."""
    for part in score.parts if hidden else ():
        if "n" in hidden:
            part.partName = part.partAbbreviation = None
            for instrument in part.getInstruments(returnDefault=False, recurse=True):
                instrument.instrumentName = instrument.partName = None
        for one in part.recurse().notesAndRests if "w" in hidden else ():
            one.lyrics = []
    parts = list(score.parts)[:: -1 if "r" in hidden else 1]
    place = find_tune(parts, played_spans(parts), lambda quarters: np.multiply(quarters, 0.5), None)[1]
    return len(parts) - 1 - place if "r" in hidden else place


def share(written: list, played: list, page: Page) -> float:
    """Of what is written, how much sounds at its time in what is played."""
    by_pitch = defaultdict(list)
    for one in played:
        by_pitch[one.pitch].append(one)
    hits = []
    for start, lasts, pitch in written:
        begin, end = page.seconds(start), page.seconds(start + lasts)
        middle = min(begin + SAME, (begin + end) / 2)
        hits.append(any(one.start - SAME <= middle <= one.end + SAME for one in by_pitch[pitch]))
    return float(np.mean(hits)) if hits else 1.0


def read(path: Path) -> dict:
    """What is found in a song, and what should be."""
    page, row = Page(path), {"song": path.name}
    staves = [staff for staff in page.order if staff in page.notes]
    sung = [number for number, staff in enumerate(page.order) if page.words[staff] >= 4]
    row |= {"sung": sung, "staves": len(staves), "once": page.once}
    began = time.perf_counter()
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            score, _, _ = parse_notes(path, "MusicXML")
            roll = perform(score)
        row["seconds to read"] = time.perf_counter() - began
        row["said"] = [str(one.message) for one in told if issubclass(one.category, Notice)]
        row["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            order = {name: chosen(score, hidden) for name, hidden in HIDDEN.items() if hidden != "w"}
            with suppress(UserError):
                again, _, _ = parse_notes(path, "MusicXML")
                order["words hidden"] = chosen(again, "w")
        row["chosen"] = order
    except Exception as problem:
        return row | {"error": f"{type(problem).__name__}: {problem}", "where": traceback.format_exc()[-800:]}
    if page.tempi:
        row["length"] = roll.seconds / page.seconds(page.length)
    if page.once and page.tempi and len(sung) == 1:
        voice = page.order[sung[0]]
        row["voice"] = share(page.notes[voice], roll.melody_notes(), page)
        others = sum((page.notes[staff] for staff in staves if staff != voice), [])
        row["piano"] = share(
            others, roll.accompaniment() + roll.melody_notes(), page
        )  # some doubles the voice
        late = [np.abs(roll.beats - page.seconds(line)).min() for line in page.lines]
        row["bar lines"] = float(np.mean(np.array(late) < SAME))
    return row


def report(
    folder: Annotated[
        Path, Argument(exists=True, file_okay=False, help="Songs for voice and piano in MusicXML.")
    ],
    out: Out = None,
    workers: Workers = CORES,
    only: Annotated[
        Path | None, Option(exists=True, dir_okay=False, help="Paths below the folder, a line each.")
    ] = None,
) -> dict:
    """Measure how often the part with the words is taken for the tune, shown and hidden, and what is lost."""
    names = only.read_text(encoding="utf-8").splitlines() if only else sorted(folder.rglob("*.mxl"))
    if not names:
        raise UserError(f"There are no .mxl files in {folder}: give a folder of songs.")
    rows = measure(read, [folder / name for name in names], "songs", workers)
    read_well = [row for row in rows if "error" not in row]
    with_words = [row for row in read_well if row["sung"]]
    figures = {"songs": len(rows), "read": len(read_well), "with words": len(with_words)}
    for name in HIDDEN:
        found = [row["chosen"].get(name) in row["sung"] for row in with_words]
        figures[f"the voice is the tune, {name}"] = rounded(np.mean(found))
    for name in ("voice", "piano", "bar lines", "length", "seconds to read", "memory"):
        values = [row[name] for row in read_well if name in row]
        figures[name] = {"n": len(values), "mean": rounded(np.mean(values)), "min": rounded(min(values)),
                         "median": rounded(np.median(values)), "max": rounded(max(values))}  # fmt: skip
    plain = [[name, value] for name, value in figures.items()]
    return finish(figures | {"rows": rows}, table(["what", "figure"], plain), out, "scores", usual=False)
