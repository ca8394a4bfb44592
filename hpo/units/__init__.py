"""What a job asks of a cluster, memory and time, and how SLURM spells both."""
