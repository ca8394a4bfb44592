"""What can be typed: one file a command, with `add`. Imports nothing slow, nor what acts."""
