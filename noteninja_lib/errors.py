"""The one error that a user ever sees."""


class UserError(ValueError):
    """Something the user can mend, told in one sentence that says how."""


class Stopped(Exception):
    """Raised inside a progress callback to end work that the user stopped."""


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Refuse what is out of range, with one sentence that names the range."""
    if not low <= value <= high:
        raise UserError(f"The {name} must lie between {low:g} and {high:g}, not {value:g}.")
