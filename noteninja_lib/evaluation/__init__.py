"""How good is a conversion? Measured against what the band really plays, and against other ways to do it.

`pieces` makes test tunes with their true recordings, `tune` and `likeness` hold the measures, `rivals` the other ways,
`comparison` measures all of them, and `report` writes it down. Lesson: 11_judging_a_converter.
"""
