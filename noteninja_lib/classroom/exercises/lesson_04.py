"""Exercises of lesson 04: GTZAN and the band."""
from noteninja_lib.classroom.exercises import Exercise
from noteninja_lib.music.genres import GENRES

_TUNES = [f"tune {number % 7}" for number in range(28)]      # seven tunes, four clips of each


def _test_split(split):
    assert callable(split), "hand in the function itself: check(my_split), without brackets behind my_split"
    result = split(list(_TUNES), 0.3)
    assert isinstance(result, (tuple, list)) and len(result) == 2, (
        f"my_split should return two lists of numbers, train and test; it returned {result!r}")
    train, test = (list(part) for part in result)
    assert all(isinstance(n, int) for n in train + test), "the lists should hold the clips' numbers, counted from 0"
    assert set(train) | set(test) == set(range(len(_TUNES))), "every clip should be in one of the two lists"
    assert not set(train) & set(test), "no clip should be in both lists"
    both = {_TUNES[n] for n in train} & {_TUNES[n] for n in test}
    assert not both, f"{len(both)} of the tunes are on both sides: clips of one tune should stay together"
    assert 4 <= len(test) <= 12, f"of 28 clips, about 30% should be for the test; yours are {len(test)}"
    assert len(split(list(_TUNES), 0.6)[1]) > len(test), "a larger share should give a larger test set"


def my_split(tunes, share):
    """Numbers of the clips for training and for the test, with each tune on one side only."""
    names = sorted(set(tunes))
    held_out = set(names[:round(share * len(names))])
    train = [number for number, tune in enumerate(tunes) if tune not in held_out]
    test = [number for number, tune in enumerate(tunes) if tune in held_out]
    return train, test


SPLIT = Exercise(_test_split, "Don't divide the clips; divide the names of the tunes, and then ask of each clip on which side its tune lies.",
                 my_split)


def _test_label(answer):
    assert isinstance(answer, dict) and {"clip", "label", "why"} <= set(answer), "hand in a dict with the keys clip, label and why"
    given = next((genre for genre in GENRES if f"{genre}." in str(answer["clip"])), None)
    assert given, "clip should be the name of a recording, such as genres/jazz/jazz.00001.wav"
    assert answer["label"] in GENRES, f"the label should be one of {', '.join(GENRES)}"
    assert answer["label"] != given, f"{given} is the label that the clip has; which other one could it bear?"
    words = len(str(answer["why"]).split())
    assert words >= 12, f"tell in a sentence or two what you hear; so far it is {words} words"


def label():
    """One possible answer; yours depends on what you hear."""
    return {"clip": "genres/rock/rock.00001.wav", "label": "country",
            "why": "The bass goes from root to fifth on the beats and a guitar strums between them; without the loud snare "
                   "drum I should have called it country."}


LABEL = Exercise(_test_label, "Shut your eyes and step through one genre with the browser above. Which clip would you have put on another shelf?",
                 label, answer=lambda solution: solution())
