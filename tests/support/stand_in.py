"""The project examples/stand-in as it is built: its files, the real overlay, its images.

The images are small and uncompressed, so that their digests, which kutter.toml has, are the same
wherever they are made.
"""

import io
import shutil
import sys
import tarfile
from pathlib import Path

from kutterlock.model.digest import Digest
from kutterlock.model.oci import OCI_INDEX
from tests.support.images import Blobs, Object, add_manifest, write_layout
from tests.support.kutter import OVERLAY, PROJECT

EXAMPLE = PROJECT / "examples/stand-in"
IMAGES = (
    "ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel1",
    "ghcr.io/flannel-io/flannel:v0.28.5",
    "registry.k8s.io/coredns/coredns:v1.14.2",
    "registry.k8s.io/etcd:3.6.8-0",
    "registry.k8s.io/kube-apiserver:v1.36.2",
    "registry.k8s.io/kube-controller-manager:v1.36.2",
    "registry.k8s.io/kube-proxy:v1.36.2",
    "registry.k8s.io/kube-scheduler:v1.36.2",
    "registry.k8s.io/pause:3.10.2",
)
LAYER = "application/vnd.oci.image.layer.v1.tar"


def write_project(directory: Path) -> Path:
    """Copy the project and the real overlay to a folder of one's own, and return it."""
    shutil.copytree(EXAMPLE, directory, ignore=shutil.ignore_patterns("files"))
    shutil.copytree(OVERLAY, directory / "overlays/kutter", symlinks=True)
    return directory


def write_files(directory: Path) -> Path:
    """Write what no Debian snapshot has to a folder that `--mirror` takes, and return it."""
    shutil.copytree(EXAMPLE / "files", directory)
    blobs = Blobs()
    tags = {name: image(blobs, name) for name in IMAGES}
    return write_layout(blobs, directory, tags)


def image(blobs: Blobs, name: str) -> Object:
    """Add an image that holds its name, and return its descriptor."""
    text = f"stands in for {name}\n".encode()
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo("stand-in")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    tar = plain.getvalue()
    manifest = add_manifest(blobs, "linux/amd64", [(tar, str(Digest.of(tar)))], layer_type=LAYER)
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [manifest]}
    return blobs.add_json(index, OCI_INDEX)


def main(work: Path) -> None:
    """Write project and files below a folder, anew."""
    for name in ("project", "files"):
        shutil.rmtree(work / name, ignore_errors=True)
    write_project(work / "project")
    write_files(work / "files")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
