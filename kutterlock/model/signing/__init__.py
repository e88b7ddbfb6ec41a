"""Keys, signatures and the files that hold them, as values."""
