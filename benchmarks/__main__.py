"""The commands that measure the library and write its tables: a module each, with a function `report`."""

import sys
from importlib import import_module

import typer

from noteninja_lib.cli_training import Cluster
from noteninja_lib.errors import UserError

#: Command to the module that measures it.
COMMANDS = {
    "benchmark": "speed", "figures": "tables", "evaluate": "evaluation", "hearing": "note_recall",
    "difficult": "acoustic_conditions", "amounts": "strength", "steps": "samplers", "ladder": "networks",
    "ablation": "networks", "steering": "controls", "check": "arrangements", "calibrate": "calibration",
    "records": "records", "adapters": "adapters", "judge": "judges",
    "singers": "singers", "peers": "peers", "stereo": "stereo", "redo": "redo", "scale": "scale",
    "scores": "scores", "leads": "leads",
    "humming": "humming", "fuzz": "fuzz",
    "cluster": "dask_workers", "kernels": "kernels", "many": "many", "kills": "kills",
}  # fmt: skip
SHEETS = {"make": ("printed_pages", "make_sheets")}
SHEETS |= {"measure": ("reading_errors", "report"), "pages": ("real_pages", "report")}


def _options(cluster: Cluster = None):
    """Measure the library, and write its tables."""


def main() -> None:
    """Run the command that is asked for; what the user can mend is told in a sentence, with exit status 2."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    sheets = typer.Typer(help="Test how well printed music is read.", no_args_is_help=True)
    app.add_typer(sheets, name="sheets")
    app.callback()(_options)
    words = sys.argv[3:4] if sys.argv[1:2] == ["--cluster"] else sys.argv[1:2]
    asked = [name for name in words if name in (*COMMANDS, "sheets")] or [*COMMANDS, "sheets"]
    for name in asked:  # loads what it measures
        if name in COMMANDS:
            app.command(name)(import_module(f"benchmarks.{COMMANDS[name]}").report)
    for name, (module, function) in SHEETS.items() if "sheets" in asked else ():
        sheets.command(name)(getattr(import_module(f"benchmarks.sheet_music.{module}"), function))
    try:
        app()
    except UserError as problem:
        typer.echo(f"benchmarks: {problem}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
