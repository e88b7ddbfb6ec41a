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
from kutterlock.model.oci.image import OCI_INDEX
from tests.support.images import Blobs, Object, add_manifest, write_layout
from tests.support.kutter import OVERLAY, PROJECT

EXAMPLES = {"stand-in": "linux/amd64", "stand-in-arm64": "linux/arm64"}
"""The projects, and the platform of each."""
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


def write_project(directory: Path, example: str = "stand-in") -> Path:
    """Copy a project and its overlays to a folder of one's own, and return it."""
    directory.mkdir(parents=True)
    for name in ("kutter.toml", "kutter.lock"):
        shutil.copy(PROJECT / "examples" / example / name, directory / name)
    shutil.copytree(EXAMPLE / "overlays", directory / "overlays")
    shutil.copytree(OVERLAY, directory / "overlays/kutter", symlinks=True)
    return directory


def write_files(directory: Path, platform: str = "linux/amd64") -> Path:
    """Write what no Debian snapshot has to a folder that `--mirror` takes, and return it."""
    shutil.copytree(EXAMPLE / "files", directory)
    blobs = Blobs()
    tags = {name: image(blobs, name, platform) for name in IMAGES}
    return write_layout(blobs, directory, tags)


def image(blobs: Blobs, name: str, platform: str = "linux/amd64") -> Object:
    """Add an image that holds its name, and return its descriptor."""
    text = f"stands in for {name}\n".encode()
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo("stand-in")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    tar = plain.getvalue()
    manifest = add_manifest(blobs, platform, [(tar, str(Digest.of(tar)))], layer_type=LAYER)
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [manifest]}
    return blobs.add_json(index, OCI_INDEX)


def main(work: Path, example: str) -> None:
    """Write project and files below a folder, anew."""
    for name in ("project", "files"):
        shutil.rmtree(work / name, ignore_errors=True)
    write_project(work / "project", example)
    write_files(work / "files", EXAMPLES[example])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
