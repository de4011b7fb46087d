#!/usr/bin/env bash
# soundfile 0.14.0 (libsndfile 1.2.2): of a FLAC file whose header does not know its length, the end is lost with the block.
#
# STREAMINFO may say 0 samples, "unknown" (RFC 9639, 8.2): encoders that write to a pipe leave it so. The file is then
# said to have 2**63 - 1 frames, and reading it all at once fails. Read in blocks, the call that reaches the end raises
# an error in place of giving what is left, so that up to a block is lost: of 220,500 frames, 7,508 in blocks of 16,384,
# and 20 in blocks of 64. The same file with its length in the header is read whole.
# Exit status: 0 as long as it is so, 1 when it changes. PYTHON may name an interpreter (3.11 or newer).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check soundfile==0.14.0 numpy 2> "$work/pip" || { cat "$work/pip"; exit 2; }
cat > "$work/flac.py" <<'PYTHON'
import io

import numpy as np
import soundfile

memory = io.BytesIO()
sound = np.sin(2 * np.pi * 440 * np.arange(220500) / 44100) / 3
soundfile.write(memory, sound, 44100, format="FLAC", subtype="PCM_16")
known = memory.getvalue()
unknown = bytearray(known)
unknown[21] &= 0xF0  # the last 36 of STREAMINFO's bits 108 to 143
unknown[22:26] = bytes(4)


def read(data, size):
    file, frames = soundfile.SoundFile(io.BytesIO(data)), 0
    try:
        while len(block := file.read(size)):
            frames += len(block)
    except soundfile.LibsndfileError:
        return frames, "error"
    return frames, "end"


print("known", read(known, 16384), "frames", soundfile.SoundFile(io.BytesIO(bytes(unknown))).frames == 2**63 - 1)
print("unknown", *(read(bytes(unknown), size) for size in (16384, 64)))
PYTHON
"$work/venv/bin/python" "$work/flac.py" | tee "$work/said"
grep -qx "known (220500, 'end') frames True" "$work/said"
grep -qx "unknown (212992, 'error') (220480, 'error')" "$work/said"
echo "as described"
