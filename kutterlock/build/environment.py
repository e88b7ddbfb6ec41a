"""The build environment as a root file system: made from pinned .debs, checked before every use.

`<cache>/environments/<digest of the pin>/` holds `root/` and `tree`, the digest of `root`. It
appears whole, by rename, under a lock that keeps several processes from making it at once. Needs no
root, no dpkg, and runs nothing of what it unpacks.
"""

import contextlib
import fcntl
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kutterlock.adapters.disk.files import (
    UNVERIFIED,
    explained,
    remove_tree,
    write_atomically,
)
from kutterlock.adapters.disk.roottree import digest_root, seal
from kutterlock.build.additions import lay_additions, lay_directories
from kutterlock.build.host import host_facts
from kutterlock.build.toolchain import assemble_toolchain
from kutterlock.build.unpack import Blobs, Unpacked, unpack_all
from kutterlock.errors import FETCH, MissingInputError
from kutterlock.model.buildroot.toolchain import Installed
from kutterlock.model.digest import Digest
from kutterlock.model.lock import DebianPackagePin, EnvironmentPin
from kutterlock.model.progress import Progress

LAYOUT_VERSION = 1
"""Raised when the same packages come to give another tree."""

MOST_NAMED = 20


class Store(Blobs, Protocol):
    """What is asked of the store."""

    def has(self, digest: Digest) -> bool:
        """Whether a blob is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedEnvironment:
    """A build environment to run in.

    `debian`: `root` is its file system and `digest` that of its tree. `host`: both are None, and
    `facts` say what machine it is.
    """

    kind: str
    root: Path | None = None
    digest: Digest | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


def prepare_environment(
    pin: EnvironmentPin, store: Store, cache: Path, progress: Progress, *, search_path: str = ""
) -> PreparedEnvironment:
    """Return the environment, unpacked if it is not there and checked if it is.

    `search_path` finds the programs that identify a `host`. Raises MissingInputError naming the
    .debs that are not in the store, HashMismatchError for one that is not what was pinned.
    """
    if not pin.is_pure:
        return PreparedEnvironment(kind=pin.kind, facts=host_facts(search_path))
    with _place(pin, cache) as place:
        digest = _checked(place, progress)
        if digest is None:
            _require_packages(pin, store)
            digest = _make(pin, store, place, progress)
    return PreparedEnvironment(kind=pin.kind, root=place / "root", digest=digest)


def layout_digest(pin: EnvironmentPin) -> Digest:
    """Return the digest of everything that the tree follows from; URLs are no part of it."""
    facts = {
        "layout": LAYOUT_VERSION,
        "architecture": pin.architecture,
        "toolchains": sorted(pin.toolchains),
        "packages": sorted(package.digest for package in pin.packages),
    }
    return Digest.of(json.dumps(facts, sort_keys=True).encode())


@contextlib.contextmanager
def _place(pin: EnvironmentPin, cache: Path) -> Iterator[Path]:
    place = cache / "environments" / layout_digest(pin).hex
    with explained(place.parent):
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = place.with_suffix(".lock").open("wb")
    with lock, explained(place):
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield place


def _checked(place: Path, progress: Progress) -> Digest | None:
    """Return the tree's digest when it is what was recorded; else remove it and return None."""
    try:
        recorded = (place / "tree").read_text().strip()
    except FileNotFoundError:
        return None
    found = digest_root(place / "root")
    if str(found) == recorded:
        return found
    progress.note("the unpacked build environment was changed since it was made: unpacking again")
    remove_tree(place)
    return None


def _require_packages(pin: EnvironmentPin, store: Store) -> None:
    missing = [package for package in pin.packages if not store.has(package.digest)]
    if missing:
        raise MissingInputError(
            f"{len(missing)} of {len(pin.packages)} packages of the build environment"
            " are not in the store",
            details=_named(missing),
            hint=FETCH,
        )


def _named(packages: list[DebianPackagePin]) -> list[str]:
    lines = [f"{package.path.name} {package.digest}" for package in packages[:MOST_NAMED]]
    more = len(packages) - MOST_NAMED
    return [*lines, *([f"and {more} more"] if more > 0 else [])]


def _make(pin: EnvironmentPin, store: Store, place: Path, progress: Progress) -> Digest:
    staging = place.parent / f"{UNVERIFIED}{place.name}"
    remove_tree(staging)
    remove_tree(place)
    root = staging / "root"
    root.mkdir(parents=True)
    progress.start("unpacking", total=len(pin.packages), unit="packages")
    tree = unpack_all(pin.packages, store, root, lambda name: progress.advance(1, name))
    _complete(pin, tree)
    digest = digest_root(root)
    write_atomically(staging / "tree", f"{digest}\n".encode())
    staging.rename(place)
    progress.done(f"build environment of {len(pin.packages)} packages unpacked")
    return digest


def _complete(pin: EnvironmentPin, tree: Unpacked) -> None:
    lay_directories(tree.root)
    lay_additions(tree.root)
    installed = Installed(members=tree.members, links=tree.links())
    for triplet in sorted(pin.toolchains):
        assemble_toolchain(tree.root, triplet, pin.architecture, installed)
    seal(tree.root)
