"""Reading configurations, and the configurations that ship with the package.

`loading.load_spec` is the one entry. The shipped configurations lie beside it, one file each, and
look like those of users: `get_config_space()`, `get_slurm_config()`, `get_hpo_config()`.
"""
