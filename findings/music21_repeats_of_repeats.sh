#!/usr/bin/env bash
# music21 10.5.1: a repeat sign without one that opens it leads back to the beginning of the piece, through repeats
# that were played already.
#
# In dance tunes and rags a strain that is played twice often has only its closing sign; by custom it goes back to
# the one before (the MusicXML 4.0 specification leaves to the reader what a missing forward repeat means). Two
# strains of one bar each, C and D, with a closing sign after each, are to sound as C C D D. music21's `expandRepeats` gives
# C C D C C D: the second sign leads to the first bar, whose own repeat is taken again. With three strains it is
# C C D C C D E C C D C C D E, so that the length doubles with each strain. With opening signs all is right.
# Exit status: 0 as long as it is so, 1 when it changes. PYTHON may name an interpreter (3.11 or newer).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check music21==10.5.1 2> "$work/pip" || { cat "$work/pip"; exit 2; }
cat > "$work/strains.py" <<'PYTHON'
from music21 import converter

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="3.1"><part-list><score-part id="P1">'
    "<part-name>tune</part-name></score-part></part-list><part id=\"P1\">"
)
TIME = "<attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"


def played(strains, opened):
    text = HEAD
    for number, step in enumerate(strains, 1):
        text += f'<measure number="{number}">' + (TIME if number == 1 else "")
        if opened:
            text += '<barline location="left"><repeat direction="forward"/></barline>'
        text += f"<note><pitch><step>{step}</step><octave>4</octave></pitch><duration>4</duration></note>"
        text += '<barline location="right"><repeat direction="backward"/></barline></measure>'
    score = converter.parse(text + "</part></score-partwise>", format="musicxml")
    return "".join(note.name for note in score.parts[0].expandRepeats().recurse().notes)


for strains in ("CD", "CDE"):
    print(strains, "closed", played(strains, False), "opened and closed", played(strains, True))
PYTHON
"$work/venv/bin/python" "$work/strains.py" | tee "$work/said"
grep -qx "CD closed CCDCCD opened and closed CCDD" "$work/said"
grep -qx "CDE closed CCDCCDECCDCCDE opened and closed CCDDEE" "$work/said"
echo "as described"
