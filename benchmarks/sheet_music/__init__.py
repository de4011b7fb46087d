"""Pages by other engravers with their truth, and how well they are read."""
