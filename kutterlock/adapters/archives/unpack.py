"""Tar archives: hostile until checked, unpacked into trees that are checked again before use.

Owns the rules for members and the cache of unpacked trees. A tree appears whole or not at all,
with canonical modes and one time stamp; `<tree>.digest` beside it keeps the digest that it had
when it was unpacked from verified bytes.
"""

import contextlib
import fcntl
import os
import stat
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path

from kutterlock.adapters.disk.files import explained
from kutterlock.adapters.disk.staging import staging
from kutterlock.adapters.workers import map_in_threads
from kutterlock.errors import HashMismatchError, KutterError
from kutterlock.model.digest import Digest, TreeEntry, tree_digest
from kutterlock.model.paths import RelativePath

LARGEST_TREE = 4 << 30
"""Bytes that an archive may unpack to; Buildroot 2025.02.16 has 87 MB."""

MOST_MEMBERS = 500_000
STAMP = 1
"""Modification time, in seconds, of everything unpacked: make compares times, not dates."""

_READER_FAULTS = (tarfile.TarError, zlib.error, EOFError, ValueError, UnicodeError)


@dataclass(slots=True)
class _Tree:
    """What is unpacked so far: kinds by path, links to make at the end, entries to digest."""

    name: str
    target: Path
    kinds: dict[str, str] = field(default_factory=dict)
    entries: list[TreeEntry] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    room: int = LARGEST_TREE

    def fault(self, member: str, reason: str) -> HashMismatchError:
        return HashMismatchError(
            f"{self.name} is not an archive to unpack: member {member!r} {reason}",
            hint="the file is damaged or hostile: remove its pin and find out where it came from",
        )


def unpack(archive: Path, target: Path, *, name: str, strip: int = 1) -> Digest:
    """Unpack a tar of any compression below `target`, which must not exist; return its digest.

    `strip` leading folders are taken off; all members must lie in one folder then. Regular files,
    folders and symlinks only. A relative symlink must stay in the tree; an absolute one is kept
    as text, for it can only mean a place inside the sandbox. Raises HashMismatchError naming the
    member; `target` is then left as it is, for the caller to remove.
    """
    tree = _Tree(name=name, target=target)
    target.mkdir()
    with _opened(archive, name) as tar:
        top: set[str] = set()
        for count, member in enumerate(tar):
            if count >= MOST_MEMBERS:
                raise tree.fault(member.name, f"is one of more than {MOST_MEMBERS}")
            path = _stripped(tree, member, strip, top)
            if path is not None:
                _place(tree, tar, member, path)
    _make_links(tree)
    return tree_digest(tree.entries)


def unpacked_tree(archive: Path, digest: Digest, cache: Path, *, name: str) -> Path:
    """Return the tree of a verified archive, from `cache/trees` when it is intact there.

    Every file is hashed again before a cached tree is handed out; a changed one is made anew.
    """
    tree = cache / "trees" / f"{digest.algorithm}-{digest.hex}"
    with explained(tree):
        tree.parent.mkdir(parents=True, exist_ok=True)
        with _alone(tree):
            if not _is_intact(tree):
                _renew(tree, archive, name)
    return tree


def digest_unpacked(root: Path) -> Digest:
    """Digest a tree as `unpack` does, without following a link; on two threads."""
    files: list[str] = []
    entries: list[TreeEntry] = []
    _scan(os.fspath(root), "", files, entries)
    for half in map_in_threads(partial(_hash_all, os.fspath(root)), (files[::2], files[1::2]), 2):
        entries.extend(half)
    return tree_digest(entries)


@contextlib.contextmanager
def _opened(archive: Path, name: str) -> Iterator[tarfile.TarFile]:
    import lzma

    try:
        with tarfile.open(archive, "r|*", errorlevel=2) as tar:
            yield tar
    except (*_READER_FAULTS, lzma.LZMAError) as error:
        raise HashMismatchError(f"{name} is not a whole tar archive: {error}") from error
    except OSError as error:
        if error.errno is None:
            raise HashMismatchError(f"{name} is not a whole tar archive: {error}") from error
        raise


def _stripped(tree: _Tree, member: tarfile.TarInfo, strip: int, top: set[str]) -> str | None:
    """Return the member's path in the tree, None for a stripped folder itself."""
    try:
        path = RelativePath(member.name.removeprefix("./").removesuffix("/"))
        path.encode()
    except ValueError as error:
        if member.isdir() and member.name in {".", "./"}:
            return None
        raise tree.fault(member.name, f"has a bad name ({error})") from error
    top.add("/".join(path.parts[:strip]))
    if len(top) > 1:
        raise tree.fault(member.name, "is not in the folder that the others are in")
    if len(path.parts) <= strip and not member.isdir():
        raise tree.fault(member.name, "is a file where the one top folder should be")
    return "/".join(path.parts[strip:]) or None


def _place(tree: _Tree, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
    if member.isdir():
        return _make_folder(tree, path)
    if path in tree.kinds:
        raise tree.fault(member.name, "comes twice")
    if parent := path.rpartition("/")[0]:
        _make_folder(tree, parent)
    if member.issym():
        tree.kinds[path] = "link"
        return tree.links.append((path, _checked_link(tree, member, path)))
    if not member.isreg() or member.issparse():
        raise tree.fault(member.name, "is neither a file, a folder nor a symlink")
    tree.kinds[path] = "file"
    return _write_file(tree, tar, member, path)


def _make_folder(tree: _Tree, path: str) -> None:
    kind = tree.kinds.get(path)
    if kind == "folder":
        return
    if kind is not None:
        raise tree.fault(path, f"is a folder and a {kind} at once")
    if parent := path.rpartition("/")[0]:
        _make_folder(tree, parent)
    tree.kinds[path] = "folder"
    os.mkdir(f"{tree.target}/{path}")  # noqa: PTH102 - Path objects double the time
    os.chmod(f"{tree.target}/{path}", 0o755)  # noqa: PTH101, S103 - whatever the umask


def _checked_link(tree: _Tree, member: tarfile.TarInfo, path: str) -> str:
    text = member.linkname
    inside = os.path.normpath(os.path.join(os.path.dirname(path), text))  # noqa: PTH118, PTH120
    if not text or "\0" in text or "\n" in text:
        raise tree.fault(member.name, f"is a symlink to {text!r}")
    if not text.startswith("/") and (inside == ".." or inside.startswith("../")):
        raise tree.fault(member.name, f"is a symlink that leaves the tree (to {text})")
    return text


def _write_file(tree: _Tree, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
    tree.room -= member.size
    if tree.room < 0:
        raise tree.fault(member.name, f"takes it beyond {LARGEST_TREE} bytes")
    source = tar.extractfile(member)
    assert source is not None
    executable = bool(member.mode & 0o111)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    file = os.open(f"{tree.target}/{path}", flags, 0o644)
    state = sha256()
    try:
        while chunk := source.read(1 << 20):
            state.update(chunk)
            _write_all(file, chunk)
        os.fchmod(file, 0o755 if executable else 0o644)
        os.utime(file, (STAMP, STAMP))
    finally:
        os.close(file)
    tree.entries.append(TreeEntry(path, "755" if executable else "644", state.hexdigest()))


def _write_all(file: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(file, view) :]


def _make_links(tree: _Tree) -> None:
    """Make symlinks last, so that nothing was ever written through one."""
    for path, text in tree.links:
        os.symlink(text, f"{tree.target}/{path}")  # noqa: PTH211
        os.utime(f"{tree.target}/{path}", (STAMP, STAMP), follow_symlinks=False)
        tree.entries.append(TreeEntry(path, "link", Digest.of(os.fsencode(text)).hex))


def _record(tree: Path) -> Path:
    return tree.with_name(tree.name + ".digest")


def _is_intact(tree: Path) -> bool:
    try:
        return digest_unpacked(tree) == Digest.parse(_record(tree).read_text().strip())
    except (OSError, ValueError, KutterError):
        return False


def _clear(tree: Path) -> None:
    """Move a changed tree aside before it is removed: a half removed one never has its name."""
    if tree.is_symlink() or tree.exists():
        with staging(tree.parent) as aside:
            tree.rename(aside / "changed")


def _renew(tree: Path, archive: Path, name: str) -> None:
    """Unpack beside the tree and rename.

    Nothing is synced: what a power cut leaves behind fails its check and is made anew.
    """
    _clear(tree)
    with staging(tree.parent) as work:
        found = unpack(archive, work / "tree", name=name)
        _record(tree).write_text(f"{found}\n")
        (work / "tree").rename(tree)


@contextlib.contextmanager
def _alone(tree: Path) -> Iterator[None]:
    """Keep other processes from unpacking the same tree; the lock goes with the process."""
    descriptor = os.open(tree.with_name(tree.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _scan(folder: str, prefix: str, files: list[str], entries: list[TreeEntry]) -> None:
    with os.scandir(folder) as found:
        for item in found:
            path = prefix + item.name
            if item.is_symlink():
                text = os.readlink(item.path)  # noqa: PTH115
                entries.append(TreeEntry(path, "link", Digest.of(os.fsencode(text)).hex))
            elif item.is_dir(follow_symlinks=False):
                _scan(item.path, path + "/", files, entries)
            else:
                files.append(path)


def _hash_all(root: str, paths: list[str]) -> list[TreeEntry]:
    return [_hash_one(root, path) for path in paths]


def _hash_one(root: str, path: str) -> TreeEntry:
    file = os.open(f"{root}/{path}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise HashMismatchError(f"{path} is not a regular file")
        state = sha256()
        while chunk := os.read(file, 1 << 20):
            state.update(chunk)
    finally:
        os.close(file)
    kind = "755" if status.st_mode & 0o111 else "644"
    return TreeEntry(path, kind, state.hexdigest())
