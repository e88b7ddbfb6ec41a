"""Threads: the same work on many items, which stops promptly on an error or Ctrl-C.

`concurrent.futures` would wait for everything queued at Ctrl-C, and costs 10 ms to import.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

from kutterlock.adapters.files import CHUNK

T = TypeVar("T")

GRACE_SECONDS = 2.0
"""How long threads have to end after Ctrl-C; what they leave behind is safe at any moment."""


class ThreadBuffer(threading.local):
    """A buffer of `CHUNK` bytes for each thread that asks: none is made anew for every file."""

    def __init__(self) -> None:
        """Make this thread's."""
        self.view = memoryview(bytearray(CHUNK))


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def in_threads(
    work: Callable[[T], None],
    items: Iterable[T],
    count: int = 0,
    stop: threading.Event | None = None,
    on_interrupt: Callable[[], object] = lambda: None,
) -> None:
    """Run `work` on every item, in order, in `count` threads (default: one a core).

    The first exception, or setting `stop`, keeps further items from being begun; the exception is
    raised here. On Ctrl-C `stop` is set, so that work under way can look at it and end, and
    `on_interrupt` is called, to wake what waits.
    """
    _Crew(work, items, stop or threading.Event()).run(count or cores(), on_interrupt)


class _Crew:
    def __init__(
        self, work: Callable[[T], None], items: Iterable[T], stop: threading.Event
    ) -> None:
        self._queue = deque(items)
        self._work: Callable[[T], None] = work
        self._stop = stop
        self._errors: list[BaseException] = []

    def run(self, count: int, on_interrupt: Callable[[], object]) -> None:
        threads = [
            threading.Thread(target=self._drain, daemon=True)
            for _ in range(min(count, len(self._queue)))
        ]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except BaseException:
            self._stop.set()
            on_interrupt()
            for thread in threads:
                if thread.is_alive():  # Ctrl-C may come before the last one is started
                    thread.join(GRACE_SECONDS / len(threads))
            raise
        if self._errors:
            raise self._errors[0]

    def _drain(self) -> None:
        while not self._stop.is_set():
            try:
                item = self._queue.popleft()
            except IndexError:
                return
            try:
                self._work(item)
            except BaseException as error:  # noqa: BLE001 -- raised again by run()
                self._errors.append(error)
                self._stop.set()
