"""Pure values and rules: no file, network, clock or environment is touched below here."""
