"""Removing what nobody needs: blobs that no remembered lock names, and dead leftovers.

A root is a lock file that `vendor` or `build` remembered in the store. It counts for as long as
the file exists; while one of them cannot be read, nothing is removed.
"""

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kutterlock.adapters.files import explained
from kutterlock.adapters.store import Store
from kutterlock.adapters.tomlfile import read_lock
from kutterlock.errors import LockError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Lock

LARGEST_MANIFEST = 4 << 20
"""No registry takes a larger one (distribution specification), in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """What a collection removes, or would: `size` is the bytes of all of it."""

    blobs: tuple[Digest, ...]
    leftovers: tuple[Path, ...]
    forgotten: tuple[Path, ...]
    size: int
    kept: int


def find_garbage(store: Store, locks: Iterable[Path] = ()) -> Garbage:
    """Return what no root and none of `locks` names. Raises LockError for an unreadable root."""
    roots = store.roots()
    forgotten = tuple(root for root, lock in roots.items() if not _exists(lock))
    existing = {lock for lock in (*roots.values(), *locks) if _exists(lock)}
    live = set(_live(store, sorted(existing)))
    blobs = tuple(digest for digest in store.blobs() if digest not in live)
    found = store.partials()
    leftovers = tuple(path for path, digest in found.items() if digest not in live)
    return Garbage(
        blobs=blobs,
        leftovers=leftovers,
        forgotten=forgotten,
        size=sum(store.size(digest) for digest in blobs) + sum(map(_size, leftovers)),
        kept=sum(1 for digest in store.blobs() if digest in live),
    )


def collect(store: Store, garbage: Garbage) -> None:
    """Remove it. Hold `store.exclusively()` from before it was found until this returns."""
    for digest in garbage.blobs:
        store.remove(digest)
    for path in garbage.leftovers:
        store.remove_partial(path)
    for root in garbage.forgotten:
        root.unlink(missing_ok=True)


def _live(store: Store, locks: Iterable[Path]) -> Iterator[Digest]:
    for path in locks:
        yield from _named(store, _read(path))


def _named(store: Store, lock: Lock) -> Iterator[Digest]:
    yield from (pin.digest for pin in lock.sources.values())
    yield from (package.digest for package in lock.environment.packages)
    for image in lock.images.values():
        yield from image_blobs(store, image.digest)


def image_blobs(store: Store, root: Digest) -> Iterator[Digest]:
    """Yield an image's index or manifest and every blob below it, as far as they are here."""
    yield root
    if not store.has(root) or store.size(root) > LARGEST_MANIFEST:
        return
    with store.open(root) as file:
        document = _parse(file.read())
    for digest in _digests(document.get("manifests")):
        yield from image_blobs(store, digest)
    yield from _digests([document.get("config")])
    yield from _digests(document.get("layers"))


def _parse(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _digests(descriptors: object) -> Iterator[Digest]:
    for descriptor in descriptors if isinstance(descriptors, list) else ():
        if isinstance(descriptor, dict):
            with contextlib.suppress(ValueError):
                yield Digest.parse(str(descriptor.get("digest")))


def _read(path: Path) -> Lock:
    try:
        return read_lock(path)
    except LockError as error:
        raise LockError(
            f"{path} cannot be read, so that nobody knows what it needs: nothing was removed",
            details=[error.reason, *error.details],
            hint="take it back from version control, or remove it if it is of no use any more",
        ) from error


def _exists(lock: Path) -> bool:
    with explained(lock):
        return lock.exists()


def _size(path: Path) -> int:
    return path.lstat().st_size
