"""Memory for reading, one piece for each thread."""

import threading

from kutterlock.adapters.disk.files import CHUNK


class ThreadBuffer(threading.local):
    """A buffer of `CHUNK` bytes for each thread that asks: none is made anew for every file."""

    def __init__(self) -> None:
        """Make this thread's."""
        self.view = memoryview(bytearray(CHUNK))
