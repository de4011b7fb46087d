"""Options that several commands share."""

import os
from pathlib import Path
from typing import Annotated

from typer import Option

CORES = os.cpu_count() or 1
Out = Annotated[Path | None, Option(help="JSON file to write; of a usual measurement, in data/models.")]
Tunes = Annotated[int, Option(min=2, help="Tunes of the split; see benchmarks/README.md for the genres.")]
Split = Annotated[str, Option(help="validation to choose checkpoints and settings, test to report.")]
Workers = Annotated[int, Option(min=1, help="Processes.")]
Steps = Annotated[int, Option(min=1, help="Inference steps.")]
Guidance = Annotated[float, Option(help="Guidance scale.")]
Tagger = Annotated[Path | None, Option(help="A Python program that hears genres; see benchmarks/README.md.")]
Recordings = Annotated[Path | None, Option(help="A folder of real recordings, such as GTZAN's, to measure.")]
Soundfont = Annotated[Path | None, Option(help="An .sf2 or .sf3 file; the small default one if not given.")]
