"""Tar archives as dpkg-deb writes them, read as a stream and trusted in nothing.

Knows the formats that deb(5) names: v7, ustar, and GNU's long names and base-256 sizes. Refuses
the rest (pax headers, sparse files, devices). Sizes and counts are bounded.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from kutterlock.errors import KutterError

BLOCK = 512
LONGEST_NAME = 1 << 16
MOST_MEMBERS = 500_000

Kind = Literal["file", "directory", "link", "hardlink"]
_KINDS: dict[bytes, Kind] = {
    b"0": "file", b"\0": "file", b"7": "file",
    b"1": "hardlink", b"2": "link", b"5": "directory",
}  # fmt: skip
_LONG_NAME, _LONG_TARGET = b"L", b"K"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member: `name` and `target` as they stand in the archive, `size` in bytes."""

    name: str
    kind: Kind
    size: int
    executable: bool
    target: str


class Pieces:
    """Pieces of a stream, read in exact amounts."""

    def __init__(self, pieces: Iterable[bytes], what: str) -> None:
        """Read nothing yet; `what` names the stream in errors."""
        self.what = what
        self._pieces = iter(pieces)
        self._view = memoryview(b"")

    def some(self, most: int) -> memoryview:
        """Return between one and `most` bytes; none at the end."""
        while not self._view:
            piece = next(self._pieces, None)
            if piece is None:
                return memoryview(b"")
            self._view = memoryview(piece)
        taken, self._view = self._view[:most], self._view[most:]
        return taken

    def exactly(self, count: int) -> Iterator[memoryview]:
        """Yield `count` bytes in pieces. Raises KutterError when they are not there."""
        while count:
            piece = self.some(count)
            if not piece:
                raise KutterError(f"{self.what} is truncated")
            count -= len(piece)
            yield piece

    def take(self, count: int) -> bytes:
        """Return `count` bytes."""
        return b"".join(self.exactly(count))


class TarStream:
    """One pass over an archive."""

    def __init__(self, pieces: Iterable[bytes], what: str) -> None:
        """Read nothing yet; `what` names the archive in errors."""
        self._pieces = Pieces(pieces, what)
        self._what = what
        self._left = 0
        self._padding = 0

    def members(self) -> Iterator[Member]:
        """Yield members in order; read a file's `content()` before the next one, or never."""
        for _ in range(MOST_MEMBERS):
            member = self._next()
            if member is None:
                return
            yield member
        raise self._fault(f"has more than {MOST_MEMBERS} members")

    def content(self) -> Iterator[memoryview]:
        """Yield the bytes of the member that `members()` gave last."""
        while self._left:
            piece = self._pieces.some(self._left)
            if not piece:
                raise self._fault("is truncated")
            self._left -= len(piece)
            yield piece

    def _next(self) -> Member | None:
        name = target = ""
        while (header := self._header()) is not None:
            kind = header[156:157]
            size = self._number(header[124:136])
            if kind not in (_LONG_NAME, _LONG_TARGET):
                return self._member(header, size, name, target)
            long = self._long(size)
            name, target = (long, target) if kind == _LONG_NAME else (name, long)
        if name or target:
            raise self._fault("ends within a member")
        return None

    def _header(self) -> bytes | None:
        for _ in self.content():
            pass
        self._pieces.take(self._padding)
        self._padding = 0
        header = self._pieces.take(BLOCK)
        if not any(header):
            self._check_end()
            return None
        stored = self._number(header[148:156])
        if stored != sum(header) - sum(header[148:156]) + 8 * 0x20:
            raise self._fault("has a header with a wrong checksum")
        return header

    def _check_end(self) -> None:
        while piece := self._pieces.some(1 << 20):
            if any(piece):
                raise self._fault("has bytes after its end")

    def _member(self, header: bytes, size: int, name: str, target: str) -> Member:
        kind = _KINDS.get(header[156:157])
        shown = name or self._name(header)
        if kind is None:
            raise self._fault(f"has a member of a kind that is not taken: {shown!r}")
        if kind == "file" and shown.endswith("/"):
            kind = "directory"
        if kind != "file" and size:
            raise self._fault(f"has a {kind} with contents: {shown!r}")
        self._left, self._padding = size, -size % BLOCK
        mode = self._number(header[100:108])
        return Member(
            name=shown,
            kind=kind,
            size=size,
            executable=bool(mode & 0o111),
            target=target or self._text(header[157:257]),
        )

    def _name(self, header: bytes) -> str:
        name = self._text(header[:100])
        prefix = self._text(header[345:500]) if header[257:263] == b"ustar\0" else ""
        return f"{prefix}/{name}" if prefix else name

    def _long(self, size: int) -> str:
        if not 0 < size <= LONGEST_NAME:
            raise self._fault(f"has a name of {size} bytes")
        raw = self._pieces.take(size)
        self._pieces.take(-size % BLOCK)
        return self._text(raw)

    def _text(self, raw: bytes) -> str:
        try:
            return raw.partition(b"\0")[0].decode()
        except UnicodeDecodeError:
            raise self._fault(f"has a name that is not UTF-8: {raw[:80]!r}") from None

    def _number(self, raw: bytes) -> int:
        if raw[0] == 0x80:
            return int.from_bytes(raw[1:], "big")
        digits = raw.strip(b" \0")
        if not digits:
            return 0
        if digits.strip(b"01234567"):
            raise self._fault(f"has a header with the number {digits!r}")
        return int(digits, 8)

    def _fault(self, reason: str) -> KutterError:
        return KutterError(f"{self._what} {reason}")
