"""Which container images a lock pins: they follow from the other pins, never from a list kept here.

kubeadm's images for the locked Kubernetes, the images that the locked flannel manifest names, and
the workloads that `[images] extra` adds. Only digests count.
"""

from collections.abc import Iterable, Mapping

from kutterlock.catalog.reader import Catalog
from kutterlock.catalog.types import CatalogImage, Release
from kutterlock.errors import NoSolutionError
from kutterlock.model.arch import RELEASE_ARCH
from kutterlock.model.digest import Digest
from kutterlock.model.lock import ImagePin, Trust
from kutterlock.model.manifest import Manifest

NEEDERS = {"kubernetes": "kubeadm", "flannel": "flannel"}
"""Inputs that bring images, and who asks for them."""


def pin_images(
    manifest: Manifest, releases: Mapping[str, Release], catalog: Catalog
) -> dict[str, ImagePin]:
    """Return every image by reference. Raises NoSolutionError for a digest that nobody knows."""
    if not any(board.images for board in manifest.boards.values()):
        return {}
    platforms = _platforms(manifest)
    pins = {}
    for name, needer in NEEDERS.items():
        if name in releases:
            for image in catalog.images_of(releases[name]):
                why = f"{needer} {releases[name].version}"
                pins[image.reference] = _pin(image, platforms, why)
    for text in manifest.extra_images:
        image = _extra(text, catalog)
        pins[image.reference] = _pin(image, platforms, "images.extra")
    return dict(sorted(pins.items()))


def _platforms(manifest: Manifest) -> tuple[str, ...]:
    boards: Iterable[str] = (board.arch for board in manifest.boards.values() if board.images)
    return tuple(sorted({f"linux/{RELEASE_ARCH[arch]}" for arch in boards}))


def _pin(image: CatalogImage, platforms: tuple[str, ...], needed_by: str) -> ImagePin:
    if image.digest is None:
        raise NoSolutionError(
            f"nobody knows the digest of image {image.reference}, which {needed_by} asks for",
            hint="`kutterlock catalog update`, or name it with its digest: REFERENCE@sha256:...",
        )
    return ImagePin(
        reference=image.reference,
        digest=image.digest,
        platforms=platforms,
        needed_by=needed_by,
        trust=image.trust,
    )


def _extra(text: str, catalog: Catalog) -> CatalogImage:
    reference, at, digest = text.partition("@")
    if at:
        trust = Trust(level="catalog", by="kutter.toml")
        return CatalogImage(reference=reference, digest=Digest.parse(digest), trust=trust)
    return catalog.image(reference) or CatalogImage(reference=reference, digest=None)
