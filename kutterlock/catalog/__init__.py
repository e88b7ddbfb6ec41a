"""Shipped facts about upstream versions, hashes and compatibility, and their reader."""
