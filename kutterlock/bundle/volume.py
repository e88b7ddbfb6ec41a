"""Reading volumes: a stream that has to be, byte for byte, what the manifest says comes next.

Nothing is unpacked by name: members are matched against what is expected, and whatever else an
archive can hold (links, devices, `..`, duplicates, surplus) is refused where it stands.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Self

from kutterlock.adapters.disk.buffer import ThreadBuffer
from kutterlock.adapters.disk.files import explained
from kutterlock.errors import HashMismatchError
from kutterlock.model.bundle.manifest import (
    LARGEST_MANIFEST,
    MANIFEST_NAME,
    SUMS_NAME,
    Bundle,
    Piece,
    read_bundle,
)
from kutterlock.model.bundle.volume import LABEL_NAME, LARGEST_LABEL, Label, read_label
from kutterlock.model.digest import Digest
from kutterlock.model.encoding import ustar
from kutterlock.model.paths import RelativePath
from kutterlock.model.signing.signature_file import DIRECTORY, MOST, SignatureFile, form_of

LARGEST_HEAD = 8 << 20
AGAIN = "take this volume once more from where the bundle was made"


class Head(NamedTuple):
    """What a volume begins with."""

    manifest: bytes
    bundle: Bundle
    label: Label
    extra: Mapping[str, bytes]

    @property
    def id(self) -> Digest:
        """The bundle's name: the digest of its manifest."""
        return self.label.bundle

    def signatures(self, document: str = MANIFEST_NAME) -> tuple[SignatureFile, ...]:
        """Return the signature files of a document of the head."""
        return tuple(
            SignatureFile(name=name.removeprefix(f"{DIRECTORY}/"), form=form, data=data)
            for name, data in self.extra.items()
            if (form := form_of(name, f"{DIRECTORY}/{document}"))
        )

    def roots(self) -> tuple[bytes, ...]:
        """Return the candidate trust roots."""
        return tuple(data for name, data in self.extra.items() if name.startswith("roots/"))


class Volume:
    """One volume, read from the start to the end, once."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises HashMismatchError for what is no volume."""
        self.path = path
        with explained(path):
            self._file = path.open("rb", buffering=0)
        self._buffer = ThreadBuffer()
        self.can_seek = self._file.seekable()
        try:
            self.head = self._read_head()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """What comes after the head."""
        return self.head.bundle.pieces()[self.head.label.number - 1]

    def begin(self, piece: Piece) -> None:
        """Step to a piece. Raises HashMismatchError when something else is there."""
        block = self._take(ustar.BLOCK)
        if block != ustar.header(piece.name, piece.size):
            raise self.fault(self._unexpected(block, piece))

    def content(self, piece: Piece) -> Iterator[memoryview]:
        """Yield a piece's bytes, padding checked at the end."""
        left, buffer = piece.size, self._buffer.view
        while left:
            with explained(self.path):
                count = self._file.readinto(buffer[:left])
            if not count:
                raise self.fault("ends too early")
            left -= count
            yield buffer[:count]
        if any(self._take(ustar.padding(piece.size))):
            raise self.fault(f"has bytes between its members, after {piece.name}")

    def content_at(self, piece: Piece, offset: int) -> Iterator[memoryview]:
        """Yield the bytes of a piece that was passed over; threads may do so at once."""
        length = piece.size + ustar.padding(piece.size)
        left, buffer = length, self._buffer.view
        while left:
            with explained(self.path):
                count = os.preadv(self._file.fileno(), [buffer[:left]], offset + length - left)
            if not count:
                raise self.fault("ends too early")
            padded = max(count - max(left - length + piece.size, 0), 0)
            if any(buffer[count - padded : count]):
                raise self.fault(f"has bytes between its members, after {piece.name}")
            left -= count
            if count > padded:
                yield buffer[: count - padded]

    def pass_over(self, piece: Piece) -> int | None:
        """Step over a piece and return where its bytes are; None where it has to be read now."""
        if not self.can_seek:
            return None
        offset = self._file.tell()
        self.skip(piece)
        return offset

    def skip(self, piece: Piece) -> None:
        """Pass over a piece that is known already."""
        length = piece.size + ustar.padding(piece.size)
        if self.can_seek:
            with explained(self.path):
                self._file.seek(length, os.SEEK_CUR)
        else:
            for _ in self.content(piece):
                pass

    def end(self) -> None:
        """Check that nothing comes after the last piece."""
        block = self._take(ustar.BLOCK)
        if any(block):
            raise self.fault(self._unexpected(block, None))
        if any(self._take(ustar.BLOCK)) or self._file.read(1):
            raise self.fault("has bytes after its end")

    def fault(self, reason: str) -> HashMismatchError:
        """Word an error about this volume."""
        return HashMismatchError(f"{self.path} {reason}", hint=AGAIN)

    def _read_head(self) -> Head:
        manifest = self._first(MANIFEST_NAME, LARGEST_MANIFEST)
        label_bytes = self._first(LABEL_NAME, LARGEST_LABEL)
        with self._explained():
            label = read_label(label_bytes)
        if Digest.of(manifest) != label.bundle:
            raise self.fault(f"is damaged: its {MANIFEST_NAME} is not the one that it names")
        with self._explained():
            bundle = read_bundle(manifest)
        extra = {name: self._head_member(name, digest) for name, digest in label.head.items()}
        self._check_head(bundle, label, extra)
        return Head(manifest=manifest, bundle=bundle, label=label, extra=extra)

    def _first(self, name: str, largest: int) -> bytes:
        block = self._take(ustar.BLOCK)
        try:
            found, size = ustar.read_header(block)
        except ValueError as error:
            raise self.fault(f"is no volume of a bundle, or damaged: it {error}") from error
        if found != name:
            raise self.fault(f"is no volume of a bundle: it has {found!r} where {name} belongs")
        return self._small(name, size, largest)

    def _head_member(self, name: str, digest: Digest) -> bytes:
        block = self._take(ustar.BLOCK)
        try:
            found, size = ustar.read_header(block)
        except ValueError as error:
            raise self.fault(str(error)) from error
        if found != name:
            raise self.fault(f"has {found!r} where {name} belongs")
        data = self._small(name, size, LARGEST_MANIFEST if name == SUMS_NAME else LARGEST_HEAD)
        if Digest.of(data) != digest:
            raise self.fault(f"is damaged: {name} is not what it should be")
        return data

    def _small(self, name: str, size: int, largest: int) -> bytes:
        if size > largest:
            raise self.fault(f"has a {name} of more than {largest} bytes")
        data = self._take(size)
        if any(self._take(ustar.padding(size))):
            raise self.fault(f"has bytes between its members, after {name}")
        return data

    def _check_head(self, bundle: Bundle, label: Label, extra: Mapping[str, bytes]) -> None:
        if label.number > len(bundle.volumes):
            raise self.fault(f"says to be volume {label.number} of {len(bundle.volumes)}")
        if extra.get(SUMS_NAME) != bundle.sums(label.bundle):
            raise self.fault(f"has a {SUMS_NAME} that is not about this bundle")
        wanted = {f"roots/{file.path.name}": file.sha256 for file in bundle.roots}
        roots = {
            name: Digest.of(data).hex for name, data in extra.items() if name.startswith("roots/")
        }
        if roots != wanted:
            raise self.fault("has other trust roots in its head than in its manifest")
        if len(extra) - len(roots) > 2 * MOST:
            raise self.fault(f"has more than {2 * MOST} signatures")

    def _unexpected(self, block: bytes, piece: Piece | None) -> str:
        wanted = piece.name if piece else "the end"
        if not any(block):
            return f"ends where {wanted} belongs"
        try:
            name, _ = ustar.read_header(block)
        except ValueError as error:
            return f"{error}, where {wanted} belongs"
        return f"{_complaint(name, self, piece)}, where {wanted} belongs"

    def _take(self, count: int) -> bytes:
        found, left = [], count
        while left:
            with explained(self.path):
                data = self._file.read(left)
            if not data:
                raise self.fault("ends too early")
            found.append(data)
            left -= len(data)
        return b"".join(found)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except HashMismatchError as error:
            raise HashMismatchError(
                f"{self.path}: {error.reason}", details=error.details, hint=AGAIN
            ) from error


def _complaint(name: str, volume: Volume, piece: Piece | None) -> str:
    try:
        RelativePath(name)
    except ValueError as error:
        return f"has a member whose {error}"
    names = [item.name for item in volume.pieces]
    if piece and piece.name in names and name in names[: names.index(piece.name)]:
        return f"has {name} twice"
    if name in names and piece:
        return f"has {name} out of order"
    return f"has {name!r} in it, which the manifest does not name"
