"""Small container images, made by hand so that every byte is known: blobs, manifests, an index."""

import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kutterlock.model.digest import Digest
from kutterlock.model.lock import ImagePin, Trust
from kutterlock.model.oci.image import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
PLATFORMS = ("linux/amd64", "linux/arm64")

Object = dict[str, Any]


@dataclass
class Blobs:
    """Bytes by digest. `documents` are those that a registry has as manifests, with their type."""

    data: dict[str, bytes] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)

    def add(self, data: bytes, media_type: str, **more: object) -> Object:
        """Keep bytes and return their descriptor."""
        digest = str(Digest.of(data))
        self.data[digest] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data), **more}

    def add_json(self, value: Object, media_type: str, **more: object) -> Object:
        """Keep a document and return its descriptor."""
        descriptor = self.add(json.dumps(value, indent=1).encode(), media_type, **more)
        if "manifest" in media_type or "index" in media_type:
            self.documents[descriptor["digest"]] = media_type
        return descriptor


def layer(files: Mapping[str, bytes]) -> tuple[bytes, str]:
    """Return a compressed layer and its diff id."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    tar = plain.getvalue()
    return gzip.compress(tar, compresslevel=1, mtime=0), str(Digest.of(tar))


def add_manifest(
    blobs: Blobs,
    platform: str,
    layers: Sequence[tuple[bytes, str]],
    *,
    docker: bool = False,
    layer_type: str = "",
) -> Object:
    """Add one platform's image and return its descriptor."""
    system, architecture = platform.split("/")
    config = {
        "architecture": architecture,
        "os": system,
        "config": {"Cmd": ["/hello"]},
        "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
    }
    layer_type = layer_type or (DOCKER_LAYER if docker else LAYER)
    media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": blobs.add_json(config, DOCKER_CONFIG if docker else CONFIG),
        "layers": [blobs.add(data, layer_type) for data, _ in layers],
    }
    about = {"os": system, "architecture": architecture}
    return blobs.add_json(manifest, media_type, platform=about)


def add_image(
    blobs: Blobs,
    name: str,
    *,
    platforms: Sequence[str] = PLATFORMS,
    docker: bool = False,
    base: bytes = b"the base layer",
) -> Object:
    """Add an index for `platforms`, all upon one base layer, and return its descriptor."""
    shared = layer({"base": base})
    manifests = []
    for platform in platforms:
        own = layer({"hello": f"{name} {platform}".encode()})
        manifests.append(add_manifest(blobs, platform, [shared, own], docker=docker))
    kind = DOCKER_INDEX if docker else OCI_INDEX
    index = {"schemaVersion": 2, "mediaType": kind, "manifests": manifests}
    return blobs.add_json(index, kind)


def write_layout(blobs: Blobs, directory: Path, tags: Mapping[str, Object]) -> Path:
    """Write an OCI layout; `tags` are names to the descriptors of what they name."""
    for digest, data in blobs.data.items():
        path = directory / "blobs" / digest.replace(":", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    entries = [
        {**descriptor, "annotations": {"org.opencontainers.image.ref.name": tag}}
        for tag, descriptor in tags.items()
    ]
    index = {"schemaVersion": 2, "manifests": entries}
    (directory / "index.json").write_text(json.dumps(index))
    return directory


def pin(
    reference: str, descriptor: Mapping[str, Any], platforms: Sequence[str] = PLATFORMS
) -> ImagePin:
    """Pin an image."""
    return ImagePin(
        reference=reference,
        digest=Digest.parse(descriptor["digest"]),
        platforms=tuple(platforms),
        needed_by="kubeadm 1.36.2",
        trust=Trust(level="catalog"),
    )
