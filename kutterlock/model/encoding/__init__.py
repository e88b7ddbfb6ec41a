"""Encodings: bytes to values and back, with no meaning of their own."""
