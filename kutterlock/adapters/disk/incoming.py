"""A blob on its way into the store: one partial file, locked, bounded, hashed while it grows.

Owns the partial's life: taking the lock so that each blob is fetched once, going on where an
earlier process was killed, and giving the bytes their name once they are right. Where blobs live
is `kutterlock.adapters.disk.store`'s affair.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from kutterlock.adapters.disk.files import CHUNK, MORE_SPACE, explained
from kutterlock.errors import HashMismatchError, KutterError, NoSpaceError
from kutterlock.model.digest import Digest

BLOB_MODE = 0o444
PARTIAL_MODE = 0o600
POLL_SECONDS = 0.05
"""How often a process that waits for another's download looks again."""

ROOM = 64 << 20
"""Bytes that stay free on the disk while a blob grows of which nobody said how large it will be."""

FICLONE = 0x40049409
"""ioctl of linux/fs.h: share the extents of another file, copy on write."""


class Slot(NamedTuple):
    """Where one blob goes: its digest, its final name, and its name until it is right."""

    digest: Digest
    final: Path
    partial: Path


class IncomingBlob:
    """The sink that a download writes to; `Store.receive` makes it, holding the blob's lock.

    `is_done`: the blob is in the store already, there is nothing to write. Otherwise write from
    `resume_offset` on (or `restart` and write from 0), then `commit`.
    """

    def __init__(self, slot: Slot, descriptor: int | None, limit: int | None = None) -> None:
        """`descriptor` is the locked partial, None where the blob is there; `limit` in bytes."""
        self.digest = slot.digest
        self.limit = limit
        self.expected: int | None = None
        self._slot = slot
        self._descriptor = descriptor
        self._hash = hashlib.new(slot.digest.algorithm)
        self._size = self._rebuild() if descriptor is not None else 0

    @property
    def is_done(self) -> bool:
        """Whether the blob is in the store, whole."""
        return self._descriptor is None

    @property
    def size(self) -> int:
        """Bytes written so far, those of an earlier process included."""
        return self._size

    @property
    def resume_offset(self) -> int:
        """Where the next byte goes."""
        return self._size

    @property
    def is_right(self) -> bool:
        """Whether what was written so far is the whole blob."""
        return self._hash.hexdigest() == self.digest.hex

    def expect(self, size: int | None) -> None:
        """Note how many bytes the whole blob is said to have, None: nobody says.

        Raises NoSpaceError when the rest does not fit; nothing is written then.
        """
        self.expected = size
        if size is not None and (rest := size - self._size) > (free := self._free()):
            raise NoSpaceError(
                f"{rest} bytes are to come, and {self._slot.partial.parent} has {free} free",
                hint=MORE_SPACE,
            )

    def write(self, chunk: bytes | memoryview) -> None:
        """Append bytes. Raises HashMismatchError beyond the limit, NoSpaceError on a full disk.

        A blob of untold size is forgotten before the disk is full: it may be without an end.
        """
        if self.limit is not None and self._size + len(chunk) > self.limit:
            self.restart()
            raise HashMismatchError(f"{self.digest}: more than {self.limit} bytes arrived")
        if self.expected is None and self._size // ROOM < (self._size + len(chunk)) // ROOM:
            self._leave_room()
        self._hash.update(chunk)
        with explained(self._slot.partial):
            view = memoryview(chunk)
            while view:
                written = os.write(self._held, view)
                self._size += written
                view = view[written:]

    def restart(self) -> None:
        """Forget every byte: the next one is the first."""
        with explained(self._slot.partial):
            os.ftruncate(self._held, 0)
            os.lseek(self._held, 0, os.SEEK_SET)
        self._hash = hashlib.new(self.digest.algorithm)
        self._size = 0

    def copy_from(self, descriptor: int) -> None:
        """Take the whole of an open file, sharing its extents where the file system can.

        The clone is hashed as it lies here, so a later change of the original does not matter.
        """
        self.restart()
        try:
            fcntl.ioctl(self._held, FICLONE, descriptor)
        except OSError:
            self.expect(os.fstat(descriptor).st_size)
            self._copy_bytes(descriptor)
        else:
            self._size = self._rebuild()
            self._check_limit()

    def check(self) -> None:
        """Raise HashMismatchError unless what was written so far is the whole blob."""
        if not self.is_done and not self.is_right:
            got = Digest(self.digest.algorithm, self._hash.hexdigest())
            details = [f"expected {self.digest}", f"got      {got}", f"after    {self._size} bytes"]
            raise HashMismatchError("the bytes are not the ones that were pinned", details=details)

    def commit(self) -> None:
        """Check the digest, make the bytes durable, and give them their name.

        Raises HashMismatchError, and forgets the bytes: nobody goes on from wrong ones.
        """
        if self.is_done:
            return
        try:
            self.check()
        except HashMismatchError:
            self.restart()
            raise
        with explained(self._slot.final):
            os.fchmod(self._held, BLOB_MODE)
            os.fsync(self._held)
            self._slot.final.parent.mkdir(parents=True, exist_ok=True)
            self._slot.partial.replace(self._slot.final)
        self._release()

    def close(self) -> None:
        """Let go of the lock; a partial with bytes in it stays, to be gone on with."""
        if self._descriptor is None:
            return
        if self._size == 0:
            with contextlib.suppress(OSError):
                self._slot.partial.unlink()
        self._release()

    @property
    def _held(self) -> int:
        assert self._descriptor is not None, "the blob is in the store: nothing to write"
        return self._descriptor

    def _free(self) -> int:
        disk = os.fstatvfs(self._held)
        return disk.f_bavail * disk.f_frsize

    def _leave_room(self) -> None:
        rest = ROOM if self.limit is None else min(ROOM, self.limit - self._size)
        if (free := self._free()) < rest:
            size = self._size
            self.restart()
            raise NoSpaceError(
                f"{size} bytes of {self.digest} came without a word of how many there are, "
                f"and {self._slot.partial.parent} has {free} left",
                hint=MORE_SPACE,
            )

    def _release(self) -> None:
        os.close(self._held)
        self._descriptor = None

    def _rebuild(self) -> int:
        buffer = bytearray(CHUNK)
        view = memoryview(buffer)
        size = 0
        with explained(self._slot.partial):
            os.lseek(self._held, 0, os.SEEK_SET)
            while count := os.readv(self._held, [buffer]):
                self._hash.update(view[:count])
                size += count
        return size

    def _copy_bytes(self, descriptor: int) -> None:
        buffer = bytearray(CHUNK)
        view = memoryview(buffer)
        os.lseek(descriptor, 0, os.SEEK_SET)
        while count := os.readv(descriptor, [buffer]):
            self.write(view[:count])

    def _check_limit(self) -> None:
        if self.limit is not None and self._size > self.limit:
            self.restart()
            raise HashMismatchError(f"{self.digest}: more than {self.limit} bytes arrived")


def lock_partial(slot: Slot, on_wait: Callable[[], None]) -> int | None:
    """Return the locked partial, or None when the blob is there (perhaps since a moment ago).

    Waits while another process or thread holds it, calling `on_wait` now and then.
    """
    while not _is_there(slot.final):
        descriptor = _open_partial(slot.partial)
        try:
            _wait_for_lock(descriptor, on_wait)
            is_named = _is_still_named(descriptor, slot.partial)
            if is_named and not _is_there(slot.final):
                return descriptor
            if is_named:
                slot.partial.unlink()
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    return None


def _is_there(final: Path) -> bool:
    """Whether a blob bears its final name. Raises KutterError when something else does."""
    with explained(final):
        try:
            mode = final.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return False
    if not stat.S_ISREG(mode):
        raise KutterError(
            f"{final} is not a regular file, and stands where a blob belongs",
            hint="remove it, and run the same command again",
        )
    return True


def _open_partial(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return os.open(path, flags, PARTIAL_MODE)
        except PermissionError:
            # Killed between the last two steps of a commit: read-only, not yet renamed.
            path.chmod(PARTIAL_MODE)
            return os.open(path, flags, PARTIAL_MODE)


def _wait_for_lock(descriptor: int, on_wait: Callable[[], None]) -> None:
    while not try_lock(descriptor, fcntl.LOCK_EX):
        on_wait()
        time.sleep(POLL_SECONDS)


def try_lock(descriptor: int, kind: int) -> bool:
    """Take a lock without waiting; say whether it was to be had."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EINTR):
            return False
        raise
    return True


def _is_still_named(descriptor: int, path: Path) -> bool:
    # Whoever held the lock before may have renamed the partial to its final name, or removed it.
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
