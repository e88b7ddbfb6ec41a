"""The head of an ISO 9660 volume (ECMA-119) with one file in its root: same values, same bytes.

Pure. Interchange level 3 without extensions: every system of the last thirty years mounts it, and
nothing in it comes from a clock or a machine. The file's bytes follow the head.
"""

import datetime
import struct
from dataclasses import dataclass

SECTOR = 2048
HEAD_SECTORS = 21
"""16 of nothing, two volume descriptors, two path tables, the root directory."""

LARGEST_EXTENT = 0xFFFFF800
"""The most whole sectors that one directory record can say, in bytes; larger files take several."""

_PATH_TABLE_LITTLE, _PATH_TABLE_BIG, _ROOT = 18, 19, 20
_MORE_EXTENTS, _DIRECTORY = 0x80, 0x02
_SYSTEM, _APPLICATION = "LINUX", "KUTTERLOCK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """What the volume says: its label, its file's name (`IMAGES.TAR`) and size, its time."""

    label: str
    name: str
    size: int
    epoch: int

    @property
    def sectors(self) -> int:
        """All of it, the last one filled up."""
        return HEAD_SECTORS + -(-self.size // SECTOR)


def volume_head(volume: Volume) -> bytes:
    """Return the sectors before the file. Raises ValueError for a file with too many extents."""
    root = _records(volume)
    if len(root) > SECTOR:
        raise ValueError(f"{volume.size} bytes are more than one directory sector can describe")
    tables = [_path_table(order) for order in "<>"]
    parts = [bytes(16 * SECTOR), _primary(volume, len(tables[0])), _sector(b"\xffCD001\x01")]
    return b"".join([*parts, *map(_sector, tables), _sector(root)])


def _primary(volume: Volume, path_table: int) -> bytes:
    """ECMA-119, 8.4."""
    fields = [
        b"\x01CD001\x01\0", _text(_SYSTEM, 32), _text(volume.label, 32), bytes(8),
        _both32(volume.sectors), bytes(32), _both16(1), _both16(1), _both16(SECTOR),
        _both32(path_table), struct.pack("<II", _PATH_TABLE_LITTLE, 0),
        struct.pack(">II", _PATH_TABLE_BIG, 0), _record(b"\0", _ROOT, SECTOR, _DIRECTORY, volume),
        _text("", 128), _text("", 128), _text("", 128), _text(_APPLICATION, 128),
        _text("", 37), _text("", 37), _text("", 37),
        _date(volume.epoch) * 2, b"0" * 16 + b"\0", _date(volume.epoch), b"\x01\0",
    ]  # fmt: skip
    return _sector(b"".join(fields))


def _records(volume: Volume) -> bytes:
    """Return the root directory: itself, its parent, the file in as many extents as it takes."""
    found = [_record(name, _ROOT, SECTOR, _DIRECTORY, volume) for name in (b"\0", b"\1")]
    name, start, left = f"{volume.name};1".encode("ascii"), HEAD_SECTORS, volume.size
    while left > LARGEST_EXTENT:
        found.append(_record(name, start, LARGEST_EXTENT, _MORE_EXTENTS, volume))
        start += LARGEST_EXTENT // SECTOR
        left -= LARGEST_EXTENT
    return b"".join([*found, _record(name, start, left, 0, volume)])


def _record(name: bytes, start: int, size: int, flags: int, volume: Volume) -> bytes:
    """ECMA-119, 9.1."""
    time = datetime.datetime.fromtimestamp(volume.epoch, datetime.UTC)
    length = 33 + len(name) + (len(name) + 1) % 2
    date = (time.year - 1900, time.month, time.day, time.hour, time.minute, time.second, 0)
    head = struct.pack("BB", length, 0) + _both32(start) + _both32(size) + bytes(date)
    body = head + struct.pack("BBB", flags, 0, 0) + _both16(1) + struct.pack("B", len(name)) + name
    return body.ljust(length, b"\0")


def _path_table(order: str) -> bytes:
    """ECMA-119, 9.4: the root alone."""
    return struct.pack(f"{order}BBIHBB", 1, 0, _ROOT, 1, 0, 0)


def _date(epoch: int) -> bytes:
    time = datetime.datetime.fromtimestamp(epoch, datetime.UTC)
    return time.strftime("%Y%m%d%H%M%S00").encode() + b"\0"


def _both32(value: int) -> bytes:
    return struct.pack("<I", value) + struct.pack(">I", value)


def _both16(value: int) -> bytes:
    return struct.pack("<H", value) + struct.pack(">H", value)


def _text(value: str, length: int) -> bytes:
    return value.encode("ascii").ljust(length)


def _sector(data: bytes) -> bytes:
    return data.ljust(SECTOR, b"\0")
