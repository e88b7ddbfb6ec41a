"""The staging area: what has arrived of a bundle, on the store's file system, seen by nobody.

    <store>/incoming/<id>/bundle.json   the manifest
    <store>/incoming/<id>/lock          held by the one import that works here
    <store>/incoming/<id>/into          the directory in which the project is to land
    <store>/incoming/<id>/whole/<sha256>    files and blobs that are whole and right
    <store>/incoming/<id>/parts/<sha256>.N  parts of those that were cut, right too
    <store>/incoming/<id>/verified      there once everything is: from then on it is only moved

What an earlier import left under `whole` is hashed again: a crash may have eaten its bytes.
"""

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from kutterlock.adapters.disk.files import (
    CHUNK,
    MORE_SPACE,
    UNVERIFIED,
    explained,
    free_bytes,
    hash_file,
    remove_tree,
    sync_file,
    write_atomically,
)
from kutterlock.adapters.disk.incoming import BLOB_MODE, POLL_SECONDS, try_lock
from kutterlock.adapters.disk.store import INCOMING, Store, blob_place
from kutterlock.adapters.workers import in_threads
from kutterlock.errors import HashMismatchError, NoSpaceError
from kutterlock.model.bundle.manifest import (
    MANIFEST_NAME,
    Bundle,
    BundleBlob,
    Piece,
    part_name,
    read_bundle,
)
from kutterlock.model.digest import Digest
from kutterlock.model.progress import Progress

TARGET = "into"

SPARE = 1 << 20
"""Left free on the store's file system, in bytes."""

SYNCS = 8
"""Files that are made durable at once: a journal is written once for all that wait for it."""

SLOW_SYNC_SECONDS = 0.0002
"""A disk that is faster than this (memory, a cache with a battery) is not worth the threads."""


class Staging:
    """What has arrived of one bundle. Use it as a context: it is locked inside."""

    def __init__(self, store: Store, bundle_id: Digest, progress: Progress) -> None:
        """Touch nothing yet."""
        self.root = store.root / INCOMING / bundle_id.hex
        self._store = store
        self._progress = progress
        self._lock = -1
        self._here: set[str] = set()  # by path below `root`; nobody else changes what is there
        self._made: set[str] = set()  # directories of the store

    def __enter__(self) -> Self:
        while not self._try_enter():
            pass  # the import that had it before has removed it meanwhile
        with explained(self.root):
            for name in ("whole", "parts"):
                (self.root / name).mkdir(exist_ok=True)
        self._look()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)

    @property
    def target(self) -> Path | None:
        """Where the project was to land when something last arrived."""
        path = self.root / TARGET
        with explained(path):
            return Path(os.fsdecode(path.read_bytes())) if path.exists() else None

    def begin(self, manifest: bytes, target: Path) -> None:
        """Note whose this is and where it goes, and check what an earlier import left."""
        path = self.root / MANIFEST_NAME
        if not path.exists():
            write_atomically(path, manifest)
        if self.target != target:
            write_atomically(self.root / TARGET, os.fsencode(target))
        if not self.is_verified:
            in_threads(self._check, sorted(self._here))

    @property
    def is_verified(self) -> bool:
        """Whether everything arrived and was found right."""
        return (self.root / "verified").exists()

    def whole(self, sha256: str) -> Path:
        """Return where a whole file lies, or would lie."""
        return self.root / "whole" / sha256

    def has_whole(self, sha256: str) -> bool:
        """Whether a whole file is here."""
        return f"whole/{sha256}" in self._here

    def has(self, piece: Piece) -> bool:
        """Whether a piece is here, or the whole that it is a part of."""
        return self.has_whole(piece.whole) or part_name(piece.whole, piece.number) in self._here

    def take(self, piece: Piece, pinned: Digest | None, content: Iterable[memoryview]) -> None:
        """Take in a piece. Raises HashMismatchError, and keeps nothing of it.

        `pinned`: the digest by another algorithm, which has to be right too.
        """
        number = piece.number
        place = part_name(piece.whole, number) if number else f"whole/{piece.whole}"
        kind, _, name = place.partition("/")
        with _Sink(f"{self.root}/{kind}", name, piece, None if number else pinned) as sink:
            for chunk in content:
                sink.write(chunk)
            sink.commit()
        self._here.add(place)

    def join(self, bundle: Bundle, blob: BundleBlob) -> None:
        """Make a whole of its parts when all of them are here. Raises HashMismatchError."""
        count = len(bundle.splits[blob.sha256])
        parts = [part_name(blob.sha256, number) for number in range(1, count + 1)]
        if not self._here.issuperset(parts):
            return
        whole = Piece(name=blob.name, size=blob.size, sha256=blob.sha256, whole=blob.sha256)
        try:
            self.take(whole, pinned_otherwise(blob), _chunks(self.root / part for part in parts))
        finally:
            for part in parts:
                self._remove(part)

    def require_space(self, size: int) -> None:
        """Raise NoSpaceError unless `size` more bytes fit."""
        free = free_bytes(self.root)
        if free < size + SPARE:
            raise NoSpaceError(
                f"{self._store.root}: {size} bytes are to come, {SPARE} more have to stay free, "
                f"and {free} are free",
                details=[f"missing: {size + SPARE - free} bytes"],
                hint=MORE_SPACE,
            )

    def seal(self) -> None:
        """Make everything durable and say that it is right."""
        paths = [f"{self.root}/{name}" for name in sorted(self._here)]
        started = time.monotonic()
        for path in paths[:1]:
            sync_file(path)
        is_slow = time.monotonic() - started > SLOW_SYNC_SECONDS
        in_threads(sync_file, paths[1:], SYNCS if is_slow else 1)
        write_atomically(self.root / "verified", b"")

    def unseal(self) -> None:
        """Take back that everything is right: something was lost since."""
        (self.root / "verified").unlink(missing_ok=True)

    def publish(self, sha256: str, digests: Sequence[Digest]) -> None:
        """Give one file its names in the store, over what has wrong bytes there."""
        staged = f"{self.root}/whole/{sha256}"
        for digest in digests[:-1]:  # the same bytes, pinned by two algorithms
            copy = self.root / f"{UNVERIFIED}{sha256}"
            import shutil  # loads three compressors

            with explained(copy):
                shutil.copyfile(staged, copy)
                copy.chmod(BLOB_MODE)
            sync_file(copy)
            self._name(str(copy), digest)
        if digests:
            self._name(staged, digests[-1])
            self._here.discard(f"whole/{sha256}")

    def drop_if_new(self) -> None:
        """Remove everything unless something of the bundle has arrived before."""
        if not (self.root / MANIFEST_NAME).exists():
            self.drop()

    def drop(self) -> None:
        """Remove everything; the lock goes last."""
        (self.root / "verified").unlink(missing_ok=True)
        for name in ("whole", "parts"):
            remove_tree(self.root / name)
        for path in sorted(_listed(self.root), key=lambda path: path.name == "lock"):
            path.unlink()  # what a kill left under a temporary name, too
        with contextlib.suppress(OSError):
            self.root.rmdir()  # unless another import of this bundle has just come in

    def _name(self, staged: str, digest: Digest) -> None:
        final = f"{self._store.root}/{blob_place(digest)}"
        directory = final.rpartition("/")[0]
        with explained(final):
            if directory not in self._made:
                os.makedirs(directory, exist_ok=True)  # noqa: PTH103
                self._made.add(directory)
            os.rename(staged, final)  # noqa: PTH104

    def _try_enter(self) -> bool:
        with explained(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            try:
                self._lock = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
            except FileNotFoundError:
                return False
        self._wait()
        if not self._is_named():
            os.close(self._lock)
            return False
        return True

    def _wait(self) -> None:
        told = False
        while not try_lock(self._lock, fcntl.LOCK_EX):
            if not told:
                self._progress.note(" waiting     another import of this bundle is under way")
            told = True
            time.sleep(POLL_SECONDS)

    def _is_named(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._lock), (self.root / "lock").stat())
        except FileNotFoundError:
            return False

    def _look(self) -> None:
        """See what an earlier import left; what it had not finished goes."""
        for kind in ("whole", "parts"):
            for path in _listed(self.root / kind):
                if path.name.startswith(UNVERIFIED):
                    path.unlink()
                else:
                    self._here.add(f"{kind}/{path.name}")

    def _check(self, name: str) -> None:
        kind, _, file = name.partition("/")
        known = file if kind == "whole" else self._known_part(file)
        if hash_file(self.root / name).hex != known:
            self._remove(name)

    def _known_part(self, file: str) -> str:
        bundle = read_bundle((self.root / MANIFEST_NAME).read_bytes())
        whole, _, number = file.partition(".")
        parts = bundle.splits.get(whole, ())
        return parts[int(number) - 1].sha256 if 0 < int(number) <= len(parts) else ""

    def _remove(self, name: str) -> None:
        (self.root / name).unlink()
        self._here.remove(name)


class _Sink:
    """A file of the staging area while it grows. Paths are text: there are thousands of these."""

    def __init__(self, directory: str, name: str, piece: Piece, pinned: Digest | None) -> None:
        """Create it under a temporary name."""
        self._final = f"{directory}/{name}"
        self._temporary = f"{directory}/{UNVERIFIED}{name}"
        self._piece = piece
        self._pinned = pinned
        self._sha256 = hashlib.sha256()
        self._other = hashlib.new(pinned.algorithm) if pinned else None
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with explained(self._final):
            self._file = os.open(self._temporary, flags, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        os.close(self._file)
        if kind:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._temporary)  # noqa: PTH108

    def write(self, chunk: memoryview) -> None:
        """Append bytes."""
        self._sha256.update(chunk)
        if self._other:
            self._other.update(chunk)
        with explained(self._final):
            while chunk:
                chunk = chunk[os.write(self._file, chunk) :]

    def commit(self) -> None:
        """Give it its name and a blob's mode when it is right. Raises HashMismatchError."""
        check_digests(self._piece, self._pinned, self._sha256.hexdigest(), self._other)
        with explained(self._final):
            os.fchmod(self._file, BLOB_MODE)
            os.rename(self._temporary, self._final)  # noqa: PTH104


def check_digests(
    piece: Piece, pinned: Digest | None, sha256: str, other: "hashlib._Hash | None"
) -> None:
    """Raise HashMismatchError naming the piece."""
    if sha256 != piece.sha256:
        raise HashMismatchError(f"{piece.name}: expected {piece.sha256}, got {sha256}")
    if pinned and other and other.hexdigest() != pinned.hex:
        raise HashMismatchError(
            f"{piece.name}: the manifest calls it {pinned}, and it is "
            f"{pinned.algorithm}:{other.hexdigest()}"
        )


def pinned_otherwise(blob: BundleBlob) -> Digest | None:
    """Return the digest that the lock pins where it is not the sha256."""
    return None if blob.digest.algorithm == "sha256" else blob.digest


def begun(store: Store) -> list[Digest]:
    """Return the bundles that have a staging area here, however little is in it."""
    return [Digest.parse(f"sha256:{path.name}") for path in store.incoming()]


def unfinished(store: Store) -> list[Digest]:
    """Return the bundles that an import was begun of and not ended."""
    root = store.root / INCOMING
    return [name for name in begun(store) if (root / name.hex / MANIFEST_NAME).exists()]


def _chunks(paths: Iterable[Path]) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(CHUNK))
    for path in paths:
        with explained(path), path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                yield buffer[:count]


def _listed(directory: Path) -> list[Path]:
    with explained(directory):
        return sorted(directory.iterdir()) if directory.is_dir() else []
