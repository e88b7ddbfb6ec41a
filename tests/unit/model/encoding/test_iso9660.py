"""A volume with one file, read back as ECMA-119 says."""

import struct

import pytest

from kutterlock.model.encoding.iso9660 import LARGEST_EXTENT, SECTOR, Volume, volume_head

EPOCH = 1784143200  # 2026-07-15 19:20:00


def volume(size: int = 5000) -> Volume:
    return Volume(label="KUTTER-IMG", name="IMAGES.TAR", size=size, epoch=EPOCH)


def entries(head: bytes) -> list[tuple[bytes, int, int, int]]:
    """Return name, first sector, size and flags of each entry of the root directory."""
    found, at = [], 20 * SECTOR
    while length := head[at]:
        start, size = struct.unpack("<I", head[at + 2 : at + 6]), head[at + 10 : at + 14]
        name = head[at + 33 : at + 33 + head[at + 32]]
        found.append((name, start[0], int.from_bytes(size, "little"), head[at + 25]))
        at += length
    return found


def test_the_head_is_what_readers_look_for() -> None:
    head = volume_head(volume())
    primary = head[16 * SECTOR : 17 * SECTOR]
    assert len(head) == 21 * SECTOR
    assert primary[:7] == b"\x01CD001\x01"
    assert primary[40:72] == b"KUTTER-IMG".ljust(32)
    assert struct.unpack("<I", primary[80:84]) == struct.unpack(">I", primary[84:88]) == (24,)
    assert primary[813:830] == b"2026071519200000\0"
    assert head[17 * SECTOR : 17 * SECTOR + 7] == b"\xffCD001\x01"


def test_the_root_has_one_file() -> None:
    assert entries(volume_head(volume())) == [
        (b"\0", 20, SECTOR, 2),
        (b"\1", 20, SECTOR, 2),
        (b"IMAGES.TAR;1", 21, 5000, 0),
    ]


def test_a_file_of_more_than_four_gigabytes_has_several_extents() -> None:
    assert entries(volume_head(volume((9 << 30) + 1)))[2:] == [
        (b"IMAGES.TAR;1", 21, LARGEST_EXTENT, 0x80),
        (b"IMAGES.TAR;1", 21 + LARGEST_EXTENT // SECTOR, LARGEST_EXTENT, 0x80),
        (b"IMAGES.TAR;1", 21 + 2 * LARGEST_EXTENT // SECTOR, (1 << 30) + 4097, 0),
    ]


def test_what_no_directory_sector_can_describe_is_refused() -> None:
    with pytest.raises(ValueError, match="more than one directory sector can describe"):
        volume_head(volume(1 << 40))


def test_the_same_volume_is_the_same_bytes() -> None:
    assert volume_head(volume()) == volume_head(volume())
    assert volume_head(volume()) != volume_head(volume(5001))
