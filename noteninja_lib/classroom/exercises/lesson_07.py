"""Exercises of lesson 07: training on GTZAN."""
import numpy as np

from noteninja_lib.classroom.exercises import Exercise


def _test_loss_of_nothing(loss):
    assert callable(loss), "hand in the function itself: check(loss_of_nothing), without brackets behind it"
    draw = np.random.default_rng(0)
    silent, usual, loud = np.zeros((2, 8, 24, 16)), draw.standard_normal((2, 8, 24, 16)), np.full((2, 8, 24, 16), 3.0)
    found = loss(silent)
    assert found is not None, "your function gives nothing back: is there a return?"
    assert np.ndim(found) == 0, f"the loss should be a single number, the mean over everything; it has the shape {np.shape(found)}"
    assert found > 0, "even where the music is nothing but zeros the velocity is not: the noise is still in it"
    assert abs(found - 1) < 0.05, f"for latents of zeros the velocity is the noise alone, whose mean square is 1; you say {found:g}"
    assert abs(loss(usual) - 2) < 0.1, f"music and noise both vary by 1 here, and their variances add up; you say {loss(usual):g}"
    assert abs(loss(loud) - 10) < 0.3, f"for latents that are 3 everywhere it should be 1 + 3 * 3; you say {loss(loud):g}"


def loss_of_nothing(latents):
    """Loss of a network that answers 0, whatever it is asked: the mean of (noise - latents)^2, over all noises."""
    return 1 + np.mean(np.asarray(latents) ** 2)


LOSS_OF_NOTHING = Exercise(_test_loss_of_nothing, "The network should say noise - latents and says 0. Square what it misses, "
                           "and take the mean: what becomes of the mixed term, if the noise has nothing to do with the music?",
                           loss_of_nothing)

NEEDED = {"weights": "without the weights all is lost",
          "optimizer": "AdamW remembers a mean of the last gradients: without it the first steps go astray",
          "average": "the moving average of the weights would begin anew, and it is what is kept in the end",
          "step": "without the step nobody knows the learning rate, nor which batch comes next"}
IDLE = {"batch": "the batch follows from the seed and the step",
        "gradients": "the gradients are made anew in each step",
        "losses": "the losses are for our eyes: the run does not read them"}


def _test_checkpoint(answer):
    assert isinstance(answer, (set, list, tuple)), "hand in a set of words"
    known = NEEDED | IDLE
    unknown = sorted(set(answer) - set(known))
    assert not unknown, f"choose from {', '.join(sorted(known))}; {unknown[0]!r} is none of these"
    for word, why in NEEDED.items():
        assert word in answer, f"something is missing: {why}"
    for word, why in IDLE.items():
        assert word not in answer, f"something could be left away: {why}"


def checkpoint():
    """What a run needs to go on as if nothing had happened."""
    return {"weights", "optimizer", "average", "step"}


CHECKPOINT = Exercise(_test_checkpoint, "Go through the ten lines of the loop, and ask of each name: where does its value come "
                      "from after a restart? What can be computed from the step alone need not be kept.", checkpoint,
                      answer=lambda solution: solution())


def _test_experiment(answer):
    assert isinstance(answer, dict) and {"changed", "before", "after", "why"} <= set(answer), (
        "hand in a dict with the keys changed, before, after and why")
    for key in ("before", "after"):
        loss = answer[key]
        assert isinstance(loss, (int, float)) and not isinstance(loss, bool) and 0 < loss < 100, (
            f"{key!r} should be a validation loss that you measured")
    assert answer["before"] != answer["after"], "two runs never end on quite the same loss: give the digits that differ"
    assert len(str(answer["changed"]).split()) >= 2, "name the one thing that you changed, from what to what"
    words = len(str(answer["why"]).split())
    assert words >= 15, f"explain it in a sentence or two, with what you saw or heard; so far it is {words} words"


def experiment():
    """One possible answer; yours depends on what you try."""
    return {"changed": "batch size from 4 to 16", "before": 1.21, "after": 1.09,
            "why": "The curve is calmer, since each step averages four times as many examples, and it ends lower; but each step "
                   "took three times as long, so for the same minutes the small batch would have won."}


EXPERIMENT = Exercise(_test_experiment, "Change one thing only, and keep the seed. Good candidates: the batch size, the width of "
                      "the network, the number of recordings, the share of examples without content.", experiment,
                      answer=lambda solution: solution())
