"""Debian's packages: versions, lists, dependencies, places."""
