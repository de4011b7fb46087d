#!/usr/bin/env bash
# mido 1.3.3: the length of a MIDI file in SMPTE time (frames of film in place of beats) is negative.
#
# The header of a MIDI file may give ticks of a frame at 24, 25, 29 or 30 frames a second, as a negative first byte
# (Standard MIDI Files 1.0, division). 16 notes of half a second each at 25 frames and 40 ticks a frame last 8 s.
# Expected: 8 s, or an error. Seen: no error; ticks_per_beat is -6360, MidiFile.length -0.63 s, and of 32 messages
# none comes at a time that is not 0 or negative. pretty_midi 0.2.11, which builds on it, refuses the same file with
# ValueError "Note end time must be greater than start time".
# Exit status: 0 as long as it is so, 1 when it changes. PYTHON may name an interpreter (3.11 or newer).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mido==1.3.3 pretty_midi==0.2.11 setuptools==80.9.0 2> "$folder/pip" || { cat "$folder/pip"; exit 2; }
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import io
import sys

import mido
import pretty_midi

file = mido.MidiFile(ticks_per_beat=480)
track = mido.MidiTrack()
for pitch in 2 * (60, 62, 64, 65, 67, 69, 71, 72):
    track.append(mido.Message("note_on", note=pitch, velocity=90))
    track.append(mido.Message("note_off", note=pitch, time=500))
file.tracks.append(track)
written = io.BytesIO()
file.save(file=written)
content = bytearray(written.getvalue())
content[12:14] = bytes([256 - 25, 40])  # 25 frames a second, 40 ticks a frame: 500 ticks are half a second

read = mido.MidiFile(file=io.BytesIO(content))
times = [message.time for message in read]
print(f"mido: ticks_per_beat {read.ticks_per_beat}, length {read.length:.2f} s, longest wait {max(times):.3f} s, of 8 s")
try:
    pretty_midi.PrettyMIDI(io.BytesIO(content))
    said = "read"
except ValueError as problem:
    said = str(problem)
print("pretty_midi:", said)
sys.exit(not (read.length < 0 and max(times) <= 0 and said == "Note end time must be greater than start time"))
PYTHON
