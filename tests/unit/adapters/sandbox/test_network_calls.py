import socket
import struct
from dataclasses import dataclass, field

import pytest

from kutterlock.adapters.sandbox.network_calls import unwanted_address, unwanted_addresses


def inet(address: str, port: int) -> bytes:
    family = struct.pack("=H", socket.AF_INET)
    return family + struct.pack("!H", port) + socket.inet_aton(address) + bytes(8)


def inet6(address: str, port: int) -> bytes:
    packed = socket.inet_pton(socket.AF_INET6, address)
    return struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", port, 0) + packed + bytes(4)


@pytest.mark.parametrize(
    ("sockaddr", "worded"),
    [
        (inet("198.51.100.7", 80), "198.51.100.7:80"),
        (inet("198.51.100.7", 53), "198.51.100.7:53 (a name lookup)"),
        (inet("127.0.0.53", 53), "127.0.0.53:53 (a name lookup)"),
        (inet("127.0.0.1", 8080), ""),
        (inet("0.0.0.0", 8080), ""),
        (inet6("2001:db8::1", 443), "[2001:db8::1]:443"),
        (inet6("::1", 443), ""),
        (inet6("::ffff:192.0.2.1", 443), "192.0.2.1:443"),
        (inet6("::ffff:127.0.0.1", 443), ""),
        (struct.pack("=HHII", 40, 0, 1024, 2), "vsock 2:1024"),
        (struct.pack("=H", 17) + bytes(18), "an address of family 17"),
        (struct.pack("=H", socket.AF_INET), "an address of family 2"),
        (struct.pack("=H", socket.AF_UNIX) + b"/run/x\0", ""),
        (struct.pack("=H", socket.AF_NETLINK) + bytes(10), ""),
        (struct.pack("=H", socket.AF_UNSPEC) + bytes(14), ""),
        (b"\x02", ""),
    ],
)
def test_an_address_that_leads_out_is_worded(sockaddr: bytes, worded: str) -> None:
    assert unwanted_address(sockaddr) == worded


@dataclass
class Bytes:
    """Memory that holds something at some addresses."""

    at: dict[int, bytes] = field(default_factory=dict)

    def read(self, address: int, size: int) -> bytes:
        for start, data in self.at.items():
            if start <= address < start + len(data):
                return data[address - start :][:size]
        raise OSError("not mapped")


OUT = inet("192.0.2.1", 9)


def test_where_each_call_keeps_its_address() -> None:
    header = struct.pack("=QIIQQQQII", 0x100, len(OUT), 0, 0, 0, 0, 0, 0, 0)
    header = header.ljust(64, b"\0")
    nameless = bytes(64)
    memory = Bytes({0x100: OUT, 0x200: nameless + header, 0x300: header})
    found = ["192.0.2.1:9"]
    assert unwanted_addresses(memory, "connect", [3, 0x100, len(OUT), 0, 0, 0]) == found
    assert unwanted_addresses(memory, "sendto", [3, 0, 0, 0, 0x100, len(OUT)]) == found
    assert unwanted_addresses(memory, "sendmsg", [3, 0x300, 0, 0, 0, 0]) == found
    assert unwanted_addresses(memory, "sendmsg", [3, 0x200, 0, 0, 0, 0]) == []
    assert unwanted_addresses(memory, "sendmmsg", [3, 0x200, 2, 0, 0, 0]) == found


def test_a_pointer_to_nowhere_is_the_callers_error() -> None:
    with pytest.raises(OSError, match="not mapped"):
        unwanted_addresses(Bytes(), "connect", [3, 0x100, 16, 0, 0, 0])
