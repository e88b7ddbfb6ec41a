"""From a verified lock to outputs."""
