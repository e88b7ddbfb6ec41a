"""The addresses that a system call names, read from the memory of the process that makes it.

Sources: connect(2), sendto(2), sendmsg(2), sendmmsg(2), ip(7), ipv6(7), vsock(7).
"""

import ipaddress
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Protocol, Self

FAMILIES_WITHIN = frozenset(
    {socket.AF_UNSPEC, socket.AF_UNIX, socket.AF_NETLINK, getattr(socket, "AF_ALG", 38)}
)
"""Address families that lead no further than the sandbox and its kernel."""

AF_VSOCK = 40
DNS = 53
ADDRESS_SIZE = 128
MMSGHDR = 64
MOST_MESSAGES = 1024


class Readable(Protocol):
    """A process's memory."""

    def read(self, address: int, size: int) -> bytes:
        """Return `size` bytes. Raises OSError when they are not there."""


class Memory:
    """The memory of a running process."""

    def __init__(self, pid: int) -> None:
        """Open it; needs the right to trace the process. Raises OSError."""
        self._fd = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)

    def read(self, address: int, size: int) -> bytes:
        """Return `size` bytes. Raises OSError when they are not mapped."""
        try:
            return os.pread(self._fd, size, address)
        except OverflowError as error:
            raise OSError(str(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def unwanted_addresses(memory: Readable, call: str, arguments: Sequence[int]) -> list[str]:
    """Return the addresses outside the sandbox that a call is about to use, worded for people."""
    places = _places(memory, call, arguments)
    addresses = (unwanted_address(memory.read(at, size)) for at, size in places if at and size)
    return [address for address in addresses if address]


def unwanted_address(sockaddr: bytes) -> str:
    """Word a `struct sockaddr` that leads out of the sandbox; empty for one that does not."""
    if len(sockaddr) < 2:
        return ""
    family = struct.unpack_from("=H", sockaddr)[0]
    if family in FAMILIES_WITHIN:
        return ""
    if family == socket.AF_INET and len(sockaddr) >= 8:
        port, number = struct.unpack_from("!HI", sockaddr, 2)
        return _unwanted(ipaddress.IPv4Address(number), port)
    if family == socket.AF_INET6 and len(sockaddr) >= 24:
        port = struct.unpack_from("!H", sockaddr, 2)[0]
        address = ipaddress.IPv6Address(sockaddr[8:24])
        return _unwanted(address.ipv4_mapped or address, port)
    if family == AF_VSOCK and len(sockaddr) >= 12:
        port, machine = struct.unpack_from("=II", sockaddr, 4)
        return f"vsock {machine}:{port}"
    return f"an address of family {family}"


def _places(memory: Readable, call: str, arguments: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield pointer and size of each address that the call is given."""
    if call == "connect":
        yield arguments[1], min(arguments[2] & 0xFFFFFFFF, ADDRESS_SIZE)
    elif call == "sendto":
        yield arguments[4], min(arguments[5] & 0xFFFFFFFF, ADDRESS_SIZE)
    else:
        count = min(arguments[2], MOST_MESSAGES) if call == "sendmmsg" else 1
        for number in range(count):
            header = memory.read(arguments[1] + number * MMSGHDR, 12)
            name, size = struct.unpack("=QI", header)
            yield name, min(size, ADDRESS_SIZE)


def _unwanted(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> str:
    within = address.is_loopback or address.is_unspecified
    if within and port != DNS:
        return ""
    host = f"[{address}]" if address.version == 6 else str(address)
    return f"{host}:{port}" + (" (a name lookup)" if port == DNS else "")
