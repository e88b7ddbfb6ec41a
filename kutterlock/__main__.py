"""`python -m kutterlock`, and the program itself: what a process needs around a command.

Signals and broken standard streams are met here, where they hold for the whole process; tests and
the demonstration call `kutterlock.cli.main.main`.
"""

import gc
import os
import signal
import sys

GARBAGE_THRESHOLD = 50_000
"""Modules and locks are many objects that live to the end: looking for cycles among them over and
over, as often as Python does by itself, is a tenth of a short command's time."""


def run() -> int:
    """Run the command that the process was started with; return its exit status.

    The first Ctrl-C, SIGTERM or SIGHUP ends the work in order; further ones are ignored, so that
    an impatient finger does not interrupt the tidying.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # `nohup` stays in force
            signal.signal(number, signal.SIG_DFL)
    gc.set_threshold(GARBAGE_THRESHOLD)
    _open_streams()
    from kutterlock.cli.main import main

    caught: list[int] = []

    def interrupt(number: int, _: object) -> None:
        caught.append(number)
        if len(caught) == 1:
            raise KeyboardInterrupt(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    try:
        status = main()
    except KeyboardInterrupt:  # before main could catch it
        status = 128 + signal.SIGINT
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()  # nor need what ends with the process be looked through once more
    return 128 + caught[0] if caught and status else status


def _open_streams() -> None:
    """Make up for standard streams that are closed, or cannot hold every letter."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        else:
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    raise SystemExit(run())
