"""What went over a machine's cable: packets of a pcap file, and which of them nobody asked for."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

TCP, UDP = 6, 17
QUIET = {1: "ICMP", 2: "IGMP", 58: "ICMPv6"}
ASKING = {67: "DHCP", 68: "DHCP", 546: "DHCPv6", 547: "DHCPv6"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """What matters of one packet: its kind in words, and whether it opens a connection."""

    kind: str
    opens: bool
    to: str = ""


def packets(file: Path, sender: str) -> Iterator[Packet]:
    """Yield the packets that a station sent."""
    data = file.read_bytes()
    assert data[:4] == b"\xd4\xc3\xb2\xa1", "not a pcap file"
    address = bytes.fromhex(sender.replace(":", ""))
    place = 24
    while place + 16 <= len(data):
        (size,) = struct.unpack_from("<8xI", data, place)
        frame = data[place + 16 : place + 16 + size]
        place += 16 + size
        if frame[6:12] == address:
            yield _packet(frame)


def _packet(frame: bytes) -> Packet:
    kind = int.from_bytes(frame[12:14], "big")
    body = frame[14:]
    if kind == 0x0800:
        return _internet(body[9], body[(body[0] & 15) * 4 :], ip_address(body[16:20]).compressed)
    if kind == 0x86DD:
        to, protocol, rest = ip_address(body[24:40]).compressed, body[6], body[40:]
        if protocol == 0:  # hop-by-hop options, as of MLD
            protocol, rest = rest[0], rest[(rest[1] + 1) * 8 :]
        return _internet(protocol, rest, to)
    return Packet(kind={0x0806: "ARP"}.get(kind, f"type {kind:#06x}"), opens=kind != 0x0806)


def _internet(protocol: int, rest: bytes, to: str) -> Packet:
    if protocol in QUIET:
        return Packet(kind=QUIET[protocol], opens=protocol == 1 and rest[0] == 8, to=to)
    port = int.from_bytes(rest[2:4], "big")
    if protocol == UDP and port in ASKING:
        return Packet(kind=ASKING[port], opens=False, to=to)
    if protocol == TCP and not (rest[13] & 0x02 and not rest[13] & 0x10):
        return Packet(kind="TCP answer", opens=False, to=to)
    return Packet(kind=f"{'TCP' if protocol == TCP else 'UDP'} {port}", opens=True, to=to)
