"""The course as a site: the lessons executed, with sound and pictures, and every link checked.

    python run.py book [--lessons 00,05] [--out FOLDER] [--no-execute]

Needs the packages of the extra "book" (Sphinx, MyST-NB and a theme), and no network. The pages need none
either: fonts, search and formulas come with them.
"""

import argparse
import base64
import hashlib
import re
import shutil
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parent.parent
HOME = "https://github.com/noteninja/noteninja"
WIDGET = "application/vnd.jupyter.widget-view+json"
SOUND = re.compile(r"data:audio/mpeg;base64,([\w+/=]+)")
NEEDS_KERNEL = """<div class="admonition note"><p class="admonition-title">Here is an instrument to play</p>
<p>It needs a running kernel, which a page has not. Open this lesson on <a href="{binder}">Binder</a> or
<a href="{colab}">Colab</a> (as the rocket at the top of the page does), or at home with
<code>python run.py lab</code>.</p></div>"""
LAUNCH = {"binderhub_url": "https://mybinder.org", "colab_url": "https://colab.research.google.com"}
SETTINGS = {
    "project": "NoteNinja",
    "html_title": "NoteNinja",
    "extensions": ["myst_nb", "sphinx-mathjax-offline"],
    "html_theme": "sphinx_book_theme",
    "html_theme_options": {
        "repository_url": HOME,
        "repository_branch": "main",
        "path_to_docs": "notebooks",
        "use_repository_button": True,
        "launch_buttons": LAUNCH,
    },
    "html_extra_path": ["extra"],
    "html_copy_source": False,
    "exclude_patterns": ["extra"],
    "nb_execution_mode": "off",
    "nb_render_markdown_format": "myst",
    "myst_enable_extensions": ["dollarmath"],
    "myst_heading_anchors": 3,
    "suppress_warnings": ["mystnb.unknown_mime_type"],
}  # fmt: skip
INDEX = """# NoteNinja

A course you can run: hear the same tune in another genre, and learn, lesson by lesson, how that was done.
What you see here was executed; to change it and run it yourself, press the rocket at the top of a lesson.

```{{toctree}}
:caption: Lessons
{lessons}
```

```{{toctree}}
:caption: For teachers
README
CLASSROOM
cluster
```
"""


def execute(notebook, folder):
    """Run all cells of a notebook in a folder."""
    NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(folder)}}).execute()


def outer(text):
    """Markdown whose links to other folders of the repository lead to its public home."""
    return re.sub(r"\]\(\.\./([^)]+)\)", rf"]({HOME}/blob/main/\1)", text)


def make_static(notebook, extra):
    """Say in place of each widget what it needs; put each sound into a file, loaded when it's played."""
    badges = re.findall(r"\]\((https://(?:mybinder|colab)[^)]+)\)", notebook.cells[0].source)
    note = NEEDS_KERNEL.format(**dict(zip(("binder", "colab"), badges)))
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = {"name": "python", "pygments_lexer": "ipython3"}  # knows %pip
    for cell in notebook.cells:
        cell.source = outer(cell.source) if cell.cell_type == "markdown" else cell.source
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        data = output.get("data", {})
        if WIDGET in data:
            output["data"] = {"text/html": note}
        elif "text/html" in data:
            data["text/html"] = SOUND.sub(lambda found: keep(found[1], extra), data["text/html"])


def keep(content, extra):
    """Write base64 content as a sound's file, and return its address."""
    sound = base64.b64decode(content)
    name = f"sounds/{hashlib.sha256(sound).hexdigest()[:16]}.mp3"
    (extra / "sounds").mkdir(parents=True, exist_ok=True)
    (extra / name).write_bytes(sound)
    return name


class Links(HTMLParser):
    """Addresses and anchors of a page."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.anchors = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for key, value in attributes:
            if key in ("href", "src") and value:
                self.addresses.add(value)
            elif key in ("id", "name"):
                self.anchors.add(value)


def dead_links(site):
    """Links of a site that lead to no file or anchor of it, and outer ones that are wrong by their shape."""
    files = [path for path in site.resolve().rglob("*.html") if "_static" not in path.parts]
    pages = {path: Links(path.read_text("utf-8")) for path in files}
    for path, page in pages.items():
        for address in sorted(page.addresses):
            parts = urlsplit(address)
            if parts.scheme in ("data", "mailto") or address in ("#", "javascript:void(0)"):
                continue
            if parts.scheme or parts.netloc:
                right = parts.scheme == "https" and re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc)
                right = right and not re.search(r"\s", address)
            else:
                target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
                known = pages[target].anchors if target in pages else {parts.fragment}
                right = target.exists() and (not parts.fragment or unquote(parts.fragment) in known)
            if not right:
                yield f"{path.relative_to(site.resolve())}: {address}"


def main(words):
    from sphinx.cmd.build import main as sphinx  # the extra "book" brings it; what's above works without

    parser = argparse.ArgumentParser(prog="python run.py book", description="Make the course's site.")
    parser.add_argument("--lessons", help="execute some only, such as 00,05")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site", help="build/site by default")
    parser.add_argument("--no-execute", action="store_true", help="show the lessons without results")
    chosen = parser.parse_args(words)
    lessons = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    asked = chosen.lessons.split(",") if chosen.lessons else [path.name[:2] for path in lessons]
    if unknown := set(asked) - {path.name[:2] for path in lessons}:
        sys.exit(f"There is no lesson {unknown.pop()}: give numbers such as 00,05.")
    run = {path for path in lessons if path.name[:2] in asked and not chosen.no_execute}
    if chosen.out.exists() and not (chosen.out / "objects.inv").exists() and any(chosen.out.iterdir()):
        sys.exit(f"{chosen.out} holds something else than a site: give another folder with --out.")
    source = ROOT / "build" / f"{chosen.out.name}-source"
    shutil.rmtree(source, ignore_errors=True)
    shutil.rmtree(chosen.out, ignore_errors=True)
    (source / "extra").mkdir(parents=True)
    notebooks = [nbformat.read(path, 4) for path in lessons]
    minutes = [
        notebook.metadata.noteninja.cpu_minutes * (path in run) for path, notebook in zip(lessons, notebooks)
    ]
    start = time.monotonic()
    for place, (path, notebook) in enumerate(zip(lessons, notebooks)):
        if path in run:
            done, passed = sum(minutes[:place]), (time.monotonic() - start) / 60
            left = sum(minutes[place:]) * (passed / done if done else 1)
            print(f"{path.stem}: running; about {left:.0f} minutes are left", flush=True)
            try:
                execute(notebook, source)
            except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                sys.exit(f"{path.name} stopped with an error, so there is no site:\n{error}")
        make_static(notebook, source / "extra")
        nbformat.write(notebook, source / path.name)
    names = "\n".join(path.stem for path in lessons)
    (source / "index.md").write_text(INDEX.format(lessons=names), "utf-8")
    pages = {
        "README.md": "notebooks/README.md",
        "CLASSROOM.md": "docs/README.md",
        "cluster.md": "docs/cluster.md",
    }
    for name, page in pages.items():
        (source / name).write_text(outer((ROOT / page).read_text("utf-8")), "utf-8")
    (source / "conf.py").write_text(
        "".join(f"{key} = {value!r}\n" for key, value in SETTINGS.items()), "utf-8"
    )
    if sphinx(["-q", "-W", "--keep-going", str(source), str(chosen.out)]):
        sys.exit("Sphinx could not make the site: mend what it says above.")
    dead = list(dead_links(chosen.out))
    if dead:
        sys.exit("These links lead nowhere:\n" + "\n".join(dead))
    size = sum(path.stat().st_size for path in chosen.out.rglob("*") if path.is_file())
    print(f"The site is {chosen.out / 'index.html'} ({size / 1e6:.0f} MB).")


if __name__ == "__main__":
    main(sys.argv[1:])
