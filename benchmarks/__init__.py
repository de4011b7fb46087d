"""All that measures the library or writes its tables: `python -m benchmarks --help` lists the commands."""
