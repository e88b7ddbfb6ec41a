"""Configuration of the node that only the lock can know, at /kutter/rendered in the sandbox.

An overlay copies what it wants of it into the root file system; so the node names locked versions
and images and no others. kubeadm's pause image and containerd's sandbox image are one and the same
here: where they differ, an offline `kubeadm init` waits for ever (kubernetes/kubeadm#2801).

A board that has cri-dockerd runs Docker Engine: the kubelet's socket is cri-dockerd's, and flannel
names its images by tag, since `docker load` keeps no digest of an image.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from kutterlock.errors import LockError
from kutterlock.model.lock import BoardPin, Lock, SourcePin
from kutterlock.model.oci.reference import Reference

RENDERED = "/kutter/rendered"
KUBEADM = "kubeadm.yaml"
CONTAINERD = "containerd.toml"
FLANNEL = "flannel.yml"
CRI_DOCKERD = "cri-dockerd.env"
FLANNEL_SOURCE = "kube-flannel.yml"
CONTAINERD_SOCKET = "unix:///run/containerd/containerd.sock"
DOCKER_SOCKET = "unix:///run/cri-dockerd.sock"
POD_SUBNET = "10.244.0.0/16"
"""What flannel's manifest has in its net-conf.json, unchanged since 2017."""


_IMAGE = re.compile(
    r"^(?P<head>[ \t]*(?:-[ \t]+)?image:[ \t]*)(?P<quote>[\"']?)(?P<name>[^\s\"'#]+)(?P=quote)",
    re.MULTILINE,
)

_CONTAINERD_2 = """\
# Rendered from kutter.lock.
version = 3

[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = '{pause}'
"""
_CONTAINERD_1 = """\
# Rendered from kutter.lock.
version = 2

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
"""
_KUBEADM = """\
# Rendered from kutter.lock.
apiVersion: kubeadm.k8s.io/{api}
kind: InitConfiguration
nodeRegistration:
  criSocket: {socket}
---
apiVersion: kubeadm.k8s.io/{api}
kind: ClusterConfiguration
kubernetesVersion: v{version}
imageRepository: {repository}
{dns}{etcd}networking:
  podSubnet: {subnet}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
"""

_CRI_DOCKERD = """\
# Rendered from kutter.lock.
KUTTER_PAUSE_IMAGE={pause}
"""


def rendered_texts(lock: Lock, board: BoardPin, read: Callable[[SourcePin], str]) -> dict[str, str]:
    """Return the files by name, for a board without images none.

    `read` returns the text of a source. Raises LockError when flannel's manifest names an image
    that the lock does not have.
    """
    texts = dict(_pure_texts(lock, board))
    source = flannel_source(lock, board)
    if source is not None:
        digests = _digests(lock, board)
        texts[FLANNEL] = pinned_manifest(read(source), digests, by_tag=has_docker(board))
    return texts


def rendered_inputs(lock: Lock, board: BoardPin) -> dict[str, str]:
    """Return what determines the files, by path in the sandbox, without reading any source.

    flannel's manifest is an input of the derivation by its digest; what is put into it stands here.
    """
    texts = dict(_pure_texts(lock, board))
    if flannel_source(lock, board) is not None:
        digests = "".join(f"{k} {v}\n" for k, v in _digests(lock, board).items())
        texts[FLANNEL] = digests + ("by tag\n" if has_docker(board) else "")
    return {f"{RENDERED}/{name}": text for name, text in texts.items()}


def flannel_source(lock: Lock, board: BoardPin) -> SourcePin | None:
    """Return the board's flannel manifest, where it has one and carries images."""
    if not board.images:
        return None
    pins = (lock.sources[key] for key in board.sources)
    return next((pin for pin in pins if pin.path.name == FLANNEL_SOURCE), None)


def pinned_manifest(text: str, digests: Mapping[str, str], *, by_tag: bool = False) -> str:
    """Add to each image that a manifest names the digest that the lock has. Raises LockError.

    `by_tag` leaves the names as they are, and asks of the lock the same.
    """
    missing = [name for name in named_images(text) if name not in digests]
    if missing:
        raise LockError(
            "flannel's manifest names images that the lock does not pin",
            details=missing,
            hint="run `kutterlock resolve`",
        )

    if by_tag:
        return text

    def pinned(match: re.Match[str]) -> str:
        return f"{match['head']}{match['name'].partition('@')[0]}@{digests[match['name']]}"

    return _IMAGE.sub(pinned, text)


def named_images(text: str) -> tuple[str, ...]:
    """Return what stands after `image:` in a manifest of Kubernetes, each once."""
    return tuple(dict.fromkeys(match["name"] for match in _IMAGE.finditer(text)))


def has_docker(board: BoardPin) -> bool:
    """Whether Docker Engine runs the board's containers."""
    return "cri-dockerd" in board.packages


def pause_image(lock: Lock, board: BoardPin) -> str | None:
    """Return the board's pause image: the one that kubeadm asks for."""
    return _image(lock, board, "pause")


def _pure_texts(lock: Lock, board: BoardPin) -> Iterator[tuple[str, str]]:
    pause = pause_image(lock, board)
    if pause is None:
        return
    if "containerd" in lock.inputs:
        is_old = lock.inputs["containerd"].version.startswith("1.")
        yield CONTAINERD, (_CONTAINERD_1 if is_old else _CONTAINERD_2).format(pause=pause)
    if "kubernetes" in lock.inputs:
        yield KUBEADM, _kubeadm_text(lock, board, pause)
    if has_docker(board):
        yield CRI_DOCKERD, _CRI_DOCKERD.format(pause=pause)


def _kubeadm_text(lock: Lock, board: BoardPin, pause: str) -> str:
    version = lock.inputs["kubernetes"].version
    minor = int(version.split(".")[1])
    return _KUBEADM.format(
        api="v1beta4" if minor >= 31 else "v1beta3",
        socket=DOCKER_SOCKET if has_docker(board) else CONTAINERD_SOCKET,
        version=version,
        repository=_parent(pause),
        dns=_component("dns", _image(lock, board, "coredns"), ""),
        etcd=_component("etcd", _image(lock, board, "etcd"), "local"),
        subnet=POD_SUBNET,
    )


def _component(name: str, image: str | None, inner: str) -> str:
    if image is None:
        return ""
    lines = [f"{name}:"] + ([f"  {inner}:"] if inner else [])
    indent = "    " if inner else "  "
    lines += [
        f"{indent}imageRepository: {_parent(image)}",
        f"{indent}imageTag: {Reference.parse(image).tag}",
    ]
    return "\n".join(lines) + "\n"


def _parent(image: str) -> str:
    return Reference.parse(image).name.rpartition("/")[0]


def _image(lock: Lock, board: BoardPin, name: str) -> str | None:
    """Return kubeadm's image of that last name."""
    for key in board.images:
        pin = lock.images[key]
        is_kubeadm = pin.needed_by.startswith("kubeadm")
        if is_kubeadm and Reference.parse(key).repository.rpartition("/")[2] == name:
            return key
    return None


def _digests(lock: Lock, board: BoardPin) -> dict[str, str]:
    return {key: str(lock.images[key].digest) for key in board.images}
