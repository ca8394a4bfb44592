"""Which configuration a trial gets: random search, and searchers of the user's own.

A searcher is a function of the trial's number and of what is known; it has no state to save.
"""
