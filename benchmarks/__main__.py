"""The commands that measure the library and write its tables: a module each, with a function `report`."""

import sys
from importlib import import_module

import typer

from noteninja_lib.errors import UserError

#: Command to the module that measures it.
COMMANDS = {
    "benchmark": "speed", "figures": "tables", "evaluate": "evaluation", "hearing": "note_recall",
    "difficult": "acoustic_conditions", "amounts": "strength", "steps": "samplers", "ladder": "networks",
    "ablation": "networks", "steering": "controls", "check": "arrangements", "calibrate": "calibration",
    "records": "records", "adapters": "adapters", "judge": "judges",
    "singers": "singers", "peers": "peers", "stereo": "stereo", "redo": "redo",
    "scores": "scores", "leads": "leads",
    "humming": "humming", "kernels": "kernels",
}  # fmt: skip
SHEETS = {"make": ("printed_pages", "make_sheets"), "measure": ("reading_errors", "report")}


def main() -> None:
    """Run the command that is asked for; what the user can mend is told in a sentence, with exit status 2."""
    app = typer.Typer(help="Measure the library, and write its tables.", no_args_is_help=True,
                      add_completion=False, pretty_exceptions_enable=False)  # fmt: skip
    sheets = typer.Typer(help="Test how well printed music is read.", no_args_is_help=True)
    app.add_typer(sheets, name="sheets")
    asked = [name for name in sys.argv[1:2] if name in (*COMMANDS, "sheets")] or [*COMMANDS, "sheets"]
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
