"""One small module an upstream: which versions are there, which files has version V."""
