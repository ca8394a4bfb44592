"""SLURM through its commands and submitit: requests, states, reasons, accounting."""
