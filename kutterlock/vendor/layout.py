"""Images as an OCI image layout: a directory, or one plain ustar archive, the same bytes always.

Format: OCI image specification 1.1, `image-layout.md`. What containerd, skopeo, umoci and cosign
make of its annotations was measured (docs/images.md). Blobs are hashed while they are copied, so
that a store which rotted gives no layout at all.
"""

import contextlib
import hashlib
import json
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Protocol

from kutterlock.adapters.disk.files import UnverifiedFile, explained, write_atomically
from kutterlock.adapters.disk.staging import staging
from kutterlock.errors import MEND, HashMismatchError, KutterError, UsageError
from kutterlock.model.attest.cosign import LAYOUT_KINDS, Artifact
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.iso9660 import Volume, volume_head
from kutterlock.model.oci.image import INDEX_TYPES, OCI_INDEX, Manifest, canonical_json
from kutterlock.model.oci.layout import (
    CONTAINERD_NAME,
    DOCKER_NAME,
    INDEX_NAME,
    MARK_NAME,
    REF_NAME,
    blob_name,
)
from kutterlock.vendor.images import ImageTree, Part

CHUNK = 1 << 20
COSIGN_KIND = "kind"
COSIGN_IMAGE = "dev.cosignproject.cosign/image"
COSIGN_INDEX = "dev.cosignproject.cosign/imageIndex"
MARK = canonical_json({"imageLayoutVersion": "1.0.0"})
ISO_LABEL = "KUTTER-IMG"
ISO_FILE = "IMAGES.TAR"
"""Linux mounts it as `images.tar`."""

LARGEST_MEMBER = 8 << 30
"""What ustar can say, in bytes."""

Put = Callable[[str, int, Iterator[bytes]], None]
"""Takes a member: its name, its size in bytes, and its bytes."""


class Blobs(Protocol):
    """Where bytes come from: the store, or another layout."""

    def open(self, digest: Digest) -> IO[bytes]:
        """Open a blob."""

    def size(self, digest: Digest) -> int:
        """Return its size in bytes."""

    def locate(self, digest: Digest) -> Path:
        """Return where it lies, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a layout consists of: small texts by name, and the parts that it has as blobs.

    `docker` says the same to `docker load`, which reads no layout; only an archive has it, and only
    where each image has one platform.
    """

    texts: Mapping[str, bytes]
    parts: tuple[Part, ...]
    docker: bytes = b""


def plan_layout(trees: Sequence[ImageTree]) -> Layout:
    """Return the layout of some images; every blob stands in it once, sorted by digest."""
    parts = {part.digest: part for tree in trees for part in tree.parts}
    entries = [entry for tree in trees for entry in _entries(tree, alone=len(trees) == 1)]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    return Layout(
        texts={INDEX_NAME: canonical_json(index), MARK_NAME: MARK},
        parts=tuple(parts[digest] for digest in sorted(parts)),
        docker=_docker(trees),
    )


def with_signatures(layout: Layout, artifacts: Iterable[Artifact]) -> Layout:
    """Return the layout with those artifacts that layouts have, listed behind its images.

    `cosign verify --local-image` takes the first image and the first signatures that it meets:
    artifacts about an index come before those about its manifests.
    """
    index = json.loads(layout.texts[INDEX_NAME])
    texts = dict(layout.texts)
    for artifact in artifacts:
        if kind := LAYOUT_KINDS.get(artifact.tag.rpartition(".")[2]):
            index["manifests"].append({**artifact.descriptor(), "annotations": {COSIGN_KIND: kind}})
            for data in (artifact.manifest, *artifact.blobs):
                digest = Digest.of(data)
                texts[blob_name(digest)] = data
    return replace(layout, texts={**texts, INDEX_NAME: canonical_json(index)})


def write_archive(store: Blobs, layout: Layout, target: Path) -> Digest:
    """Write an oci-archive: plain ustar, which every version of containerd and Docker imports.

    Returns its digest. Raises HashMismatchError for a rotten blob; then nothing is written.
    """
    with UnverifiedFile(target) as file:
        _write_members(store, layout, file)
        file.commit()
        return file.digest


def write_iso(store: Blobs, layout: Layout, target: Path, epoch: int) -> Digest:
    """Write a volume labelled `KUTTER-IMG` with the archive in it; `epoch` is its only time.

    Returns its digest. Raises as `write_archive` does.
    """
    size = archive_size(store, layout)
    head = volume_head(Volume(label=ISO_LABEL, name=ISO_FILE, size=size, epoch=epoch))
    with UnverifiedFile(target) as file:
        file.write(head)
        _write_members(store, layout, file)
        assert file.size == len(head) + size, "the sizes that the head was made of"
        file.commit()
        return file.digest


def archive_size(store: Blobs, layout: Layout) -> int:
    """Return how many bytes `write_archive` will write."""
    sizes = [len(data) for data in _archive_texts(layout).values()]
    sizes += [store.size(part.digest) if part.size is None else part.size for part in layout.parts]
    blocks = sum(1 + -(-size // tarfile.BLOCKSIZE) for size in sizes) + 2
    return -(-blocks * tarfile.BLOCKSIZE // tarfile.RECORDSIZE) * tarfile.RECORDSIZE


def _archive_texts(layout: Layout) -> dict[str, bytes]:
    return {**layout.texts, **({DOCKER_NAME: layout.docker} if layout.docker else {})}


def _write_members(store: Blobs, layout: Layout, file: UnverifiedFile) -> None:
    archive = _Archive(file)
    _write(store, replace(layout, texts=_archive_texts(layout)), archive.put)
    archive.end()


def write_directory(store: Blobs, layout: Layout, target: Path) -> None:
    """Write a layout as a directory, whole or not at all. Raises UsageError when it is there."""
    if target.exists() or target.is_symlink():
        raise UsageError(f"{target} exists already", hint="name a new directory, or remove it")
    with staging(target.parent) as work, explained(target):
        _write(store, layout, partial(_put, work))
        work.rename(target)


def _put(directory: Path, name: str, _: int, data: Iterator[bytes]) -> None:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.writelines(data)


def update_directory(target: Path, texts: Mapping[str, bytes], dropped: Iterable[Digest]) -> None:
    """Bring new texts into a layout: blobs first, what names them next, what nobody names goes."""
    for name in sorted(texts, key=lambda name: (name in (INDEX_NAME, MARK_NAME), name)):
        write_atomically(target / name, texts[name])
    for digest in dropped:
        with explained(target):
            (target / blob_name(digest)).unlink(missing_ok=True)


def blob_chunks(store: Blobs, digest: Digest, size: int | None) -> Iterator[bytes]:
    """Yield a blob's bytes, and raise HashMismatchError at the end if they were not the right ones.

    The bytes are those of the store at this moment: a blob that was swapped since it was verified
    is found out here.
    """
    state = hashlib.new(digest.algorithm)
    count = 0
    with store.open(digest) as file:
        with contextlib.suppress(OSError, AttributeError):  # a member of an archive has no number
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        while chunk := file.read(CHUNK):
            state.update(chunk)
            count += len(chunk)
            yield chunk
    if state.hexdigest() != digest.hex or (size is not None and size != count):
        raise HashMismatchError(
            f"{store.locate(digest)} is corrupted",
            details=[
                f"expected {digest} of {size} bytes",
                f"got      {digest.algorithm}:{state.hexdigest()} of {count} bytes",
            ],
            hint=MEND,
        )


def _entries(tree: ImageTree, *, alone: bool) -> Iterator[dict[str, object]]:
    """Name an image as readers look for it.

    containerd takes `io.containerd.image.name` as it stands, and a pod that names the digest is
    only found through a second entry. skopeo, umoci, oras and cosign look for the reference name:
    the bare tag where the layout has one image, the full name where tags would be ambiguous.
    """
    root, reference = tree.root, tree.wanted.reference
    descriptor = {"mediaType": root.media_type, "digest": root.digest, "size": root.size}
    kind = COSIGN_INDEX if root.media_type in INDEX_TYPES else COSIGN_IMAGE
    by_digest = f"{reference.name}@{root.digest}"
    if reference.tag:
        names = {
            CONTAINERD_NAME: reference.tagged,
            REF_NAME: reference.tag if alone else reference.tagged,
            COSIGN_KIND: kind,
        }
        yield {**descriptor, "annotations": names}
        yield {**descriptor, "annotations": {CONTAINERD_NAME: by_digest}}
    else:
        names = {CONTAINERD_NAME: by_digest, REF_NAME: by_digest, COSIGN_KIND: kind}
        yield {**descriptor, "annotations": names}


def _docker(trees: Sequence[ImageTree]) -> bytes:
    """Describe images as `docker save` does (moby, image/spec/v1.2.md): one platform, by tag."""
    entries = []
    for tree in trees:
        images = [found for found in tree.documents.values() if isinstance(found, Manifest)]
        if len(images) != 1:
            return b""
        entries.append(
            {
                "Config": blob_name(images[0].config.digest),
                "RepoTags": [tree.wanted.reference.tagged] if tree.wanted.reference.tag else None,
                "Layers": [blob_name(layer.digest) for layer in images[0].layers],
            }
        )
    return canonical_json(entries)


def _write(store: Blobs, layout: Layout, put: Put) -> None:
    for name, data in sorted(layout.texts.items(), reverse=True):
        put(name, len(data), iter([data]))
    for part in layout.parts:
        digest = part.digest
        size = store.size(digest) if part.size is None else part.size
        put(blob_name(digest), size, blob_chunks(store, digest, size))


class _Archive:
    """A ustar writer without clock, owner or extension headers."""

    def __init__(self, file: UnverifiedFile) -> None:
        self._file = file
        self._start = file.size

    def put(self, name: str, size: int, data: Iterator[bytes]) -> None:
        self._file.write(_header(name, size))
        for chunk in data:
            self._file.write(chunk)
        self._pad(tarfile.BLOCKSIZE)

    def end(self) -> None:
        """Two empty blocks, then as many as make a record (POSIX.1-1988, as `tar -b20` does)."""
        self._file.write(bytes(2 * tarfile.BLOCKSIZE))
        self._pad(tarfile.RECORDSIZE)

    def _pad(self, unit: int) -> None:
        if rest := (self._file.size - self._start) % unit:
            self._file.write(bytes(unit - rest))


def _header(name: str, size: int) -> bytes:
    if size >= LARGEST_MEMBER:
        raise KutterError(
            f"{name} has {size} bytes, more than a ustar archive can hold",
            hint="export a directory: `images export --format directory`",
        )
    member = tarfile.TarInfo(name)
    member.size = size
    member.mode = 0o644
    return member.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
