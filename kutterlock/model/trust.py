"""How far a hash can be believed."""

TRUST_LEVELS = ("first-use", "catalog", "checksum", "pgp")
"""Weakest first: nobody vouched; shipped with kutterlock; published beside the file; signed."""
