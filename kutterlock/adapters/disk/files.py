"""The file system: atomic writes, bounded hashing writes, and trees that stay within their root.

Unverified bytes never bear their final name: they go to `.unverified-*` in the same directory and
are renamed when right. Every OSError that a user can act on becomes a KutterError here.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Self

from kutterlock.errors import (
    HashMismatchError,
    KutterError,
    ManifestError,
    NoSpaceError,
    UsageError,
)
from kutterlock.model.digest import Digest, TreeEntry, tree_digest
from kutterlock.model.paths import RelativePath

UNVERIFIED = ".unverified-"
CHUNK = 1 << 20
MORE_SPACE = "free some space, or name another disk: --store, --output, KUTTER_CACHE"


def real_path(path: Path) -> Path:
    """Follow every symlink, as far as that goes: one that leads in a circle stays as it is.

    `Path.resolve` ends with a RuntimeError there before Python 3.13; whoever opens what is
    returned is told by the system.
    """
    return Path(os.path.realpath(path))


def contained(root: Path, path: RelativePath) -> Path:
    """Join, and make sure that no symlink on the way leads out of `root`. Raises UsageError."""
    joined = root / path
    if not real_path(joined).is_relative_to(real_path(root)):
        raise UsageError(
            f"{joined} leads out of {root} through a symlink",
            hint="put there what it points at: only what is below that directory is looked at",
        )
    return joined


class explained:  # noqa: N801 -- called like a function, and not one: it stands around every read
    """Turn an OSError about `path` into an error that says what to do."""

    __slots__ = ("_path",)

    def __init__(self, path: Path | str) -> None:
        """Name the file that the work inside is about."""
        self._path = path

    def __enter__(self) -> None:
        """Change nothing."""

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        if isinstance(error, OSError):
            raise explain(error, self._path) from error


def explain(error: OSError, path: Path | str) -> KutterError:
    """Word an OSError for a user."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpaceError(
            f"no space left while writing {path}",
            hint=MORE_SPACE,
        )
    if error.errno == errno.EROFS:
        return KutterError(
            f"{path} is on a read-only file system",
            hint="name a writable place: --store, --output, KUTTER_CACHE",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return KutterError(
            f"{path}: this user may not do that ({error.strerror})",
            hint="change its owner or mode, or name another place with --store or KUTTER_STORE",
        )
    return KutterError(f"{path}: {error.strerror or error}")


def open_document(path: Path) -> BinaryIO:
    """Open a file that may come from anywhere to be read. Raises UsageError for a FIFO.

    Nobody may ever write to that. A pipe of the shell has a writer, and no name in a directory.
    """
    if real_path(path).is_fifo():
        raise UsageError(f"{path} is a FIFO, not a file", hint="put a file there, or remove it")
    return path.open("rb")


def hash_file(path: Path, algorithm: str = "sha256") -> Digest:
    """Hash a regular file, reading it once."""
    state = hashlib.new(algorithm)
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            state.update(view[:count])
    return Digest(algorithm, state.hexdigest())


class UnverifiedFile:
    """A file that earns its name: written beside it, bounded, hashed while it grows.

    As a context manager it removes what was not committed. `limit` bounds the size in bytes.
    """

    def __init__(self, final: Path, algorithm: str = "sha256", limit: int | None = None) -> None:
        """Create the temporary file in the directory of `final`, which must exist."""
        self.final = final
        self.size = 0
        self._limit = limit
        self._hash = hashlib.new(algorithm)
        self._algorithm = algorithm
        with explained(final):
            self.temporary, self._file = _locked_file(final.parent)

    def write(self, chunk: bytes | memoryview) -> None:
        """Append bytes. Raises HashMismatchError beyond the limit, NoSpaceError on a full disk."""
        self.size += len(chunk)
        if self._limit is not None and self.size > self._limit:
            raise HashMismatchError(f"{self.final.name}: more than {self._limit} bytes arrived")
        self._hash.update(chunk)
        with explained(self.final):
            view = memoryview(chunk)
            while view:
                view = view[self._file.write(view) :]

    @property
    def digest(self) -> Digest:
        """The digest of what was written so far."""
        return Digest(self._algorithm, self._hash.hexdigest())

    def commit(self, expected: Digest | None = None, mode: int = 0o644) -> None:
        """Check the digest, make the bytes durable, and give them their name."""
        if expected is not None and self.digest != expected:
            raise HashMismatchError(
                f"{self.final.name} is not what was pinned",
                details=[f"expected {expected}", f"got      {self.digest}"],
            )
        with explained(self.final):
            os.fchmod(self._file.fileno(), mode)
            os.fsync(self._file.fileno())
            self._file.close()
            self.temporary.replace(self.final)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.temporary.unlink(missing_ok=True)


def _locked_file(directory: Path) -> tuple[Path, FileIO]:
    """Create a file whose lock says that somebody is writing it: nobody sweeps it away."""
    while True:
        path = directory / f"{UNVERIFIED}{os.urandom(8).hex()}"
        file = path.open("xb", buffering=0)
        with contextlib.suppress(OSError):  # not every file system has locks
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return path, file
        file.close()  # swept between the making and the locking


def write_atomically(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace a file as a whole or not at all."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with UnverifiedFile(path) as file:
        file.write(data)
        file.commit(mode=mode)


def make_durable(root: Path) -> None:
    """Have the bytes of all files below `root` on the disk, before anything is said of them."""
    for directory, _, names in os.walk(root):
        for path in (Path(directory) / name for name in names):
            if path.is_file() and not path.is_symlink():
                sync_file(path)


def free_bytes(directory: Path) -> int:
    """Return what this user may still write on the directory's file system."""
    with explained(directory):
        disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize


def sync_file(path: Path | str) -> None:
    """Have a file's bytes on the disk."""
    with explained(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def tree_entries(root: Path) -> list[TreeEntry]:
    """List a tree for `tree_digest`: files and links, `.git` and leftovers left out.

    Raises ManifestError for devices, for names that no lock can hold, and for a link that leads
    out of the tree.
    """
    return sorted(_walk(root, real_path(root), ""))


def digest_tree(root: Path) -> Digest:
    """Return the digest of the tree at `root`."""
    return tree_digest(tree_entries(root))


def copy_tree(source: Path, target: Path) -> Digest:
    """Copy a tree with canonical modes and return the digest of what was copied.

    Each file's bytes are hashed as they are written, so the copy is what the digest says even
    when somebody edits the original meanwhile.
    """
    entries: list[TreeEntry] = []
    for entry in tree_entries(source):
        copied = target / entry.path
        copied.parent.mkdir(parents=True, exist_ok=True)
        if entry.kind == "link":
            copied.symlink_to((source / entry.path).readlink())
            entries.append(entry)
            continue
        with UnverifiedFile(copied) as file, (source / entry.path).open("rb") as original:
            while chunk := original.read(CHUNK):
                file.write(chunk)
            file.commit(mode=0o755 if entry.kind == "755" else 0o644)
        entries.append(TreeEntry(entry.path, entry.kind, file.digest.hex))
    return tree_digest(entries)


def remove_tree(root: Path) -> None:
    """Remove a tree, read-only directories in it included; an absent one is fine."""
    if not root.exists():
        return
    with contextlib.suppress(OSError):
        root.rmdir()
        return
    for directory, _, _ in os.walk(root):
        Path(directory).chmod(0o700)
    import shutil

    shutil.rmtree(root)


def _walk(directory: Path, root: Path, prefix: str) -> Iterator[TreeEntry]:
    with explained(directory), os.scandir(directory) as found:
        names = sorted(found, key=lambda item: item.name)
    for item in names:
        if item.name == ".git" or item.name.startswith(UNVERIFIED):
            continue
        yield from _entry(Path(item.path), root, prefix + item.name)


def _entry(path: Path, root: Path, name: str) -> Iterator[TreeEntry]:
    try:
        RelativePath(name)
        name.encode()
    except ValueError as error:
        raise ManifestError(f"{path}: a file name that no lock can hold ({error})") from error
    mode = path.lstat().st_mode
    if stat.S_ISDIR(mode):
        yield from _walk(path, root, name + "/")
    elif stat.S_ISLNK(mode):
        yield _link(path, root, name)
    elif stat.S_ISREG(mode):
        with explained(path):
            yield TreeEntry(name, "755" if mode & 0o111 else "644", hash_file(path).hex)
    else:
        raise ManifestError(f"{path} is neither a file, a directory nor a symlink")


def _link(path: Path, root: Path, name: str) -> TreeEntry:
    target = str(path.readlink())
    resolved = Path(os.path.normpath(path.parent / target))
    if target.startswith("/") or not resolved.is_relative_to(Path(os.path.normpath(root))):
        raise ManifestError(
            f"{path} is a symlink that leaves its tree (to {target})",
            hint="copy the file it points at into the tree: only the tree is hashed and mounted",
        )
    return TreeEntry(name, "link", Digest.of(os.fsencode(target)).hex)
