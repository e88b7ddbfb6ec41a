"""Makes .deb files with the standard library, honest ones and others."""

import gzip
import io
import lzma
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from kutterlock.errors import MissingInputError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import DebianPackagePin
from kutterlock.model.paths import RelativePath

CONTROL = "Package: {name}\nVersion: {version}\nArchitecture: amd64\nDescription: made for a test\n"


@dataclass(kw_only=True)
class Entry:
    """One tar member; `kind` is a tarfile type."""

    name: str
    data: bytes = b""
    kind: bytes = tarfile.REGTYPE
    mode: int = 0o644
    target: str = ""
    major: int = 0


def tar_bytes(entries: Iterable[Entry], format_: int = tarfile.GNU_FORMAT) -> bytes:
    """Write a tar archive as dpkg-deb does."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format_) as archive:
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            info.type, info.mode, info.linkname = entry.kind, entry.mode, entry.target
            info.size, info.devmajor = len(entry.data), entry.major
            archive.addfile(info, io.BytesIO(entry.data))
    return buffer.getvalue()


def ar_bytes(members: Iterable[tuple[str, bytes]]) -> bytes:
    """Write an ar archive."""
    out = [b"!<arch>\n"]
    for name, data in members:
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n"
        out += [header.encode(), data, b"\n" * (len(data) % 2)]
    return b"".join(out)


def pack(data: bytes, suffix: str) -> bytes:
    """Compress."""
    if suffix == ".xz":
        return lzma.compress(data)
    return gzip.compress(data) if suffix == ".gz" else data


def deb_bytes(
    name: str, entries: Iterable[Entry], *, version: str = "1.0", suffix: str = ".xz",
    control: str = CONTROL,
) -> bytes:  # fmt: skip
    """Write a .deb."""
    text = control.format(name=name, version=version).encode()
    return ar_bytes(
        [
            ("debian-binary", b"2.0\n"),
            ("control.tar.gz", gzip.compress(tar_bytes([Entry(name="./control", data=text)]))),
            ("data.tar" + suffix, pack(tar_bytes(entries), suffix)),
        ]
    )


def directory(name: str) -> Entry:
    """Make a directory member."""
    return Entry(name=name, kind=tarfile.DIRTYPE, mode=0o755)


def link(name: str, target: str) -> Entry:
    """Make a symlink member."""
    return Entry(name=name, kind=tarfile.SYMTYPE, target=target, mode=0o777)


@dataclass
class FakeStore:
    """Blobs in memory."""

    blobs: dict[Digest, bytes] = field(default_factory=dict)

    def has(self, digest: Digest) -> bool:
        return digest in self.blobs

    def open(self, digest: Digest) -> BinaryIO:
        if digest not in self.blobs:
            raise MissingInputError(f"{digest} is not in the store")
        return io.BytesIO(self.blobs[digest])

    def add(self, name: str, data: bytes, version: str = "1.0") -> DebianPackagePin:
        """Take in a package and pin it."""
        digest = Digest.of(data)
        self.blobs[digest] = data
        path = RelativePath(f"pool/main/{name[0]}/{name}/{name}_{version}_amd64.deb")
        return DebianPackagePin(
            name=name, version=version, archive="debian", path=path, digest=digest
        )

    def add_all(self, packages: Mapping[str, Iterable[Entry]]) -> tuple[DebianPackagePin, ...]:
        """Take in honest packages of version 1.0."""
        return tuple(self.add(name, deb_bytes(name, found)) for name, found in packages.items())
