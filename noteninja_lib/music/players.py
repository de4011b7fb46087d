"""The players under the tune: drums, bass and chords, from the patterns of a recipe."""
from . import accompaniment as acc
from .recipes import DRUMS, FILL_STEPS


def play_drums(stage):
    """The drummer's notes, with fills, crashes and the last stroke.

    Parameters
    ----------
    stage : Stage

    Returns
    -------
    list of Note
    """
    drums, notes, rng = stage.recipe.drums, [], stage.stream("drums")
    patterns = [acc.choose(drums[stage.metre], stage.arousal, rng) for _ in range(2)]
    for passage, number, first, last in stage.sections():
        fill = _fill(stage, passage, first, last, rng)
        fill_from = last - FILL_STEPS if fill else last
        for step in range(first, last):
            if step >= fill_from:
                strokes = {key: row[step - fill_from] for key, row in fill.items()}
            elif not stage.waits("drums", passage, step):
                strokes = {key: row[(step - first) % stage.steps] for key, row in patterns[number % 2].items()}
            else:
                continue
            for key, sign in strokes.items():
                # A calm drummer leaves some of the soft strokes out.
                if sign == "." or rng.random() < -0.6 * stage.arousal and sign == "o":
                    continue
                when = stage.time(passage, step)
                velocity = 104 * acc.STRENGTH[sign] + stage.accent(step) / 2
                notes.append(stage.note("drums", rng, when, when + 0.2, key, velocity))
        begins = first == 0 and passage.start > 0
        if drums["crashes"] and (begins or number) and rng.random() < 0.5 + 0.5 * begins:
            when = stage.time(passage, first)
            notes.append(stage.note("drums", rng, when, when + 1.0, DRUMS["crash"], 92))
    if stage.last_chord():
        start, end = stage.last_chord()
        last = "crash" if drums["crashes"] else "snare" if stage.recipe.form["ending"] == "stop" else "ride"
        notes += [stage.note("drums", rng, start, end, DRUMS[name], 100) for name in ("kick", last)]
    return notes


def _fill(stage, passage, first, last, rng):
    """The fill that closes a section, or an empty dict; one always leads into tune and ending."""
    fills = stage.recipe.drums["fills"]
    fill, wanted = fills[rng.integers(len(fills))], rng.random() < 0.75 + 0.25 * stage.arousal
    if stage.leads_on(passage, last):
        return fill if last - first >= FILL_STEPS else {}
    return fill if wanted and last - first >= stage.steps else {}


def _strokes(stage, style, role, rng):
    """What a part plays: (passage, first step, step after the last, sign), changed by the mood."""
    patterns = [acc.choose(style[stage.metre], stage.arousal, rng) for _ in range(2)]
    for passage, number, first, last in stage.sections():
        for start, stop, sign in acc.hits(patterns[number % 2], stage.steps, first, last,
                                          lambda step: stage.colour(passage, step)):
            for begin, end in acc.enliven(start, stop, sign, stage.arousal, rng.random()):
                if not stage.waits(role, passage, begin):
                    yield passage, begin, end, sign


def play_bass(stage):
    """The bass player's notes (list of Note)."""
    style, notes, previous, rng = stage.recipe.bass, [], None, stage.stream("bass")
    low, high = style["range"]
    for passage, start, stop, sign in _strokes(stage, style, "bass", stage.stream("bass strokes")):
        chord, following = stage.colour(passage, start), stage.colour(passage, stop)
        chord = stage.home if sign == "p" else chord  # a pedal point stays on the tonic
        previous = acc.bass_pitch(sign, chord[:2], following[:2], previous, low, high, rng)
        when, until = stage.time(passage, start), stage.time(passage, stop)
        notes.append(stage.note("bass", rng, when, when + (until - when) * style["length"], previous,
                                style["velocity"] + stage.accent(start)))
    if stage.last_chord():
        pitch = acc.bass_pitch("R", stage.home[:2], stage.home[:2], previous, low, high, rng)
        notes.append(stage.note("bass", rng, *stage.last_chord(), pitch, style["velocity"] + 4))
    return notes


def play_chords(stage, role):
    """The notes of a part that plays chords.

    Parameters
    ----------
    stage : Stage
    role : str
        A part of the recipe's section ``chords``.

    Returns
    -------
    list of Note
    """
    style, notes, previous, rng = stage.recipe.chords[role], [], [], stage.stream(role)
    # A sad band plays lower; a happy one higher, but not into the melody.
    shift = round((6 if stage.valence < 0 else 4) * stage.valence)
    low, high = (limit + shift for limit in style["range"])
    def play(colour, sign, when, until, velocity, strum):
        root, _, intervals = colour
        pitches = acc.voice_chord([root + step for step in intervals], previous, low, high, style["voicing"])
        notes.extend(stage.note(role, rng, when + i * strum / 1000, until, pitch, velocity)
                     for i, pitch in enumerate(acc.selected(pitches, sign)))
        return pitches

    for passage, start, stop, sign in _strokes(stage, style, role, stage.stream(f"{role} strokes")):
        when, until = stage.time(passage, start), stage.time(passage, stop)
        velocity = style["velocity"] * acc.STRENGTH.get(sign, 0.85) + stage.accent(start) / 2
        previous = play(stage.colour(passage, start), sign, when, when + (until - when) * style["length"],
                        velocity, style["strum"])
    if stage.last_chord():
        strum = 45 if stage.recipe.form["ending"] == "roll" else style["strum"]
        play(stage.home, "X", *stage.last_chord(), style["velocity"], strum)
    return notes
