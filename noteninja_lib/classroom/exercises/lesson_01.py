"""Exercises of lesson 01: sound and spectrograms."""
import numpy as np

from noteninja_lib.classroom.exercises import Exercise


def _test_alias(alias):
    assert callable(alias), "hand in the function itself: check(alias), without brackets behind alias"
    for hertz in (440, 3000, 11000):
        assert alias(hertz, 22050) == hertz, (
            f"{hertz} Hz lies below half of 22,050 samples a second, so it should stay as it is; you return {alias(hertz, 22050)}")
    assert alias(20000, 22050) == 2050, f"20,000 Hz at 22,050 samples a second folds to 2,050 Hz; you return {alias(20000, 22050)}"
    assert alias(9000, 16000) == 7000, "another rate folds at another place: use rate, not 22,050"
    for hertz in (23050, 45100):
        assert alias(hertz, 22050) == 1000, (
            f"{hertz} Hz also sounds as 1,000 Hz: a sine looks the same when any number of whole turns a sample is added")


def alias(hertz, rate):
    """The frequency at which a tone of ``hertz`` is heard after sampling ``rate`` times a second."""
    within = hertz % rate                # whole turns from sample to sample leave no trace
    return min(within, rate - within)    # and the upper half mirrors the lower


ALIAS = Exercise(_test_alias, "First take away whole multiples of the rate (the operator %). What is left lies between 0 and the "
                 "rate; the part above the middle is folded back onto the part below it.", alias)


def _test_window_for(window_for):
    assert callable(window_for), "hand in the function itself: check(window_for), without brackets behind window_for"
    for gap in (100, 20, 2.45):
        n_fft = window_for(gap)
        assert isinstance(n_fft, (int, np.integer)), f"n_fft is a whole number of samples; you return {n_fft!r}"
        assert n_fft > 0 and n_fft & (n_fft - 1) == 0, f"n_fft should be a power of two; you return {n_fft}"
        assert 4 * 22050 / n_fft <= gap, (
            f"with n_fft={n_fft} four rows are {4 * 22050 / n_fft:.1f} Hz high, more than the gap of {gap:g} Hz")
        assert 4 * 22050 / (n_fft // 2) > gap, f"for a gap of {gap:g} Hz a shorter window would do; yours is {n_fft}"


def window_for(gap, rate=22050):
    """The shortest window (a power of two) whose rows are so close that two tones ``gap`` Hz apart lie four rows apart."""
    n_fft = 2
    while 4 * rate / n_fft > gap:
        n_fft = 2 * n_fft
    return n_fft


WINDOW_FOR = Exercise(_test_window_for, "Rows are rate / n_fft apart. Begin with a short window, and double it for as long as four "
                      "rows are still more than the gap.", window_for)


def _test_fuzziness(answer):
    assert isinstance(answer, dict) and {"song", "time", "frequency", "worse", "why"} <= set(answer), (
        "hand in a dict with the keys song, time, frequency, worse and why")
    for axis, unit in (("time", "columns"), ("frequency", "rows")):
        amount = answer[axis]
        assert isinstance(amount, (int, float)) and amount > 0, (
            f"{axis} should be the number of {unit} from which on you hear the blur: a number above 0")
    assert answer["worse"] in ("time", "frequency"), "worse should be 'time' or 'frequency'"
    words = len(str(answer["why"]).split())
    assert words >= 12, f"tell in a sentence or two what each blur does to the sound; so far it is {words} words"


def fuzziness():
    """One possible answer; yours depends on your ears and on the song."""
    return {"song": "the first bundled song", "time": 2, "frequency": 1, "worse": "frequency",
            "why": "Two columns of blur already take the snap from the drums, but the tune stays clean. One row of blur puts a "
                   "hiss around every note, and that tires me sooner."}


FUZZINESS = Exercise(_test_fuzziness, "Halve the amounts until you can no longer tell the blurred sound from the sharp one, then go "
                     "back up. Listen to the attacks first, then to the space between the notes.",
                     fuzziness, answer=lambda solution: solution())
