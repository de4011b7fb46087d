#!/usr/bin/env bash
# music21 10.5.1: an accidental in ABC holds for its own note alone, and not to the bar line.
#
# The ABC standard 2.1 (section 4.2) lets an accidental hold to the end of its bar, as in print, unless a
# %%propagate-accidentals line says otherwise. music21's reader gives F sharp and then F natural for "^F G F G": the second
# F is read without the sharp that it is printed without. Written as MusicXML, a natural stands before it. Tunes with
# accidentals that hold are common in books of ABC, and nothing warns that they sound otherwise.
# Exit status: 0 as long as it is so, 1 when it changes. PYTHON may name an interpreter (3.11 or newer).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check music21==10.5.1 2> "$work/pip" || { cat "$work/pip"; exit 2; }
cat > "$work/accidentals.py" <<'PYTHON'
from music21 import converter


def names(bars):
    score = converter.parse(f"X:1\nT:bars\nM:4/4\nL:1/4\nK:C\n{bars}\n", format="abc")
    return " ".join(note.nameWithOctave for note in score.recurse().notes)


print("bar:", names("^F G F G|"))
print("propagation asked for:", names("%%propagate-accidentals pitch\n^F G F G|"))
print("next bar:", names("^F G A B|F G A B|"))
PYTHON
"$work/venv/bin/python" "$work/accidentals.py" | tee "$work/said"
grep -qx "bar: F#4 G4 F4 G4" "$work/said"
grep -qx "propagation asked for: F#4 G4 F4 G4" "$work/said"
grep -qx "next bar: F#4 G4 A4 B4 F4 G4 A4 B4" "$work/said"
echo "as described"
