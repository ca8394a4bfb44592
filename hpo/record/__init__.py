"""What has happened: events, and the state that follows from them.

Pure, and without policy: a changed limit cannot rewrite history.
"""
