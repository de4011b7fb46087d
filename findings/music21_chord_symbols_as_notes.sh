#!/usr/bin/env bash
# music21 10.5.1: the tones of a chord symbol, which nobody plays, decide which accidentals are printed in the staff.
#
# In D major C sharp needs no accidental. Where the chord symbol C stands above the bar, the C sharp after it gets one
# when the part is written as MusicXML, as if a C natural had been played before it; with the symbol D it gets none. A
# ChordSymbol is a Chord, so `makeAccidentals` takes its pitches for notes of the bar. Lead sheets get sharps and flats
# that no engraver would set; symbols that are put in after `makeNotation` do no harm.
# Exit status: 0 as long as it is so, 1 when it changes. PYTHON may name an interpreter (3.11 or newer).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check music21==10.5.1 2> "$work/pip" || { cat "$work/pip"; exit 2; }
cat > "$work/symbols.py" <<'PYTHON'
from music21 import harmony, key, meter, note, stream
from music21.musicxml.m21ToXml import GeneralObjectExporter


def accidentals(symbol, later=False):
    part = stream.Part([meter.TimeSignature("4/4"), key.Key("D")])
    part.append([note.Note(name, quarterLength=1) for name in ("D5", "C#5", "D5", "A4")])
    if symbol and not later:
        part.insert(0, harmony.ChordSymbol(symbol))
    part = part.makeNotation()
    if symbol and later:
        part.measure(1).insert(0, harmony.ChordSymbol(symbol))
    return GeneralObjectExporter(part).parse().decode().count("<accidental>")


print("without", accidentals(None), "D", accidentals("D"), "C", accidentals("C"), "C later", accidentals("C", True))
PYTHON
"$work/venv/bin/python" "$work/symbols.py" | tee "$work/said"
grep -qx "without 0 D 0 C 1 C later 0" "$work/said"
echo "as described"
