"""How good is a conversion? Measures (`metrics`), other ways to do it (`baselines`), and both together (`comparison`).

The command `noteninja evaluate` lies in `benchmarks`. Lesson: 11_judging_a_converter.
"""
