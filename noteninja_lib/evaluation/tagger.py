"""An outside listener: any program that hears genres in sound files, and knows nothing of how they were made."""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

from ..errors import UserError


def listen(tagger, files):
    """Genre scores that a tagger gives to sound files.

    Parameters
    ----------
    tagger : path
        A Python program that is called with `--json` and the files, and prints a line of JSON for each, with `genres`
        (a score for each genre that it knows), in the order of the files.
    files : list of str

    Returns
    -------
    list of dict of genre to float
    """
    if not Path(tagger).is_file():
        raise UserError(f"There is no tagger {tagger}: give the path of a Python program.")
    scores = []
    with tempfile.TemporaryFile("w+") as complaints:
        with subprocess.Popen([sys.executable, str(tagger), "--json", *files], stdout=subprocess.PIPE, stderr=complaints,
                              text=True) as program:
            for line in tqdm(program.stdout, total=len(files), unit=" files heard", dynamic_ncols=True):
                scores.append(json.loads(line)["genres"])
        complaints.seek(0)
        if program.returncode or len(scores) != len(files):
            last = (complaints.read().strip().splitlines() or ["it printed too few lines"])[-1]
            raise UserError(f"The tagger {tagger} failed: {last}")
    return scores
