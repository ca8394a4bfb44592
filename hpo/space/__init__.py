"""What may be drawn: the domains of hyperparameters, and the space they make up.

Pure: randomness is passed in; scipy is recognised, and imported only where text names it.
"""
