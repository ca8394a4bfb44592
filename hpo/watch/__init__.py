"""How a campaign stands, on a screen that refreshes itself; needs the extra `watch`.

Reads the folder as anybody may; what it changes, it asks for by a request file.
"""
