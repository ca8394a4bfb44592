"""Local processes as seats, on this machine's CPUs and GPUs."""
