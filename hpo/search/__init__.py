"""Which configuration a trial gets: each searcher has a file, by its name.

A searcher is a function of the trial's number and of what is known; it has no state to save. One
that fails, the user's own too, is stood in for by random search.
"""
