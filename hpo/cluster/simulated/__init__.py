"""A cluster in virtual time: the same manager and the same files, but jobs that only pretend."""
