"""Images cross with everything below them, for the platforms of the boards."""

from pathlib import Path

import pytest

from kutterlock.adapters.tomlfile import write_lock
from kutterlock.bundle.create import CreateRequest, create
from kutterlock.errors import MissingInputError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Lock
from kutterlock.model.progress import Silence
from kutterlock.vendor.images import image_trees
from tests.support import samples, signing
from tests.support.bundles import Far, Near
from tests.support.images import Blobs, add_image, pin

REFERENCE = "registry.example/hello:1"


def near_with_image(directory: Path, blobs: Blobs) -> tuple[Near, Lock]:
    near = Near(directory)
    lock = samples.lock_of([pin(REFERENCE, add_image(blobs, "hello"))])
    write_lock(near.project / "kutter.lock", lock)
    near.store.add_bytes(lock.buildroot.encode())
    return near, lock


def bundle(near: Near, lock: Lock, *boards: str) -> list[Path]:
    request = CreateRequest(
        project=near.project, lock=lock, boards=boards or None, signers=(signing.ALICE,)
    )
    return list(create(request, near.store, near.directory / "b.tar", Silence()).paths)


def test_an_image_crosses_whole(tmp_path: Path) -> None:
    blobs = Blobs()
    near, lock = near_with_image(tmp_path / "near", blobs)
    for data in blobs.data.values():
        near.store.add_bytes(data)
    far = Far(tmp_path / "far")
    far.take(bundle(near, lock))
    assert {str(digest) for digest in far.store.blobs()} >= set(blobs.data)
    image_trees(far.store, lock)
    only = Far(tmp_path / "only")
    only.take(bundle(near, lock, "pi"))
    (tree,) = image_trees(only.store, lock, ["pi"])
    assert tree.platforms == ("linux/arm64",)
    assert len(list(only.store.blobs())) < len(list(far.store.blobs()))


def test_a_layer_that_is_not_here_is_named(tmp_path: Path) -> None:
    blobs = Blobs()
    near, lock = near_with_image(tmp_path / "near", blobs)
    for data in blobs.data.values():
        near.store.add_bytes(data)
    lost = next(digest for digest, data in blobs.data.items() if data[:2] == b"\x1f\x8b")
    near.store.remove(Digest.parse(lost))
    with pytest.raises(MissingInputError) as caught:
        bundle(near, lock)
    assert caught.value.details == (f"{REFERENCE} linux/amd64 layer ({lost})",)
