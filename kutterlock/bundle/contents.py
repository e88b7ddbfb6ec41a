"""What goes into a bundle: the project's files, and the blobs of its closure."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kutterlock.adapters.disk.files import contained, explained, hash_file, tree_entries
from kutterlock.adapters.disk.store import Store
from kutterlock.errors import MissingInputError, UsageError
from kutterlock.model.attest.statement import STATEMENT_NAME
from kutterlock.model.bundle.manifest import BundleBlob, BundleFile, content_digest
from kutterlock.model.digest import Digest
from kutterlock.model.encoding import ustar
from kutterlock.model.lock import Lock
from kutterlock.model.paths import RelativePath
from kutterlock.model.progress import Progress
from kutterlock.model.signing.signature_file import DIRECTORY
from kutterlock.model.signing.trustroot import ROOT_NAME
from kutterlock.vendor.names import closure_names
from kutterlock.vendor.verify import verify_blobs

_NAMED = ("kutter.toml", "kutter.lock", STATEMENT_NAME, ROOT_NAME)
_SIGNATURE = re.compile(
    r"(kutter\.lock|kutter\.release\.json)\.[A-Za-z0-9._-]{1,60}\Z|[1-9][0-9]{0,8}\.root\.json\Z"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a base has: blobs by digest, so that their sha256 need not be counted again."""

    content: Digest
    blobs: Mapping[Digest, BundleBlob]


def project_files(project: Path, lock: Lock, held: Held | None = None) -> tuple[BundleFile, ...]:
    """List the project: manifest, lock, papers, overlays and patches that the lock names.

    What the base `held` has is not carried, but for what a bundle is judged by.
    """
    files = {file.path: file for file in _project_files(project, lock)}
    for path in files:
        _check_name(path)
    known = held.blobs if held else {}
    return tuple(
        file._replace(carried=file.is_paper or Digest("sha256", file.sha256) not in known)
        for _, file in sorted(files.items())
    )


def closure_blobs(
    store: Store,
    lock: Lock,
    boards: Sequence[str] | None,
    known: Mapping[Digest, BundleBlob],
    *,
    all_platforms: bool = False,
) -> tuple[BundleBlob, ...]:
    """List the blobs of the boards' closure, by sha256. Raises MissingInputError with a list.

    `known` saves reading those that are pinned by another algorithm.
    """
    names = closure_names(lock, store, boards, all_platforms=all_platforms)
    option = " --all-platforms" if all_platforms else ""
    missing = [f"{name} ({digest})" for digest, name in names.items() if not store.has(digest)]
    if missing:
        raise MissingInputError(
            f"{len(missing)} of the {len(names)} blobs of the closure are not in the store",
            details=sorted(missing),
            hint=f"run `kutterlock vendor{option}` first",
        )
    blobs = [blob_of(store, digest, name, known) for digest, name in names.items()]
    return tuple(sorted(blobs, key=lambda blob: blob.sha256))


def blob_of(
    store: Store, digest: Digest, name: str, known: Mapping[Digest, BundleBlob]
) -> BundleBlob:
    """Describe one blob of the store."""
    size = store.size(digest)
    if digest.algorithm == "sha256":
        return BundleBlob(name=name, digest=digest, sha256=digest.hex, size=size)
    if digest in known:
        return known[digest]._replace(name=name, carried=True)
    store.verify(digest)
    sha256 = hash_file(store.path(digest)).hex
    return BundleBlob(name=name, digest=digest, sha256=sha256, size=size)


def inventory(
    store: Store, progress: Progress
) -> tuple[tuple[BundleBlob, ...], tuple[Digest, ...]]:
    """List everything that a store holds, hashed; and what it only seems to hold."""
    named = list(store.blobs())
    report = verify_blobs(store, {digest: digest for digest in named}, progress)
    corrupted = tuple(fault.expected for fault in report.corrupted)
    wrong = {*corrupted, *report.missing}
    right = [digest for digest in named if digest not in wrong]
    return tuple(blob_of(store, digest, "", {}) for digest in right), corrupted


def without(blobs: Iterable[BundleBlob], held: Held | None) -> tuple[BundleBlob, ...]:
    """Leave out what the base has."""
    known = held.blobs if held else {}
    return tuple(blob._replace(carried=blob.digest not in known) for blob in blobs)


def held_by(blobs: Iterable[BundleBlob]) -> Held:
    """Make a base of what it has."""
    held = {blob.digest: blob for blob in blobs}
    return Held(content=content_digest(held.values()), blobs=held)


def _project_files(project: Path, lock: Lock) -> Iterator[BundleFile]:
    for name in _NAMED:
        if (project / name).exists():
            yield _file(project, RelativePath(name))
    directory = project / DIRECTORY
    if directory.is_dir():
        with explained(directory):
            names = sorted(path.name for path in directory.iterdir())
        for name in names:
            if _SIGNATURE.match(name):
                yield _file(project, RelativePath(f"{DIRECTORY}/{name}"))
    for overlay in lock.overlays:
        yield from _tree(project, f"overlays/{overlay}")
    for pin in lock.overrides.values():
        yield from (_file(project, path) for path, _ in pin.patches)


def _tree(project: Path, prefix: str) -> Iterator[BundleFile]:
    for entry in tree_entries(project / prefix):
        path = project / prefix / entry.path
        size = len(os.fsencode(path.readlink())) if entry.kind == "link" else path.stat().st_size
        yield BundleFile(
            path=RelativePath(f"{prefix}/{entry.path}"),
            kind=entry.kind,
            size=size,
            sha256=entry.sha256,
        )


def _file(project: Path, name: RelativePath) -> BundleFile:
    path = contained(project, name)
    with explained(path):
        executable = path.stat().st_mode & 0o111
        digest, size = hash_file(path), path.stat().st_size
    return BundleFile(path=name, kind="755" if executable else "644", size=size, sha256=digest.hex)


def _check_name(path: RelativePath) -> None:
    if any(ord(character) < 0x20 for character in path):
        raise UsageError(f"{path!r} cannot go into a bundle: it has a control character")
    try:
        ustar.header(f"project/{path}", 0)
    except ValueError as error:
        raise UsageError(f"{path} cannot go into a bundle: {error}") from error
