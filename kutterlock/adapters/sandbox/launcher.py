"""A tiny program that becomes the sandbox: run as `python -I -S launcher.py OPTIONS ARGV`.

It sets what must be set in the process that is to exec (umask, CPUs, death with its parent, the
seccomp filter), then execs ARGV. It stands apart from the package because forking a threaded
parent is not safe, and it imports only the standard library.

The filter stops `sendmsg`, so the notification's descriptor cannot be sent by the thread that
installed it. Filters belong to threads: a second thread, which has none, sends it.
"""

import ctypes
import json
import os
import queue
import signal
import socket
import struct
import sys
import threading
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_SET_MODE_FILTER = 1
SPEC_ALLOW_AND_NEW_LISTENER = 1 << 2 | 1 << 3
"""linux/seccomp.h. SPEC_ALLOW keeps older kernels from slowing every filtered process down."""

libc = ctypes.CDLL(None, use_errno=True)


def main(options: dict[str, Any], argv: list[str]) -> None:
    """Become `argv`. Options: parent, uid, umask, cpus, and of the filter: socket, filter, call."""
    if options["uid"]:  # first: the kernel forgets the wish to die with the parent at this
        os.setgroups([])
        os.setresgid(options["uid"], options["uid"], options["uid"])
        os.setresuid(options["uid"], options["uid"], options["uid"])
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != options["parent"]:
        os._exit(1)
    os.umask(options["umask"])
    if options["cpus"]:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options["cpus"]])
    if options["socket"] >= 0:
        watch(options["socket"], bytes.fromhex(options["filter"]), options["call"])
    os.execv(argv[0], argv)


def watch(socket_fd: int, program: bytes, call: int) -> None:
    """Install the filter and send its listener, or the errno for which there is none."""
    results: queue.SimpleQueue[int] = queue.SimpleQueue()
    sender = threading.Thread(target=hand_over, args=(socket_fd, results))
    sender.start()
    results.put(install(program, call))
    sender.join()


def install(program: bytes, call: int) -> int:
    """Return the listener's descriptor, or minus errno."""
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    instructions = ctypes.create_string_buffer(program, len(program))
    value = struct.pack("H0QQ", len(program) // 8, ctypes.addressof(instructions))  # sock_fprog
    result = libc.syscall(
        ctypes.c_long(call), ctypes.c_long(SECCOMP_SET_MODE_FILTER),
        ctypes.c_long(SPEC_ALLOW_AND_NEW_LISTENER), value,
    )  # fmt: skip
    return int(result) if result >= 0 else -ctypes.get_errno()


def hand_over(socket_fd: int, results: "queue.SimpleQueue[int]") -> None:
    """Send what the other thread got."""
    with socket.socket(fileno=socket_fd) as connection:
        listener = results.get()
        if listener >= 0:
            socket.send_fds(connection, [b"0"], [listener])
        else:
            connection.send(str(-listener).encode())


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
