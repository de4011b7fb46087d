"""The lessons' exercises, plots and small instruments: one module for each notebook, and what they share."""
