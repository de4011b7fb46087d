"""The one error that a user ever sees, which warnings are worth telling, names that are free, whole files."""

import errno
import itertools
import os
import platform
import re
import shutil
import tempfile
import time
import traceback
import uuid
import zlib
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
MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"  # in the names of unfinished files
TORN = "PytorchStreamWriter failed"  # what PyTorch says where it can't write
NO_MEMORY = "There is not enough memory: close other programs, or take a shorter song."
LEAST = 1_000_000_000  # bytes of addresses that all packages take, before anything is computed
#: What is said where memory is lacking, by whatever can't go on.
LACKING = "allocate memory|bad_alloc|without exception|to map seg|new thread|out of memory|create a prim"
FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}  # a disk, or a user's share of it


class UserError(ValueError):
    """Something the user can mend, told in one sentence that says how."""

    def __str__(self):  # what failed for want of memory may look like a damaged file to who met it
        return NO_MEMORY if _lacks_memory(self) else super().__str__()


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
    if _lacks_memory(problem):
        return NO_MEMORY
    if isinstance(problem, OSError) and problem.errno in FULL:
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


def check_memory() -> None:
    """Refuse to begin where so little memory is allowed (``ulimit -v``) that packages would end Python."""
    with suppress(ImportError):  # Windows has no such limit
        import resource

        allowed = resource.getrlimit(resource.RLIMIT_AS)[0]
        if allowed != resource.RLIM_INFINITY and allowed < LEAST:
            told = f"`ulimit -v` allows {allowed / 1e9:.1f} GB: allow at least {LEAST / 1e9:.1f}"
            raise UserError(f"There is not enough memory, and {told}.")


def _lacks_memory(problem):
    """Whether an error is one of memory, or came of one."""
    while problem is not None:
        number, text = getattr(problem, "errno", None), str(problem.args)
        if isinstance(problem, MemoryError) or number == errno.ENOMEM or re.search(LACKING, text, re.I):
            return True
        problem = problem.__cause__ or problem.__context__
    return False


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
    return next(name for name in _names(path) if not _there(name, (path.suffix, *endings)))


def _names(first):
    """A name, then the same with numbers behind it."""
    yield first
    yield from (first.with_stem(f"{first.stem} ({number})") for number in itertools.count(2))


def _there(name, endings):
    """The first file that has a name's stem and one of the endings; an OSError if there can be none."""
    for ending in endings:
        with suppress(FileNotFoundError):
            (file := name.with_name(name.stem + ending)).lstat()
            return file
    return None


@contextmanager
def claimed(
    path: Path, endings: Sequence[str], others: Sequence[str] | None = None, overwrite: bool = False
) -> Iterator[Path]:
    """A name for files that are about to be made: nobody else takes it meanwhile, and nothing is lost.

    Parameters
    ----------
    path : pathlib.Path
    endings : sequence of str
        Behind the name's stem, of the files to be made, such as ".mp3" and ".json".
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
    from filelock import FileLock, Timeout  # the system takes its locks from a process that ends, however

    for name in _names(path):
        lock, advice = FileLock(_beside(name.with_suffix(".lock"))), "give another name with --out"
        try:
            lock.acquire(blocking=False)
            if overwrite or not (file := _there(name, (*endings, *(others or ())))):
                break
            problem = f"{file} exists already: {advice}, or write over it with --overwrite."
            _unlock(lock)
        except Timeout:
            if overwrite:
                break
            problem = f"{name} is being made by another run: {advice}, or wait for that one."
        except OSError:
            _unlock(lock)
            raise UserError(f"{path} can't be written: give a shorter name, or another folder.") from None
        if others is None:
            raise UserError(problem)
    try:
        yield name
    finally:
        _unlock(lock)


def _unlock(lock):
    if lock.is_locked:
        with suppress(OSError):  # Windows can't yet
            os.unlink(lock.lock_file)
        lock.release()


def _beside(path, mark=""):
    """A hidden name beside a file, short however long its own is."""
    return path.with_name(f".{zlib.crc32(os.fsencode(path.name)):08x}{mark}{path.suffix}")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name to write a file or a folder to; it gets its own name when it is whole, and on the disk.

    Of a folder, each file replaces the one of its name. What was left by a process that was killed while it
    wrote the same is cleared away.

    Raises
    ------
    UserError
        It can't be written; what was there before stays.
    """
    unfinished = _beside(path, f"-{MACHINE}-{os.getpid()}-{uuid.uuid4().hex[:8]}")
    with writing(path):
        for old in path.parent.glob(f"{_beside(path).stem}-*-*-*"):
            if _left_behind(old):
                _remove(old)
        try:
            yield unfinished
            parts = [unfinished] if unfinished.exists() else []  # the caller may have thought better of it
            parts = list(unfinished.iterdir()) if unfinished.is_dir() else parts
            for part in parts:
                with open(part, "rb+") as file:
                    os.fsync(file.fileno())  # else a power cut may leave the name, and nothing in the file
            for part in parts:
                target = path / part.name if part is not unfinished else path
                target.parent.mkdir(exist_ok=True)
                os.replace(part, target)
        finally:
            _remove(unfinished)


def write_whole(path: Path, text: str) -> None:
    """Write a text file, in UTF-8; see `whole`. A name that is no UTF-8 stands in it as JSON escapes it."""
    with whole(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tell in one sentence that something can't be written, whichever library says so."""
    try:
        yield
    except Exception as problem:
        kinds = {kind.__name__ for kind in type(problem).__mro__}  # soundfile asserts what it wrote
        if kinds & {"OSError", "AssertionError", "SoundFileError", "SafetensorError"} or TORN in str(problem):
            advice = "choose another folder, or make room on the disk"
            raise UserError(f"{path} could not be written: {advice}.") from problem
        raise


def _left_behind(file):
    """Whether the process that began a file is gone; of other machines' files, whether a day has passed."""
    import psutil

    try:
        _, machine, process, _ = file.name.split("-")
        written = file.stat().st_mtime
        if machine != MACHINE:  # a folder that several machines share
            return written < time.time() - 24 * 3600
        return psutil.Process(int(process)).create_time() > written + 1  # another one that has its number
    except (psutil.Error, OSError, ValueError):
        return True


def _remove(path):
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)


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
