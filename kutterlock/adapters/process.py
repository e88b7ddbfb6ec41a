"""Programs: the only module that starts one.

Argv and environment are values made elsewhere; nothing of the caller's environment is inherited.
A failure carries the last lines and a command that replays it.
"""

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kutterlock.errors import KutterError

LAST_LINES = 20


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

    On an exception (Ctrl-C included) the program's whole process group is ended.
    """
    process = subprocess.Popen(
        argv, env=dict(environment), cwd=directory, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        pass_fds=tuple(pass_fds),
    )  # fmt: skip
    assert process.stdout is not None
    try:
        for line in process.stdout:
            on_line(line)
        return process.wait()
    except BaseException:
        _end_group(process)
        raise
    finally:
        process.stdout.close()


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
        return
