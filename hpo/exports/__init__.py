"""A campaign in the files of other programs, and what is handed on of it.

Reads the folder as anybody may; never writes into it.
"""
