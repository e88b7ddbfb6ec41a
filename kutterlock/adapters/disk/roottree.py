"""A root file system as a tree on disk: sealed to canonical modes and times, and digested.

Unlike `kutterlock.adapters.disk.files.digest_tree` it takes absolute links (they are meant from the
root), counts directories, and sees modes and times, for a build sees them too.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kutterlock.adapters.disk.files import explained, hash_file
from kutterlock.adapters.workers import in_threads
from kutterlock.model.digest import Digest, TreeEntry, tree_digest

SEALED_TIME = 946_684_800
"""The time stamp of everything in a sealed tree: 2000-01-01, in seconds since the epoch."""

_NANOSECONDS = SEALED_TIME * 1_000_000_000
_EMPTY = Digest.of(b"").hex
_CANONICAL = {0o755: "755", 0o644: "644"}
_BATCHES = 64


@dataclass(frozen=True, slots=True)
class _Item:
    path: str
    name: str
    status: os.stat_result


def seal(root: Path) -> None:
    """Give every file, link and directory its canonical mode and time."""
    with explained(root):
        for item in list(_items(str(root), "")):
            mode = item.status.st_mode
            if not stat.S_ISLNK(mode):
                executable = stat.S_ISDIR(mode) or mode & 0o111
                Path(item.path).chmod(0o755 if executable else 0o644)
            os.utime(item.path, (SEALED_TIME, SEALED_TIME), follow_symlinks=False)
        root.chmod(0o755)
        os.utime(root, (SEALED_TIME, SEALED_TIME))


def digest_root(root: Path) -> Digest:
    """Digest a sealed tree on all cores.

    What is not sealed (another mode, another time, a device) changes the digest as other bytes
    would. Hard links are read once.
    """
    with explained(root):
        items = list(_items(str(root), ""))
        files = {item.status.st_ino: item for item in items if stat.S_ISREG(item.status.st_mode)}
        hashes = _hash_all(list(files.values()))
        return tree_digest([_entry(item, hashes) for item in items])


def _hash_all(files: list[_Item]) -> dict[int, str]:
    ordered = sorted(files, key=lambda item: -item.status.st_size)
    hashes: dict[int, str] = {}

    def hash_batch(batch: list[_Item]) -> None:
        for item in batch:
            hashes[item.status.st_ino] = hash_file(Path(item.path)).hex

    in_threads(hash_batch, [ordered[start::_BATCHES] for start in range(_BATCHES)])
    return hashes


def _entry(item: _Item, hashes: dict[int, str]) -> TreeEntry:
    mode = item.status.st_mode
    if stat.S_ISLNK(mode):
        kind, value = "link", Digest.of(bytes(Path(item.path).readlink())).hex
    elif stat.S_ISDIR(mode):
        kind, value = _kind("directory", mode, "755"), _EMPTY
    elif stat.S_ISREG(mode):
        kind, value = _kind("", mode, _CANONICAL.get(mode & 0o7777, "")), hashes[item.status.st_ino]
    else:
        kind, value = f"special {mode:o}", _EMPTY
    if item.status.st_mtime_ns != _NANOSECONDS:
        kind = f"{kind} at {item.status.st_mtime_ns}"
    return TreeEntry(item.name, kind, value)


def _kind(name: str, mode: int, canonical: str) -> str:
    found = f"{stat.S_IMODE(mode):o}"
    return (name or canonical) if found == canonical else f"{name or 'file'} {found}"


def _items(directory: str, prefix: str) -> Iterator[_Item]:
    with os.scandir(directory) as found:
        for entry in found:
            item = _Item(entry.path, prefix + entry.name, entry.stat(follow_symlinks=False))
            yield item
            if stat.S_ISDIR(item.status.st_mode):
                yield from _items(entry.path, item.name + "/")
