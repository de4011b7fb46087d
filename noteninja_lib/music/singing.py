"""From the curve of a voice's pitch to the notes that are sung.

A voice glides, trembles and scoops; a tune has notes. Two searches for the cheapest way (Viterbi) lead from
one to the other: through the pitches that a tracker holds for likely, frame by frame, and through semitones
and rests. Both follow pYIN (Mauch and Dixon 2014, doi 10.1109/ICASSP.2014.6853678).
Lesson: 12_singers_and_stems.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from noteninja_lib.arranger.performance import Note

SECONDS = 0.016  # from frame to frame
VOICED = 1.3  # added to the logit of singing; chosen on nine singers of MIR-1K
SHARE = 0.25  # what a dB of the voice's share in all sound counts
MEAN_SHARE = -6.0  # dB: the share that tells nothing
JUMP, FARTHEST, TURN = 0.35, 3.0, 1.5  # costs: of a pitch step, of any leap, of beginning or ending to sing
SPREAD, WILDEST = 0.6, 3.0  # semitones that count as 1, and the most that a frame can cost
CHANGE, PAUSE = 4.0, 1.5  # costs: of another note, of a frame without voice within one
DIP, SHORTEST = 8.0, 0.08  # dB between two syllables on one pitch; seconds of a note
SUNG = np.arange(28, 109)  # MIDI pitches that are sung, or whistled
DRIFTS, BLOCK = np.arange(-30, 31) / 20, 31  # semitones off the piano that are looked at; frames for each
MISS, DRIFT = 2.0, 15.0  # costs: of a miss, of a semitone's drift
STRETCH = 12.0  # seconds that are sung, spoken or played as a whole
LEAP, LEAST = 1.5, 0.7  # semitones between frames that are no glide; seconds of voice that tell its kind
STEADY, STILL = 0.145, 0.068  # semitones from frame to frame, of an instrument: all but a tenth, a quarter
HELD, WIDE = 8, 0.6  # frames, and semitones: what stays within them is held
HELD_SHARE, QUICK = 0.47, 5.0  # less is held by speakers, and they have more notes a second


@dataclass
class PitchCurve:
    """How a voice moves; all of shape (frames,), a frame every 16 ms.

    Attributes
    ----------
    pitch : numpy.ndarray
        MIDI pitch, not whole; where nothing is sung, the likeliest.
    voiced : numpy.ndarray of bool
    level : numpy.ndarray
        Of the voice, in dB.
    """

    pitch: np.ndarray
    voiced: np.ndarray
    level: np.ndarray


def cheapest_path(costs: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Viterbi: states (frames,) with the least sum of costs (frames, states) and moves (states, states)."""
    total, origin = costs[0].copy(), np.zeros(costs.shape, np.int16)
    for frame in range(1, len(costs)):
        ways = total[:, None] + moves
        origin[frame] = ways.argmin(0)
        total = ways[origin[frame], np.arange(len(total))] + costs[frame]
    path = [int(total.argmin())]
    for frame in range(len(costs) - 1, 0, -1):
        path.append(int(origin[frame, path[-1]]))
    return np.array(path[::-1])


def follow_pitch(
    logits: np.ndarray, singing: np.ndarray, pitches: np.ndarray, level: np.ndarray, all_level: np.ndarray
) -> PitchCurve:
    """The likeliest curve through a tracker's answers.

    Parameters
    ----------
    logits : numpy.ndarray, shape (steps, frames)
        How likely each pitch is.
    singing : numpy.ndarray, shape (frames,)
        Logit of anything being sung.
    pitches : numpy.ndarray, shape (steps,)
        MIDI pitch of each step.
    level, all_level : numpy.ndarray, shape (frames,)
        Of the voice, and of the whole recording, in dB: a voice that is much softer than all is a leak.
    """
    likely = logits - np.logaddexp.reduce(logits, 0)
    voice = singing + VOICED + SHARE * (np.maximum(level - all_level, -30) - MEAN_SHARE)
    costs = np.concatenate([np.logaddexp(0, -voice) - likely, (np.logaddexp(0, voice) - likely.max(0))[None]])
    steps = len(pitches)
    moves = np.full((steps + 1, steps + 1), TURN)
    moves[:steps, :steps] = np.minimum(
        JUMP * np.abs(np.subtract.outer(np.arange(steps), np.arange(steps))), FARTHEST
    )
    moves[steps, steps] = 0
    path = cheapest_path(costs.T, moves)
    voiced = path < steps
    best = np.where(voiced, path, likely.argmax(0))
    around = np.clip(best + np.arange(-1, 2)[:, None], 0, steps - 1)  # between the steps
    weights = np.exp(likely[around, np.arange(len(best))])
    return PitchCurve((weights * pitches[around]).sum(0) / weights.sum(0), voiced, level)


def tuning(curve: PitchCurve) -> float:
    """By how many semitones (-.5 to .5) a voice is off the piano's pitches; 0 where it keeps to none."""
    phases = np.exp(2j * np.pi * curve.pitch[curve.voiced])
    sure = len(phases) > 0 and abs(phases.mean()) > 0.25
    return float(np.angle(phases.mean()) / (2 * np.pi)) if sure else 0.0


def drift(curve: PitchCurve) -> np.ndarray:
    """The same frame by frame (every half second), for a voice that sinks or rises, as without a band."""
    count, off = len(curve.pitch), curve.pitch[:, None] - DRIFTS
    misses = (off - np.round(off)) ** 2 * curve.voiced[:, None]
    costs = MISS * np.add.reduceat(misses, np.arange(0, count, BLOCK))
    costs[0] += DRIFTS**2  # of two keys that are as near, the one that is meant is not known
    path = cheapest_path(costs, DRIFT * np.abs(np.subtract.outer(DRIFTS, DRIFTS)))
    return np.interp(np.arange(count), (np.arange(len(path)) + 0.5) * BLOCK, DRIFTS[path])


def sung_notes(curve: PitchCurve, alone: bool = False) -> list[Note]:
    """The notes of a voice: glides, vibrato and ornaments become one note each, rests stay rests.

    Parameters
    ----------
    curve : PitchCurve
    alone : bool
        Whether there is no band that keeps the voice in tune.

    Returns
    -------
    list of Note
        One at a time, in order; syllables on one pitch are notes of their own where the voice gets softer in
        between.
    """
    own = curve.pitch - (drift(curve) if alone else tuning(curve))
    far = np.minimum(np.abs(own[:, None] - SUNG) / SPREAD, WILDEST)
    costs = np.where(curve.voiced[:, None], far, PAUSE)
    costs = np.concatenate([costs, np.where(curve.voiced, WILDEST, 0.0)[:, None]], 1)
    path = cheapest_path(costs, CHANGE * (1 - np.eye(len(SUNG) + 1)))
    edges = np.flatnonzero(np.diff(path, prepend=-1, append=-1))
    notes, loudest = [], np.percentile(curve.level, 95)
    for first, last in zip(edges, edges[1:]):
        if path[first] == len(SUNG):
            continue
        cuts = [first, *(first + syllables(curve.level[first:last])), last]
        for start, end in zip(cuts, cuts[1:]):
            heard = np.flatnonzero(curve.voiced[start:end])
            if not len(heard) or (end - start - heard[0]) * SECONDS < SHORTEST:
                continue
            start += heard[0]
            softer = loudest - curve.level[start:end].max()
            velocity = int(np.clip(100 - 2 * softer, 40, 110))
            notes.append(Note(start * SECONDS, end * SECONDS, int(SUNG[path[first]]), velocity))
    return notes


def syllables(level: np.ndarray) -> np.ndarray:
    """Frames in a held pitch at which a new syllable begins: behind dips of its level (frames,) in dB."""
    level = scipy.ndimage.uniform_filter1d(level, 3)
    shore = np.minimum(np.maximum.accumulate(level), np.maximum.accumulate(level[::-1])[::-1])
    dips, count = scipy.ndimage.label(shore - level > DIP)
    lowest = scipy.ndimage.minimum_position(level, dips, range(1, count + 1)) if count else []
    frames = np.array([frame + 1 for (frame,) in lowest], int)
    return frames[(frames > 6) & (frames < len(level) - 5)]


def kind_of_voice(curve: PitchCurve, alone: bool = False) -> str:
    """What a stretch of some seconds is: "sung", "spoken", "played" (by an instrument) or "silent".

    Instruments hold a pitch as no voice does; speakers hold none, and change it five times a second. Where
    there is no band (`alone`), less tells a voice from an instrument.
    """
    steps = np.abs(np.diff(curve.pitch))[curve.voiced[1:] & curve.voiced[:-1]]
    steps = steps[steps < LEAP]
    if len(steps) < LEAST / SECONDS:
        return "silent"
    still = np.percentile(steps, 75) < STILL if alone else np.percentile(steps, 90) < STEADY
    if still:
        return "played"
    voiced, highest, lowest = curve.voiced.astype(np.int8), maximum_filter1d, minimum_filter1d
    within = highest(curve.pitch, HELD) - lowest(curve.pitch, HELD) < WIDE
    held = highest(lowest(voiced, HELD) * within, HELD)[curve.voiced].mean()
    quick = len(sung_notes(curve)) / (curve.voiced.sum() * SECONDS)
    return "spoken" if held < HELD_SHARE and quick > QUICK else "sung"


def stretches(curve: PitchCurve) -> list[tuple[int, int, str]]:
    """Frames (first, last) of a song, a dozen seconds each, and what kind of voice is in them."""
    parts = np.array_split(np.arange(len(curve.pitch)), max(1, round(len(curve.pitch) * SECONDS / STRETCH)))
    found = []
    for part in parts:
        piece = slice(part[0], part[-1] + 1)
        one = PitchCurve(curve.pitch[piece], curve.voiced[piece], curve.level[piece])
        found.append((piece.start, piece.stop, kind_of_voice(one)))
    return found
