"""What the node is told that only the lock can know; and the archive of its images."""

import tarfile
from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.sandbox.run import Sandbox
from kutterlock.build.attempt import Attempt, prepare
from kutterlock.build.environment import PreparedEnvironment
from kutterlock.build.rendered import rendered_inputs, rendered_texts
from kutterlock.build.run import own_files
from kutterlock.build.workshop import Workshop, board_derivation
from kutterlock.errors import LockError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import ImagePin, InputPin, Lock, SourcePin
from kutterlock.model.progress import Silence
from kutterlock.model.sandbox.plan import Place
from tests.support import samples
from tests.support.images import Blobs, add_image, pin

PAUSE = "registry.k8s.io/pause:3.10.2"
DNS = "registry.k8s.io/coredns/coredns:v1.14.2"
ETCD = "registry.k8s.io/etcd:3.6.8-0"
FLANNEL = "ghcr.io/flannel-io/flannel:v0.28.5"
MANIFEST = f"""\
      - name: kube-flannel
        image: {FLANNEL}
        command: ["/opt/bin/flanneld"]  # image: of what?
      initContainers:
      - image: "{FLANNEL}"
"""


def image(reference: str, needed_by: str = "kubeadm 1.36.2") -> ImagePin:
    return pin(reference, {"digest": str(Digest.of(b"index"))})._replace(needed_by=needed_by)


def kutter(*, containerd: str = "2.3.4", kubernetes: str = "1.36.2") -> Lock:
    pins = [image(name) for name in (PAUSE, DNS, ETCD)] + [image(FLANNEL, "flannel 0.28.5")]
    plain = samples.lock_of(pins)
    inputs = {
        name: InputPin(name=name, version=version, constraint="*")
        for name, version in (("containerd", containerd), ("kubernetes", kubernetes))
    }
    manifest = samples.source("flannel-manifest/kube-flannel.yml", data=MANIFEST.encode())
    board = plain.boards["pc"]._replace(sources=(manifest.key,), overlays=())
    return plain._replace(
        inputs={**plain.inputs, **inputs},
        sources={**plain.sources, manifest.key: manifest},
        boards={"pc": board},
    )


def read(source: SourcePin) -> str:
    assert source.path == "flannel-manifest/kube-flannel.yml"
    return MANIFEST


def test_pause_is_the_sandbox_image() -> None:
    lock = kutter()
    texts = rendered_texts(lock, lock.boards["pc"], read)
    assert texts["containerd.toml"] == (
        "# Rendered from kutter.lock.\nversion = 3\n\n"
        "[plugins.'io.containerd.cri.v1.images'.pinned_images]\n"
        f"sandbox = '{PAUSE}'\n"
    )
    old = kutter(containerd="1.7.24")
    assert rendered_texts(old, old.boards["pc"], read)["containerd.toml"] == (
        "# Rendered from kutter.lock.\nversion = 2\n\n"
        '[plugins."io.containerd.grpc.v1.cri"]\n'
        f'sandbox_image = "{PAUSE}"\n'
    )


def test_kubeadm_is_told_the_locked_versions() -> None:
    lock = kutter()
    assert (
        rendered_texts(lock, lock.boards["pc"], read)["kubeadm.yaml"]
        == """\
# Rendered from kutter.lock.
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration:
  criSocket: unix:///run/containerd/containerd.sock
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
imageRepository: registry.k8s.io
dns:
  imageRepository: registry.k8s.io/coredns
  imageTag: v1.14.2
etcd:
  local:
    imageRepository: registry.k8s.io
    imageTag: 3.6.8-0
networking:
  podSubnet: 10.244.0.0/16
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
"""
    )


def test_flannel_names_its_images_by_digest() -> None:
    lock = kutter()
    digest = Digest.of(b"index")
    assert (
        rendered_texts(lock, lock.boards["pc"], read)["flannel.yml"]
        == f"""\
      - name: kube-flannel
        image: {FLANNEL}@{digest}
        command: ["/opt/bin/flanneld"]  # image: of what?
      initContainers:
      - image: {FLANNEL}@{digest}
"""
    )


def docker(lock: Lock) -> Lock:
    board = lock.boards["pc"]._replace(packages={"cri-dockerd": "0.3.26"})
    return lock._replace(boards={"pc": board})


def test_a_board_with_docker_is_told_its_socket_and_names_by_tag() -> None:
    """`docker load` keeps no digest: a pod that names one would be pulled from a network."""
    lock = docker(kutter())
    texts = rendered_texts(lock, lock.boards["pc"], read)
    assert "  criSocket: unix:///run/cri-dockerd.sock\n" in texts["kubeadm.yaml"]
    assert texts["flannel.yml"] == MANIFEST
    assert texts["cri-dockerd.env"] == (
        f"# Rendered from kutter.lock.\nKUTTER_PAUSE_IMAGE={PAUSE}\n"
    )
    with pytest.raises(LockError, match="images that the lock does not pin"):
        rendered_texts(lock, lock.boards["pc"], lambda _: "image: quay.io/stray:v1\n")


def test_the_derivation_of_a_board_with_docker_is_another() -> None:
    one, other = rendered_inputs(kutter(), kutter().boards["pc"]), docker(kutter())
    found = rendered_inputs(other, other.boards["pc"])
    assert sorted(name for name in found if found[name] != one.get(name)) == [
        "/kutter/rendered/cri-dockerd.env",
        "/kutter/rendered/flannel.yml",
        "/kutter/rendered/kubeadm.yaml",
    ]


def test_an_image_that_nobody_pinned_is_an_error() -> None:
    lock = kutter()
    with pytest.raises(LockError) as caught:
        rendered_texts(lock, lock.boards["pc"], lambda _: "image: quay.io/stray:v1\n")
    assert caught.value.reason == "flannel's manifest names images that the lock does not pin"
    assert caught.value.details == ("quay.io/stray:v1",)


def test_a_board_without_images_is_told_nothing() -> None:
    lock = samples.lock_without_images()
    assert rendered_texts(lock, lock.boards["pc"], read) == {}
    assert rendered_inputs(lock, lock.boards["pc"]) == {}


def test_what_is_rendered_is_part_of_the_derivation() -> None:
    one, other = kutter(), kutter(kubernetes="1.36.1")
    paths = [name for name, _ in board_derivation(one, one.boards["pc"]).inputs]
    assert [path for path in paths if "rendered" in path] == [
        "text/kutter/rendered/containerd.toml",
        "text/kutter/rendered/flannel.yml",
        "text/kutter/rendered/kubeadm.yaml",
    ]
    same = other._replace(inputs=one.inputs)
    assert board_derivation(same, same.boards["pc"]) == board_derivation(one, one.boards["pc"])
    assert board_derivation(other, other.boards["pc"]) != board_derivation(one, one.boards["pc"])


@pytest.mark.parametrize(
    ("places", "seen"),
    [
        (("disk",), {"/kutter/images.tar"}),
        (("partition",), {"/kutter/images.iso"}),
        (("disk", "partition"), {"/kutter/images.tar", "/kutter/images.iso"}),
        (("iso",), set()),
        ((), set()),
    ],
)
def test_a_build_sees_of_the_images_what_its_board_wants_in_a_disk(
    tmp_path: Path, places: tuple[str, ...], seen: set[str]
) -> None:
    attempt, workshop = pause_only(tmp_path, places)
    binds = {bind.target: Path(bind.source) for bind in prepare(attempt, workshop)}
    assert {target for target in binds if "images" in target} == seen
    assert attempt.archive.is_file()
    assert attempt.volume.is_file() == bool({"partition", "iso"} & set(places))
    if attempt.volume.is_file():
        assert attempt.archive.read_bytes() in attempt.volume.read_bytes()
    beside = {"images.tar", "images.iso"} if "iso" in places else {"images.tar"}
    assert set(own_files(attempt.board)) == beside


def test_where_images_go_is_part_of_the_derivation(tmp_path: Path) -> None:
    def found(*places: str) -> dict[str, str]:
        attempt, _ = pause_only(tmp_path / "-".join(places), places)
        return dict(board_derivation(attempt.lock, attempt.board).inputs)

    assert "images-in" not in found("disk")
    assert found("iso", "disk")["images-in"] == "disk,iso"


def test_the_sandbox_has_the_archive_and_the_texts(tmp_path: Path) -> None:
    attempt, workshop = pause_only(tmp_path, ("disk",))
    binds = {bind.target: Path(bind.source) for bind in prepare(attempt, workshop)}
    assert sorted(path.name for path in binds["/kutter/rendered"].iterdir()) == ["containerd.toml"]
    with tarfile.open(binds["/kutter/images.tar"]) as archive:
        names = archive.getnames()
    # Only the board's platform: the index, its manifest, configuration and two layers.
    assert names[:3] == ["oci-layout", "manifest.json", "index.json"]
    assert len(names) == 3 + 5
    (digest,) = {str(pin.digest) for pin in attempt.lock.images.values()}
    assert f"blobs/sha256/{digest.removeprefix('sha256:')}" in names


def pause_only(tmp_path: Path, places: tuple[str, ...]) -> tuple[Attempt, Workshop]:
    blobs = Blobs()
    found = pin(PAUSE, add_image(blobs, "pause"))
    plain = samples.lock_of([found])
    board = plain.boards["pc"]._replace(overlays=(), sources=(), images_in=places)
    inputs = {"containerd": InputPin(name="containerd", version="2.3.4", constraint="*")}
    lock = plain._replace(inputs=inputs, boards={"pc": board}, overrides={})
    store = Store(tmp_path / "store")
    for data in blobs.data.values():
        store.add_bytes(data)
    tree = tmp_path / "tree"
    (tree / "configs").mkdir(parents=True)
    (tree / "configs/pc_defconfig").write_text("")

    def no_sandbox() -> Sandbox:
        raise AssertionError("nothing is to be run")

    workshop = Workshop(
        project=tmp_path, cache=tmp_path, outputs=tmp_path, store=store, sandbox=no_sandbox,
        progress=Silence(),
    )  # fmt: skip
    attempt = Attempt(
        lock=lock, board=board, environment=PreparedEnvironment(kind="host"), tree=tree,
        directory=tmp_path / "attempt", place=Place(),
    )  # fmt: skip
    return attempt, workshop
