#!/usr/bin/env bash
# tinysoundfont 0.3.7: the first zone of an instrument leaks into the others.
#
# In a SoundFont, only a first zone WITHOUT a recording is a global zone, whose settings hold for all zones of its
# instrument (SoundFont 2.04 specification, section 9.4). If a preset limits an instrument to some keys, and the first
# zone of the instrument has a recording but lies outside of these keys, tinysoundfont takes that zone for a global one.
#
# The font that is made here has one instrument: a zone for key 27 alone, 15 dB softer, and one for key 60. Preset 0
# plays all its keys, preset 1 keys 40 to 80.
# Expected: key 60 is as loud in preset 1 as in preset 0.
# Seen: in preset 1 it is 15 dB softer. (FluidR3 GM's brush kit has such zones: its tambourine is 15 dB too soft.)
# Exit status: 0 as long as it is so, 1 when it changes. PYTHON may name an interpreter (3.8 to 3.12 have wheels).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/env"
# Without dependencies: the one that it names, pyaudio, is only for playing through a loudspeaker.
"$folder/env/bin/pip" install --quiet --disable-pip-version-check --no-deps \
    tinysoundfont==0.3.7 2> "$folder/pip" || { cat "$folder/pip"; exit 2; }
"$folder/env/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5 2> "$folder/pip" || { cat "$folder/pip"; exit 2; }
"$folder/env/bin/python" - "$folder/font.sf2" <<'PYTHON'
import importlib.metadata
import struct
import sys

import numpy
from tinysoundfont import _tinysoundfont

KEYS, INSTRUMENT, ATTENUATION, RECORDING, LOOP = 43, 41, 48, 53, 54


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data


def generators(*pairs):
    return b"".join(struct.pack("<Hh", *pair) for pair in pairs)


def head(name, *numbers, shape="H"):
    return name.ljust(20, b"\0") + struct.pack("<" + shape, *numbers)


sine = numpy.round(16000 * numpy.sin(2 * numpy.pi * numpy.arange(4400) / 100)).astype("<i2")
tables = [
    (b"phdr", head(b"all keys", 0, 0, 0, shape="3H12x") + head(b"some keys", 1, 0, 1, shape="3H12x")
     + head(b"EOP", 0, 0, 2, shape="3H12x")),
    (b"pbag", struct.pack("<6H", 0, 0, 1, 0, 3, 0)), (b"pmod", bytes(10)),
    (b"pgen", generators((INSTRUMENT, 0), (KEYS, 80 << 8 | 40), (INSTRUMENT, 0)) + bytes(4)),
    (b"inst", head(b"instrument", 0) + head(b"EOI", 2)),
    (b"ibag", struct.pack("<6H", 0, 0, 4, 0, 7, 0)), (b"imod", bytes(10)),
    (b"igen", generators((KEYS, 27 << 8 | 27), (ATTENUATION, 150), (LOOP, 1), (RECORDING, 0),
                         (KEYS, 60 << 8 | 60), (LOOP, 1), (RECORDING, 0)) + bytes(4)),
    (b"shdr", head(b"sine", 0, 4400, 100, 4300, 44100, 60, 0, 0, 1, shape="5IBb2H") + head(b"EOS", shape="26x"))]
body = b"sfbk" + chunk(b"LIST", b"sdta" + chunk(b"smpl", sine.tobytes() + bytes(92)))
body += chunk(b"LIST", b"pdta" + b"".join(chunk(*table) for table in tables))
with open(sys.argv[1], "wb") as file:
    file.write(chunk(b"RIFF", body))

print("tinysoundfont", importlib.metadata.version("tinysoundfont"), "python", sys.version.split()[0])
loud = []
for preset in (0, 1):
    font = _tinysoundfont.SoundFont(sys.argv[1])
    font.set_output(_tinysoundfont.OutputMode.Mono, 44100, 0.0)
    font.channel_set_bank(0, 0)
    font.channel_set_preset_number(0, preset, False)
    font.channel_note_on(0, 60, 1.0)
    sound = numpy.zeros(22050, numpy.float32)
    font.render(sound.view(numpy.uint8))
    loud.append(float(numpy.abs(sound[11025:]).max()))
    print(f"  preset {preset}, key 60: amplitude {loud[-1]:.4f}")
softer = 20 * numpy.log10(loud[0] / loud[1])
print(f"  preset 1 is {softer:.1f} dB softer; expected 0")
sys.exit(not abs(softer - 15) < 0.5)
PYTHON
