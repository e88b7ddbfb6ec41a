"""Which images are pinned, with whose word; and whether the parts of a node agree about them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kutterlock.adapters.oci.registry import Answered
from kutterlock.catalog.reader import Catalog, load_catalog
from kutterlock.errors import ManifestError, NetworkError, NoSolutionError
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.table import Describe
from kutterlock.model.lock import ImagePin, InputPin, Lock, Trust
from kutterlock.model.manifest import Manifest, parse_manifest
from kutterlock.model.oci.reference import Reference
from kutterlock.resolve.image_checks import require_agreement
from kutterlock.resolve.images import ImagesRequest, pin_images
from kutterlock.resolve.tags import tag_standings
from tests.support import samples
from tests.support.images import Blobs, add_image, pin

DIGEST = Digest.of(b"index")
PAUSE = "registry.k8s.io/pause:3.10.2"


def manifest(*extra: str) -> Manifest:
    return parse_manifest(
        {
            "project": {"name": "demo", "version": "1"},
            "inputs": {"buildroot": "*", "linux": "*", "kubernetes": "==1.36.*"},
            "build-environment": {"kind": "host"},
            "images": {"extra": list(extra)},
            "boards": {
                "pc": {"arch": "x86_64", "overlays": ["demo"], "defconfig": "pc_defconfig"},
            },
        },
        Describe(),
    )


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def request(catalog: Catalog, *extra: str) -> ImagesRequest:
    return ImagesRequest(manifest=manifest(*extra), releases={}, catalog=catalog)


def served(*platforms: str) -> Callable[[Reference], Answered]:
    blobs = Blobs()
    image = add_image(blobs, "extra", platforms=platforms)
    data = blobs.data[image["digest"]]

    def ask(_: Reference) -> Answered:
        return Answered(digest=Digest.of(data), data=data, media_type=image["mediaType"])

    return ask


def test_the_real_set_follows_from_the_locked_kubernetes_and_flannel(catalog: Catalog) -> None:
    chosen = {
        "kubernetes": next(r for r in catalog.releases("kubernetes") if r.version.text == "1.36.2"),
        "flannel": next(r for r in catalog.releases("flannel") if r.version.text == "0.28.5"),
    }
    pins = pin_images(replace(request(catalog), releases=chosen))
    assert [name.rpartition("/")[2].partition(":")[0] for name in pins] == [
        "flannel-cni-plugin", "flannel", "coredns", "etcd", "kube-apiserver",
        "kube-controller-manager", "kube-proxy", "kube-scheduler", "pause",
    ]  # fmt: skip
    assert all(p.platforms == ("linux/amd64",) for p in pins.values())


def test_a_digest_in_the_manifest_is_what_counts(catalog: Catalog) -> None:
    pins = pin_images(request(catalog, f"busybox:1.36@{DIGEST}", f"quay.io/a@{DIGEST}"))
    assert list(pins) == ["docker.io/library/busybox:1.36", f"quay.io/a@{DIGEST}"]
    assert {p.trust for p in pins.values()} == {Trust(level="catalog", by="kutter.toml")}


def test_an_image_of_kubeadm_with_another_digest_is_still_the_one_that_kubeadm_needs(
    catalog: Catalog,
) -> None:
    kubernetes = next(r for r in catalog.releases("kubernetes") if r.version.text == "1.36.2")
    asked = replace(request(catalog, f"{PAUSE}@{DIGEST}"), releases={"kubernetes": kubernetes})
    pins = pin_images(asked)
    assert len(pins) == len(pin_images(replace(request(catalog), releases=asked.releases)))
    assert pins[PAUSE] == ImagePin(
        reference=PAUSE,
        digest=DIGEST,
        platforms=("linux/amd64",),
        needed_by="kubeadm 1.36.2",
        trust=Trust(level="catalog", by="kutter.toml"),
    )


def test_a_tag_is_resolved_once_and_then_kept(catalog: Catalog) -> None:
    ask = served("linux/amd64")
    first = pin_images(replace(request(catalog, "quay.io/a:v1"), ask=ask))
    assert first["quay.io/a:v1"].trust == Trust(level="first-use", by="quay.io")

    def refuse(_: Reference) -> Answered:
        raise AssertionError("the tag was followed")

    kept = replace(request(catalog, "quay.io/a:v1"), previous=first, ask=refuse)
    assert pin_images(kept) == first
    moved = replace(kept, moves=lambda name: name == "quay.io/a:v1", ask=served("linux/amd64"))
    assert pin_images(moved) == first


def test_without_a_network_nobody_guesses(catalog: Catalog) -> None:
    with pytest.raises(NoSolutionError) as caught:
        pin_images(request(catalog, "quay.io/a:v1"))
    assert caught.value.reason == (
        "nobody knows the digest of image quay.io/a:v1, which images.extra asks for"
    )


def test_a_platform_that_is_lacking_fails_when_the_index_is_read(catalog: Catalog) -> None:
    with pytest.raises(NoSolutionError) as caught:
        pin_images(replace(request(catalog, "quay.io/a:v1"), ask=served("linux/arm64")))
    assert caught.value.reason == "image quay.io/a:v1 has nothing for linux/amd64"
    assert caught.value.details == ("it is for linux/arm64",)


def test_what_is_no_image_is_refused(catalog: Catalog) -> None:
    def ask(_: Reference) -> Answered:
        return Answered(digest=DIGEST, data=b"<html>", media_type="text/html")

    with pytest.raises(NetworkError) as caught:
        pin_images(replace(request(catalog, "quay.io/a:v1"), ask=ask))
    assert caught.value.reason == (
        "quay.io/a:v1: what the registry has there is not JSON (Expecting value at byte 0)"
    )


def test_what_is_no_reference_is_refused(catalog: Catalog) -> None:
    with pytest.raises(ManifestError) as caught:
        pin_images(request(catalog, "Not An Image"))
    assert caught.value.details == (
        "images.extra: image reference 'Not An Image': 'library/Not An Image' "
        "is not a repository's name",
    )


def image(reference: str) -> ImagePin:
    return pin(reference, {"digest": str(DIGEST)})


def lock_with_pause() -> Lock:
    lock = samples.lock_of([image(PAUSE), image("quay.io/a:v1")])
    kubernetes = InputPin(name="kubernetes", version="1.36.2", constraint="*")
    return lock._replace(inputs={**lock.inputs, "kubernetes": kubernetes})


def overlay(project: Path, name: str, text: str) -> None:
    path = project / "overlays/demo" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_an_overlay_that_names_locked_images_is_fine(tmp_path: Path) -> None:
    overlay(tmp_path, "rootfs/a.yaml", "kind: Pod\nspec:\n  image: quay.io/a:v1\n")
    overlay(tmp_path, "rootfs/b.yml", f"kind: Pod\n  image: quay.io/a@{DIGEST}\n")
    overlay(tmp_path, "rootfs/c.yaml", "kind: Pod\n  image: ${IMAGE}\n")
    overlay(tmp_path, "compose.yaml", "services:\n  image: elsewhere/b\n")
    overlay(tmp_path, "rootfs/etc/containerd/config.toml", f'sandbox_image = "{PAUSE}"\n')
    require_agreement(lock_with_pause(), tmp_path, lambda _: ())


def test_an_overlay_that_names_others_is_not(tmp_path: Path) -> None:
    other = Digest.of(b"other")
    overlay(tmp_path, "rootfs/a.yaml", "kind: Pod\nspec:\n  - image: busybox\n")
    overlay(tmp_path, "rootfs/b.yaml", f"kind: Pod\n  image: quay.io/a:v1@{other}\n")
    overlay(tmp_path, "rootfs/config.toml", "sandbox = 'registry.k8s.io/pause:3.9'\n")
    with pytest.raises(NoSolutionError) as caught:
        require_agreement(lock_with_pause(), tmp_path, lambda _: ())
    assert caught.value.reason == "the parts of the node do not agree about its images"
    assert caught.value.details == (
        "overlays/demo/rootfs/a.yaml: image busybox is not in the lock",
        f"overlays/demo/rootfs/b.yaml: image quay.io/a:v1@{other}, and the lock has {DIGEST}",
        "overlays/demo/rootfs/config.toml: sandbox image registry.k8s.io/pause:3.9, and kubeadm's "
        f"pause image is {PAUSE}",
    )


def test_tags_that_moved_are_told(catalog: Catalog) -> None:
    lock = samples.lock_of([image("quay.io/a:v1"), image("quay.io/b:v1"), image("quay.io/c:v1")])

    def ask(reference: Reference) -> Digest:
        if reference.repository == "c":
            raise NetworkError("it is gone", details=["quay.io: 404"])
        return Digest.of(b"index" if reference.repository == "a" else b"another")

    found = list(tag_standings(lock, ask))
    assert [(item.reference, item.moved, item.trouble) for item in found] == [
        ("quay.io/a:v1", False, ""),
        ("quay.io/b:v1", True, ""),
        ("quay.io/c:v1", False, "it is gone; quay.io: 404"),
    ]
