"""What users' code touches: the trial, reports, epochs, and how an objective is found and called.

Knows nothing of campaigns, settings or clusters.
"""
