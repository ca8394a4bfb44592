"""The process that decides: observe, decide, commit, reconcile.

Owns the loop, its lock and what it tells. Knows no particular cluster, and decides nothing itself:
that is done by the pure packages below.
"""
