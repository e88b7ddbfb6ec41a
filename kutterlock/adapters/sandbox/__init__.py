"""Sandboxes: programs that see only what they are given."""
