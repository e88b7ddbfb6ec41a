"""Programs and servers that run while a test does: found, started, waited for, ended.

What is started ends by its own id, or not at all. A `Running` says in `start` what it consists of.
"""

import contextlib
import os
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

import pytest

PATH = f"{os.environ.get('KUTTER_TEST_PROGRAMS', '')}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
DEADLINE = 60
"""Seconds that a program has to come up, and to end when it is asked to."""


def program(name: str) -> str:
    """Find a program, or skip the test."""
    found = shutil.which(name, path=PATH)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def run(*argv: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a small environment; a failure shows what it said."""
    done = subprocess.run(
        [program(argv[0]), *argv[1:]],
        env={"PATH": PATH, "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert not check or done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done


class Running:
    """What runs while it is entered, and has ended afterwards."""

    __slots__ = ("_stack",)

    _stack: contextlib.ExitStack

    def start(self, stack: contextlib.ExitStack) -> None:
        """Enter on `stack` what this consists of."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


@contextlib.contextmanager
def running(
    argv: Sequence[str], log: Path, is_up: Callable[[], object] = lambda: True
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program, from when it is up until the block ends; what it says goes to `log`."""
    with log.open("ab") as file:
        process = subprocess.Popen(argv, env={"PATH": PATH}, stdout=file, stderr=file)
    try:
        give_up = time.monotonic() + DEADLINE
        while not is_up():
            assert process.poll() is None, f"{argv[0]} ended: {log.read_text()}"
            assert time.monotonic() < give_up, f"{argv[0]} did not come up: {log.read_text()}"
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(DEADLINE)
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


class Listener(socketserver.ThreadingTCPServer):
    """A server on loopback that hands over each connection, on a thread of its own."""

    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        def handle(connection: socket.socket, _: object, __: object) -> None:
            serve(connection)

        super().__init__(("127.0.0.1", 0), handle)  # type: ignore[arg-type]


@contextlib.contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[int]:
    """Let a server answer while the block runs; yield its port."""
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
