"""Exercises of lesson 02: music theory with music21."""
from noteninja_lib.classroom.exercises import Exercise
from noteninja_lib.errors import UserError


def _test_steps(steps):
    assert callable(steps), "hand in the function itself: check(steps), without brackets behind steps"
    pitches = [60, 62, 64, 64, 57]
    result = steps(pitches)
    assert isinstance(result, list), f"return a list; you return {result!r}"
    assert len(result) == 4, f"five notes have four steps between them; you return {len(result)}"
    assert [abs(step) for step in result] == [2, 2, 0, 7], f"from 60 to 62 is 2 semitones, and so on; you return {result}"
    assert result == [2, 2, 0, -7], "a step upwards should be positive, and one downwards negative"
    assert steps([60]) == [], "a single note has no steps: return an empty list"
    assert steps([pitch + 5 for pitch in pitches]) == result, "the same tune in another key has the same steps"


def steps(pitches):
    """Semitones from each note to the next."""
    return [after - before for before, after in zip(pitches, pitches[1:])]


STEPS = Exercise(_test_steps, "zip(pitches, pitches[1:]) gives each note together with the next one.", steps)


def _test_cadences(cadences):
    assert callable(cadences), "hand in the function itself: check(cadences), without brackets behind cadences"
    assert cadences(["I", "IV", "V", "I"]) == 1, f"I IV V I has one cadence; you find {cadences(['I', 'IV', 'V', 'I'])}"
    assert cadences(["I", "V7", "I"]) == 1, "V7 is a V with one more note: V7 I is a cadence as well"
    assert cadences(["V", "vi", "I"]) == 0, "in V vi I the V does not go to I at once"
    assert cadences(["I", "V"]) == 0, "I V goes the other way: the order matters"
    assert cadences(["i", "V7", "i"]) == 1, "in a minor key the tonic is written i; count V i too"
    assert cadences(["I", "V7/V", "I"]) == 0, "V7/V is another chord than V7: compare the whole numeral"
    assert cadences(["V", "I", "V7", "I"]) == 2, "count all of them"


def cadences(numerals):
    """How many times a V or V7 is followed by the tonic."""
    return sum(before in ("V", "V7") and after in ("I", "i") for before, after in zip(numerals, numerals[1:]))


CADENCES = Exercise(_test_cadences, "Go through the pairs of neighbours. The first must be one of V and V7, the second one of I and i.",
                    cadences)


def _test_better_chord(answer):
    from noteninja_lib.music.inventing import read_notes

    assert isinstance(answer, dict) and {"abc", "bar", "machine", "yours", "why"} <= set(answer), (
        "hand in a dict with the keys abc, bar, machine, yours and why")
    try:
        tune = read_notes(str(answer["abc"]))
    except UserError as problem:
        raise AssertionError(f"your tune can't be read. {problem}") from problem
    bars = round(tune.length / tune.bar)
    assert bars >= 4, f"bring a tune of four bars or more; yours has {bars}"
    bar = answer["bar"]
    assert isinstance(bar, int) and 1 <= bar <= bars, f"the bar should be a number from 1 to {bars}"
    assert answer["yours"] and answer["yours"] != answer["machine"], "yours should be another chord than the machine's"
    words = len(str(answer["why"]).split())
    assert words >= 12, f"tell in a sentence or two what your chord does for the tune; so far it is {words} words"


def better_chord():
    """One possible answer; yours depends on your tune and your taste."""
    return {"abc": "E E F G | G F E D | C C D E | E3/2 D/2 D2 | E E F G | G F E D | C C D E | D3/2 C/2 C2 |",
            "bar": 5, "machine": "I", "yours": "vi",
            "why": "The second line begins like the first. With vi under it the ear hears that something is new, and the I at "
                   "the end comes as more of a relief."}


BETTER_CHORD = Exercise(_test_better_chord, "Sing the tune and play only the bass notes of the chords. Where are you bored, and where "
                        "does it hurt? Try vi or IV in the place of I, and ii in the place of IV.",
                        better_chord, answer=lambda solution: solution())
