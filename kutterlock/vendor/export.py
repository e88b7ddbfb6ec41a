"""Copies of stored files, laid out as Buildroot's download directory, for whoever wants to look.

Copies, never links: what is exported is the user's to change, and a blob of the store is not.
`kutterlock verify view DIR` compares such a directory with the lock.
"""

from collections.abc import Iterable
from pathlib import Path

from kutterlock.adapters.disk.files import explained
from kutterlock.adapters.disk.store import Store
from kutterlock.errors import UsageError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Lock
from kutterlock.model.paths import RelativePath

DOWNLOAD_LOCK = ".lock"
"""Buildroot locks each directory of downloads with an empty file of this name."""


def downloads_of(lock: Lock, boards: Iterable[str]) -> dict[RelativePath, Digest]:
    """Map each path of the boards' downloads to its digest. Raises UsageError for two digests."""
    found: dict[RelativePath, Digest] = {}
    for name in boards:
        for pin in lock.sources_of(lock.board(name)):
            if found.setdefault(pin.path, pin.digest) != pin.digest:
                raise UsageError(
                    f"two boards need different bytes under {pin.path}",
                    hint="export one board at a time: --board NAME",
                )
    return found


def export_downloads(lock: Lock, boards: Iterable[str], store: Store, target: Path) -> int:
    """Copy the boards' downloads below `target`, a new or empty directory; return how many."""
    if target.exists() and any(target.iterdir()):
        raise UsageError(f"{target} is not empty", hint="export into a new directory")
    downloads = downloads_of(lock, boards)
    for path, digest in sorted(downloads.items()):
        place = target / path
        with explained(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            if place.parent != target:
                (place.parent / DOWNLOAD_LOCK).touch()
        store.copy_to(digest, place)
    return len(downloads)
