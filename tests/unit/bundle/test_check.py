"""A manifest that lies about what its parts come to, signed by somebody who counts."""

import contextlib
import os
from pathlib import Path

import pytest

from kutterlock.bundle.check import Reader, open_each
from kutterlock.bundle.create import sign_bundle
from kutterlock.bundle.landing import Landing
from kutterlock.bundle.take import take
from kutterlock.bundle.write import Sources, write_volumes
from kutterlock.errors import HashMismatchError
from kutterlock.model.bundle.manifest import Bundle, Piece
from kutterlock.model.digest import Digest
from kutterlock.model.progress import Silence
from tests.support.bundles import Far, Near, some_files

LIMIT = 150_000


def lying_volumes(near: Near) -> tuple[str, str, list[Path]]:
    """Return a blob's digest, what the manifest calls it, and the volumes."""
    bundle = near.create(limit=LIMIT).bundle
    real, parts = next(iter(bundle.splits.items()))
    claimed = real[:-1] + ("0" if real[-1] != "0" else "1")
    blobs = tuple(
        blob._replace(sha256=claimed, digest=Digest("sha256", claimed))
        if blob.sha256 == real
        else blob
        for blob in bundle.blobs
    )
    splits = {**{k: v for k, v in bundle.splits.items() if k != real}, claimed: parts}
    lying = bundle._replace(blobs=blobs, splits=splits)
    files = {file.member: near.project / file.path for file in lying.files}

    def open_whole(piece: Piece) -> int:
        name = real if piece.whole == claimed else piece.whole
        path = files.get(piece.name) or near.store.locate(Digest("sha256", name))
        if path.is_symlink():
            descriptor = os.memfd_create("link")
            os.write(descriptor, os.fsencode(path.readlink()))
            return descriptor
        return os.open(path, os.O_RDONLY)

    return real, claimed, written(near, lying, open_whole)


def written(near: Near, lying: Bundle, open_whole: object) -> list[Path]:
    root = near.project / "kutter.root.json"
    head = {"roots/kutter.root.json": root.read_bytes(), **sign_bundle(lying, near.signers)}
    sources = Sources(open_whole=open_whole, head=head)  # type: ignore[arg-type]
    return write_volumes(lying, near.directory / "lying.tar", sources, Silence())


def test_parts_that_do_not_come_to_the_whole_are_found(tmp_path: Path) -> None:
    near, far = Near(tmp_path / "near", files=some_files(size=60_000)), Far(tmp_path / "far")
    real, claimed, paths = lying_volumes(near)
    fault = f"blobs/{claimed}: expected {claimed}, got {real}"
    with contextlib.ExitStack() as stack:
        volumes = open_each(paths, stack)
        reader = Reader(bundle=volumes[1].head.bundle, progress=Silence())
        for volume in volumes.values():
            reader.read(volume)
    with pytest.raises(HashMismatchError) as caught:
        reader.finish()
    assert [line.partition(": ")[2] for line in caught.value.details] == [fault]
    judges = far.judges()._replace(project=lambda *_: None)
    with pytest.raises(HashMismatchError):
        take(paths, far.store, Landing(directory=far.project), judges, Silence())
    assert far.is_empty()
