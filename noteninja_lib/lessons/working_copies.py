"""A student's own copies of the lessons, and the page that leads to them.

Running a lesson changes its file, so what is opened are copies in the folder `work`. A newer lesson takes the
place of a copy in which nobody wrote; a changed one stays, and the newer lies beside it.

    python -m noteninja_lib.lessons.working_copies [--renew 07]

Lesson: 00_genre_converter
"""

import argparse
import hashlib
import html
import json
import os
import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from noteninja_lib.errors import UserError, free_path, whole, write_whole

if TYPE_CHECKING:  # widgets take a second, and the command does without
    import ipywidgets

ROOT = Path(__file__).resolve().parent.parent.parent
HEAD = (
    '<div class="nn-head"><h1>NoteNinja</h1>'
    "<span>Drop a song here or choose one, take a genre, and press <b>Convert</b>: the same tune, by another "
    "band.</span>"
    "<nav>{}</nav></div>"
)
RECORD = ".lessons.json"  # in the working folder: which version of each lesson was given out


def working_folder() -> Path | None:
    """Where the copies lie: `NOTENINJA_WORK`, else `work` beside the library; None where that is empty."""
    name = os.environ.get("NOTENINJA_WORK", ROOT / "work")
    return Path(name) if name else None


def originals(work: Path) -> list[Path]:
    """The lessons as they came, in order."""
    beside = work.parent / "notebooks"
    return sorted((beside if beside.is_dir() else ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def fingerprint(path: Path) -> str:
    """A hash of what is written in a notebook's cells, without what running it leaves behind."""
    data = path.read_bytes()
    try:
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(data)["cells"]]
        data = json.dumps(cells).encode()
    except (ValueError, TypeError, KeyError):
        pass  # no notebook any more: then every byte counts
    return hashlib.sha256(data).hexdigest()


def bring_up_to_date(work: Path) -> list[str]:
    """Copy what is missing, renew what nobody changed, and put a newer lesson beside a changed copy.

    Parameters
    ----------
    work : Path
        The working folder; made when needed.

    Returns
    -------
    list of str
        A sentence for each lesson that has become newer than a changed copy.
    """
    work.mkdir(exist_ok=True)
    record, told = work / RECORD, []
    try:
        given = dict(json.loads(record.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        given = {}  # then whatever differs counts as changed, and is kept
    for lesson in originals(work):
        copy, newest, before = work / lesson.name, fingerprint(lesson), given.get(lesson.name)
        if not copy.exists() or newest != before == fingerprint(copy):
            _copy(lesson, copy)
        elif newest not in (before, fingerprint(copy)):
            beside = copy.with_stem(f"{copy.stem} (newer)")
            if beside.exists() and fingerprint(beside) != before:  # somebody worked in that one, too
                beside = free_path(beside)
            _copy(lesson, beside)
            told.append(
                f"{copy.name} has changed in the course: yours is kept, and the newer is {beside.name}."
            )
        given[lesson.name] = newest
    write_whole(record, json.dumps(given, indent=1))
    return told


def _copy(lesson, place):
    with whole(place) as unfinished:
        shutil.copyfile(lesson, unfinished)


def bring_back(work: Path, number: str) -> str:
    """Put the original of one lesson into the working folder, and keep the student's as a dated file.

    Parameters
    ----------
    work : Path
        The working folder.
    number : str
        The lesson's number: "07" or "7".

    Returns
    -------
    str
        A sentence that says where the student's is.

    Raises
    ------
    UserError
        Where there is no such lesson.
    """
    lessons = {lesson.name[:2]: lesson for lesson in originals(work)}
    if number.zfill(2) not in lessons:
        raise UserError(f"There is no lesson {number}: choose one of {', '.join(lessons)}.")
    lesson, kept = lessons[number.zfill(2)], ""
    copy = work / lesson.name
    if copy.exists():
        dated = free_path(copy.with_stem(f"{copy.stem} ({datetime.now():%Y-%m-%d %H.%M})"))
        copy.rename(dated)
        kept = f", and yours is kept as {dated.name}"
    _copy(lesson, copy)
    return f"{copy.name} is the original again{kept}. If it is open, close its tab and open it anew."


def _title(lesson):
    """Number and title: "07 · Training on GTZAN"."""
    facts = json.loads(lesson.read_text("utf-8"))["metadata"]["noteninja"]
    return f"{facts['lesson']} · {facts['title']}"


def page() -> "ipywidgets.VBox":
    """What the page without code shows: a head with links, the converter, and all lessons.

    Links are left out where no JupyterLab is: after `run.py app`, and in a notebook.
    """
    import ipywidgets as widgets

    from noteninja_lib.widgets.converter import converter
    from noteninja_lib.widgets.style_sheet import fold, name_parts, row

    work, base = working_folder(), os.environ.get("VOILA_BASE_URL")
    lessons = originals(work) if work and base else []
    if not lessons:
        return widgets.VBox([widgets.HTML(HEAD.format("")), converter()])
    folder = "work" if work.exists() else "notebooks"  # on Binder nothing was copied

    def link(place, words):
        return f'<a href="{html.escape(base + place)}" target="_blank">{html.escape(words)}</a>'

    def renew(_):
        try:
            told.value = html.escape(bring_back(work, lesson.value))
        except OSError as error:
            told.value = html.escape(f"Can't write to {work}: {error.strerror}.")

    titles = {path.name: _title(path) for path in lessons}
    lesson = widgets.Dropdown(options=[(title, name[:2]) for name, title in titles.items()])
    others = {path.name: path.stem for path in sorted(work.glob("[0-9][0-9]_*.ipynb"))}  # newer, older
    places = {f"lab/tree/{folder}/{quote(name)}": title for name, title in (others | titles).items()}
    button, told = widgets.Button(description="Bring back the original", icon="undo"), widgets.HTML()
    button.on_click(renew)
    name_parts(lesson=lesson, bring_back=button, brought_back=told)
    ways = link(f"lab/tree/{folder}/{lessons[0].name}", "Lessons") + link("lab", "JupyterLab")
    all_lessons = widgets.HTML(
        f'<div class="nn-lessons">{"<br>".join(link(*one) for one in places.items())}</div>'
    )
    back = [row(lesson, button, told)] if folder == "work" else []
    return widgets.VBox(
        [widgets.HTML(HEAD.format(ways)), converter(), fold("all lessons", all_lessons, *back)]
    )


def main() -> None:
    """Bring all copies up to date, or one back; the command `python run.py lessons`."""
    work = working_folder() or ROOT / "work"
    parser = argparse.ArgumentParser(prog="python run.py lessons", description="Your copies of the lessons.")
    parser.add_argument("--renew", metavar="NUMBER", help="bring back the original of one, such as 07")
    number = parser.parse_args().renew
    try:
        told = bring_up_to_date(work)
        for sentence in told + ([bring_back(work, number)] if number else []):
            print(sentence)
        print(f"Your copies of the lessons are in {work}.")
    except UserError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(
            f"Can't copy the lessons to {work}: {error.strerror}; move the course to where you may write."
        )


if __name__ == "__main__":
    main()
