"""A blind listening test: two sounds hidden behind A and B, a question, a score, and what guessing reaches.

Nobody who knows which recording is which can judge fairly, so the computer keeps the secret until the end.
Both sounds are brought to one loudness first: of two equal sounds the louder one is liked better.

Lesson: 11_judging_a_converter
"""

import html
import json
import os
from collections.abc import Iterable
from math import comb
from pathlib import Path

import ipywidgets as widgets
import numpy as np

from noteninja_lib.audio.io import normalise, to_mp3
from noteninja_lib.errors import UserError, free_path, write_whole
from noteninja_lib.widgets.style_sheet import meter, name_parts, player, row, stage_button, style_sheet

PLACES = ("A", "B")


def chance(right: int, trials: int) -> float:
    """How likely it is, 0 to 1, to give at least so many right answers by guessing between two.

    The upper tail of the binomial distribution of `trials` tosses of a coin.
    """
    return sum(comb(trials, number) for number in range(right, trials + 1)) / 2**trials


def shuffled(names: Iterable[str], rounds: int, seed: int) -> list[tuple[str, int]]:
    """Who comes when, and where the right answer is.

    Parameters
    ----------
    names : iterable of str
    rounds : int
        Each name comes equally often, or once more.
    seed : int

    Returns
    -------
    list of (str, int)
        Name of the pair, and 0 where the right answer is A, 1 where it is B: each drawn by itself, so that
        nothing can be counted out.
    """
    rng, names = np.random.default_rng(seed), list(names)
    starts = range(0, rounds, len(names))
    queue = [name for start in starts for name in rng.permutation(names)[: rounds - start]]
    return [(str(name), int(place)) for name, place in zip(queue, rng.integers(2, size=rounds))]


class BlindTest(widgets.VBox):
    """The test as a widget: listen to A and B, choose one; the score comes after the last round.

    Parameters
    ----------
    pairs : dict of str to (np.ndarray, np.ndarray)
        Name of each pair; the sound that is the right answer, and the other one, both as `hear` takes them.
        Both should be mono, or both stereo: else that gives it away.
    question : str
        Which of the two is to be chosen.
    rounds : int
    seed : int
        Decides the order; drawn anew by the button that begins again.
    folder : str or Path
        Where Save writes.

    Attributes
    ----------
    answers : list of dict
        Of each round so far: `pair`, `chosen` ("A" or "B") and `right`.
    """

    def __init__(
        self, pairs: dict, question: str, *, rounds: int = 8, seed: int = 0, folder: str | Path = "outputs"
    ) -> None:
        if not pairs or rounds < 1:
            raise UserError("A listening test needs at least one pair of sounds and one round.")
        self.pairs = {name: [to_mp3(normalise(sound)) for sound in pair] for name, pair in pairs.items()}
        self.question, self.rounds, self.folder = question, rounds, Path(folder)
        self.heading, self.message, self.score = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.again = widgets.Button(description="Begin again", icon="refresh", tooltip="in another order")
        self.save_button = widgets.Button(description="Save results", icon="save")
        self.again.on_click(lambda _: self.begin(self.seed + 1))
        self.save_button.on_click(lambda _: self.save())
        self.players, self.buttons, sides = [player() for _ in PLACES], [], []
        for number, place in enumerate(PLACES):
            button = widgets.Button(description=f"It is {place}", button_style="primary")
            button.on_click(lambda _, number=number: self.choose(number))
            sound, letter = self.players[number], place.lower()
            name_parts(**{f"blind_player_{letter}": sound, f"blind_choose_{letter}": button})
            self.buttons.append(button)
            sides.append(widgets.VBox([widgets.HTML(f"<b>{place}</b>"), sound, button]))
        pair, last = widgets.HBox(sides), row(self.again, self.save_button, self.message)
        super().__init__([style_sheet(), self.heading, pair, self.score, last])
        name_parts(self, "message", blind_heading=self.heading, blind_score=self.score, pair=pair, blind=self)
        name_parts(blind_again=self.again, blind_save=self.save_button)
        last.children += (stage_button(self),)
        self.begin(seed)

    def begin(self, seed: int) -> None:
        """Start from the first round, in the order that belongs to a seed; earlier answers are forgotten."""
        self.seed, self.answers, self.message.value = seed, [], ""
        self.plan = shuffled(self.pairs, self.rounds, seed)
        self._show()

    def choose(self, place: int) -> None:
        """Answer the round that is on; the handler of both buttons. `place` is 0 for A, 1 for B."""
        if len(self.answers) == self.rounds:
            return
        name, right = self.plan[len(self.answers)]
        self.answers.append({"pair": name, "chosen": PLACES[place], "right": place == right})
        self._show()

    def _show(self):
        done, number = len(self.answers) == self.rounds, len(self.answers)
        for part in self.buttons:
            part.disabled = done
        self.save_button.disabled = not done
        if done:
            self.heading.value, self.score.value = "<b>That was the last round.</b>", self._verdict()
            return
        name, right = self.plan[number]
        for place, part in enumerate(self.players):
            part.value = self.pairs[name][place != right]
        self.heading.value = f"<b>{html.escape(self.question)}</b> Round {number + 1} of {self.rounds}."
        self.score.value = ""

    def results(self) -> dict:
        """All answers, how many were right, and how likely that is for one who guesses.

        Returns
        -------
        dict
            `question`, `seed`, `trials`, `right`, `chance` and `answers`.
        """
        right, trials = sum(answer["right"] for answer in self.answers), len(self.answers)
        found = {"trials": trials, "right": right, "chance": chance(right, trials), "answers": self.answers}
        return {"question": self.question, "seed": self.seed, **found}

    def _verdict(self):
        found = self.results()
        words = f"{found['right']} of {found['trials']} right; one who only guesses reaches that or more "
        words += f"in {found['chance']:.1%} of such tests"
        bars = [meter("Right", found["right"] / found["trials"], words)]
        for name in self.pairs:
            if right := [answer["right"] for answer in self.answers if answer["pair"] == name]:
                bars.append(meter(name, float(np.mean(right)), f"{sum(right)} of {len(right)}"))
        return "".join(bars)

    def save(self) -> Path | None:
        """Write the results as JSON into the folder; the handler of the button Save results.

        Returns
        -------
        Path or None
            None where it could not be written; the widget says why.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = free_path(self.folder / "listening_test.json")
            write_whole(path, json.dumps(self.results(), indent=1) + "\n")
        except OSError as error:
            self._tell(f"Can't write to {html.escape(self.folder.as_posix())}: {error.strerror}.", "error")
            if os.environ.get("NOTENINJA_TEST") == "1":
                raise
            return None
        self._tell(f"saved as <code>{html.escape(path.as_posix())}</code>", "info")
        return path

    def _tell(self, words, kind):
        self.message.value = f'<div class="nn-{kind}" role="status">{words}</div>'
