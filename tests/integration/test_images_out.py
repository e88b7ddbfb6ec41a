"""Images out of the store: layouts that real programs read, and pushes that keep digests."""

import hashlib
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.http.client import Http, HttpOptions
from kutterlock.adapters.oci.auth import Logins, read_auth_files
from kutterlock.adapters.oci.registry import Registries
from kutterlock.errors import HashMismatchError, UsageError
from kutterlock.model.digest import Digest
from kutterlock.model.oci.image import Manifest, Platform
from kutterlock.model.progress import Silence
from kutterlock.vendor.images import image_trees, wanted_images
from kutterlock.vendor.layout import plan_layout, write_archive, write_directory, write_iso
from kutterlock.vendor.push import PushReport, parcels_of, push
from tests.support.certificates import make_authority
from tests.support.containerd import Containerd, layout_index
from tests.support.dockerd import Dockerd
from tests.support.programs import program, run
from tests.support.published import NAMES, QUICK, Published, publish
from tests.support.registry import Registry, TokenIssuer, auth_file
from tests.support.unpacking import unpack

pytestmark = pytest.mark.integration


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Published]:
    with Registry(tmp_path / "registry") as registry:
        yield publish(registry, tmp_path)


@pytest.fixture
def store(tmp_path: Path, published: Published) -> Store:
    found = Store(tmp_path / "store")
    found.add_bytes(b"buildroot-2026.08.tar.gz")
    published.fetch(found).check()
    return found


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "other") as registry:
        yield registry


def export(published: Published, store: Store, target: Path, name: str = "") -> Path:
    trees = image_trees(store, published.lock, ["pc"])
    chosen = [tree for tree in trees if name in tree.wanted.pin.reference]
    write_directory(store, plan_layout(chosen), target)
    return target


def send(
    published: Published,
    store: Store,
    host: str,
    platform: str = "",
    logins: Logins | None = None,
) -> PushReport:
    images = wanted_images(published.lock, ["pc"])
    parcels = parcels_of(store, images, host, Platform.parse(platform) if platform else None)
    with Http(HttpOptions(patience=QUICK)) as http:
        return push(store, parcels, Registries(http, logins), Silence())


def test_an_archive_is_the_same_bytes_every_time(
    published: Published, store: Store, tmp_path: Path
) -> None:
    trees = image_trees(store, published.lock, ["pc"])
    first = write_archive(store, plan_layout(trees), tmp_path / "one.tar")
    second = write_archive(store, plan_layout(trees), tmp_path / "two.tar")
    assert first == second == Digest.of((tmp_path / "one.tar").read_bytes())
    with tarfile.open(tmp_path / "one.tar") as archive:
        members = archive.getmembers()
        assert all(m.mtime == m.uid == m.gid == 0 and m.isreg() for m in members)
        for member in members:
            name = member.name.rpartition("/")[2]
            data = archive.extractfile(member)
            assert data is not None
            if member.name.startswith("blobs/"):
                assert hashlib.sha256(data.read()).hexdigest() == name
    head = (tmp_path / "one.tar").read_bytes()[257:265]
    assert head == b"ustar\x0000"


def test_a_rotten_blob_gives_no_archive(published: Published, store: Store, tmp_path: Path) -> None:
    trees = image_trees(store, published.lock, ["pc"])
    layer = next(part for part in trees[0].parts if part.role == "layer")
    path = store.path(layer.digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(HashMismatchError, match="is corrupted"):
        write_archive(store, plan_layout(trees), tmp_path / "one.tar")
    with pytest.raises(HashMismatchError, match="is corrupted"):
        write_directory(store, plan_layout(trees), tmp_path / "one")
    assert not [path for path in tmp_path.iterdir() if "one" in path.name or "unver" in path.name]


def test_skopeo_reads_the_archive_and_the_directory(
    published: Published, store: Store, tmp_path: Path
) -> None:
    reference = f"{published.registry.host}/kube-apiserver:v1"
    trees = image_trees(store, published.lock, ["pc"])
    write_archive(store, plan_layout(trees), tmp_path / "images.tar")
    layout = export(published, store, tmp_path / "out", "kube-apiserver")
    wanted = str(published.lock.images[reference].digest)
    done = run("skopeo", "inspect", "--raw", f"oci:{layout}:v1")
    assert str(Digest.of(done.stdout.encode())) == wanted
    extracted = tmp_path / "extracted"
    unpack(tmp_path / "images.tar", extracted)
    done = run("skopeo", "inspect", "--raw", f"oci:{extracted}:{reference}")
    assert str(Digest.of(done.stdout.encode())) == wanted
    copy = tmp_path / "copy"
    run("skopeo", "copy", "--insecure-policy", "--override-arch=amd64",
        f"oci:{layout}:v1", f"dir:{copy}")  # fmt: skip
    child = json.loads((copy / "manifest.json").read_text())
    assert len(child["layers"]) == 2


def test_the_archive_is_one_of_docker_too(
    published: Published, store: Store, tmp_path: Path
) -> None:
    """As `docker load` reads it: by manifest.json, each image by its tag, with all its layers."""
    trees = image_trees(store, published.lock, ["pc"])
    write_archive(store, plan_layout(trees), tmp_path / "images.tar")
    for reference, pin in published.lock.images.items():
        copy = tmp_path / Digest.of(reference.encode()).hex
        run("skopeo", "copy", "--insecure-policy",
            f"docker-archive:{tmp_path}/images.tar:{reference}", f"dir:{copy}")  # fmt: skip
        copied = json.loads((copy / "manifest.json").read_text())
        tree = next(tree for tree in trees if tree.wanted.pin is pin)
        manifests = [d for d in tree.documents.values() if isinstance(d, Manifest)]
        assert copied["config"]["digest"] == str(manifests[0].config.digest)
        assert len(copied["layers"]) == len(manifests[0].layers)


def test_a_volume_has_the_archive_in_it(published: Published, store: Store, tmp_path: Path) -> None:
    layout = plan_layout(image_trees(store, published.lock, ["pc"]))
    archive, iso = tmp_path / "images.tar", tmp_path / "images.iso"
    write_archive(store, layout, archive)
    first = write_iso(store, layout, iso, 1784143200)
    assert write_iso(store, layout, tmp_path / "again.iso", 1784143200) == first
    told = run("blkid", "-p", "-o", "export", str(iso)).stdout.splitlines()
    assert {"LABEL=KUTTER-IMG", "TYPE=iso9660"} <= set(told)
    extract = ("-extract", "/IMAGES.TAR", str(tmp_path / "out.tar"))
    run("xorriso", "-osirrox", "on", "-indev", str(iso), *extract)
    assert (tmp_path / "out.tar").read_bytes() == archive.read_bytes()


@pytest.mark.skipif(os.geteuid() != 0, reason="dockerd needs root")
def test_docker_loads_every_image_under_its_tag(
    published: Published, store: Store, tmp_path: Path
) -> None:
    trees = image_trees(store, published.lock, ["pc"])
    write_archive(store, plan_layout(trees), tmp_path / "images.tar")
    with Dockerd() as dockerd:
        dockerd.docker("image", "load", "--quiet", "--input", str(tmp_path / "images.tar"))
        for reference in published.lock.images:
            found = json.loads(dockerd.docker("image", "inspect", reference).stdout)
            assert found[0]["RepoTags"] == [reference]
            assert found[0]["Architecture"] == "amd64"


def test_umoci_unpacks_one_platform(published: Published, store: Store, tmp_path: Path) -> None:
    """A layout with one manifest in place of the index: what umoci can read."""
    wanted = wanted_images(published.lock, ["pc"])[0]
    parcels = parcels_of(store, [wanted], "quay.io", Platform.parse("linux/amd64"))
    layout = tmp_path / "out"
    write_directory(store, plan_layout([parcels[0].tree]), layout)
    bundle = tmp_path / "bundle"
    run("umoci", "unpack", "--rootless", "--image", f"{layout}:v1", str(bundle))
    assert (bundle / "rootfs/base").read_bytes() == b"the base layer"


def test_oras_reads_and_copies_a_layout(
    published: Published, store: Store, other: Registry, tmp_path: Path
) -> None:
    layout = export(published, store, tmp_path / "out", "kube-apiserver")
    reference = f"{published.registry.host}/kube-apiserver:v1"
    wanted = str(published.lock.images[reference].digest)
    described = run("oras", "manifest", "fetch", "--oci-layout", "--descriptor", f"{layout}:v1")
    assert json.loads(described.stdout)["digest"] == wanted
    run("oras", "cp", "--from-oci-layout", "--to-plain-http", "--platform", "linux/amd64",
        f"{layout}:v1", f"{other.host}/kube-apiserver:v1")  # fmt: skip


def test_cosign_takes_a_layout_as_a_local_image(
    published: Published, store: Store, tmp_path: Path
) -> None:
    """It finds the image, and says that nobody signed it: exactly what we want to hear."""
    layout = export(published, store, tmp_path / "out", "kube-apiserver")
    prefix = tmp_path / "key"
    run("cosign", "generate-key-pair", f"--output-key-prefix={prefix}", COSIGN_PASSWORD="",
        HOME=str(tmp_path))  # fmt: skip
    done = run("cosign", "verify", "--local-image", "--key", f"{prefix}.pub",
               "--insecure-ignore-tlog", str(layout), check=False)  # fmt: skip
    assert done.returncode != 0
    assert f"no signatures associated with the image saved in {layout}" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="containerd needs root")
def test_containerd_has_every_image_under_its_exact_names(
    published: Published, store: Store, tmp_path: Path
) -> None:
    trees = image_trees(store, published.lock, ["pc"])
    write_archive(store, plan_layout(trees), tmp_path / "images.tar")
    with Containerd() as containerd:
        assert containerd.cri_images() == []
        containerd.ctr("images", "import", str(tmp_path / "images.tar"))
        listed = containerd.cri_images()
        for reference, pin in published.lock.images.items():
            name = reference.rpartition(":")[0]
            by_digest = f"{name}@{pin.digest}"
            assert containerd.cri_has(reference)
            assert containerd.cri_has(by_digest)
            assert any(reference in i["tags"] and by_digest in i["digests"] for i in listed)
        assert not containerd.cri_has("localhost/nobody:v1")


def test_a_sparse_index_is_refused_before_anything_is_written(
    published: Published, store: Store, other: Registry
) -> None:
    before = other.snapshot()
    with pytest.raises(UsageError) as caught:
        send(published, store, other.host)
    first = published.registry.host + "/coredns/coredns:v1"
    assert caught.value.reason == (
        f"the registry refuses the index of {first}, of which only linux/amd64 is in the store; "
        "nothing was written"
    )
    assert caught.value.details[0] == "absent: linux/arm64"
    assert caught.value.details[1].startswith("MANIFEST_BLOB_UNKNOWN")
    assert caught.value.hint == (
        "run `kutterlock vendor --all-platforms` first, which keeps the digest (across an air "
        "gap: and have the bundle made with `bundle create --all-platforms`), or add "
        "`--platform linux/ARCH` to push that platform's own manifest under its own digest"
    )
    assert other.snapshot() == before == {}


def test_all_platforms_keep_their_digests_and_a_second_push_sends_nothing(
    published: Published, store: Store, other: Registry, tmp_path: Path
) -> None:
    published.fetch(store, all_platforms=True).check()
    report = send(published, store, other.host)
    assert (report.manifests, report.tags) == (9, 3)
    for name in NAMES:
        pin = published.lock.images[f"{published.registry.host}/{name}:v1"]
        assert other.digest(f"{name}:v1") == str(pin.digest)
        run("skopeo", "copy", "--insecure-policy", "--all", "--src-tls-verify=false",
            f"docker://{other.host}/{name}@{pin.digest}",
            f"dir:{tmp_path / name.replace('/', '-')}"
        )  # fmt: skip
    before = other.snapshot()
    again = send(published, store, other.host)
    assert (again.blobs, again.size, again.manifests, again.tags) == (0, 0, 0, 0)
    assert other.snapshot() == before
    puts = [line for line in other.log.splitlines() if '"PUT' in line or '"POST' in line]
    assert len([line for line in puts if "kutterlock" in line and " 201 " not in line]) == len(
        [line for line in puts if "kutterlock" in line and " 202 " in line]
    )


def test_oras_pulls_what_was_pushed(
    published: Published, store: Store, other: Registry, tmp_path: Path
) -> None:
    program("oras")
    published.fetch(store, all_platforms=True).check()
    send(published, store, other.host)
    for name in NAMES:
        pin = published.lock.images[f"{published.registry.host}/{name}:v1"]
        run("oras", "cp", "--from-plain-http", "--to-oci-layout",
            f"{other.host}/{name}:v1", f"{tmp_path / 'oras'}:{name.replace('/', '-')}")  # fmt: skip
        assert any(e["digest"] == str(pin.digest) for e in layout_index(tmp_path / "oras"))


def test_one_platform_lives_under_its_own_digest(
    published: Published, store: Store, other: Registry
) -> None:
    report = send(published, store, other.host, "linux/amd64")
    for item in report.record():
        assert item["platform"] == "linux/amd64"
        assert item["digest"] != item["pinned"]
        name = item["pushed-as"].partition("/")[2]
        assert other.digest(name) == item["digest"]


def test_a_rotten_store_leaves_the_registry_as_it_was(
    published: Published, store: Store, other: Registry
) -> None:
    trees = image_trees(store, published.lock, ["pc"])
    layer = [part for part in trees[-1].parts if part.role == "layer"][-1]
    path = store.path(layer.digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(HashMismatchError) as caught:
        send(published, store, other.host, "linux/amd64")
    assert caught.value.reason == "the images are not whole: 1 corrupted"
    assert caught.value.hint == (
        "nothing was sent; run `kutterlock store check --repair`, then `kutterlock vendor` or "
        "`kutterlock bundle import`"
    )
    assert other.snapshot() == {}


def test_two_images_cannot_become_one(published: Published, store: Store) -> None:
    images = wanted_images(published.lock, ["pc"])
    pin = images[0].pin._replace(reference="quay.io/kube-apiserver:v1")
    with pytest.raises(UsageError) as caught:
        parcels_of(store, [*images, replace(images[0], pin=pin)], "mirror.example/k8s")
    assert caught.value.reason == "two images would become mirror.example/k8s/kube-apiserver:v1"


def test_a_push_logs_in(published: Published, store: Store, tmp_path: Path) -> None:
    with (
        TokenIssuer(tmp_path / "issuer") as issuer,
        Registry(tmp_path / "private", auth="token", issuer=issuer) as registry,
    ):
        files = read_auth_files([auth_file(tmp_path, registry.host)])
        report = send(published, store, registry.host, "linux/amd64", Logins(files=files))
        assert report.tags == 3
        assert set(issuer.asked) >= {f"repository:{name}:pull,push" for name in NAMES}


def test_a_push_over_tls_with_a_password(
    published: Published, store: Store, tmp_path: Path
) -> None:
    """Files go over TLS in pieces; over plain HTTP the kernel sends them."""
    authority = make_authority(tmp_path)
    with Registry(tmp_path / "private", auth="htpasswd", tls=tmp_path) as registry:
        logins = Logins(files=read_auth_files([auth_file(tmp_path, registry.host)]))
        images = wanted_images(published.lock, ["pc"])
        parcels = parcels_of(store, images, registry.host, Platform.parse("linux/amd64"))
        with Http(HttpOptions(patience=QUICK, ca_file=authority)) as http:
            report = push(store, parcels, Registries(http, logins), Silence())
        assert (report.tags, report.manifests) == (3, 3)
        for item in report.record():
            assert registry.digest(item["pushed-as"].partition("/")[2]) == item["digest"]
