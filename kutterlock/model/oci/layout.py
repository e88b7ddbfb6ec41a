"""The names in an OCI image layout (image specification 1.1, `image-layout.md`). Pure."""

from kutterlock.model.digest import Digest

INDEX_NAME = "index.json"
MARK_NAME = "oci-layout"
DOCKER_NAME = "manifest.json"
"""Belongs to no layout: what `docker load` reads in an archive of one, in place of the index."""

REF_NAME = "org.opencontainers.image.ref.name"
"""The annotation by which skopeo, umoci, oras and cosign find an image."""

CONTAINERD_NAME = "io.containerd.image.name"
"""The annotation that containerd names an image by."""


def blob_name(digest: Digest) -> str:
    """Return where a blob lies in a layout."""
    return f"blobs/{digest.algorithm}/{digest.hex}"
