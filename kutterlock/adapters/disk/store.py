"""The store: content-addressed blobs in `<root>/<algorithm>/ab/<hex>`, read-only.

A blob is there whole or not at all: bytes grow in `<root>/partial/<algorithm>-<hex>` under that
file's lock, and get their name when their digest is right. Any number of processes may use one
store. `roots/` names the locks that `store gc` keeps blobs for. Nothing that a build can write may
be a hard link to a blob: give it copies (`copy_to`) or read-only binds.
"""

import contextlib
import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from kutterlock.adapters.disk.files import UNVERIFIED, explained, hash_file, write_atomically
from kutterlock.adapters.disk.incoming import FICLONE, IncomingBlob, Slot, lock_partial, try_lock
from kutterlock.errors import (
    FETCH,
    MEND,
    HashMismatchError,
    KutterError,
    MissingInputError,
    NoSpaceError,
)
from kutterlock.model.digest import HEX_LENGTH, Digest

PARTIAL = "partial"
INCOMING = "incoming"
ROOTS = "roots"
NOTES = "vendored"
USE_LOCK = "lock"

_PARTIAL_NAME = re.compile(r"(sha256|sha512)-([0-9a-f]+)\Z")


def _nothing() -> None:
    pass


class Store:
    """Blobs by digest, in one directory. `mirrors` are other stores: read, never trusted."""

    def __init__(self, root: Path, mirrors: Iterable[Path] = ()) -> None:
        """Touch nothing yet: a store that does not exist is an empty one."""
        self.root = root
        self.mirrors = tuple(mirrors)

    @property
    def is_empty(self) -> bool:
        """Whether no blob was ever kept here."""
        return not any((self.root / algorithm).exists() for algorithm in HEX_LENGTH)

    def has(self, digest: Digest) -> bool:
        """Whether the blob is here. Its bytes are trusted as they lie: `verify` re-hashes."""
        return self.find_size(digest) is not None

    def find_size(self, digest: Digest) -> int | None:
        """Return a blob's size in bytes, None where it is not here."""
        path = f"{self.root}/{blob_place(digest)}"
        with explained(path):
            try:
                found = os.stat(path)  # noqa: PTH116 -- asked for each of thousands of blobs
            except (FileNotFoundError, NotADirectoryError):
                return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def locate(self, digest: Digest) -> Path:
        """Return where a blob lies, or would lie."""
        return blob_path(self.root, digest)

    def path(self, digest: Digest) -> Path:
        """Return where a blob lies. Raises MissingInputError. Never write, chmod or link it."""
        path = self.locate(digest)
        if not self.has(digest):
            raise MissingInputError(
                f"{digest} is not in the store {self.root}",
                hint=FETCH,
            )
        return path

    def open(self, digest: Digest) -> BinaryIO:
        """Open a blob for reading. Raises MissingInputError."""
        path = self.path(digest)
        with explained(path):
            return path.open("rb")

    def size(self, digest: Digest) -> int:
        """Return a blob's size in bytes. Raises MissingInputError."""
        return self.path(digest).stat().st_size

    def copy_to(self, digest: Digest, target: Path, mode: int = 0o644) -> None:
        """Copy a blob out, sharing extents where the file system can; `target` must be new."""
        with self.open(digest) as blob, explained(target), target.open("xb") as copy:
            os.fchmod(copy.fileno(), mode)
            try:
                fcntl.ioctl(copy.fileno(), FICLONE, blob.fileno())
            except OSError:
                _send(blob.fileno(), copy.fileno())

    @contextlib.contextmanager
    def receive(
        self, digest: Digest, limit: int | None = None, on_wait: Callable[[], None] = _nothing
    ) -> Iterator[IncomingBlob]:
        """Take a blob in; the sink goes on where an earlier download ended.

        While another process fetches the same blob this waits, calling `on_wait` about twenty
        times a second (raise from it to give up). A partial that proves complete is committed here:
        look at `is_done` before asking anybody for bytes. What is not committed stays a partial.
        """
        slot = self._slot(digest)
        sink = IncomingBlob(slot, lock_partial(slot, on_wait), limit)
        try:
            if not sink.is_done and sink.size and sink.is_right:
                sink.commit()
            elif not sink.is_done and limit is not None and sink.size > limit:
                sink.restart()
            yield sink
        finally:
            sink.close()

    def add_bytes(self, data: bytes, algorithm: str = "sha256") -> Digest:
        """Take in bytes from memory and return their digest."""
        digest = Digest.of(data, algorithm)
        with self.receive(digest) as sink:
            if not sink.is_done:
                sink.restart()
                sink.write(data)
                sink.commit()
        return digest

    def add_file(self, path: Path, expected: Digest, limit: int | None = None) -> None:
        """Copy a regular file in, hashing the copy. Raises HashMismatchError naming the file."""
        with self.receive(expected, limit) as sink:
            if not sink.is_done:
                take_file(sink, path)

    def add_from_mirrors(self, sink: IncomingBlob, on_fault: Callable[[KutterError], None]) -> None:
        """Fill `sink` from the first mirror store that has the right bytes.

        Calls `on_fault` for each that has wrong ones, or cannot be read.
        """
        for mirror in self.mirrors:
            path = blob_path(mirror, sink.digest)
            if sink.is_done or not path.is_file():
                continue
            try:
                take_file(sink, path)
            except NoSpaceError:
                raise
            except KutterError as error:
                on_fault(error)

    def verify(self, digest: Digest) -> None:
        """Re-hash one blob. Raises MissingInputError or HashMismatchError."""
        path = self.path(digest)
        with explained(path):
            got = hash_file(path, digest.algorithm)
        if got != digest:
            raise HashMismatchError(
                f"{path} is corrupted",
                details=[f"expected {digest}", f"got      {got}"],
                hint=MEND,
            )

    def blobs(self) -> Iterator[Digest]:
        """Yield every blob, in order of digest."""
        for algorithm in sorted(HEX_LENGTH):
            for directory in _listed(self.root / algorithm):
                for path in _listed(directory):
                    digest = _digest_or_none(algorithm, path.name)
                    if digest is not None and self.locate(digest) == path:
                        yield digest

    def remove(self, digest: Digest) -> None:
        """Remove a blob; an absent one is fine."""
        path = self.locate(digest)
        with explained(path):
            path.unlink(missing_ok=True)

    def partials(self) -> dict[Path, Digest | None]:
        """Map every unfinished file to the blob that it may become, None: to nothing."""
        found: dict[Path, Digest | None] = {}
        for path in _listed(self.root / PARTIAL):
            match = _PARTIAL_NAME.match(path.name)
            found[path] = _digest_or_none(match[1], match[2]) if match else None
        for name in (ROOTS, *sorted(HEX_LENGTH)):
            for directory in (self.root / name, *_listed(self.root / name)):
                leftovers = (path for path in _listed(directory) if UNVERIFIED in path.name)
                found.update(dict.fromkeys(leftovers))
        return found

    def remove_partial(self, path: Path) -> bool:
        """Remove an unfinished file unless somebody is writing it; say whether it went."""
        with explained(path):
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if not try_lock(descriptor, fcntl.LOCK_EX):
                    return False
                path.unlink(missing_ok=True)
            finally:
                os.close(descriptor)
        return True

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep `store gc` of other processes away: what is here now stays until the end.

        A store that cannot be written needs no lock, because nothing can be removed from it.
        """
        descriptor = self._open_use_lock()
        try:
            if descriptor is not None:
                fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield
        finally:
            if descriptor is not None:
                os.close(descriptor)

    @contextlib.contextmanager
    def exclusively(self) -> Iterator[None]:
        """Have the store alone, for removing. Raises KutterError while others use it."""
        with explained(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.root / USE_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if not try_lock(descriptor, fcntl.LOCK_EX):
                raise KutterError(
                    f"another kutterlock is using the store {self.root}",
                    hint="run this again when it is done",
                )
            yield
        finally:
            os.close(descriptor)

    def root_path(self, lock: Path) -> Path:
        """Return where a lock file is remembered."""
        return self.root / ROOTS / Digest.of(os.fsencode(lock)).short

    def add_root(self, lock: Path) -> None:
        """Remember a lock file: gc keeps what it names for as long as the file exists."""
        path = self.root_path(lock)
        line = os.fsencode(lock) + b"\n"
        with explained(path):
            is_known = path.is_file() and path.read_bytes() == line
        if not is_known:
            write_atomically(path, line)

    def roots(self) -> dict[Path, Path]:
        """Map each remembered root to the lock file that it names."""
        found = {}
        for path in _listed(self.root / ROOTS):
            if not path.name.startswith(UNVERIFIED):
                with explained(path):
                    found[path] = Path(os.fsdecode(path.read_bytes().rstrip(b"\n")))
        return found

    def incoming(self) -> list[Path]:
        """List the staging areas of imports (`kutterlock.bundle.staging` owns what is in them)."""
        return _listed(self.root / INCOMING)

    def forget_notes(self) -> None:
        """Remove what `vendor` noted of earlier runs: it looks again, and notes it again."""
        for path in _listed(self.root / NOTES):
            with explained(path):
                path.unlink(missing_ok=True)

    def _open_use_lock(self) -> int | None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            return os.open(self.root / USE_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError:
            return None

    def _slot(self, digest: Digest) -> Slot:
        partial = self.root / PARTIAL / f"{digest.algorithm}-{digest.hex}"
        return Slot(digest=digest, final=self.locate(digest), partial=partial)


def blob_path(root: Path, digest: Digest) -> Path:
    """Return where the store at `root` has, or would have, a blob."""
    return root / blob_place(digest)


def blob_place(digest: Digest) -> str:
    """Return where a blob lies below the root of a store."""
    return f"{digest.algorithm}/{digest.hex[:2]}/{digest.hex}"


def take_file(sink: IncomingBlob, path: Path) -> None:
    """Fill and commit `sink` from a regular file. Raises HashMismatchError naming it."""
    with explained(path):
        # O_NONBLOCK: a FIFO that somebody else put there must not make us wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise KutterError(f"{path} is not a regular file")
        with explained(path):
            sink.copy_from(descriptor)
        sink.commit()
    except HashMismatchError as error:
        raise HashMismatchError(f"{path}: {error.reason}", details=error.details) from error
    finally:
        os.close(descriptor)


def _send(source: int, target: int) -> None:
    while os.sendfile(target, source, None, 1 << 30):
        pass


def _listed(directory: Path) -> list[Path]:
    with explained(directory):
        try:
            return sorted(directory.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []


def _digest_or_none(algorithm: str, value: str) -> Digest | None:
    try:
        return Digest.parse(f"{algorithm}:{value}")
    except ValueError:
        return None
