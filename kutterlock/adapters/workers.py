"""Threads: the same work on many items, which stops promptly on an error or Ctrl-C.

`concurrent.futures` would wait for everything queued at Ctrl-C, and costs 10 ms to import.
"""

import contextlib
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

GRACE_SECONDS = 5.0
"""How long threads have to end after Ctrl-C; what they leave behind is safe at any moment."""

PAUSE_SECONDS = 0.02

TURN_SECONDS = 0.0002
"""How long the calling thread computes at a stretch while others wait to hand the kernel more."""


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def in_threads(
    work: Callable[[T], None],
    items: Iterable[T],
    count: int = 0,
    stop: threading.Event | None = None,
    on_interrupt: Callable[[], object] = lambda: None,
    meanwhile: Callable[[], object] | None = None,
) -> None:
    """Run `work` on every item, in order, in `count` threads (default: one a core).

    The first exception, or setting `stop`, keeps further items from being begun; the exception is
    raised here. `meanwhile` is called once, in the calling thread. On Ctrl-C, and when `meanwhile`
    raises, `stop` is set, so that work under way can look at it and end, and `on_interrupt` is
    called until all have ended or time is up, to wake what waits.
    """
    crew = _Crew(work, items, stop or threading.Event())
    crew.run(count or cores(), on_interrupt, meanwhile)


def map_in_threads(
    work: Callable[[T], R],
    items: Iterable[T],
    count: int = 0,
    on_interrupt: Callable[[], object] = lambda: None,
) -> list[R]:
    """Return what `work` returns for each item, in order; otherwise as `in_threads`.

    Every item is worked on. Of several exceptions that of the first item is raised.
    """
    todo = list(items)
    results: dict[int, R] = {}
    errors: dict[int, Exception] = {}

    def one(number: int) -> None:
        try:
            results[number] = work(todo[number])
        except Exception as error:  # noqa: BLE001 -- raised again below
            errors[number] = error

    in_threads(one, range(len(todo)), count, on_interrupt=on_interrupt)
    if errors:
        raise errors[min(errors)]
    return [results[number] for number in range(len(todo))]


@contextlib.contextmanager
def _short_turns() -> Iterator[None]:
    """Have the interpreter switch between threads more often than its 5 ms."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class _Crew:
    def __init__(
        self, work: Callable[[T], None], items: Iterable[T], stop: threading.Event
    ) -> None:
        self._queue = deque(items)
        self._work: Callable[[T], None] = work
        self._stop = stop
        self._errors: list[BaseException] = []

    def run(
        self,
        count: int,
        on_interrupt: Callable[[], object],
        meanwhile: Callable[[], object] | None,
    ) -> None:
        # Not Thread.join and is_alive: where Ctrl-C interrupts a join, Python 3.11 takes a thread
        # that goes on for one that has ended.
        ended: list[threading.Event] = []
        try:
            for _ in range(min(count, len(self._queue))):
                ended.append(threading.Event())
                threading.Thread(target=self._drain, args=(ended[-1],), daemon=True).start()
            if meanwhile:
                with _short_turns():
                    meanwhile()
            for event in ended:
                event.wait()
        except BaseException:
            self._stop.set()
            give_up = time.monotonic() + GRACE_SECONDS
            on_interrupt()
            while not all(event.is_set() for event in ended) and time.monotonic() < give_up:
                time.sleep(PAUSE_SECONDS)
                on_interrupt()
            raise
        if self._errors:
            raise self._errors[0]

    def _drain(self, ended: threading.Event) -> None:
        try:
            self._work_through()
        finally:
            ended.set()

    def _work_through(self) -> None:
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
