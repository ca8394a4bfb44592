"""Jobs that take one leg after another: when to go on, and a process of its own for each trial.

A job of one leg never imports this package.
"""
