""".deb files, read without dpkg: `ar` around control.tar and data.tar.

Format: deb(5). One pass over the file, hashed as it is read, so that what was unpacked is what
the digest says. Everything in it is hostile until checked; where members belong is decided by
`kutterlock.model.debian.layout`.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from kutterlock.adapters.archives.decompress import PIECE, decompressed
from kutterlock.adapters.archives.tarstream import Pieces, TarStream
from kutterlock.errors import HashMismatchError, KutterError
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.deb822 import Stanza, parse_stanza

LARGEST_CONTROL = 16 << 20
LARGEST_CONTROL_FILE = 1 << 20
LARGEST_DATA = 8 << 30
"""Bounds on what a package may unpack to, in bytes."""

_MAGIC = b"!<arch>\n"
_HEADER = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class _ArMember:
    name: str
    size: int


class Deb:
    """One .deb: first `control()`, then `data()`, then `check_digest()`."""

    def __init__(self, file: BinaryIO, what: str, algorithm: str = "sha256") -> None:
        """Read nothing yet; `what` names the package in errors."""
        self._what = what
        self._hash = hashlib.new(algorithm)
        self._algorithm = algorithm
        self._pieces = Pieces(self._read(file), what)
        self._padding = 0

    def control(self) -> Stanza:
        """Read the package's own control fields."""
        if self._pieces.take(len(_MAGIC)) != _MAGIC:
            raise KutterError(f"{self._what} is not a .deb")
        version = self._member("debian-binary")
        if version.size > 64 or not self._pieces.take(version.size).startswith(b"2."):
            raise KutterError(f"{self._what} is a .deb of a format that is not 2.x")
        self._padding = version.size % 2
        return self._read_control(self._tar("control.tar", LARGEST_CONTROL))

    def data(self) -> TarStream:
        """Return the package's files, to be read once."""
        return self._tar("data.tar", LARGEST_DATA)

    def check_digest(self, expected: Digest) -> None:
        """Read to the end and compare. Raises HashMismatchError."""
        while self._pieces.some(PIECE):
            pass
        got = Digest(self._algorithm, self._hash.hexdigest())
        if got != expected:
            raise HashMismatchError(
                f"{self._what} is not what was pinned",
                details=[f"expected {expected}", f"got      {got}"],
                hint="run `kutterlock verify` to find what else is damaged, then vendor it again",
            )

    def _read(self, file: BinaryIO) -> Iterator[bytes]:
        while piece := file.read(PIECE):
            self._hash.update(piece)
            yield piece

    def _tar(self, prefix: str, limit: int) -> TarStream:
        member = self._member(prefix)
        self._padding = member.size % 2
        what = f"{self._what}: {member.name}"
        packed = (bytes(piece) for piece in self._pieces.exactly(member.size))
        suffix = member.name.removeprefix(prefix)
        return TarStream(decompressed(packed, suffix, limit=limit, what=what), what)

    def _member(self, prefix: str) -> _ArMember:
        self._pieces.take(self._padding)
        header = self._pieces.take(_HEADER)
        name = header[:16].decode("latin-1").rstrip(" ").removesuffix("/")
        digits = header[48:58].rstrip(b" ")
        if header[58:] != b"`\n" or not digits.isdigit():
            raise KutterError(f"{self._what} has a damaged ar header")
        if not name.startswith(prefix):
            raise KutterError(f"{self._what} has {name!r} where {prefix!r} belongs")
        return _ArMember(name=name, size=int(digits))

    def _read_control(self, tar: TarStream) -> Stanza:
        found: Stanza | None = None
        for member in tar.members():
            if member.name.removeprefix("./") == "control" and member.kind == "file":
                if member.size > LARGEST_CONTROL_FILE or found is not None:
                    raise KutterError(f"{self._what} has an impossible control file")
                found = self._parse(b"".join(tar.content()))
        if found is None:
            raise KutterError(f"{self._what} has no control file")
        return found

    def _parse(self, raw: bytes) -> Stanza:
        try:
            return parse_stanza(raw.decode())
        except ValueError as error:
            raise KutterError(f"{self._what}: its control file is wrong: {error}") from error
