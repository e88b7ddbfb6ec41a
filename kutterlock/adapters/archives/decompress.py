"""Decompression of untrusted streams: bounded in output and in memory.

Knows the formats of Debian's archives: xz, gzip, bzip2, none, and zstd where Python has it.
"""

import bz2
import importlib
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from kutterlock.errors import KutterError

PIECE = 1 << 20
"""The largest piece handed on, in bytes."""

XZ_MEMORY = 80 << 20
"""Memory that one xz stream may ask for: `xz -9` needs 65 MiB."""


class _Decompressor(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]: ...
    def finished(self) -> bool: ...


class _Standard:
    """lzma and bz2: `decompress(data, max_length)`, `needs_input`, `eof`, `unused_data`."""

    def __init__(self, made: "lzma.LZMADecompressor | bz2.BZ2Decompressor") -> None:
        self._made = made

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self.finished():
            raise ValueError("bytes follow the end of the stream")
        yield self._made.decompress(data, PIECE)
        while not (self.finished() or self._made.needs_input):
            yield self._made.decompress(b"", PIECE)
        if self._made.unused_data:
            raise ValueError("bytes follow the end of the stream")

    def finished(self) -> bool:
        return self._made.eof


class _Gzip:
    def __init__(self) -> None:
        self._made = zlib.decompressobj(wbits=31)

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._made.eof:
            raise ValueError("bytes follow the end of the stream")
        yield self._made.decompress(data, PIECE)
        while self._made.unconsumed_tail and not self._made.eof:
            yield self._made.decompress(self._made.unconsumed_tail, PIECE)
        if self._made.unused_data:
            raise ValueError("bytes follow the end of the stream")

    def finished(self) -> bool:
        return self._made.eof


class _Plain:
    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def finished(self) -> bool:
        return True


def _zstd() -> _Decompressor:
    try:
        module = importlib.import_module("compression.zstd")
    except ImportError:
        raise KutterError(
            "this Python cannot read zstd",
            hint="Debian's own packages are xz; for zstd use Python 3.14 or newer",
        ) from None
    return _Standard(module.ZstdDecompressor())


_MAKERS: dict[str, Callable[[], _Decompressor]] = {
    "": _Plain,
    ".xz": lambda: _Standard(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)),
    ".gz": _Gzip,
    ".bz2": lambda: _Standard(bz2.BZ2Decompressor()),
    ".zst": _zstd,
}


def decompressed(pieces: Iterable[bytes], suffix: str, *, limit: int, what: str) -> Iterator[bytes]:
    """Decompress; `suffix` names the format (`.xz`, `""`), `what` names the stream in errors.

    Raises KutterError for a damaged stream, a truncated one, or more than `limit` bytes.
    """
    if suffix not in _MAKERS:
        raise KutterError(f"{what}: compression {suffix!r} is not known")
    made = _MAKERS[suffix]()
    total = 0
    try:
        for piece in pieces:
            for out in made.feed(piece):
                total += len(out)
                if total > limit:
                    raise KutterError(f"{what} unpacks to more than {limit} bytes")
                yield out
    except (lzma.LZMAError, zlib.error, OSError, ValueError, EOFError) as error:
        raise KutterError(f"{what} cannot be unpacked: {error}") from error
    if not made.finished():
        raise KutterError(f"{what} cannot be unpacked: it is truncated")
