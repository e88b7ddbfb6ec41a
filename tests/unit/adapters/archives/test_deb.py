import gzip
import io
import lzma
import tarfile
from collections.abc import Sequence

import pytest

from kutterlock.adapters.archives.deb import Deb
from kutterlock.errors import HashMismatchError, KutterError
from kutterlock.model.digest import Digest
from tests.support.debs import Entry, ar_bytes, deb_bytes, directory, link, tar_bytes

HONEST = [
    directory("./"),
    directory("./usr/"),
    Entry(name="./usr/tool", data=b"bytes", mode=0o755),
    Entry(name="./usr/share/" + "long/" * 40 + "name", data=b"x" * 700),
    link("./usr/alias", "tool"),
    Entry(name="./usr/same", kind=tarfile.LNKTYPE, target="./usr/tool"),
]


def read(data: bytes) -> Sequence[tuple[str, str, str, bytes]]:
    deb = Deb(io.BytesIO(data), "a.deb")
    deb.control()
    tar = deb.data()
    found = [(m.name, m.kind, m.target, b"".join(tar.content())) for m in tar.members()]
    deb.check_digest(Digest.of(data))
    return found


@pytest.mark.parametrize("suffix", ["", ".xz", ".gz"])
def test_reads_what_an_honest_package_holds(suffix: str) -> None:
    assert read(deb_bytes("tool", HONEST, suffix=suffix)) == [
        ("./", "directory", "", b""),
        ("./usr/", "directory", "", b""),
        ("./usr/tool", "file", "", b"bytes"),
        ("./usr/share/" + "long/" * 40 + "name", "file", "", b"x" * 700),
        ("./usr/alias", "link", "tool", b""),
        ("./usr/same", "hardlink", "./usr/tool", b""),
    ]


def test_members_may_be_skipped() -> None:
    deb = Deb(io.BytesIO(deb_bytes("tool", HONEST)), "a.deb")
    deb.control()
    assert len(list(deb.data().members())) == len(HONEST)


def test_reads_the_control_fields() -> None:
    deb = Deb(io.BytesIO(deb_bytes("tool", HONEST, version="1:2-3")), "a.deb")
    assert deb.control() == {
        "package": "tool",
        "version": "1:2-3",
        "architecture": "amd64",
        "description": "made for a test",
    }


def test_a_flipped_byte_is_noticed() -> None:
    data = deb_bytes("tool", HONEST, suffix="")
    place = data.index(b"bytes")
    deb = Deb(io.BytesIO(data[:place] + b"Bytes" + data[place + 5 :]), "a.deb")
    deb.control()
    list(deb.data().members())
    with pytest.raises(HashMismatchError) as caught:
        deb.check_digest(Digest.of(data))
    assert caught.value.reason == "a.deb is not what was pinned"
    assert caught.value.details[0] == f"expected {Digest.of(data)}"


CONTROL_TAR = gzip.compress(tar_bytes([Entry(name="./control", data=b"Package: a\nVersion: 1\n")]))


def with_data(name: str, data: bytes) -> bytes:
    return ar_bytes([("debian-binary", b"2.0\n"), ("control.tar.gz", CONTROL_TAR), (name, data)])


def bad_checksum() -> bytes:
    raw = bytearray(tar_bytes([Entry(name="./a", data=b"1")]))
    raw[0] ^= 1
    return bytes(raw)


def control_of(text: bytes) -> bytes:
    packed = gzip.compress(tar_bytes([Entry(name="./control", data=text)]))
    return ar_bytes([("debian-binary", b"2.0\n"), ("control.tar.gz", packed)])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "a.deb is truncated"),
        (b"#!/bin/sh\n", "a.deb is not a .deb"),
        (b"!<arch>\n" + b"x" * 60, "a.deb has a damaged ar header"),
        (ar_bytes([("control.tar", b"")]), "a.deb has 'control.tar' where 'debian-binary' belongs"),
        (ar_bytes([("debian-binary", b"3.0\n")]), "a.deb is a .deb of a format that is not 2.x"),
        (ar_bytes([("debian-binary", b"2.0\n")]), "a.deb is truncated"),
        (
            ar_bytes([("debian-binary", b"2.0\n"), ("control.tar", tar_bytes([]))]),
            "a.deb has no control file",
        ),
        (
            control_of(b"no field\n"),
            "a.deb: its control file is wrong: 'no field' is not of the form 'Field: value'",
        ),
        (
            control_of(b""),
            "a.deb: its control file is wrong: expected one stanza, found 0",
        ),
        (with_data("data.tar.lz", b""), "a.deb: data.tar.lz: compression '.lz' is not known"),
        (
            with_data("data.tar.xz", lzma.compress(tar_bytes([]))[:-9]),
            "a.deb: data.tar.xz cannot be unpacked: it is truncated",
        ),
        (
            with_data("data.tar.xz", b"no xz at all"),
            "a.deb: data.tar.xz cannot be unpacked: Input format not supported by decoder",
        ),
        (
            with_data("data.tar.gz", gzip.compress(tar_bytes([])) + b"more"),
            "a.deb: data.tar.gz cannot be unpacked: bytes follow the end of the stream",
        ),
        (
            with_data("data.tar", tar_bytes([Entry(name="./a", data=b"1")])[:600]),
            "a.deb: data.tar is truncated",
        ),
        (
            with_data("data.tar", bad_checksum()),
            "a.deb: data.tar has a header with a wrong checksum",
        ),
        (
            with_data("data.tar", tar_bytes([]) + b"x"),
            "a.deb: data.tar has bytes after its end",
        ),
        (
            with_data("data.tar", tar_bytes([Entry(name="./null", kind=tarfile.CHRTYPE, major=1)])),
            "a.deb: data.tar has a member of a kind that is not taken: './null'",
        ),
        (
            with_data("data.tar", tar_bytes([Entry(name="./pipe", kind=tarfile.FIFOTYPE)])),
            "a.deb: data.tar has a member of a kind that is not taken: './pipe'",
        ),
        (
            with_data("data.tar", tar_bytes([Entry(name="é" * 200)], tarfile.PAX_FORMAT)),
            "a.deb: data.tar has a member of a kind that is not taken: '././@PaxHeader'",
        ),
    ],
)  # fmt: skip
def test_refuses_what_is_no_package(data: bytes, reason: str) -> None:
    with pytest.raises(KutterError) as caught:
        read(data)
    assert caught.value.reason == reason


def test_an_archive_that_unpacks_to_too_much_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kutterlock.adapters.archives.deb.LARGEST_DATA", 1 << 20)
    bomb = with_data(
        "data.tar.xz", lzma.compress(tar_bytes([Entry(name="./a", data=bytes(4 << 20))]))
    )
    with pytest.raises(KutterError) as caught:
        read(bomb)
    assert caught.value.reason == "a.deb: data.tar.xz unpacks to more than 1048576 bytes"
