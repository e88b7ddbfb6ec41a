"""How far a hash can be believed, and what can be signed."""

TRUST_LEVELS = ("first-use", "catalog", "checksum", "pgp")
"""Weakest first: nobody vouched; shipped with kutterlock; published beside the file; signed."""

OBJECTS_TO_SIGN = ("lock", "output", "image", "bundle")
"""What a trust root or a manifest may demand signatures of."""
