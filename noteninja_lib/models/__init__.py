"""The networks and the mathematics of diffusion; they know nothing of genres or data sets."""
