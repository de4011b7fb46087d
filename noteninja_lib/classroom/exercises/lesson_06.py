"""Exercises of lesson 06: diffusion theory."""
import torch

from noteninja_lib.classroom.exercises import Exercise


def _test_midpoint(midpoint):
    assert callable(midpoint), "hand in the function itself: check(midpoint), without brackets behind midpoint"
    times, asked = torch.linspace(1, 0, 9), []

    def growth(points, time):
        asked.append(float(time))
        return points

    found, truth = midpoint(growth, torch.ones(1), times), torch.exp(torch.tensor([-1.0]))
    assert isinstance(found, torch.Tensor), f"return the points at the end of the walk; you returned {found!r}"
    euler = (7 / 8) ** 8
    error, error_of_euler = abs(float(found - truth)), abs(euler - float(truth))
    assert error < error_of_euler / 5, (
        f"the walk ends {error:.3f} from the true end, and Euler's {error_of_euler:.3f}: the velocity that you step along "
        "should be the one in the middle of the step")
    slope = midpoint(lambda points, time: torch.full_like(points, float(time)), torch.ones(1), times)
    assert abs(float(slope) - 0.5) < 1e-4, "the network should be told the time in the middle of the step, too"
    assert len(asked) == 16, f"two questions a step are enough: 8 steps asked the network {len(asked)} times"


def midpoint(predict, points, times):
    """Walk along the flow; each step follows the velocity that is found in its middle."""
    for now, following in zip(times[:-1], times[1:]):
        step = following - now
        halfway = points + step / 2 * predict(points, float(now))
        points = points + step * predict(halfway, float(now + step / 2))
    return points


MIDPOINT = Exercise(_test_midpoint, "Begin with half a step of Euler's. Ask for the velocity there, with the time that it is "
                    "there. Then go back to where the step began, and make the whole step with what you were told.", midpoint)


def _test_by_ear(answer):
    assert isinstance(answer, dict) and {"steps", "guidance", "why"} <= set(answer), (
        "hand in a dict with the keys steps, guidance and why")
    steps, guidance = answer["steps"], answer["guidance"]
    assert isinstance(steps, int) and 1 <= steps <= 1000, "steps should be a whole number from 1 to 1000"
    assert isinstance(guidance, (int, float)) and 0 <= guidance <= 20, "guidance should be a number from 0 to 20"
    words = len(str(answer["why"]).split())
    assert words >= 12, f"tell in a sentence or two what you heard, and beside what; so far it is {words} words"


def by_ear():
    """One possible answer; yours depends on what you hear."""
    return {"steps": 4, "guidance": 2.0,
            "why": "With one step the cymbals are a hiss and the attacks are soft. From four steps on I hear no more "
                   "difference. At guidance 6 the drums are louder than the tune."}


BY_EAR = Exercise(_test_by_ear, "Change one thing at a time. First guidance 2 with 1, 2, 4 and 16 steps; then the number of "
                  "steps that you like, with guidance 1, 2, 4 and 8. Listen to drums and to long notes apart.",
                  by_ear, answer=lambda solution: solution())
