"""The commands that measure the library and write its tables: a module each, with a function `report`."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from benchmarks.options import Out
from noteninja_lib.errors import UserError
from noteninja_lib.models.checkpoints import models_folder

#: Command to the module that measures it.
COMMANDS = {
    "benchmark": "speed",
    "figures": "tables",
    "evaluate": "evaluation",
    "hearing": "note_recall",
    "difficult": "acoustic_conditions",
    "amounts": "strength",
    "steps": "samplers",
    "ladder": "networks",
    "ablation": "networks",
    "steering": "controls",
    "check": "arrangements",
    "calibrate": "calibration",
}
sheets_app = typer.Typer(help="Test how well printed music is read.", no_args_is_help=True)


@sheets_app.command()
def make(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
    pages: Annotated[int, Option(min=4, help="Pages in all.")] = 40,
    seed: int = 1,
):
    """Engrave more pages of test tunes, with their truth; needs `lilypond` and `mscore3` on the PATH."""
    from benchmarks.sheet_music.printed_pages import make_sheets

    make_sheets(folder, pages, seed)


@sheets_app.command("measure")
def measure_sheets(
    folder: Annotated[Path | None, typer.Argument(help="Pages to read; the frozen ones by default.")] = None,
    out: Out = None,
    scores: Annotated[Path | None, Option(help="Folder for truth and readings as MusicXML.")] = None,
):
    """Measure how well printed music is read, on pages by engravers that the reader never learned from."""
    from benchmarks.sheet_music.reading_errors import report

    report(folder, out or (None if folder else models_folder() / "sheets.json"), scores=scores)


def main() -> None:
    """Run the command that is asked for; what the user can mend is told in a sentence, with exit status 2."""
    app = typer.Typer(help="Measure the library, and write its tables.", no_args_is_help=True,
                      add_completion=False, pretty_exceptions_enable=False)  # fmt: skip
    app.add_typer(sheets_app, name="sheets")
    asked = sys.argv[1:2]
    for name in asked if asked and asked[0] in COMMANDS else () if asked == ["sheets"] else COMMANDS:
        app.command(name)(import_module(f"benchmarks.{COMMANDS[name]}").report)  # loads what it measures
    try:
        app()
    except UserError as problem:
        typer.echo(f"benchmarks: {problem}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
