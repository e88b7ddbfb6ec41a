"""HTTP: the only way to a network."""
