"""Re-hashing: blobs of the store, and views of it, on all cores, largest file first."""

import hashlib
import os
import stat
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kutterlock.adapters.disk.files import CHUNK, explained
from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.workers import in_threads
from kutterlock.errors import FETCH, MEND, HashMismatchError, KutterError, MissingInputError
from kutterlock.model.digest import Digest
from kutterlock.model.progress import Progress
from kutterlock.vendor.export import DOWNLOAD_LOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A file with the wrong bytes: its name, what they should be, what is there instead."""

    name: str
    expected: Digest
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was checked; `right` files of `size` bytes are as they should be. Lists by name."""

    right: int
    size: int
    missing: tuple[str, ...] = ()
    corrupted: tuple[Fault, ...] = ()
    surplus: tuple[str, ...] = ()

    @property
    def remedy(self) -> str:
        """What to do next where a store is at fault."""
        return MEND if self.corrupted else FETCH

    def error(self, subject: str, hint: str) -> KutterError | None:
        """Return the error that the faults come to, None where there are none."""
        corrupted = [
            f"corrupted: {fault.name}: expected {fault.expected}, got {fault.found}"
            for fault in self.corrupted
        ]
        surplus = [f"surplus: {name}" for name in self.surplus]
        missing = [f"missing: {name}" for name in self.missing]
        details = [*corrupted, *surplus, *missing]
        if not details:
            return None
        kind = HashMismatchError if corrupted or surplus else MissingInputError
        counts = [
            f"{len(lines)} {lines[0].partition(':')[0]}"
            for lines in (corrupted, surplus, missing)
            if lines
        ]
        return kind(f"{subject}: {', '.join(counts)}", details=details, hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class _Item:
    size: int
    name: str
    path: Path
    expected: Digest


def verify_blobs(store: Store, names: Mapping[Digest, str], progress: Progress) -> VerifyReport:
    """Re-hash blobs; `names` says how to call each in the report."""
    items: list[_Item] = []
    missing: list[str] = []
    for digest, name in names.items():
        item = _item(store.locate(digest), name, digest)
        items.append(item) if item else missing.append(name)
    return _verify(items, missing, (), progress)


def verify_view(
    directory: Path, expected: Mapping[str, Digest], progress: Progress
) -> VerifyReport:
    """Re-hash an exported view; `expected` maps its paths to their digests.

    Whatever else lies in it is surplus, but for Buildroot's empty lock files.
    """
    items: list[_Item] = []
    missing: list[str] = []
    for name, digest in expected.items():
        item = _item(directory / name, name, digest)
        items.append(item) if item else missing.append(name)
    surplus = sorted(set(_files(directory, "")) - set(expected))
    return _verify(items, missing, surplus, progress)


def _verify(
    items: list[_Item], missing: Iterable[str], surplus: Iterable[str], progress: Progress
) -> VerifyReport:
    progress.start("verifying", total=sum(item.size for item in items), unit="bytes")
    hasher = _Hasher(progress)
    try:
        in_threads(hasher.check, sorted(items, reverse=True))
    finally:
        progress.done("")
    wrong = {fault.name for fault in hasher.faults}
    return VerifyReport(
        right=len(items) - len(wrong),
        size=sum(item.size for item in items if item.name not in wrong),
        missing=tuple(sorted(missing)),
        corrupted=tuple(sorted(hasher.faults, key=lambda fault: fault.name)),
        surplus=tuple(surplus),
    )


class _Hasher:
    """Hashes files in threads; each thread has one buffer, so that memory stays flat."""

    def __init__(self, progress: Progress) -> None:
        self.faults: list[Fault] = []
        self._progress = progress
        self._own = threading.local()

    def check(self, item: _Item) -> None:
        try:
            found = self._hash(item)
        except OSError as error:
            found = f"nothing: it cannot be read ({error.strerror})"
        if found != item.expected:
            fault = Fault(name=item.name, expected=item.expected, found=found)
            self.faults.append(fault)

    def _hash(self, item: _Item) -> str:
        if not hasattr(self._own, "buffer"):
            self._own.buffer = bytearray(CHUNK)
        view = memoryview(self._own.buffer)
        state = hashlib.new(item.expected.algorithm)
        with item.path.open("rb", buffering=0) as file:
            while count := file.readinto(view):
                state.update(view[:count])
                self._progress.advance(count, item.name)
        return f"{item.expected.algorithm}:{state.hexdigest()}"


def _item(path: Path, name: str, digest: Digest) -> _Item | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return _Item(size=status.st_size, name=name, path=path, expected=digest)


def _files(directory: Path, prefix: str) -> Iterator[str]:
    with explained(directory), os.scandir(directory) as entries:
        found = list(entries)
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path), f"{prefix}{entry.name}/")
        elif entry.name != DOWNLOAD_LOCK or entry.stat(follow_symlinks=False).st_size:
            yield prefix + entry.name
