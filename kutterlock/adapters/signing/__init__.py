"""Keys, and the programs that hold or use them."""
