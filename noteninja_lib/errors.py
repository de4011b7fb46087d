"""The one error that a user ever sees."""


class UserError(ValueError):
    """Something the user can mend, told in one sentence that says how."""


class Stopped(Exception):
    """Raised inside a progress callback to end work that the user stopped."""
