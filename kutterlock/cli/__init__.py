"""The command line: the only place that reads the environment, the clock, or exits."""
