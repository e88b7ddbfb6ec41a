"""The embedded default: a whole upstream that kutterlock carries, and a guided run through it."""
