"""The sampler: right pitch, level, length and brightness, from a SoundFont that is made here and known to
the bit."""

import io
import struct

import numpy as np
import pytest
import soundfile

from noteninja_lib.arranger.soundfont import SoundFont
from noteninja_lib.arranger.synthesis import default_soundfont

RATE = 44100
PERIOD = 100  # samples: the recording is a sine of 441 Hz
LENGTH = 45 * PERIOD  # a tenth of a second
LOUD = 10 ** (-6 / 20) / 2  # what the sampler makes of it: -6 dB of an amplitude of 1/2
KEYS, ATTENUATION, RELEASE, DECAY, SUSTAIN, CUTOFF, LOOP, CHOKE = 43, 48, 38, 36, 37, 8, 54, 57
ATTACK, ENV_CUTOFF, ENV_SUSTAIN, VIBRATO, VIBRATO_RATE = 34, 11, 29, 6, 24


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def write_font(path, *zones, preset=(), compressed=False, program=0):
    """A SoundFont with one instrument; a zone is a dict of generators. Returns a sampler that plays it."""
    sine = np.round(32767 / 2 * np.sin(2 * np.pi * np.arange(LENGTH) / PERIOD)).astype("<i2")
    samples = sine.tobytes() + bytes(92)
    if compressed:
        file = io.BytesIO()
        soundfile.write(file, sine, RATE, format="OGG", subtype="VORBIS")
        samples = file.getvalue()
    end = len(samples) if compressed else LENGTH
    name = b"x".ljust(20, b"\0")
    bags, amounts = [], []
    for zone in zones:
        bags.append(struct.pack("<HH", len(amounts), 0))
        amounts += [struct.pack("<Hh", *pair) for pair in [*zone.items(), (53, 0)]]
    bags.append(struct.pack("<HH", len(amounts), 0))
    outer = [struct.pack("<Hh", *pair) for pair in [*dict(preset).items(), (41, 0)]]
    tables = {
        "phdr": name + struct.pack("<3H12x", program, 0, 0) + name + struct.pack("<3H12x", 0, 0, 1),
        "pbag": struct.pack("<4H", 0, 0, len(outer), 0),
        "pmod": bytes(10),
        "pgen": b"".join(outer) + bytes(4),
        "inst": name + struct.pack("<H", 0) + name + struct.pack("<H", len(zones)),
        "ibag": b"".join(bags),
        "imod": bytes(10),
        "igen": b"".join(amounts) + bytes(4),
        "shdr": name
        + struct.pack("<5IBbHH", 0, end, PERIOD, LENGTH - PERIOD, RATE, 69, 0, 0, 0x11 if compressed else 1)
        + name
        + bytes(26),
    }
    body = b"sfbk" + chunk(b"LIST", b"sdta" + chunk(b"smpl", samples))
    body += chunk(b"LIST", b"pdta" + b"".join(chunk(key.encode(), table) for key, table in tables.items()))
    path.write_bytes(chunk(b"RIFF", body))
    return SoundFont(path, RATE)


@pytest.fixture
def font(tmp_path):
    return lambda *zones, **options: write_font(tmp_path / "font.sf2", *zones, **options)


def play(sampler, *strokes, seconds=1.0, **options):
    """Notes as (start, end, pitch, velocity), in seconds; what rings is not cut off."""
    strokes = [(int(start * RATE), int(end * RATE), 10 * RATE, *key) for start, end, *key in strokes[::-1]]
    return sampler.play(strokes, int(seconds * RATE), **{"program": 0} | options)


def loudest(audio, start, end):
    return np.abs(audio[int(start * RATE) : int(end * RATE)]).max()


@pytest.mark.parametrize("pitch, hertz", [(69, 441), (81, 882), (57, 220.5), (64, 441 * 2 ** (-5 / 12))])
def test_pitch(font, pitch, hertz):
    audio = play(font({LOOP: 1}), (0, 1, pitch, 127))
    rising = np.flatnonzero((audio[:-1] < 0) & (audio[1:] >= 0))
    assert (len(rising) - 1) / np.ptp(rising) * RATE == pytest.approx(hertz, rel=1e-3)


@pytest.mark.parametrize(
    "velocity, attenuation, more, expected",
    [(127, 0, 0, LOUD), (64, 0, 0, LOUD * 64 / 127), (127, 60, 0, LOUD / 2), (127, 60, 60, LOUD / 4)],
)
def test_level(font, velocity, attenuation, more, expected):
    """Level follows velocity; attenuations of instrument and preset, in tenths of a decibel, add up."""
    sampler = font({LOOP: 1, ATTENUATION: attenuation}, preset={ATTENUATION: more})
    assert loudest(play(sampler, (0, 1, 69, velocity)), 0.3, 0.8) == pytest.approx(expected, rel=0.01)


def test_a_loop_goes_on_without_a_seam(font):
    """Tenfold the recording's length: still the sine that is recorded; without a loop there is an end."""
    audio = play(font({LOOP: 1}), (0, 1, 69, 127))
    assert np.abs(audio[PERIOD:35000] - audio[2 * PERIOD : 35000 + PERIOD])[PERIOD:].max() < 1e-3
    once = play(font({LOOP: 0}), (0, 1, 69, 127))
    assert loudest(once, 0.01, 0.09) == pytest.approx(LOUD, rel=0.01) and loudest(once, 0.11, 1) == 0


def test_release(font):
    """80 dB in the time that the font names: here half a second."""
    audio = play(font({LOOP: 1, RELEASE: -1200}), (0, 0.3, 69, 127))
    for after in (0, 0.125, 0.25):
        expected = LOUD * 10 ** (-80 * after / 0.5 / 20)
        assert loudest(audio, 0.3 + after, 0.3 + after + 1 / 441) == pytest.approx(expected, rel=0.12)
    assert loudest(audio, 0.81, 1) == 0


def test_attack_and_decay(font):
    audio = play(font({LOOP: 1, ATTACK: -1200 * 2, DECAY: 0, SUSTAIN: 200}), (0, 2, 69, 127), seconds=2)
    assert loudest(audio, 0.12, 0.13) == pytest.approx(LOUD / 2, rel=0.05)
    assert loudest(audio, 0.25, 0.26) == pytest.approx(LOUD, rel=0.05)
    assert loudest(audio, 0.37, 0.38) == pytest.approx(LOUD / 10 ** (80 * 0.125 / 20), rel=0.05)
    assert loudest(audio, 1, 1.9) == pytest.approx(LOUD / 10, rel=0.02)


def test_filter(font):
    """Two octaves above its corner a low-pass of second order takes about 24 dB; an envelope can open it."""
    corner = round(1200 * np.log2(441 / 4 / 8.176))
    closed = play(font({LOOP: 1, CUTOFF: corner}), (0, 1, 69, 127))
    assert 20 * np.log10(loudest(closed, 0.5, 0.9) / LOUD) == pytest.approx(-23.5, abs=1)
    opened = play(font({LOOP: 1, CUTOFF: corner, ENV_CUTOFF: 7000}), (0, 1, 69, 127))
    assert loudest(opened, 0.5, 0.9) == pytest.approx(LOUD, rel=0.05)


def test_vibrato(font):
    """One semitone up and down, once a second."""
    sampler = font({LOOP: 1, VIBRATO: 100, VIBRATO_RATE: round(1200 * np.log2(1 / 8.176))})
    audio = play(sampler, (0, 1, 69, 127))
    rising = np.flatnonzero((audio[:-1] < 0) & (audio[1:] >= 0))
    cents = 1200 * np.log2(RATE / np.diff(rising) / 441)
    at = rising[:-1] / RATE
    assert np.median(cents[abs(at - 0.25) < 0.02]) == pytest.approx(100, abs=20)
    assert np.median(cents[abs(at - 0.75) < 0.02]) == pytest.approx(-100, abs=20)


def test_zones_of_keys(font):
    sampler = font({LOOP: 1, KEYS: 69 << 8}, {LOOP: 1, KEYS: 127 << 8 | 70, ATTENUATION: 60})
    assert loudest(play(sampler, (0, 1, 69, 127)), 0.3, 0.8) == pytest.approx(LOUD, rel=0.01)
    assert loudest(play(sampler, (0, 1, 70, 127)), 0.3, 0.8) == pytest.approx(LOUD / 2, rel=0.01)
    assert not play(font({LOOP: 1}, preset={KEYS: 60 << 8}), (0, 1, 69, 127)).any()


def test_a_closed_hi_hat_cuts_off_the_open_one(font):
    strokes = (0, 0.9, 69, 127), (0.4, 0.9, 81, 1)
    choked = play(font({LOOP: 1, CHOKE: 1}), *strokes)
    assert (
        loudest(choked, 0.3, 0.39) == pytest.approx(LOUD, rel=0.01)
        and loudest(choked, 0.42, 0.8) < LOUD / 100
    )
    assert loudest(play(font({LOOP: 1}), *strokes), 0.42, 0.8) > 0.9 * LOUD


def test_compressed_recordings(font):
    """An .sf3 sounds like the .sf2 from which it was made."""
    plain, packed = (play(font({LOOP: 1}, compressed=packed), (0, 0.5, 76, 100)) for packed in (False, True))
    assert np.abs(plain).max() > 0.3 * LOUD and np.abs(plain - packed).max() < 0.05 * LOUD


def test_an_instrument_that_is_missing(font):
    """Where the font lacks a program, or any drums, it plays what it has."""
    sampler = font({LOOP: 1}, program=3)
    for program, is_drum in ((3, False), (9, False), (0, True)):
        assert (
            loudest(play(sampler, (0, 1, 69, 127), program=program, is_drum=is_drum), 0.3, 0.8) > 0.9 * LOUD
        )


def test_all_instruments_of_the_default_font():
    """128 programs and the drums, loud enough and never clipped by one note."""
    sampler = SoundFont(default_soundfont(), RATE)
    loud = [np.abs(play(sampler, (0, 0.5, 60, 100), program=program)).max() for program in range(128)]
    drums = [np.abs(play(sampler, (0, 0.1, key, 100), is_drum=True)).max() for key in range(35, 82)]
    assert 0.005 < min(loud) and max(loud) < 1 and 0.005 < min(drums) and max(drums) < 1
