"""The process that SLURM starts: it takes a leg, runs the user's code, says what came of it.

Owns a job's life from its environment to its exit code. Imports nothing slow before the user's
code, and nothing that decides, asks or is read by people.
"""
