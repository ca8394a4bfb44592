"""The folder of campaign configurations: the examples that ship, and a place for your own.

One file a campaign: a `.py` with `get_config_space()`, `get_slurm_config()` and
`get_hpo_config()`, or a `.yaml`. The examples hold their objectives too; each may be copied as the
start of one's own, which then names its own objective, or none.
"""
