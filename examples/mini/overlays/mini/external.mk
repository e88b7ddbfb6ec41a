# mini adds no package of its own.
