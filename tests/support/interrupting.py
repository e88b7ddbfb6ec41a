"""Ctrl-C at a moment that is an event, not a time; and what has to hold afterwards."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.fault_server import Behaviour, Talk
from tests.support.line import Line

SAID = "\ninterrupted: nothing was lost; run the same command again to go on\n"
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}
WAIT = 120


def wait_for(happened: Callable[[], object], process: "subprocess.Popen[bytes]") -> None:
    """Wait until something happened or the process ended."""
    give_up = time.monotonic() + WAIT
    while not happened() and process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.01)


def interrupt(
    line: Line,
    happened: Callable[[], object],
    *words: str,
    number: int = signal.SIGINT,
    **environ: str,
) -> str:
    """Start a verb, interrupt it when something happened, and look at how it ended.

    Returns what it said before.
    """
    process = line.start(*words, **environ)
    wait_for(happened, process)
    process.send_signal(number)
    errors = process.communicate(timeout=WAIT)[1].decode()
    assert process.returncode == SIGNALS[signal.Signals(number)], errors
    assert errors.endswith(SAID)
    assert "Traceback" not in errors
    assert processes_of(line) == []
    return errors.removesuffix(SAID)


def processes_of(line: Line) -> list[str]:
    """Return the command lines of processes that work on a project."""
    mark = os.fsencode(line.demonstration.directory)
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if mark in words and path.parent.name != str(os.getpid()):
            found.append(words.replace(b"\0", b" ").decode(errors="replace"))
    return found


def hesitant(asked: list[str]) -> Behaviour:
    """Note that the request came, and answer nothing."""

    def behave(talk: Talk) -> None:
        asked.append(talk.request.target)
        talk.wait()

    return behave
