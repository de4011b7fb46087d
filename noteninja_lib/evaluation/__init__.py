"""How good is a conversion? Measures (`metrics`), and other ways to convert (`baselines`).

The command `noteninja evaluate` lies in `benchmarks`. Lesson: 11_judging_a_converter.
"""
