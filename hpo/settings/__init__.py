"""What was asked for: the settings' names, defaults, units and bounds.

How files and the command line are read into them lives in `settings.reading`.
"""
