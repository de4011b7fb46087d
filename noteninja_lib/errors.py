"""The one error that a user ever sees."""

from pathlib import Path


class UserError(ValueError):
    """Something the user can mend, told in one sentence that says how."""


class Stopped(Exception):
    """Raised inside a progress callback to end work that the user stopped."""


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, or say in one sentence why that can't be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise UserError(
            f"{path} can't be a folder: give another name, or a place where you may write."
        ) from None


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Refuse what is out of range, with one sentence that names the range."""
    if not low <= value <= high:
        raise UserError(f"The {name} must lie between {low:g} and {high:g}, not {value:g}.")
