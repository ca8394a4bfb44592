"""A first configuration proposed for a script or a function, from its text; nothing is run."""
