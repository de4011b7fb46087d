#!/usr/bin/env bash
# soundfile 0.14.0 (libsndfile 1.2.2): of an mp3 of variable bit rate without a Xing or LAME tag, a part is read.
#
# Each frame of an mp3 says in its header how long it is, so all can be read. 20 s of mono, half of it noise and
# half a tone, as bare frames by lameenc 1.9.0 (which writes no tag). Expected: 20 s, or an error.
# Seen: no error, and soundfile.read gives 5.0 s where the noise comes first, 6.7 s where the tone does: as many as
# info().duration announces, which is a guess from the bit rate.
# Exit status: 0 as long as it is so, 1 when it changes. PYTHON may name an interpreter (3.11 or newer).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check soundfile==0.14.0 lameenc==1.9.0 numpy 2> "$folder/pip" || { cat "$folder/pip"; exit 2; }
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import lameenc
import numpy as np
import soundfile

RATE, SECONDS = 44100, 20
noise = np.random.default_rng(0).normal(0, 0.1, SECONDS * RATE // 2)
tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(SECONDS * RATE // 2) / RATE)
print("soundfile", soundfile.__version__, soundfile.__libsndfile_version__)
as_seen = True
for name, halves, seen in (("noise, tone", (noise, tone), 5.0), ("tone, noise", (tone, noise), 6.7)):
    encoder = lameenc.Encoder()
    encoder.set_channels(1)
    encoder.set_in_sample_rate(RATE)
    encoder.set_vbr(4)
    encoder.set_vbr_quality(2)
    encoder.silence()
    samples = (np.concatenate(halves) * 32767).astype("<i2")
    frames = bytes(encoder.encode(samples.tobytes())) + bytes(encoder.flush())
    read = len(soundfile.read(io.BytesIO(frames))[0]) / RATE
    announced = soundfile.info(io.BytesIO(frames)).duration
    print(f"  {name}: {read:.1f} s are read, {announced:.1f} s announced, of {SECONDS} s")
    as_seen = as_seen and b"Xing" not in frames and abs(read - seen) < 0.3
sys.exit(not as_seen)
PYTHON
