"""Files: the store, what is on its way there, and trees."""
