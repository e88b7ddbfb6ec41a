"""Signatures: whose count, what they cover, and the rule that nothing else is built."""
