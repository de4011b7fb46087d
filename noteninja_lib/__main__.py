"""`python -m noteninja_lib`: the same as the command `noteninja`."""

from noteninja_lib.cli import main

main()
