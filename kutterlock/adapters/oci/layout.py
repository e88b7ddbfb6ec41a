"""The door to OCI image layouts that come from outside: a directory, or a tar of one.

Nothing is unpacked. Names are taken from a closed set, links and other special files are refused,
and whoever reads says how much. What the bytes mean is none of this module's business.
"""

import hashlib
import os
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kutterlock.adapters.disk.files import explained
from kutterlock.errors import HashMismatchError, UntrustedError, UsageError
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.text import counted
from kutterlock.model.oci.layout import DOCKER_NAME, INDEX_NAME, MARK_NAME, blob_name

CHUNK = 1 << 20
MOST_FILES = 100_000
_BLOB = re.compile(r"blobs/(sha256/[0-9a-f]{64}|sha512/[0-9a-f]{128})\Z")
_TEXTS = (INDEX_NAME, DOCKER_NAME, MARK_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLayout:
    """A layout that lies open: sizes in bytes of texts by name, and of blobs by claimed digest.

    `surplus` are names that belong to no layout.
    """

    texts: Mapping[str, int]
    blobs: Mapping[Digest, int]
    surplus: tuple[str, ...]
    place: Path
    _open: Callable[[str], IO[bytes]]

    def text(self, name: str, limit: int) -> bytes:
        """Read one of the texts. Raises UntrustedError."""
        if self.texts.get(name, limit + 1) > limit:
            raise UntrustedError(f"the layout has no {name} of at most {limit} bytes")
        with self._open(name) as file:
            return file.read(limit)

    def blob(self, digest: Digest, limit: int) -> bytes:
        """Read a blob that is there, in one piece. Raises UntrustedError, HashMismatchError."""
        if self.blobs[digest] > limit:
            raise UntrustedError(f"{digest} is larger than {limit} bytes")
        with self.open(digest) as file:
            data = file.read(limit)
        if Digest.of(data, digest.algorithm) != digest:
            raise _mismatch([f"{digest} is {Digest.of(data, digest.algorithm)}"])
        return data

    def open(self, digest: Digest) -> IO[bytes]:
        """Open a blob that is there, unchecked."""
        return self._open(blob_name(digest))

    def size(self, digest: Digest) -> int:
        """Return the size in bytes of a blob that is there."""
        return self.blobs[digest]

    def locate(self, digest: Digest) -> Path:
        """Name a blob for people."""
        return self.place / blob_name(digest)

    def check(self) -> int:
        """Hash every blob. Returns their bytes. Raises HashMismatchError naming all that differ."""
        faults = []
        for digest in sorted(self.blobs):
            state = hashlib.new(digest.algorithm)
            with self.open(digest) as file:
                while chunk := file.read(CHUNK):
                    state.update(chunk)
            if state.hexdigest() != digest.hex:
                faults.append(f"{digest} is {digest.algorithm}:{state.hexdigest()}")
        if faults:
            raise _mismatch(faults)
        return sum(self.blobs.values())


@contextmanager
def open_layout(path: Path) -> Iterator[ImageLayout]:
    """Open a layout. Raises UsageError for what is none, UntrustedError for one that is unsafe."""
    with explained(path):
        if path.is_dir():
            yield _of_directory(path)
            return
        try:
            with tarfile.open(path, "r:") as archive:
                yield _members(archive, path)
        except tarfile.TarError as error:
            raise UsageError(
                f"{path} is no image layout: {error}", hint="name a directory, or a plain tar of it"
            ) from error


def _members(archive: tarfile.TarFile, path: Path) -> ImageLayout:
    try:
        return _of_archive(archive, path)
    except (ValueError, EOFError, OverflowError, MemoryError) as error:  # of hostile headers
        raise UntrustedError(f"the archive has a damaged header: {error}") from error


def _of_directory(path: Path) -> ImageLayout:
    found: list[tuple[str, int]] = []
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            entry = Path(folder) / name
            if entry.is_symlink() or not (entry.is_file() or entry.is_dir()):
                raise _special(str(entry.relative_to(path)))
        entries = [Path(folder) / name for name in files]
        found += [(entry.relative_to(path).as_posix(), entry.stat().st_size) for entry in entries]
        _bound(len(found))
    return _layout(path, found, lambda name: (path / name).open("rb"))


def _of_archive(archive: tarfile.TarFile, path: Path) -> ImageLayout:
    members: dict[str, tarfile.TarInfo] = {}
    for count, member in enumerate(archive):
        _bound(count)
        name = member.name.removeprefix("./")
        if member.isdir():
            continue
        if not member.isreg() or member.issparse():
            raise _special(name)
        if name in members:
            raise UntrustedError(f"the archive has {name} twice: readers would differ")
        members[name] = member

    def opened(name: str) -> IO[bytes]:
        file = archive.extractfile(members[name])
        assert file is not None, "a regular file"
        return file

    return _layout(path, [(name, member.size) for name, member in members.items()], opened)


def _layout(
    place: Path, found: list[tuple[str, int]], opened: Callable[[str], IO[bytes]]
) -> ImageLayout:
    texts = {name: size for name, size in found if name in _TEXTS}
    blobs = {_digest(name): size for name, size in found if _BLOB.match(name)}
    surplus = [name for name, _ in found if name not in _TEXTS and not _BLOB.match(name)]
    return ImageLayout(
        texts=texts, blobs=blobs, surplus=tuple(sorted(surplus)), place=place, _open=opened
    )


def _digest(name: str) -> Digest:
    _, algorithm, digits = name.split("/")
    return Digest.parse(f"{algorithm}:{digits}")


def _bound(count: int) -> None:
    if count > MOST_FILES:
        raise UntrustedError(f"the layout has more than {MOST_FILES} files")


def _special(name: str) -> UntrustedError:
    return UntrustedError(f"the layout has a link or special file in it: {name!r}")


def _mismatch(faults: list[str]) -> HashMismatchError:
    return HashMismatchError(
        counted(
            len(faults), "blob is not what its name says", "blobs are not what their names say"
        ),
        details=faults,
        hint="the layout was damaged or changed: get it again",
    )
