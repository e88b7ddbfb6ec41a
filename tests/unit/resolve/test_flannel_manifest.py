"""The images of the locked flannel manifest: read in it, wherever it is to be had, and compared."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.catalog.reader import load_catalog
from kutterlock.errors import HashMismatchError, MissingInputError, NetworkError, NoSolutionError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import ImagePin, Lock, SourcePin
from kutterlock.resolve.flannel_manifest import FlannelManifests
from kutterlock.resolve.image_checks import require_agreement
from kutterlock.vendor.wants import Want
from tests.support import samples
from tests.support.images import pin

FLANNEL = "ghcr.io/flannel-io/flannel:v0.28.5"
PLUGIN = "ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel1"
MANIFEST = f"""\
kind: DaemonSet
spec:
      initContainers:
      - image: {PLUGIN}
      containers:
      - image: "{FLANNEL}"
""".encode()
REAL = Digest.parse("sha256:8731070bca4303bbe7f7a0c7fbcab8d5fc6fb16a3f61629cbecea7bf6caab7ca")
"""kube-flannel.yml of 0.28.5, which the catalog knows."""


class Upstream:
    """Brings one file into a store, as often as it is asked; or cannot."""

    def __init__(self, store: Store, served: bytes | None) -> None:
        self.store, self.served = store, served
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, wants: Sequence[Want]) -> None:
        (want,) = wants
        self.asked.append(want.urls)
        if self.served is None:
            raise NetworkError("1 of 1 files could not be had")
        self.store.add_bytes(self.served)


def manifests(upstream: Upstream) -> FlannelManifests:
    return FlannelManifests(store=upstream.store, catalog=load_catalog(), fetch=upstream)


def source(data: bytes = MANIFEST) -> SourcePin:
    return samples.source("flannel-manifest/kube-flannel.yml", data=data)


def lock_with(manifest: SourcePin, *references: str) -> Lock:
    def image(reference: str) -> ImagePin:
        found = pin(reference, {"digest": str(Digest.of(b"index"))})
        return found._replace(needed_by="flannel 0.28.5")

    plain = samples.lock_of([image(reference) for reference in references])
    boards = {
        name: board._replace(sources=(manifest.key,), overlays=())
        for name, board in plain.boards.items()
    }
    return plain._replace(sources={**plain.sources, manifest.key: manifest}, boards=boards)


def test_a_manifest_that_is_not_here_is_brought_and_read(tmp_path: Path) -> None:
    upstream = Upstream(Store(tmp_path), MANIFEST)
    assert manifests(upstream).images(source()) == (PLUGIN, FLANNEL)
    assert upstream.asked == [source().urls]
    assert manifests(upstream).images(source()) == (PLUGIN, FLANNEL)
    assert len(upstream.asked) == 1


def test_without_a_network_the_catalog_knows_whom_these_very_bytes_name(tmp_path: Path) -> None:
    upstream = Upstream(Store(tmp_path), None)
    found = manifests(upstream).images(source()._replace(digest=REAL))
    assert sorted(found) == [PLUGIN, FLANNEL]


def test_a_manifest_that_nobody_has_or_knows_is_missing(tmp_path: Path) -> None:
    def offline(_: Sequence[Want]) -> None:
        raise MissingInputError("1 of 1 files could not be had")

    reader = FlannelManifests(store=Store(tmp_path), catalog=load_catalog(), fetch=offline)
    with pytest.raises(MissingInputError, match=r"^1 of 1 files could not be had$"):
        reader.images(source())
    with pytest.raises(NetworkError, match=r"^1 of 1 files could not be had$"):
        manifests(Upstream(Store(tmp_path), None)).images(source())


def test_a_manifest_that_rotted_in_the_store_is_not_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = store.path(store.add_bytes(MANIFEST))
    path.chmod(0o644)
    path.write_bytes(MANIFEST.replace(b"v0.28.5", b"v0.28.6"))
    with pytest.raises(HashMismatchError) as caught:
        manifests(Upstream(store, None)).images(source())
    assert caught.value.reason == f"{path} is corrupted"


def test_pins_that_the_manifest_names_are_fine(tmp_path: Path) -> None:
    reader = manifests(Upstream(Store(tmp_path), MANIFEST))
    require_agreement(lock_with(source(), FLANNEL, PLUGIN), tmp_path, reader.images)


def test_pins_are_those_that_the_manifest_names_and_no_others(tmp_path: Path) -> None:
    """The catalog was wrong about this flannel: what would be on the node is not what it runs."""
    reader = manifests(Upstream(Store(tmp_path), MANIFEST))
    other = "ghcr.io/flannel-io/flannel:v0.28.4"
    with pytest.raises(NoSolutionError) as caught:
        require_agreement(lock_with(source(), other, PLUGIN), tmp_path, reader.images)
    assert caught.value.details == (
        f"flannel-manifest/kube-flannel.yml: image {FLANNEL} is not in the lock",
        f"flannel-manifest/kube-flannel.yml: names no image {other}, which the lock has for it",
    )


def test_boards_without_images_need_no_manifest(tmp_path: Path) -> None:
    lock = lock_with(source(), FLANNEL)
    boards = {name: board._replace(images=()) for name, board in lock.boards.items()}
    upstream = Upstream(Store(tmp_path), None)
    bare = lock._replace(boards=boards, images={})
    require_agreement(bare, tmp_path, manifests(upstream).images)
    assert upstream.asked == []
