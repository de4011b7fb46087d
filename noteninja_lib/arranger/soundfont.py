"""A SoundFont sampler: from recorded notes to any note.

A SoundFont (.sf2, or .sf3 with compressed recordings) holds instruments, called presets. A preset has zones
of keys and velocities; each names one recording and some forty numbers, called generators: where the
recording loops, how bright it is, how it dies away. A note sounds with all zones that its key falls into.
What changes slowly is worked out with numpy, once for each block of 64 samples; `_run` then goes from sample
to sample.

The curves are those of TinySoundFont (MIT licence; Copyright 2017-2023 Bernhard Schelling, 2012 Steve Folta),
in whose sound the networks learned.
"""

import io
from functools import lru_cache
from pathlib import Path

import numba
import numpy as np
import soundfile

#: Generators in the order of their numbers in the format. "env" is an envelope that moves pitch and filter.
_GENERATORS = """start end loop loop_end start_far lfo_pitch vibrato_pitch env_pitch cutoff resonance
    lfo_cutoff env_cutoff end_far lfo_volume - chorus reverb pan - - - lfo_delay lfo_rate vibrato_delay
    vibrato_rate env_delay env_attack env_hold env_decay env_sustain env_release env_key_hold env_key_decay
    volume_delay volume_attack volume_hold volume_decay volume_sustain volume_release volume_key_hold
    volume_key_decay instrument - keys velocities loop_far key velocity attenuation - loop_end_far semitones
    cents recording loop_mode - key_scale choke_group root""".split()
_INSTANT = -12000  # timecents: 1 ms, which stands for no time at all
_DEFAULTS = dict.fromkeys(_GENERATORS, 0) | {"cutoff": 13500, "key_scale": 100, "root": -1}
_DEFAULTS |= {
    name: _INSTANT
    for name in _GENERATORS
    if "_key_" not in name and name.endswith(("delay", "attack", "hold", "decay", "release"))
}
_NOT_ADDED = {"keys", "velocities", "loop_mode", "choke_group", "root"}  # a preset adds to all others

_NAME, _BAG, _AMOUNT = ("name", "S20"), [("first", "<u2"), ("-", "<u2")], [("kind", "<u2"), ("amount", "<i2")]
_ROWS = {
    "phdr": [_NAME, ("program", "<u2"), ("bank", "<u2"), ("first", "<u2"), ("-", "V12")],
    "inst": [_NAME, ("first", "<u2")],
    "pbag": _BAG,
    "ibag": _BAG,
    "pgen": _AMOUNT,
    "igen": _AMOUNT,
    "shdr": [
        _NAME,
        ("start", "<u4"),
        ("end", "<u4"),
        ("loop", "<u4"),
        ("loop_end", "<u4"),
        ("rate", "<u4"),
        ("root", "u1"),
        ("cents", "i1"),
        ("-", "<u2"),
        ("type", "<u2"),
    ],
}
_COMPRESSED = 0x10  # in a recording's type

DRUM_BANK = 128
_GAIN = -6.0  # dB: room for chords
_BLOCK = 64  # samples in which envelopes and filters stand still
_CUT = 0.01  # seconds in which a note fades that is cut off
_FALL = 9.226  # a decay, as a power of e: 80 dB in the time that the font names


class SoundFont:
    """The instruments of a SoundFont file.

    Parameters
    ----------
    path : str or Path
        An .sf2 or .sf3 file.
    sample_rate : int
        Of the sound that is made, in Hz.

    Raises
    ------
    OSError, ValueError, KeyError, IndexError
        If the file cannot be read or is not a SoundFont.
    """

    def __init__(self, path: str | Path, sample_rate: int):
        chunks = dict(_chunks(memoryview(Path(path).read_bytes())))
        self.sample_rate, self._samples = sample_rate, chunks["smpl"]
        self._tables = {name: np.frombuffer(chunks[name], row) for name, row in _ROWS.items()}
        heads = self._tables["phdr"][:-1]  # the last row of each table only marks its end
        self._presets = {(int(row["bank"]), int(row["program"])): at for at, row in enumerate(heads)}
        if not self._presets:
            raise ValueError("a SoundFont without instruments")
        # Each font has caches of its own, which go when it goes.
        self._zones, self._voices = lru_cache(None)(self._zones), lru_cache(512)(self._voices)
        self._recording = lru_cache(512)(self._recording)

    def play(self, strokes: list[tuple], samples: int, program: int, is_drum: bool = False) -> np.ndarray:
        """The sound of notes on one instrument.

        Parameters
        ----------
        strokes : list of (int, int, int, int, int)
            From the last note to the first: key stroke, release of the key and cut-off of what still rings,
            in samples; MIDI pitch; MIDI velocity.
        samples : int
            Length of the result.
        program : int
            General MIDI program or drum kit; the nearest to it that the font has.
        is_drum : bool

        Returns
        -------
        ndarray of float32, shape (samples,)
        """
        wanted = [(DRUM_BANK, program), (DRUM_BANK, 0)] if is_drum else []
        preset = next((self._presets[key] for key in [*wanted, (0, program)] if key in self._presets), 0)
        out, next_of_group = np.zeros(samples, np.float32), {}
        for start, end, silent, pitch, velocity in strokes:
            # In a choke group a sound cuts off the one before, as a closed hi-hat does an open one; this
            # holds within a note, too.
            for voice in reversed(self._voices(preset, pitch, velocity)):
                voice.play(out, start, end, min(silent, next_of_group.get(voice.choke_group, silent)))
                if voice.choke_group:
                    next_of_group[voice.choke_group] = start
        return out

    def _voices(self, preset, pitch, velocity):
        """What sounds when a key is struck (list of _Voice)."""
        return [
            _Voice(zone, *self._recording(zone["recording"]), pitch, velocity, self.sample_rate)
            for zone in self._zones(preset)
            if pitch in zone["keys"] and velocity in zone["velocities"]
        ]

    def _zones(self, preset):
        """All generators of each zone of a preset (list of dict)."""
        zones = []
        for outer in self._bags("p", self._tables["phdr"]["first"][preset : preset + 2], "instrument"):
            number = outer.pop("instrument")
            for inner in self._bags("i", self._tables["inst"]["first"][number : number + 2], "recording"):
                zone = _DEFAULTS | inner
                zone |= {name: zone[name] + more for name, more in outer.items() if name not in _NOT_ADDED}
                for name in ("keys", "velocities"):  # lowest and highest share one number
                    highs, lows = zip(*(divmod(bag.get(name, 127 << 8), 256) for bag in (outer, inner)))
                    zone[name] = range(max(lows), min(highs) + 1)
                zones.append(zone)
        return zones

    def _bags(self, level, ends, target):
        """Generators of each bag that names a target (dict); a first bag without one holds for all others."""
        first, amounts = self._tables[level + "bag"]["first"], self._tables[level + "gen"]
        shared = {}
        for bag in range(*ends):
            own = amounts[first[bag] : first[bag + 1]].tolist()
            own = shared | {_GENERATORS[kind]: amount for kind, amount in own if kind < len(_GENERATORS)}
            if target in own:
                yield own
            elif bag == ends[0]:
                shared = own

    def _recording(self, number):
        """A recording (ndarray of int16) and its row of the table, loop counted from its start (dict)."""
        row = self._tables["shdr"][number]
        row = dict(zip(row.dtype.names, row.tolist()))
        if row["type"] & _COMPRESSED:  # its loop is counted so already
            data = io.BytesIO(self._samples[row["start"] : row["end"]])
            sound = soundfile.read(data, dtype="int16", always_2d=True)[0][:, 0].copy()
        else:
            sound = np.frombuffer(self._samples, "<i2")[row["start"] : row["end"] + 1]
            row |= {name: row[name] - row["start"] for name in ("loop", "loop_end")}
        return sound, row


class _Voice:
    """One zone of an instrument, ready to play one pitch with one velocity."""

    def __init__(self, zone, sound, row, pitch, velocity, rate):
        self.zone, self.sound, self.rate, self.choke_group = zone, sound, rate, zone["choke_group"]
        root = zone["root"] if zone["root"] >= 0 else row["root"]
        cents = (pitch + zone["semitones"] - root) * 100 + zone["cents"] + row["cents"]
        self.speed = row["rate"] / rate * 2 ** (cents * zone["key_scale"] / 100 / 1200)
        self.gain = _GAIN - max(0, zone["attenuation"]) / 10 + 20 * np.log10(velocity / 127)
        self.volume, self.env = _Envelope(zone, "volume", pitch, rate), _Envelope(zone, "env", pitch, rate)
        self.env.attack *= (145 - velocity) / 144
        self.start, self.stop = max(0, _place(zone, "start")), len(sound) - 1 + min(0, _place(zone, "end"))
        self.loop = row["loop"] + _place(zone, "loop")
        self.loop_end = min(row["loop_end"] + _place(zone, "loop_end"), self.stop)
        self.loops = zone["loop_mode"] in (1, 3) and 0 <= self.loop < self.loop_end
        bend = sum(abs(zone[name]) for name in ("lfo_pitch", "vibrato_pitch", "env_pitch"))
        slowest = self.speed / 2 ** (bend / 1200)
        self.length = np.inf if self.loops else int((self.stop - self.start) / slowest) + 1

    def play(self, out, start, end, silent):
        """Add a note to the sound `out`: key stroke, release of the key and cut-off in samples."""
        end, silent = min(end, silent) - start, silent - start
        stop = min(end + self.volume.release, silent + int(_CUT * self.rate), self.length, len(out) - start)
        if stop > 0:
            looped = (stop if self.zone["loop_mode"] == 1 else end) if self.loops else 0
            _run(
                self.sound,
                out[start : start + stop],
                self._blocks(np.arange(0, stop, _BLOCK), end, silent),
                self.start,
                self.stop,
                self.loop,
                self.loop_end,
                looped,
            )

    def _blocks(self, times, end, silent):
        """Steps in the recording per sample, gain, three numbers of the filter: shape (5, len(times))."""
        zone, blocks = self.zone, np.empty((5, len(times)))
        pitch, cutoff, gain = 0.0, zone["cutoff"], self.gain
        if zone["env_pitch"] or zone["env_cutoff"]:
            env = self.env.shape(np.minimum(times, end), lambda x: 1 - x)
            env = env * np.clip(1 - (times - end) / self.env.release, 0, 1)
            pitch, cutoff = env * zone["env_pitch"], cutoff + env * zone["env_cutoff"]
        if zone["lfo_pitch"] or zone["lfo_cutoff"] or zone["lfo_volume"]:
            lfo = self._triangle(times, "lfo")
            pitch, cutoff = pitch + lfo * zone["lfo_pitch"], cutoff + lfo * zone["lfo_cutoff"]
            gain = gain + lfo * zone["lfo_volume"] / 10
        if zone["vibrato_pitch"]:
            pitch = pitch + self._triangle(times, "vibrato") * zone["vibrato_pitch"]
        volume = self.volume.shape(np.minimum(times, end), lambda x: np.exp(-_FALL * x))
        released = np.maximum(0, np.minimum(times, silent) - end) / self.volume.release
        cut = np.maximum(0, times - silent) / (_CUT * self.rate)
        blocks[0] = self.speed * 2 ** (pitch / 1200)
        blocks[1] = 10 ** (gain / 20) / 32767 * volume * np.exp(-_FALL * (released + cut))
        # A low-pass of second order: https://www.earlevel.com/main/2012/11/26/biquad-c-source-code/
        k = np.tan(np.pi * np.minimum(0.49, _hertz(cutoff) / self.rate))
        damping = k / 10 ** (zone["resonance"] / 200)
        scale = 1 / (1 + damping + k * k)
        blocks[2], blocks[3] = k * k * scale, 2 * (k * k - 1) * scale
        blocks[4] = (1 - damping + k * k) * scale
        return blocks

    def _triangle(self, times, name):
        """A slow wave from -1 to 1, which sets out from 0 after its delay."""
        seconds = np.maximum(0, times / self.rate - _seconds(self.zone[name + "_delay"]))
        return 1 - 4 * np.abs((seconds * _hertz(self.zone[name + "_rate"]) + 0.25) % 1 - 0.5)


class _Envelope:
    """Delay, attack, hold, then decay to the level of sustain, which lasts as long as the key is down."""

    def __init__(self, zone, name, pitch, rate):
        def samples(stage):
            by_key = zone.get(f"{name}_key_{stage}", 0) * (60 - pitch)
            return rate * _seconds(zone[f"{name}_{stage}"] + by_key)

        self.delay, self.attack, self.hold, self.decay = map(samples, ("delay", "attack", "hold", "decay"))
        self.release = max(1, int(samples("release") or _CUT * rate))
        sustain = max(0, zone[name + "_sustain"])
        self.sustain = 10 ** (-sustain / 200) if name == "volume" else max(0, 1 - sustain / 1000)

    def shape(self, times, fall):
        """Levels, 0 to 1, at times in samples; `fall` says how a decay goes, from 0 to 1 of its time."""
        rise = np.clip((times - self.delay + 1) / (self.attack + 1), 0, 1)
        late = np.maximum(0, times - self.delay - self.attack - self.hold + 1) / (self.decay + 1)
        return rise * np.maximum(self.sustain, fall(late))


@numba.njit(cache=True, nogil=True)  # numpy has no filter whose settings change on the way
def _run(sound, out, blocks, start, stop, loop, loop_end, looped):
    """From sample to sample: interpolate in the recording, filter, add to `out`."""
    position, one, two = float(start), 0.0, 0.0  # one and two: the filter's memory
    for block in range(blocks.shape[1]):
        step, gain, a, b, c = blocks[:, block]
        looping = block * _BLOCK < looped
        for i in range(block * _BLOCK, min(len(out), (block + 1) * _BLOCK)):
            if position >= stop:
                return
            at = int(position)
            after = loop if looping and at >= loop_end - 1 else at + 1
            value = sound[at] + (position - at) * (sound[after] - sound[at])
            filtered = a * value + one
            one, two = 2 * a * value - b * filtered + two, a * value - c * filtered
            out[i] += gain * filtered
            position += step
            if looping and position >= loop_end:
                position -= loop_end - loop


def _chunks(data):
    """Names and contents of the chunks of a RIFF file, also of those that lie in lists."""
    if bytes(data[:4]) != b"RIFF" or bytes(data[8:12]) != b"sfbk":
        raise ValueError("not a SoundFont")
    waiting = [data[12:]]
    while waiting:
        data = waiting.pop()
        while len(data) >= 8:
            name, size = bytes(data[:4]), int.from_bytes(data[4:8], "little")
            if name == b"LIST":
                waiting.append(data[12 : 8 + size])
            else:
                yield name.decode("latin-1"), data[8 : 8 + size]
            data = data[8 + size :]
            if size % 2 and data[:1] == b"\0":  # an odd chunk is filled up with a zero, but not in every .sf3
                data = data[1:]


def _place(zone, name):
    """A place in a recording, in samples; the format gives it in two numbers."""
    return zone[name] + (zone[name + "_far"] << 15)


def _seconds(timecents):
    return 2 ** (timecents / 1200) if timecents > _INSTANT + 50 else 0.0


def _hertz(cents):
    return 8.176 * 2 ** (cents / 1200)
