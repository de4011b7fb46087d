"""What a lesson shows: plots, players, the converter widget and exercises that check themselves.

Nothing here computes sound or music; it displays what the other rooms of the library return.
"""
