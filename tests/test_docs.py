"""What docs/ makes: the course's site, and the folder that sets up without a network."""

import base64
import importlib.util
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).resolve().parent.parent
PAGE = "<html><body id=top>{}</body></html>"
BADGES = "[![Open on Binder](b.svg)](https://mybinder.org/v2/x) "
BADGES += "[![Open in Colab](c.svg)](https://colab.research.google.com/x)"
CELLS = (
    "from noteninja_lib.widgets.players import hear\nimport ipywidgets, numpy, matplotlib.pyplot as plt",
    "hear(numpy.sin(numpy.arange(22050) / 9) / 4, 'a tone')",
    "plt.plot([1, 2]);",
    "ipywidgets.IntSlider()",
)


def load(name):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def book():
    return load("book")


@pytest.fixture
def pack():
    return load("pack")


@pytest.fixture(scope="module")
def executed(book, tmp_path_factory):
    """A small notebook that was executed and made static, and the folder of its sounds."""
    folder = tmp_path_factory.mktemp("book")
    cells = [nbformat.v4.new_markdown_cell(f"# 00 · Small\n\n{BADGES}\n\n[map](../data/README.md)")]
    notebook = nbformat.v4.new_notebook(cells=cells + [nbformat.v4.new_code_cell(cell) for cell in CELLS])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book.execute(notebook, folder)
    book.make_static(notebook, folder)
    return notebook, folder


# --- the site ---------------------------------------------------------------------------------


def test_sounds_become_files_and_pictures_stay(executed):
    notebook, folder = executed
    (player,) = (one["data"]["text/html"] for one in notebook.cells[2].outputs)
    (sound,) = (folder / "sounds").iterdir()
    assert f'src="sounds/{sound.name}"' in player and "base64" not in player
    heard = soundfile.read(sound)[0]
    assert abs(len(heard) / 22050 - 1) < 0.2 and abs(np.abs(heard).max() - 0.25) < 0.03
    picture = base64.b64decode(notebook.cells[3].outputs[0]["data"]["image/png"])
    assert picture[:4] == b"\x89PNG" and len(picture) > 2000


def test_a_widget_says_that_it_needs_a_kernel(executed):
    notebook, _ = executed
    (output,) = notebook.cells[4].outputs
    assert list(output["data"]) == ["text/html"]
    words = output["data"]["text/html"]
    assert (
        "needs a running kernel" in words
        and "https://mybinder.org/v2/x" in words
        and "colab.research" in words
    )
    assert "widgets" not in notebook.metadata


def test_links_to_other_folders_lead_to_the_public_home(executed, book):
    assert f"[map]({book.HOME}/blob/main/data/README.md)" in executed[0].cells[0].source


def test_an_error_in_a_lesson_is_raised(book, tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")])
    with pytest.raises(book.CellExecutionError, match="ZeroDivisionError"):
        book.execute(notebook, tmp_path)


def test_dead_links_are_found(book, tmp_path):
    (tmp_path / "b.html").write_text(PAGE.format('<a href="a.html#top">1</a><p id="é">'), "utf-8")
    right = (
        "b.html",
        "b.html#%C3%A9",
        "#top",
        "https://example.org/x?y=1",
        "data:x",
        "mailto:a@b.org",
        "b.html?x=1",
    )
    wrong = (
        "c.html",
        "b.html#nowhere",
        "#below",
        "http://example.org",
        "https://example",
        "https://a.org/b c",
    )
    page = "".join(f'<a href="{link}">x</a>' for link in right + wrong) + '<img src="no.png">'
    (tmp_path / "a.html").write_text(PAGE.format(page), "utf-8")
    assert sorted(book.dead_links(tmp_path)) == sorted(f"a.html: {link}" for link in (*wrong, "no.png"))


def test_the_site_is_made_without_a_network(book, tmp_path, monkeypatch):
    """All pages but without results: their links, search, launch buttons, and formulas that load nothing."""
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was asked for"))
    book.main(["--no-execute", "--out", str(tmp_path / "site")])
    site = tmp_path / "site"
    assert len(list(site.glob("[01][0-9]_*.html"))) == 13
    lesson = (site / "06_diffusion_theory.html").read_text("utf-8")
    assert "mybinder.org/v2/gh/noteninja/noteninja/main" in lesson and "colab.research.google.com" in lesson
    assert 'action="search.html"' in lesson and (site / "searchindex.js").stat().st_size > 50_000
    loaded = [tag for tag in lesson.split("<script")[1:] if "src=" in tag.split(">")[0]]
    assert loaded and not any("://" in tag.split(">")[0] for tag in loaded)


def test_a_folder_that_holds_something_else_stays(book, tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(SystemExit, match="something else than a site"):
        book.main(["--out", str(tmp_path)])
    with pytest.raises(SystemExit, match="no lesson 77"):
        book.main(["--lessons", "77"])
    assert (tmp_path / "letter.txt").read_text() == "mine"


# --- without a network ------------------------------------------------------------------------


def test_a_pack_holds_the_course_and_asks_for_every_wheel(pack, tmp_path, monkeypatch, capsys):
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True).stdout
    tracked = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    asked, done = [], subprocess.CompletedProcess([], 0)
    monkeypatch.setattr(pack.subprocess, "run", lambda command, cwd: asked.append(command) or done)
    pack.main(["--out", str(tmp_path / "new")])
    files = {
        path.relative_to(tmp_path / "new").as_posix()
        for path in (tmp_path / "new").rglob("*")
        if path.is_file()
    }
    assert tracked <= files
    assert not any(name.startswith((".git/", ".venv/", "build/")) or "__pycache__" in name for name in files)
    (command,) = asked
    assert f"[{','.join(pack.EXTRAS)}]" in (ROOT / "run.py").read_text("utf-8"), "what a set-up installs"
    assert {"torch>=2.4", "jupyterlab>=4.1", "setuptools>=68"} <= set(command)
    assert command[0] == sys.executable and "constraints.txt" in command
    start = (tmp_path / "new" / "START.txt").read_text("utf-8")
    assert f"Install Python {sys.version_info.major}.{sys.version_info.minor} " in start
    with pytest.raises(SystemExit, match="is there already"):
        pack.main(["--out", str(tmp_path / "new")])
    monkeypatch.setattr(pack.shutil, "copytree", lambda source, target, **_: target.mkdir())
    pack.main(["--out", str(tmp_path / "win"), "--platform", "win_amd64", "--python", "3.12"])
    assert asked[1][asked[1].index("--platform") + 1] == "win_amd64" and "--only-binary=:all:" in asked[1]
    assert "for win_amd64 and Python 3.12" in capsys.readouterr().out


def test_a_pack_without_all_packages_is_none(pack, tmp_path, monkeypatch):
    monkeypatch.setattr(pack, "get_wheels", lambda *_: 1)
    monkeypatch.setattr(pack.shutil, "copytree", lambda source, target, **_: target.mkdir())
    with pytest.raises(SystemExit, match="Not every package could be had"):
        pack.main(["--out", str(tmp_path / "new")])
    assert not (tmp_path / "new").exists()
