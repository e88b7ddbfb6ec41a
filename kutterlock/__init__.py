"""Nix-style locks for a whole operating system: resolve, vendor, verify, sign and build."""

__version__ = "0.1.0"
