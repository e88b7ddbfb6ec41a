"""Container images: registries, and layouts on disk."""
