# No packages of its own.
