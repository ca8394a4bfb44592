"""What next: offer, promote, pause, retry, blame, end.

Pure functions of the recorded state and of the time that they are given.
"""
