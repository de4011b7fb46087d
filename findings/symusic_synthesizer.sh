#!/usr/bin/env bash
# symusic 0.6.0: Synthesizer.render cannot hand its result to Python.
#
# Expected: an array of float32 with the sound of one flute note, as the package's documentation describes.
# Seen: TypeError, "Unable to convert function return value to a Python type", whatever the score's time unit, mono
# or stereo, with numpy 1 and with numpy 2. The SoundFont is the one that pretty_midi ships.
# Exit status: 0 as long as it is so, 1 when it changes. PYTHON may name an interpreter (3.11 to 3.12).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
changed=0
for numpy in 1.26.4 2.3.5; do
    "${PYTHON:-python3}" -m venv "$folder/$numpy"
    "$folder/$numpy/bin/pip" install --quiet --disable-pip-version-check \
        symusic==0.6.0 pretty_midi==0.2.11 "numpy==$numpy" 2> "$folder/pip" || { cat "$folder/pip"; exit 2; }
    "$folder/$numpy/bin/python" - <<'PYTHON' || changed=1
import importlib.metadata
import importlib.util
import pathlib
import sys

import numpy
from symusic import Note, Score, Synthesizer, Tempo, Track

font = pathlib.Path(importlib.util.find_spec("pretty_midi").origin).parent / "TimGM6mb.sf2"
score = Score(480)
score.tempos.append(Tempo(0, 120.0))
track = Track("flute", 73, False)
track.notes.append(Note(480, 960, 69, 100))
score.tracks.append(track)
print("symusic", importlib.metadata.version("symusic"), "numpy", numpy.__version__, "python", sys.version.split()[0])
as_described = True
for unit in ("tick", "second"):
    for stereo in (False, True):
        try:
            sound = Synthesizer(sf_path=str(font), sample_rate=44100, quality=4).render(score.to(unit), stereo=stereo)
            seen = f"{type(sound).__name__}, loudest sample {numpy.abs(numpy.asarray(sound)).max():.3f}"
            as_described = False
        except TypeError as error:
            seen = f"TypeError: {str(error).splitlines()[0]}"
            as_described = as_described and "Unable to convert function return value" in seen
        print(f"  {unit:6} stereo={stereo!s:5} {seen}")
sys.exit(not as_described)
PYTHON
done
exit $changed
