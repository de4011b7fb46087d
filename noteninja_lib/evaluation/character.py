"""What a genre's playing measures like, beside what is written about that genre.

For classical music and reggae no outside listener is at hand that knows them, so the band is held against the literature:
each `Trait` names a feature that can be measured in notes or sound, and the place that its genre should take among the ten.
Command: `noteninja dataset check`. Lesson: 03_what_makes_a_genre.

References
----------
Bradley, L. (2000). Bass Culture: When Reggae Was King. Viking. -- bass in front, chords on the off-beat.
Caplin, W. E. (1998). Classical Form. Oxford University Press. -- accompaniment patterns under a periodic melody.
Fitzgerald, D. (2010). Harmonic/percussive separation using median filtering. DAFx-10.
Hitchins, R. (2014). Vibe Merchants: The Sound Creators of Jamaican Popular Music. Ashgate. -- one drop, skank, bass weight.
Huron, D. (2001). Tone and voice. Music Perception 19(1). -- why voices move by the smallest steps.
Lartillot, O., Eerola, T., Toiviainen, P., Fornari, J. (2008). Multi-feature modeling of pulse clarity. ISMIR 2008.
Rosen, C. (1971). The Classical Style. Viking. -- texture, dynamics, dominant and tonic as the poles of harmony.
"""
from dataclasses import dataclass

import librosa
import numpy as np

from ..music.genres import GENRES
from ..sound.audio import SAMPLE_RATE

KICKS, BACKBEATS = {35, 36}, {37, 38, 39, 40}     # General MIDI keys; a backbeat is cross-stick, snare or clap
BASS_HZ = 150.0
NOT_CHORDS = ("melody", "double", "bass", "drums", "voice")
TOGETHER = 0.035                                  # seconds: strokes and chord notes this near sound as one


@dataclass(frozen=True)
class Trait:
    """A feature by which a genre is known: among the `limit` "largest" or "smallest" of the ten, or "below" the limit."""
    genre: str
    feature: str
    side: str
    limit: float
    words: str


TRAITS = (
    Trait("classical", "drum_strokes", "smallest", 1, "no drum kit: drum strokes a beat"),
    Trait("classical", "percussive_share", "smallest", 1, "little percussive sound: its share of the energy"),
    Trait("classical", "loudness_range", "largest", 3, "wide dynamics: loud less soft passages, dB"),
    Trait("classical", "pulse_clarity", "smallest", 3, "no beat hammered out: pulse clarity"),
    Trait("classical", "free_sevenths", "smallest", 1, "sevenths on the dominant only: their share of other chords"),
    Trait("classical", "voice_steps", "below", 2, "voices move by step: semitones from chord to chord"),
    Trait("classical", "parallels", "smallest", 3, "no parallel fifths: chord changes that have some"),
    Trait("classical", "broken_chords", "largest", 2, "broken chords (Alberti): chord notes that begin alone"),
    Trait("classical", "bass_beats", "largest", 2, "held bass and pedals: beats a bass note lasts"),
    Trait("reggae", "offbeat_chords", "largest", 1, "skank: share of the chords that fall between the beats"),
    Trait("reggae", "kick_with_backbeat", "largest", 1, "one drop: bass drum strokes together with snare or cross-stick"),
    Trait("reggae", "kick_on_one", "smallest", 1, "one drop: bars with a bass drum on the first beat"),
    Trait("reggae", "bass_share", "largest", 3, "bass in front: share of the energy below 150 Hz"),
    Trait("reggae", "tempo", "smallest", 3, "slow: beats a minute"),
)


def _notes(performance, name):
    return [note for part in performance.parts if part.name == name for note in part.notes]


def chord_parts(performance):
    """The parts that play chords: neither tune nor bass nor drums."""
    return [part for part in performance.parts if part.name not in NOT_CHORDS]


def offbeat_chords(performance):
    """Share of the chord notes' loudness that falls between the beats, of what falls on a beat or between two."""
    between, sums = 0.5 + performance.swing / 6, np.zeros(2)
    for part in chord_parts(performance):
        for note in part.notes:
            phase = note.start * performance.tempo / 60 % 1
            for number, place in enumerate((0.0, between)):
                sums[number] += note.velocity * (abs((phase - place + 0.5) % 1 - 0.5) < 0.11)
    return float(sums[1] / sums.sum()) if sums.any() else np.nan


def kick_with_backbeat(performance):
    """Share of the bass drum strokes that fall together with cross-stick, snare or clap."""
    drums = _notes(performance, "drums")
    kicks, others = (np.array([note.start for note in drums if note.pitch in keys]) for keys in (KICKS, BACKBEATS))
    if not len(kicks):
        return np.nan
    return float(np.mean([len(others) > 0 and abs(others - kick).min() < TOGETHER for kick in kicks]))


def kick_on_one(performance):
    """Share of the bars of four beats that have a bass drum on their first beat; none without kicks or in 3/4."""
    beats = np.array([note.start for note in _notes(performance, "drums") if note.pitch in KICKS]) * performance.tempo / 60
    bars = int(performance.duration * performance.tempo / 60 // 4)
    if not len(beats) or not bars or round(performance.tune.bar / performance.tune.beat) % 3 == 0:
        return np.nan
    on_one = beats[abs((beats + 2) % 4 - 2) < 0.2]
    return len({round(beat / 4) for beat in on_one} & set(range(bars))) / bars


def chord_pitches(performance):
    """For each chord part, the pitches that it plays in each chord, chord by chord.

    Yields
    ------
    list of (chord, set of int)
        The chord is (start, end, root, quality) as the band reads it.
    """
    for part in chord_parts(performance):
        found = []
        for chord in performance.harmony:
            pitches = {note.pitch for note in part.notes if chord[0] - TOGETHER <= note.start < chord[1] - TOGETHER}
            if pitches:
                found.append((chord, pitches))
        yield found


def free_sevenths(performance):
    """Share of the chords, dominant sevenths aside, in which a seventh above the root is played."""
    has = [any((pitch - root) % 12 in (10, 11) for pitch in pitches) for part in chord_pitches(performance)
           for (_, _, root, quality), pitches in part if quality != "dom7"]
    return float(np.mean(has)) if has else np.nan


def voice_steps(performance):
    """Mean semitones from each pitch of a chord to the nearest pitch of the chord before."""
    moves = []
    for part in chord_pitches(performance):
        for (before, first), (after, second) in zip(part, part[1:]):
            if before[2:] != after[2:]:
                moves.append(np.mean([min(abs(pitch - old) for old in first) for pitch in second]))
    return float(np.mean(moves)) if moves else np.nan


def parallels(performance):
    """Share of the chord changes in which two voices of a part, a fifth apart, move by the same interval; octaves may be doublings."""
    found = []
    for part in chord_pitches(performance):
        for (_, first), (_, second) in zip(part, part[1:]):
            if first != second and len(first) == len(second):
                voices = list(zip(sorted(first), sorted(second)))
                found.append(any((upper - lower) % 12 == 7 and upper_next - upper == lower_next - lower != 0
                                 for number, (lower, lower_next) in enumerate(voices) for upper, upper_next in voices[number + 1:]))
    return float(np.mean(found)) if found else np.nan


def broken_chords(performance):
    """Share of the chord notes that begin alone in their part."""
    alone = []
    for part in chord_parts(performance):
        starts = np.array([note.start for note in part.notes])
        alone += [np.sum(abs(starts - start) < TOGETHER) == 1 for start in starts]
    return float(np.mean(alone)) if alone else np.nan


def note_features(performance):
    """All features that can be read from the notes of a performance without intro, by name (nan: not to be told)."""
    beats = performance.duration * performance.tempo / 60
    bass = [note.end - note.start for note in _notes(performance, "bass")]
    return {"drum_strokes": len(_notes(performance, "drums")) / beats,
            "bass_beats": float(np.mean(bass)) * performance.tempo / 60 if bass else np.nan,
            "tempo": performance.tempo,
            **{measure.__name__: measure(performance) for measure in (
                offbeat_chords, kick_with_backbeat, kick_on_one, free_sevenths, voice_steps, parallels,
                broken_chords)}}


def sound_features(audio):
    """All features that need the sound, by name.

    `percussive_share` is the share of the energy after separation by median filters (Fitzgerald 2010); `bass_share` that
    below 150 Hz; `loudness_range` the distance from the 10th to the 95th percentile of the level of 0.4 s stretches;
    `pulse_clarity` the highest autocorrelation of the onset strength at 0.3 to 2 s (after Lartillot et al. 2008).
    """
    spectrum = np.abs(librosa.stft(audio, n_fft=1024, hop_length=512))
    power = spectrum ** 2
    harmonic, percussive = (float((part ** 2).sum()) for part in librosa.decompose.hpss(spectrum))
    level = np.sqrt(librosa.feature.rms(y=audio, frame_length=int(0.4 * SAMPLE_RATE), hop_length=2048, center=False)[0] ** 2 + 1e-10)
    low, high = np.percentile(20 * np.log10(level), [10, 95])
    onsets = librosa.onset.onset_strength(S=librosa.power_to_db(librosa.feature.melspectrogram(S=power, sr=SAMPLE_RATE)), sr=SAMPLE_RATE)
    again = librosa.autocorrelate(onsets - onsets.mean())
    rate = SAMPLE_RATE / 512
    bass = power[librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=1024) < BASS_HZ].sum()
    return {"percussive_share": percussive / (harmonic + percussive), "bass_share": float(bass / power.sum()),
            "loudness_range": float(high - low),
            "pulse_clarity": float(again[int(0.3 * rate):int(2 * rate)].max() / max(again[0], 1e-9))}


def judge_traits(features):
    """Where each trait's genre stands among all genres.

    Parameters
    ----------
    features : dict of genre to list of dict
        `note_features` and `sound_features` of its recordings.

    Returns
    -------
    list of dict
        The trait, the genres' means, the `place` that its genre takes (1 is the most extreme; equal values share a
        place), and whether that, or the mean where there is a limit, is `as_expected`.
    """
    found = []
    for trait in TRAITS:
        columns = {genre: [row[trait.feature] for row in features[genre]] for genre in GENRES}
        means = {genre: float(np.nanmean(values)) for genre, values in columns.items() if not np.isnan(values).all()}
        place = None
        if trait.genre in means:
            sign = -1 if trait.side == "largest" else 1
            place = 1 + sum(sign * value < sign * means[trait.genre] - 1e-9 for value in means.values())
        reached = means.get(trait.genre) if trait.side == "below" else place
        found.append({"genre": trait.genre, "feature": trait.feature, "words": trait.words,
                      "expected": f"{trait.side} {trait.limit:g}", "place": place,
                      "as_expected": reached is not None and reached <= trait.limit,
                      "means": {genre: round(value, 4) for genre, value in means.items()}})
    return found
