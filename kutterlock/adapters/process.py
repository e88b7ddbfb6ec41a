"""Programs: the only module that starts one.

Argv and environment are values made elsewhere; nothing of the caller's environment is inherited.
A failure carries the last lines and a command that replays it.
"""

import contextlib
import os
import select
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kutterlock.errors import KutterError

LAST_LINES = 20
LINE_LIMIT = 1 << 16
"""A longer line of output is handed over in pieces of this many bytes."""

_RUNNING: "set[subprocess.Popen[bytes]]" = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a program did: its exit status and what it printed."""

    status: int
    output: bytes
    errors: bytes


def find_program(name: str, path: str) -> Path | None:
    """Return where `name` is on the search path `path`."""
    found = shutil.which(name, path=path)
    return Path(found) if found else None


def replay(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """Word a command so that it can be pasted into a shell."""
    assignments = [f"{name}={shlex.quote(value)}" for name, value in sorted(environment.items())]
    return shlex.join(["env", "-i"]) + " " + " ".join([*assignments, shlex.join(argv)])


def run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdin: bytes = b"",
    directory: Path | None = None,
    timeout: float | None = None,
    pass_fds: Sequence[int] = (),
) -> Finished:
    """Run to the end and return what happened, whatever the status."""
    try:
        done = subprocess.run(
            argv, env=dict(environment), input=stdin, cwd=directory, capture_output=True,
            timeout=timeout, check=False, pass_fds=tuple(pass_fds),
        )  # fmt: skip
    except FileNotFoundError as error:
        raise KutterError(f"{argv[0]} is not on this machine") from error
    except subprocess.TimeoutExpired as error:
        raise KutterError(f"{argv[0]} did not end within {timeout:g} s") from error
    return Finished(status=done.returncode, output=done.stdout, errors=done.stderr)


def check(finished: Finished, argv: Sequence[str], environment: Mapping[str, str]) -> bytes:
    """Return the output of a program that succeeded. Raises KutterError with its last lines."""
    if finished.status == 0:
        return finished.output
    lines = (finished.errors or finished.output).decode("utf-8", "replace").splitlines()
    raise KutterError(
        f"{argv[0]} failed with status {finished.status}",
        details=lines[-LAST_LINES:],
        hint="replay it: " + replay(argv, environment),
    )


def stream(
    argv: Sequence[str],
    environment: Mapping[str, str],
    on_line: Callable[[bytes], None],
    *,
    directory: Path | None = None,
    pass_fds: Sequence[int] = (),
) -> int:
    """Run, hand over each line of its output as it comes, and return the exit status.

    A line keeps its newline; one beyond LINE_LIMIT comes in pieces. On an exception (Ctrl-C
    included) the program's whole process group is ended.
    """
    process = _start(argv, environment, directory=directory, pass_fds=pass_fds)
    assert process.stdout is not None
    _RUNNING.add(process)
    try:
        while line := process.stdout.readline(LINE_LIMIT):
            on_line(line)
        return process.wait()
    except BaseException:
        _end_group(process)
        raise
    finally:
        _RUNNING.discard(process)
        process.stdout.close()


def end_running() -> None:
    """End what other threads `stream`: Ctrl-C reaches the main thread alone."""
    for process in tuple(_RUNNING):
        _end_group(process)


def watch(
    argv: Sequence[str],
    environment: Mapping[str, str],
    on_bytes: Callable[[bytes], bool],
    *,
    timeout: float,
) -> int | None:
    """Hand over output as it comes, whole lines or not, until `on_bytes` says it was enough.

    Returns the exit status of a program that ended by itself; None where it was ended, because
    that was enough, or because `timeout` seconds were over.
    """
    process = _start(argv, environment)
    assert process.stdout is not None
    stop = time.monotonic() + timeout
    try:
        while select.select([process.stdout], [], [], max(stop - time.monotonic(), 0))[0]:
            chunk = os.read(process.stdout.fileno(), LINE_LIMIT)
            if not chunk:
                return process.wait()
            if on_bytes(chunk):
                break
    finally:
        if process.returncode is None:
            _end_group(process)
        process.stdout.close()
    return None


def _start(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    directory: Path | None = None,
    pass_fds: Sequence[int] = (),
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            argv, env=dict(environment), cwd=directory, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            pass_fds=tuple(pass_fds),
        )  # fmt: skip
    except OSError as error:
        raise KutterError(f"{argv[0]} cannot be started: {error.strerror}") from error


def attach(
    argv: Sequence[str], environment: Mapping[str, str], *, pass_fds: Sequence[int] = ()
) -> int:
    """Run on the caller's own terminal and return the exit status; Ctrl-C is the program's.

    A handler that does nothing, unlike SIG_IGN, is not inherited. Other signals end the program.
    """
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with subprocess.Popen(argv, env=dict(environment), pass_fds=tuple(pass_fds)) as process:
            try:
                return process.wait()
            except BaseException:
                process.terminate()
                raise
    finally:
        signal.signal(signal.SIGINT, before)


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """End a program and what it started in its group.

    The last signal is for the first process of a namespace that the program had only just made:
    it is deaf to SIGTERM, does not die with its parent yet, and would hold the output open.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
        break
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
