from noteninja_lib.lessons import lesson_06


def euler(predict, points, times):
    for now, following in zip(times[:-1], times[1:]):
        points = points + (following - now) * predict(points, float(now))
    return points


def late(predict, points, times):
    for now, following in zip(times[:-1], times[1:]):
        halfway = points + (following - now) / 2 * predict(points, float(now))
        points = points + (following - now) * predict(halfway, float(now))
    return points


def not_moved(jump, points, time, until):
    middle = (time + until) / 2
    return (jump(points, time, middle) + jump(points, middle, until)) / 2


def summed(jump, points, time, until):
    middle = (time + until) / 2
    first = jump(points, time, middle)
    return first + jump(points + (middle - time) * first, middle, until)


STUB = {"steps": None, "guidance": 2.0, "why": "..."}
STUBS = [
    (lesson_06.MIDPOINT, lambda *_: None),
    (lesson_06.ONE_JUMP, lambda *_: None),
    (lesson_06.BY_EAR, STUB),
]
WRONG = [
    (lesson_06.MIDPOINT, euler, "in the middle"),
    (lesson_06.MIDPOINT, late, "given the time"),
    (lesson_06.ONE_JUMP, lambda jump, points, time, until: jump(points, time, until), "1 times"),
    (lesson_06.ONE_JUMP, not_moved, "begins where"),
    (lesson_06.ONE_JUMP, summed, "2.00 times"),
    (lesson_06.BY_EAR, {**STUB, "steps": 4, "guidance": 50, "why": "word " * 20}, "from 0 to 20"),
    (lesson_06.BY_EAR, {**STUB, "steps": 4, "why": "sounds better"}, "what you heard"),
]
