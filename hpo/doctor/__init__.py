"""Whether what a campaign needs is there, before it starts: one check a file, each with a verdict.

Asks the cluster, the filesystem and the configuration; changes nothing.
"""
