"""How settings are read, from files and the command line; `loading.load_spec` is the entry."""
