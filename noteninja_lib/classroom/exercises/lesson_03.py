"""Exercises of lesson 03: what makes a genre."""
from noteninja_lib.classroom.exercises import Exercise
from noteninja_lib.music.genres import GENRES, Recipe, load_recipe


def _gaps(pattern):
    """Steps from each stroke to the next, around the bar."""
    places = [step for step, sign in enumerate(pattern) if sign == "X"]
    return [(after - place) % len(pattern) or len(pattern) for place, after in zip(places, places[1:] + places[:1])]


def _test_spread(spread):
    assert callable(spread), "hand in the function itself: check(spread), without brackets behind spread"
    for strokes, steps in ((4, 16), (3, 8), (5, 16), (7, 16), (1, 12)):
        pattern = spread(strokes, steps)
        asked = f"spread({strokes}, {steps})"
        assert isinstance(pattern, str), f"{asked} should return a string; it returned {pattern!r}"
        assert len(pattern) == steps, f"{asked} should have {steps} steps; it has {len(pattern)}: {pattern!r}"
        assert set(pattern) <= {"X", "."}, f"only X and . should stand in a pattern; {asked} is {pattern!r}"
        assert pattern.count("X") == strokes, f"{asked} should hold {strokes} strokes; it holds {pattern.count('X')}: {pattern!r}"
        assert pattern[0] == "X", f"the bar should begin with a stroke; {asked} is {pattern!r}"
        gaps = _gaps(pattern)
        assert max(gaps) - min(gaps) <= 1, (
            f"the gaps should differ by one step at most; in {asked} = {pattern!r} they are {gaps}")


def spread(strokes, steps):
    """A pattern whose strokes lie as evenly as the steps allow."""
    places = {stroke * steps // strokes for stroke in range(strokes)}
    return "".join("X" if step in places else "." for step in range(steps))


SPREAD = Exercise(_test_spread, "Without a grid, stroke number k would fall at k × steps ÷ strokes. Which step is nearest below it?",
                  spread)


def _test_genre(answer):
    assert isinstance(answer, dict) and {"recipe", "why"} <= set(answer), "hand in a dict with the keys recipe and why"
    assert answer["recipe"] not in (None, ...), "put the path of your recipe, a .yaml file, where None stands"
    recipe = answer["recipe"] if isinstance(answer["recipe"], Recipe) else load_recipe(answer["recipe"])
    assert recipe.genre not in GENRES, f"your genre needs a name of its own; {recipe.genre!r} is one of the ten"
    for genre in GENRES:
        other = load_recipe(genre)
        same = [part for part in ("drums", "bass", "harmony") if getattr(recipe, part) == getattr(other, part)]
        assert len(same) < 3, f"its drums, bass and harmony are all those of {genre}: change at least one of them"
    words = len(str(answer["why"]).split())
    assert words >= 12, f"tell in a sentence or two by what one should know your genre; so far it is {words} words"


def genre():
    """One possible answer; yours should sound like you."""
    from dataclasses import replace
    waltz_step = {36: "X.....X.....X...", 38: "...X.....X.....X"}
    base = load_recipe("disco")
    limping = replace(base, genre="limping disco", drums={**base.drums, "four": [waltz_step]})
    return {"recipe": limping, "why": "Groups of three steps limp across a bar of sixteen, under a bass and strings that "
                                      "go straight on: one wants to dance, and stumbles."}


GENRE = Exercise(_test_genre, "Begin with the recipe that is nearest to what you hear inwardly, change one thing, listen, and only then change "
                 "the next.", genre, answer=lambda solution: solution())
