"""A campaign from Python, as a notebook writes it: the same engine, no way of its own.

Builds what the command line reads and calls what it calls; knows nothing that it does not.
"""
