"""The images of the real lock, by name: stand-ins go the whole way and no digest changes."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.http.client import Http, HttpOptions
from kutterlock.adapters.oci.registry import Registries
from kutterlock.adapters.tomlfile import read_lock
from kutterlock.model.oci.reference import Reference
from kutterlock.model.progress import Silence
from kutterlock.vendor.images import image_trees, wanted_images
from kutterlock.vendor.layout import plan_layout, write_archive
from kutterlock.vendor.push import parcels_of, push
from tests.support import samples
from tests.support.containerd import Containerd
from tests.support.images import Blobs, add_image, pin, write_layout
from tests.support.published import QUICK, Published
from tests.support.registry import Registry

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="containerd needs root"),
]
LOCK = Path(__file__).parents[2] / "kutter.lock"
HOSTS = ("registry.k8s.io", "ghcr.io")


def publish(registry: Registry, directory: Path) -> Published:
    """Put a stand-in for every image of the real lock where a mirror of its registry has it."""
    blobs = Blobs()
    images = {name: add_image(blobs, name) for name in read_lock(LOCK).images}
    tags = {str(number): image for number, image in enumerate(images.values())}
    layout = write_layout(blobs, directory / "layout", tags)
    for number, name in enumerate(images):
        registry.push_layout(layout, str(number), name.partition("/")[2])
    pins = [pin(name, image) for name, image in images.items()]
    return Published(registry, blobs, samples.lock_of(pins))


def test_the_images_of_kubernetes_reach_the_node_unchanged(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.add_bytes(b"buildroot-2026.08.tar.gz")
    with Registry(tmp_path / "registry") as registry, Registry(tmp_path / "other") as other:
        published = publish(registry, tmp_path)
        lock = published.lock
        assert {Reference.parse(name).registry for name in lock.images} == set(HOSTS)
        assert len(lock.images) == 9
        mirrors = {f"https://{host}/": (f"http://{registry.host}/",) for host in HOSTS}
        options = HttpOptions(patience=QUICK, mirrors=mirrors, allowed_hosts=("localhost",))
        published.fetch(store, options).check()

        trees = image_trees(store, lock, ["pc"])
        write_archive(store, plan_layout(trees), tmp_path / "images.tar")
        with Containerd() as containerd:
            containerd.ctr("images", "import", str(tmp_path / "images.tar"))
            for name, pinned in lock.images.items():
                assert containerd.cri_has(name)
                assert containerd.cri_has(f"{Reference.parse(name).name}@{pinned.digest}")

        published.fetch(store, options, all_platforms=True).check()
        with Http(replace(options, mirrors={})) as http:
            parcels = parcels_of(store, wanted_images(lock, ["pc"]), other.host)
            push(store, parcels, Registries(http), Silence())
        for name, pinned in lock.images.items():
            assert other.digest(name.partition("/")[2]) == str(pinned.digest)
