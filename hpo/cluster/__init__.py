"""Where seats run, behind one protocol (`cluster.protocol`): SLURM, this machine, virtual time."""
