"""Removing what nobody needs: blobs that no remembered lock names, and dead leftovers.

A root is a lock file that `vendor`, `build` or `bundle import` remembered in the store. It counts
for as long as the file exists, and with it the manifest of the bundle that it came from: it names
kutterlock's wheels and the project's files, which the next delta leaves out. An unfinished import
is a root, too: `bundle import --abort` drops it. While a root cannot be read, nothing is removed.
"""

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kutterlock.adapters.disk.files import explained
from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.tomlfile import read_lock
from kutterlock.errors import KutterError, LockError
from kutterlock.model.bundle.manifest import MANIFEST_NAME, RECORD, read_bundle
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
    unfinished: int = 0


def find_garbage(store: Store, locks: Iterable[Path] = ()) -> Garbage:
    """Return what no root and none of `locks` names. Raises LockError for an unreadable root."""
    roots = store.roots()
    forgotten = tuple(root for root, lock in roots.items() if not _exists(lock))
    existing = {lock for lock in (*roots.values(), *locks) if _exists(lock)}
    unfinished = [path for place in store.incoming() if _exists(path := place / MANIFEST_NAME)]
    records = [path for lock in existing if _exists(path := lock.with_name(RECORD))]
    live = {*_live(store, sorted(existing)), *_bundled(sorted((*unfinished, *records)))}
    blobs = tuple(digest for digest in store.blobs() if digest not in live)
    found = store.partials()
    leftovers = tuple(path for path, digest in found.items() if digest not in live)
    return Garbage(
        blobs=blobs,
        leftovers=leftovers,
        forgotten=forgotten,
        size=sum(store.size(digest) for digest in blobs) + sum(map(_size, leftovers)),
        kept=sum(1 for digest in store.blobs() if digest in live),
        unfinished=len(unfinished),
    )


def collect(store: Store, garbage: Garbage) -> None:
    """Remove it. Hold `store.exclusively()` from before it was found until this returns."""
    for digest in garbage.blobs:
        store.remove(digest)
    for path in garbage.leftovers:
        store.remove_partial(path)
    for root in garbage.forgotten:
        root.unlink(missing_ok=True)
    store.forget_notes()


def _live(store: Store, locks: Iterable[Path]) -> Iterator[Digest]:
    for path in locks:
        yield from _named(store, _read(path))


def _bundled(manifests: Iterable[Path]) -> Iterator[Digest]:
    for path in manifests:
        try:
            with explained(path):
                bundle = read_bundle(path.read_bytes())
        except KutterError as error:
            raise _unreadable(path, error) from error
        yield from (blob.digest for blob in bundle.held)


def _named(store: Store, lock: Lock) -> Iterator[Digest]:
    yield from (pin.digest for pin in lock.sources.values())
    yield from (package.digest for package in lock.environment.packages)
    for image in lock.images.values():
        yield from image_blobs(store, image.digest)


def image_blobs(store: Store, root: Digest) -> Iterator[Digest]:
    """Yield an image's index or manifest and every blob below it, as far as they are here.

    Each index and manifest is read once, however often, and however deep, it is named.
    """
    waiting, known = [root], set[Digest]()
    while waiting:
        digest = waiting.pop()
        if digest in known:
            continue
        known.add(digest)
        yield digest
        if not store.has(digest) or store.size(digest) > LARGEST_MANIFEST:
            continue
        with store.open(digest) as file:
            document = _parse(file.read())
        waiting += _digests(document.get("manifests"))
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
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: KutterError) -> LockError:
    return LockError(
        f"{path} cannot be read, so that nobody knows what it needs: nothing was removed",
        details=[error.reason, *error.details],
        hint="take it back from version control, or remove it if it is of no use any more",
    )


def _exists(lock: Path) -> bool:
    with explained(lock):
        return lock.exists()


def _size(path: Path) -> int:
    return path.lstat().st_size
