"""How good is a conversion? Measures (`metrics`), other ways (`baselines`), and both (`comparison`).

The command `noteninja evaluate` lies in `benchmarks`. Lesson: 11_judging_a_converter.
"""
