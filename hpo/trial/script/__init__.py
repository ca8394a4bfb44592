"""Training scripts as objectives: `objective` runs one, the others each own a part of that."""
