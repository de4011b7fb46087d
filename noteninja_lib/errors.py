"""The one error that a user ever sees, which warnings are worth telling, and names that are still free."""

import errno
import os
import re
import tempfile
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path
from warnings import WarningMessage

#: Words in what typer says of a wrong value, and what we say; the last that is there counts.
WANTED = {"float": "a number", "number": "a number", "integer": "a whole number"}
BOUNDS = {
    r"greater than or equal to (\S+)": "at least",
    r"less than or equal to (\S+)": "at most",
    r"in the range (.*)": "in the range",
}


class UserError(ValueError):
    """Something the user can mend, told in one sentence that says how."""


def unexpected(problem: Exception) -> str:
    """One sentence about an error that is no `UserError`; of a fault of ours, the report goes to a file.

    Parameters
    ----------
    problem : Exception

    Returns
    -------
    str
    """
    text = " ".join(str(problem).split())
    if isinstance(problem, MemoryError) or "allocate memory" in text:
        return "There is not enough memory: close other programs, or take a shorter song."
    if isinstance(problem, OSError) and problem.errno == errno.ENOSPC:
        return (
            f"The disk is full: free some room, and start again ({problem.filename or 'a temporary file'})."
        )
    if isinstance(problem, OSError) and problem.errno == errno.ENAMETOOLONG:
        return f"{str(problem.filename)[:60]}... is too long for a name of a file: give a shorter one."
    if isinstance(problem, PermissionError):
        return f"{problem.filename} may not be read or written: change its permissions."
    kind, report = type(problem).__name__, "".join(traceback.format_exception(problem))
    told = f"This went wrong, and should not have ({kind}: {text[:100]})"
    try:
        file, name = tempfile.mkstemp(".log", "noteninja-")
        with open(file, "w", encoding="utf-8", errors="backslashreplace") as log:
            log.write(report)
    except OSError:
        return f"{told}."
    return f"{told}: please report it, with what is in {name}."


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


def readable(name: str) -> str:
    """A name that can be written as UTF-8; what is no character in it becomes a question mark."""
    return name.encode("utf-8", "replace").decode("utf-8")


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Refuse what is out of range or no number, with one sentence that names the range."""
    if not isinstance(value, int | float) and not hasattr(value, "__float__"):
        raise UserError(f"The {name} must be a number from {low:g} to {high:g}, not {value!r}.")
    if not low <= value <= high:
        raise UserError(f"The {name} must lie between {low:g} and {high:g}, not {value:g}.")


def choose(what: str, word: str, choices: Iterable[str], like: Mapping[str, str] | None = None) -> str:
    """The one of some words that is meant, whatever its case, blanks and hyphens: "Hip-Hop" is hiphop.

    Parameters
    ----------
    what : str
        What it is, for the error.
    word : str
        As a user wrote it.
    choices : iterable of str
    like : mapping of str to str, optional
        For words that are not among them, one that is near in another way.

    Raises
    ------
    UserError
        There is none; it names the nearest.
    """

    def plain(text):
        return re.sub(r"[\s_-]+", "", text).casefold()

    known = {plain(choice): choice for choice in choices}
    if plain(word) in known:
        return known[plain(word)]
    near = (like or {}).get(plain(word)) or next(iter(get_close_matches(plain(word), known, 1)), None)
    hint, there = f" (did you mean {known[near]}?)" if near else "", ", ".join(known.values())
    raise UserError(f"There is no {what} called {word.strip() or repr(word)}{hint}: choose from {there}.")


def free_path(path: str | Path, *endings: str) -> Path:
    """`path`, or with a number behind its name, such as "song (2).mp3", where a file of its name and with its
    own ending exists, or one of others, such as ".mid" or " voice.wav"."""
    path = Path(path)
    return _free(path, (path.suffix, *endings))


def _free(first, endings):
    path, number = first, 2
    while any(os.path.lexists(path.with_name(path.stem + ending)) for ending in endings):
        path, number = first.with_stem(f"{first.stem} ({number})"), number + 1
    return path


@contextmanager
def claimed(
    path: Path, endings: Sequence[str], others: Sequence[str] | None = None, overwrite: bool = False
) -> Iterator[Path]:
    """A name for files that are about to be made: nobody else takes it meanwhile, and nothing is lost.

    Parameters
    ----------
    path : pathlib.Path
    endings : sequence of str
        Behind the name's stem, of the files to be made, such as ".mp3" and ".json". They are made at once,
        and empty; those that still are at the end are taken away.
    others : sequence of str, optional
        Of files that such a name may have, too: where there is one of either, the name gets a number. If
        None, the name itself is wanted.
    overwrite : bool
        Take the name as it is; its files are replaced when the new ones are whole.

    Yields
    ------
    pathlib.Path

    Raises
    ------
    UserError
        The name itself is wanted, and taken.
    """
    made: list[Path] = []
    try:
        while not overwrite and not made:
            name = path if others is None else _free(path, (*endings, *others))
            try:
                for file in (name.with_name(name.stem + ending) for ending in dict.fromkeys(endings)):
                    file.open("x").close()
                    made.append(file)
                path = name
            except FileExistsError:
                if others is None:
                    advice = "give another name with --out, or write over it with --overwrite"
                    raise UserError(f"{file} exists already: {advice}.") from None
                _take_away(made)  # somebody was quicker
            except OSError:
                raise UserError(f"{path} can't be written: give a shorter name, or another folder.") from None
        yield path
    finally:
        _take_away(made)


def _take_away(files):
    """Delete those files that are empty, and forget them all."""
    while files:
        with suppress(OSError):
            if not files[-1].stat().st_size:
                files[-1].unlink()
        files.pop()


def told_by_typer(problem: Exception, words: Sequence[str]) -> str:
    """What is wrong with a command line, in one sentence.

    Parameters
    ----------
    problem : click.UsageError
        Or typer's own copy of it: what it says differs from version to version.
    words : sequence of str
        The command line.
    """
    context, message = getattr(problem, "ctx", None), str(getattr(problem, "message", problem)).rstrip(".")
    command, verbs = getattr(context, "command", None), [] if context else list(words[:1])
    while context is not None and context.parent is not None:
        verbs, context = [context.info_name, *verbs], context.parent
    verb, parameter = " ".join(["noteninja", *verbs]), getattr(problem, "param", None)
    lists, kind = f"`{verb} --help` lists them", type(problem).__name__
    name = max(parameter.opts, key=len) if parameter else getattr(problem, "option_name", "")
    if kind == "NoSuchOption":
        known = [one for other in command.params for one in other.opts]
        near = [f" (did you mean {one}?)" for one in get_close_matches(name, known, 1)]
        return f"`{verb}` has no option {name}{''.join(near)}: {lists}."
    if kind == "MissingParameter":
        hint = (parameter.help or "").rstrip(".")
        return f"`{verb}` needs {name}{f' ({hint})' if hint else ''}."
    if kind == "BadOptionUsage":
        takes = "takes no value" if "not take" in message else "needs a value behind it"
        return f"{name} {takes}: `{verb} --help` tells more."
    if kind == "BadParameter":
        given = dict(zip(words, words[1:])).get(name)
        wanted = [f"must be {said}" for known, said in WANTED.items() if known in message]
        bounds = [(said, re.search(known, message)) for known, said in BOUNDS.items()]
        wanted += [f"must be {said} {found[1]}" for said, found in bounds if found]
        return f"{name} {wanted[-1] if wanted else message}{f', not {given}' if given else ''}."
    if "No such command" in message:
        strange = message.split("'")[1]
        near = [f" (did you mean {one}?)" for one in get_close_matches(strange, command.commands, 1)]
        return f"There is no command `{verb} {strange}`{''.join(near)}: {lists}."
    if "unexpected extra" in message:
        strange = message.partition(" (")[2].removesuffix(")")
        return f"`{verb}` can't use {strange}: put quotation marks around names with blanks."
    return f"{message}: `{verb} --help` tells more."
