"""From a lock to a store that holds the whole closure, and proof that it does."""
