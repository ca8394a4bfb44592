"""What may be drawn: the domains of hyperparameters, and the space they make up.

Pure: randomness is passed in, and scipy is never imported, only recognised.
"""
