"""The course handed out and collected: copies of the lessons for students and teachers; who solved what.

A notebook that comes back is somebody else's code. By default none of it is run: answers, and the verdicts
saved with them, are read as text. Where answers are judged anew, those that are values are still only read;
those that are functions are run: the answer's cell, and of other cells imports and definitions of functions
and classes, never a whole notebook. Each is run in a process of its own, in the notebook's folder, without
the environment's variables, with limits for time and (not on Windows) memory. That holds off accidents, not
attacks: the process may do what its user may; where that matters use a container. A verdict can be forged.
"""

import ast
import csv
import html
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from noteninja_lib import __version__
from noteninja_lib.errors import UserError, choose, make_folder, whole, write_whole

LESSONS = Path(__file__).resolve().parent.parent / "notebooks"
LARGEST, MEMORY = 100_000_000, 12 << 30  # bytes of a notebook that is read, and that judging may map
COLUMNS = ("student", "lesson", "exercise", "state", "words", "answer", "file")
#: States of an answer, and their signs in the printed table.
MARKS = {"solved": "+", "handed in": "+", "not yet": "-", "not begun": ".", "not judged": "?"}
CALL = re.compile(r"^(?:display\()?lesson_(\d\d)\.([A-Z]\w*)\.check\((\w+)[^)\n]*\)+[ \t]*$", re.M)
IMPORT = re.compile(r"^from noteninja_lib\.lessons import lesson_\d\d[ \t]*\n+", re.M)
BADGES = re.compile(r"^\[!\[Open .*\n+", re.M)
DEFINED = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


def _lessons():
    """Number to (name of the file, notebook); in a clone they lie beside the library."""
    if not (files := sorted(LESSONS.glob("[0-9][0-9]_*.ipynb"))):
        raise UserError("The lessons aren't here: clone the repository, and call `noteninja course` there.")
    return {path.name[:2]: (path.name, json.loads(path.read_text("utf-8"))) for path in files}


def _exercise(lesson, name):
    return getattr(import_module(f"noteninja_lib.lessons.lesson_{lesson}"), name)


def _note(cell, text):
    facts = {"id": f"{cell['id']}-note", "metadata": {"tags": ["teacher"]}}
    return facts | {"cell_type": "markdown", "source": f"**For the teacher.** {text}"}


def _solution(exercise, argument):
    """An exercise's solution as lines of a cell, between the marks at which nbgrader takes it out."""
    source = textwrap.dedent(inspect.getsource(exercise.solution)).strip()
    used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    module, name = inspect.getmodule(exercise.solution), exercise.solution.__name__
    needed = ", ".join(sorted(used & vars(module).keys()))
    head = f"from {module.__name__} import {needed}\n\n" if needed else ""
    answer = name if exercise.example() is exercise.solution else f"{name}()"
    source += "" if answer == argument else f"\n\n{argument} = {answer}"
    return f"\n\n### BEGIN SOLUTION\n{head}{source}\n### END SOLUTION"


def _parts(cell, teacher):
    """An exercise's cell as several: a note for the teacher, the answer, and a check that stays as it is."""
    source = "".join(cell["source"])
    lesson, name, argument = CALL.search(source).groups()
    exercise, own = _exercise(lesson, name), f"lesson_{lesson}.{name}"
    texts = getattr(exercise, "texts", None)  # a person must read these
    answer = CALL.sub("", IMPORT.sub("", source)).strip()
    check = f"from noteninja_lib.lessons import lesson_{lesson}\n\n"
    if teacher:
        how = f"to be read by you ({'; '.join(texts.values())})" if texts else "judged by its check"
        yield _note(cell, f"`{name}` is {how}. Its hint: {exercise.hint}")
        answer += _solution(exercise, argument)
        call = f"right, words = {own}.verdict({argument})\nassert right, words"
        check += "" if texts else f"### BEGIN HIDDEN TESTS\n{call}\n### END HIDDEN TESTS\n"
    check += f"display({own}.check({argument}, solution=False))"  # as a cell's last value it were a mark
    marks = {"schema_version": 3, "grade_id": f"lesson-{lesson}-{name}", "task": False, "locked": False}
    marks |= {"solution": True, "grade": bool(texts), "points": 2 if texts else 0}
    yield cell | {"source": answer, "metadata": {"deletable": False, "nbgrader": marks}}
    marks = marks | {"grade_id": f"{marks['grade_id']}-check", "solution": False, "locked": True}
    marks |= {"grade": not texts, "points": 0 if texts else 1}
    fixed = {"deletable": False, "editable": False, "nbgrader": marks}
    yield cell | {"id": f"{cell['id']}-check", "source": check, "metadata": fixed}


def _advice(lesson):
    """What the teachers' page has on a lesson: the question to ask, and what is often misunderstood."""
    page = (LESSONS / "README.md").read_text("utf-8").split("## For teachers")[-1]
    asked, leads = re.search(rf"^\| {lesson} \| (.+) \| (.+) \|$", page, re.M).groups()
    wrong = re.findall(rf"^- \*\".*\((?:\d\d, )*{lesson}\b.*\)$", page, re.M)
    return "\n\n".join([f"Ask first: *{asked}* It leads to {leads}.", *wrong])


def build(audience: str, out: Path) -> list[Path]:
    """Write copies of all lessons: for students without solutions, for teachers with solutions and notes.

    Copies for teachers are what nbgrader calls source notebooks. A student's copy doesn't show solutions; the
    library that checks the answers holds them, though, in its source. Nothing is overwritten;
    copies that a build made before it was stopped are kept.
    """
    audience = choose("kind of copies", audience, ("student", "teacher"))
    teacher, copies = audience == "teacher", {}
    for lesson, (name, notebook) in _lessons().items():
        first, *others = notebook["cells"]
        cells = [first | {"source": BADGES.sub("", "".join(first["source"]))}]  # they lead to solutions
        cells += [_note(first, _advice(lesson))] if teacher else []
        for cell in others:
            cells += _parts(cell, teacher) if CALL.search("".join(cell["source"])) else [cell]
        notebook["metadata"]["noteninja"] |= {"copy": audience, "version": __version__}
        copies[out / name] = json.dumps(notebook | {"cells": cells}, ensure_ascii=False, indent=1) + "\n"
    there = [path for path in copies if path.exists()]
    if others := [path for path in there if path.read_bytes() != copies[path].encode()]:
        raise UserError(f"{others[0]} is there already: give an empty folder with --out.")
    make_folder(out)
    for path in (one for one in copies if one not in there):
        write_whole(path, copies[path])
    return list(copies)


def _answers(notebook):
    """By the exercise's name, in a lesson or a copy: the variable, the answer's source, the saved verdict."""
    found = {}
    for cell in (one for one in notebook["cells"] if one["cell_type"] == "code"):
        source, given = "".join(cell["source"]), cell["metadata"].get("nbgrader", {}).get("grade_id")
        if answer := re.fullmatch(r"lesson-\d\d-([A-Z]\w*)", str(given)):
            found[answer[1]] = ["", source.strip(), ""]
        if call := CALL.search(source):
            shown = ["".join(one.get("data", {}).get("text/html", "")) for one in cell["outputs"]]
            words = re.search(r"<p[^>]*>(.*?)</p>", "".join(shown), re.S)
            _, answer, _ = found.get(call[2], ("", CALL.sub("", IMPORT.sub("", source)).strip(), ""))
            found[call[2]] = [call[3], answer, html.unescape(words[1]) if words else ""]
    return found


def _value(node, known):
    """What an expression says, without running it: of what is no literal, its text."""
    if isinstance(node, ast.Dict):
        return {str(_value(key, known)): _value(one, known) for key, one in zip(node.keys, node.values)}
    try:
        return known[node.id] if isinstance(node, ast.Name) else ast.literal_eval(node)
    except (KeyError, ValueError):
        return ast.unparse(node)


def judge(file: str) -> None:
    """In a process of its own, judge an answer that comes by standard input; the verdict goes into a file."""
    lesson, name, variable, answer, cells = json.load(sys.stdin)
    with suppress(ImportError, ValueError, OSError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    exercise, names = _exercise(lesson, name), {"__name__": "answers"}
    try:
        if exercise.example() is exercise.solution:  # it asks for a function
            for cell in cells:
                with suppress(Exception):  # a magic command, say, or a package that the answer may not need
                    for node in (node for node in ast.parse(cell).body if isinstance(node, DEFINED)):
                        exec(compile(ast.Module([node], []), "lesson", "exec"), names)
            exec(answer, names)
        else:
            for node in (node for node in ast.parse(answer).body if isinstance(node, ast.Assign)):
                names[ast.unparse(node.targets[0])] = _value(node.value, names)
        words = exercise.verdict(names.get(variable))[1]
    except BaseException as error:  # such as SystemExit
        words = f"Not yet: the answer stopped with {type(error).__name__}: {error}"
    Path(file).write_text(words, "utf-8")


def _judged(folder, seconds, *answer):
    """The verdict on an answer, from a process that is ended when it takes too long."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "TMP") if name in os.environ}
    kept |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "MPLBACKEND": "agg"}
    code = "import sys; from noteninja_lib.course import judge; judge(sys.argv[1])"
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, "env": kept}
    with tempfile.TemporaryDirectory() as place, suppress(subprocess.TimeoutExpired, OSError):
        call = [sys.executable, "-P", "-c", code, f"{place}/verdict"]
        process = subprocess.Popen(call, stdin=subprocess.PIPE, start_new_session=True, **silent)
        try:
            process.communicate(json.dumps(answer).encode(), seconds)
        finally:
            if hasattr(os, "killpg"):
                with suppress(OSError):
                    os.killpg(process.pid, signal.SIGKILL)  # what it started, too
            process.kill()
            process.wait()
        return Path(place, "verdict").read_text("utf-8")
    return f"Not yet: the answer ended Python, or took more than {seconds} s or too much memory."


def _rows(path, lessons, run, seconds):
    """Of one notebook, what differs in the rows of its answers; of one that can't be used, why."""
    try:
        notebook = json.loads(path.read_text("utf-8-sig") if path.stat().st_size <= LARGEST else "")
        found, facts = _answers(notebook), notebook["metadata"].get("noteninja") or {}
        lesson, version = str(facts.get("lesson")), facts.get("version", __version__)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        yield {"state": "problem", "words": "This is no notebook, or it is damaged."}
        return
    known = lessons.get(lesson, {})
    if not found.keys() & known.keys():
        yield {"state": "problem", "words": "No answer to a lesson of this course is in it."}
    elif version != __version__ or found.keys() != known.keys():
        yield {"lesson": lesson, "state": "problem", "words": "Its exercises are those of another version."}
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for name in [name for name in known if name in found]:
        (variable, stub, _), (_, answer, words) = known[name], found[name]
        if answer in ("", stub):
            words = "Not begun yet."
        elif run:
            words = _judged(path.parent, seconds, lesson, name, variable, answer, cells)
        right = "handed in" if getattr(_exercise(lesson, name), "texts", None) else "solved"
        states = {"": "not judged", "Right!": right, "Not begun yet": "not begun"}
        state = states.get(words.split(":")[0].rstrip("."), "not yet")
        yield dict(zip(COLUMNS[1:6], (lesson, name, state, words, answer)))


def collect(folder: Path, run: bool = False, seconds: int = 60, progress: Callable = iter) -> list[dict]:
    """The answers in all notebooks of a folder, as rows with the keys `COLUMNS`.

    It holds a folder for each student, or notebooks such as ``00_genre_converter Ada.ipynb``. Verdicts are
    those saved; with ``run`` answers are judged anew, each within some seconds. ``progress`` passes paths on.
    """
    books, rows = _lessons(), []
    lessons = {lesson: _answers(notebook) for lesson, (_, notebook) in books.items()}
    files = [one for one in folder.rglob("*.ipynb") if one.is_file() and one.parent.name[:1] != "."]
    if not files:
        raise UserError(f"{folder} holds no notebooks: give the folder with what the students handed in.")
    for path in progress(sorted(files)):
        student, *below = path.relative_to(folder).parts
        for name, _ in books.values() if not below else ():
            student = student.removesuffix(".ipynb").replace(name[:-6], "").strip(" -_()") or student
        row = dict.fromkeys(COLUMNS, "") | {"student": student, "file": str(path.relative_to(folder))}
        rows += [row | one for one in _rows(path, lessons, run, seconds)]
    return rows


def write_table(rows: list[dict], path: Path) -> str:
    """Write rows as CSV, and say who solved what: of each exercise its sign in `MARKS`."""
    for row in rows:  # no signs that steer a terminal, and no formula for a spreadsheet
        shown = ((key, "".join(s for s in text if s.isprintable() or s == "\n")) for key, text in row.items())
        row |= {key: f"'{text}" if text[:1] in tuple("=+-@") else text for key, text in shown}
    with whole(path) as fresh, fresh.open("w", encoding="utf-8-sig", newline="") as file:  # Excel's mark
        csv.writer(file).writerows([COLUMNS, *([row[key] for key in COLUMNS] for row in rows)])
    own = (((r["student"], r["lesson"], r["exercise"]), MARKS[r["state"]]) for r in rows if r["exercise"])
    marks = dict(own)  # of two notebooks of one lesson the later name counts
    lessons, wide = sorted({key[1] for key in marks}), max(len(row["student"]) for row in rows)
    lines = [" " * wide + "".join(f"  {lesson:4}" for lesson in lessons)]
    for student in sorted({key[0] for key in marks}):
        each = ("".join(marks[key] for key in marks if key[:2] == (student, one)) for one in lessons)
        lines.append(f"{student:{wide}}" + "".join(f"  {signs:4}" for signs in each))
    lines += [f"{row['file']}: {row['words']}" for row in rows if row["state"] == "problem"]
    return "\n".join([*lines, ", ".join(f"{mark} {state}" for state, mark in MARKS.items())])
