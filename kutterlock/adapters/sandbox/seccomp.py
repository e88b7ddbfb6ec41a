"""Who tries to reach a network: seccomp user notification on the calls that name an address.

It is a witness, not the wall. The wall is the empty network namespace; this says who ran into it,
also when the program shrugs it off. Sources: seccomp(2), seccomp_unotify(2), linux/seccomp.h,
linux/filter.h, linux/audit.h. Only x86_64 and aarch64 (both little-endian) are known here.
"""

import contextlib
import errno
import fcntl
import os
import select
import socket
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from kutterlock.adapters.sandbox.network_calls import Memory, unwanted_addresses
from kutterlock.model.sandbox.plan import NetworkAttempt

NOTIF_RECV, NOTIF_SEND, NOTIF_ID_VALID = 0xC0502100, 0xC0182101, 0x40082102
USER_NOTIF_FLAG_CONTINUE = 1
NOTIFICATION = struct.Struct("=QIIiIQ6Q")
"""`struct seccomp_notif`: id, pid, flags, call number, arch, instruction pointer, arguments."""

RET_ALLOW, RET_NOTIFY, RET_ERRNO = 0x7FFF0000, 0x7FC00000, 0x00050000
LOAD, JUMP_EQUAL, JUMP_GREATER_EQUAL, RETURN = 0x20, 0x15, 0x35, 0x06
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
X32 = 0x40000000
GRACE_MS = 2000
"""How long to wait for POLLHUP, which kernels before 5.9 do not send."""

MOST_ATTEMPTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """An architecture's numbers: AUDIT_ARCH_*, and the calls that matter."""

    audit: int
    connect: int
    sendto: int
    sendmsg: int
    sendmmsg: int
    ioctl: int
    seccomp: int
    io_uring_setup: int = 425


ARCHITECTURES = {
    "x86_64": Calls(
        audit=0xC000003E, connect=42, sendto=44, sendmsg=46, sendmmsg=307, ioctl=16, seccomp=317
    ),
    "aarch64": Calls(
        audit=0xC00000B7, connect=203, sendto=206, sendmsg=211, sendmmsg=269, ioctl=29, seccomp=277
    ),
}


def filter_program(calls: Calls) -> bytes:
    """Return the filter as `struct sock_filter[]`.

    Calls that name an address are notified. io_uring, which would make the same calls unseen,
    is not there (ENOSYS), nor is x32. Pushing input into the terminal (TIOCSTI) is refused, so
    that an interactive sandbox can keep the caller's terminal.
    """
    refuse, absent = RET_ERRNO | errno.EPERM, RET_ERRNO | errno.ENOSYS
    return b"".join((
        _op(LOAD, 4), _op(JUMP_EQUAL, calls.audit, 1, 0), _op(RETURN, RET_ALLOW),
        _op(LOAD, 0), _op(JUMP_GREATER_EQUAL, X32, 0, 1), _op(RETURN, absent),
        _op(JUMP_EQUAL, calls.io_uring_setup, 0, 1), _op(RETURN, absent),
        *(part for number in (calls.connect, calls.sendmsg, calls.sendmmsg)
          for part in (_op(JUMP_EQUAL, number, 0, 1), _op(RETURN, RET_NOTIFY))),
        _op(JUMP_EQUAL, calls.sendto, 0, 6),
        _op(LOAD, _low(4)), _op(JUMP_EQUAL, 0, 0, 2),
        _op(LOAD, _low(4) + 4), _op(JUMP_EQUAL, 0, 1, 0),
        _op(RETURN, RET_NOTIFY), _op(RETURN, RET_ALLOW),
        _op(JUMP_EQUAL, calls.ioctl, 0, 4),
        _op(LOAD, _low(1)), _op(JUMP_EQUAL, TIOCSTI, 1, 0), _op(JUMP_EQUAL, TIOCLINUX, 0, 1),
        _op(RETURN, refuse), _op(RETURN, RET_ALLOW),
    ))  # fmt: skip


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _low(argument: int) -> int:
    """Where the low half of an argument stands in `struct seccomp_data`."""
    return 16 + 8 * argument


@dataclass(slots=True)
class Watch:
    """Serves the notifications of one sandbox, in a thread, while the context lasts.

    `child` is inherited by the launcher, which sends the listener through it. Afterwards
    `attempts` holds what was seen, and `failure` why nothing could be (empty if it could).
    """

    calls: Calls
    attempts: dict[NetworkAttempt, None] = field(default_factory=dict)
    failure: str = "the launcher did not start"
    _ours: socket.socket = field(init=False)
    child: socket.socket = field(init=False)
    _thread: threading.Thread = field(init=False)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._ours, self.child = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.child.close()
        self._thread.join()
        self._ours.close()

    def _serve(self) -> None:
        message, fds, _, _ = socket.recv_fds(self._ours, 16, 1)
        if not fds:
            self.failure = os.strerror(int(message)) if message else self.failure
            return
        self.failure = "the thread that watches ended early"
        try:
            self._answer_all(fds[0])
            self.failure = ""
        finally:
            os.close(fds[0])

    def _answer_all(self, listener: int) -> None:
        """Answer until the last filtered process has ended, which the kernel tells by POLLHUP."""
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        while True:
            events = poll.poll(GRACE_MS)
            if events and events[0][1] & select.POLLIN:
                self._answer(listener)
            elif events or self._ended.is_set():
                return

    def _answer(self, listener: int) -> None:
        notification = bytearray(256)
        try:
            fcntl.ioctl(listener, NOTIF_RECV, notification)
        except OSError:
            return  # the process is gone
        identity, pid, _, call, _, _, *arguments = NOTIFICATION.unpack_from(notification)
        addresses = self._addresses(pid, call, arguments)
        flags = USER_NOTIF_FLAG_CONTINUE
        if addresses and _is_valid(listener, identity):
            flags = 0
            self._record(pid, addresses)
        number = 0 if flags else -errno.ENETUNREACH
        with contextlib.suppress(OSError):  # ENOENT: it died meanwhile
            fcntl.ioctl(listener, NOTIF_SEND, struct.pack("=QqiI", identity, 0, number, flags))

    def _addresses(self, pid: int, call: int, arguments: list[int]) -> list[str]:
        names = {
            self.calls.connect: "connect", self.calls.sendto: "sendto",
            self.calls.sendmsg: "sendmsg", self.calls.sendmmsg: "sendmmsg",
        }  # fmt: skip
        try:
            with Memory(pid) as memory:
                return unwanted_addresses(memory, names[call], arguments)
        except OSError:
            return []  # not readable: bubblewrap setting itself up, or a pointer to nowhere

    def _record(self, pid: int, addresses: list[str]) -> None:
        program, command = _describe(pid)
        for address in addresses:
            if len(self.attempts) < MOST_ATTEMPTS:
                attempt = NetworkAttempt(
                    program=program, command=command, address=address, how_known="seccomp"
                )
                self.attempts[attempt] = None


def _is_valid(listener: int, identity: int) -> bool:
    """Whether what was read of /proc/PID belongs to the caller, not to a later process."""
    try:
        fcntl.ioctl(listener, NOTIF_ID_VALID, struct.pack("=Q", identity))
    except OSError:
        return False
    return True


def _describe(pid: int) -> tuple[str, str]:
    directory = Path(f"/proc/{pid}")
    try:
        words = (directory / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        name = (directory / "comm").read_text().strip()
    except OSError:
        return f"process {pid}", ""
    return name, b" ".join(words).decode("utf-8", "replace")[:1000]
