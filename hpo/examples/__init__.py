"""Objectives that ship with the program; each may be copied as the start of one's own."""
