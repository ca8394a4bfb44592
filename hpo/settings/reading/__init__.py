"""How settings are read, from files and the command line; `loading.load` is the entry."""
