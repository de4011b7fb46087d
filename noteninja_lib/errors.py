"""The one error that a user ever sees, and which warnings are worth telling."""

from pathlib import Path
from warnings import WarningMessage


class UserError(ValueError):
    """Something the user can mend, told in one sentence that says how."""


class Stopped(Exception):
    """Raised inside a progress callback to end work that the user stopped."""


class Notice(UserWarning):
    """A warning that is one sentence for the user: what was asked for was done in another way."""


def notices(told: list[WarningMessage], *songs: str | Path) -> list[str]:
    """The sentences among recorded warnings that are for the user, each once; others are for who programs.

    Parameters
    ----------
    told : list of warnings.WarningMessage
        As `warnings.catch_warnings(record=True)` gives them.
    *songs : str or pathlib.Path
        What was worked on: a warning that names one, such as one of a damaged file, is for the user too.
    """
    own = [
        str(one.message)
        for one in told
        if issubclass(one.category, Notice)
        or issubclass(one.category, UserWarning)
        and any(str(song) in str(one.message) for song in songs)
    ]
    return list(dict.fromkeys(own))


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, or say in one sentence why that can't be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise UserError(
            f"{path} can't be a folder: give another name, or a place where you may write."
        ) from None


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Refuse what is out of range or no number, with one sentence that names the range."""
    if not isinstance(value, int | float) and not hasattr(value, "__float__"):
        raise UserError(f"The {name} must be a number from {low:g} to {high:g}, not {value!r}.")
    if not low <= value <= high:
        raise UserError(f"The {name} must lie between {low:g} and {high:g}, not {value:g}.")


def free_path(path: str | Path, *endings: str) -> Path:
    """`path`, or with a number behind its name where it exists with its own ending or one of others, such as
    ".mid" or " voice.wav"."""
    path, number = Path(path), 2
    first = path
    while any(path.with_name(path.stem + ending).exists() for ending in (path.suffix, *endings)):
        path, number = first.with_stem(f"{first.stem}-{number}"), number + 1
    return path
