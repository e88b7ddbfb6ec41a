"""Waiting for what others do, by its signs rather than by the clock."""

import time
from collections.abc import Callable
from pathlib import Path

LONGEST = 1800
"""However busy the machine is, what takes longer does not happen, in seconds."""


def wait_until(happened: Callable[[], object]) -> None:
    """Return when something has happened."""
    give_up = time.monotonic() + LONGEST
    while not happened():
        assert time.monotonic() < give_up, "it did not happen"
        time.sleep(0.01)


def waits_for_a_lock(process: int) -> bool:
    """Look into the kernel's list of locks, in which `->` marks who waits for one (proc(5))."""
    lines = Path("/proc/locks").read_text().splitlines()
    waiting = [words for line in lines if (words := line.split())[1:3] == ["->", "FLOCK"]]
    return any(words[5] == str(process) for words in waiting)
