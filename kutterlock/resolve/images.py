"""Which container images a lock pins: they follow from the other pins, never from a list kept here.

kubeadm's images for the locked Kubernetes, the images that the locked flannel manifest names, and
the workloads that `[images] extra` adds. Only digests count.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from kutterlock.adapters.oci.registry import Answered
from kutterlock.catalog.reader import Catalog
from kutterlock.catalog.types import CatalogImage, Release
from kutterlock.errors import ManifestError, NetworkError, NoSolutionError
from kutterlock.model.arch import RELEASE_ARCH
from kutterlock.model.lock import ImagePin, Trust
from kutterlock.model.manifest import Manifest
from kutterlock.model.oci.image import Index, Platform, parse_document
from kutterlock.model.oci.reference import Reference

NEEDERS = {"kubernetes": "kubeadm", "flannel": "flannel"}
"""Inputs that bring images, and who asks for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesRequest:
    """What to pin images from.

    `previous` are the pins of the lock that there is, kept unless `moves` says otherwise. `ask`
    fetches an index or manifest by tag from its registry, None: no network.
    """

    manifest: Manifest
    releases: Mapping[str, Release]
    catalog: Catalog
    previous: Mapping[str, ImagePin] = field(default_factory=dict)
    moves: Callable[[str], bool] = lambda _: False
    ask: Callable[[Reference], Answered] | None = None


def pin_images(request: ImagesRequest) -> dict[str, ImagePin]:
    """Return every image by reference.

    Raises NoSolutionError for a digest that nobody knows and for a platform that an image lacks,
    ManifestError for what is no reference, NetworkError.
    """
    manifest, releases, catalog = request.manifest, request.releases, request.catalog
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
        image = _extra(text, request, platforms)
        known = pins.get(image.reference)
        why = known.needed_by if known else "images.extra"
        pins[image.reference] = _pin(image, platforms, why)
    return dict(sorted(pins.items()))


def extra_names(manifest: Manifest) -> tuple[str, ...]:
    """Return the workloads of kutter.toml by the names that the lock has them under."""
    return tuple(_key(_reference(text)) for text in manifest.extra_images)


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


def _extra(text: str, request: "ImagesRequest", platforms: tuple[str, ...]) -> CatalogImage:
    """Pin a workload: by the digest in kutter.toml, as the catalog or the lock has it, or live."""
    reference = _reference(text)
    name = _key(reference)
    if reference.digest:
        trust = Trust(level="catalog", by="kutter.toml")
        return CatalogImage(reference=name, digest=reference.digest, trust=trust)
    if known := request.catalog.image(name):
        return known
    kept = request.previous.get(name)
    if kept and not request.moves(name):
        return CatalogImage(reference=name, digest=kept.digest, trust=kept.trust)
    if request.ask is None:
        return CatalogImage(reference=name, digest=None)
    answered = request.ask(reference)
    _require_platforms(name, answered, platforms)
    trust = Trust(level="first-use", by=reference.registry)
    return CatalogImage(reference=name, digest=answered.digest, trust=trust)


def _key(reference: Reference) -> str:
    """Name an image in the lock: by its tag, or by its digest where it has none."""
    return reference.tagged if reference.tag else str(reference)


def _reference(text: str) -> Reference:
    try:
        return Reference.parse(text)
    except ValueError as error:
        raise ManifestError("kutter.toml is wrong", details=[f"images.extra: {error}"]) from error


def _require_platforms(name: str, answered: Answered, platforms: Iterable[str]) -> None:
    """Fail as soon as an index says that it lacks what a board needs; a manifest does not say."""
    try:
        document = parse_document(answered.data, answered.media_type)
    except ValueError as error:
        raise NetworkError(f"{name}: what the registry has there {error}") from error
    if isinstance(document, Index) and not document.nested:
        for text in platforms:
            if document.for_platform(Platform.parse(text)) is None:
                raise NoSolutionError(
                    f"image {name} has nothing for {text}",
                    details=[f"it is for {', '.join(document.platforms) or 'no platform at all'}"],
                    hint="pin a tag that has it, or set images = false for boards that need it",
                )
