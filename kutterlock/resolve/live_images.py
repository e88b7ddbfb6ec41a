"""Digests that nobody published: an image's registry is asked for them, once.

Asked for are images of releases that are new, and of the newest release in each series: what a
`resolve` may take next. What a registry says is believed at first use, and held against later.
"""

from collections.abc import Callable, Iterable, Sequence

from kutterlock.adapters.oci.registry import Answered
from kutterlock.catalog.entries import UNKNOWN
from kutterlock.catalog.reader import Catalog
from kutterlock.catalog.types import CatalogImage, Release
from kutterlock.errors import NetworkError, PolicyError
from kutterlock.model.lock import Trust
from kutterlock.model.oci.reference import Reference
from kutterlock.model.progress import Progress

AskRegistry = Callable[[Reference], Answered]
Map = Callable[[Callable[[str], CatalogImage | None], Iterable[str]], Iterable[CatalogImage | None]]

MOST_IMAGES = 200
"""No more are asked for at once: a manifest may be hostile, and name as many as it likes."""


def unknown_images(catalog: Catalog, name: str, found: Iterable[Release]) -> Sequence[str]:
    """Return the images to ask for: of releases just `found`, and of the newest of each series."""
    known = reversed(catalog.releases(name))
    newest = {release.version.series: release for release in known}
    references = [
        reference for release in (*found, *newest.values()) for reference in release.images
    ]
    return [name for name in dict.fromkeys(references) if _is_unknown(catalog, name)][:MOST_IMAGES]


def ask_digests(
    run: Map, references: Iterable[str], ask: AskRegistry, progress: Progress
) -> list[CatalogImage]:
    """Ask for each image; one that cannot be had stays unknown, and is told of."""

    def one(text: str) -> CatalogImage | None:
        try:
            reference = Reference.parse(text)
            digest = ask(reference).digest
        except (NetworkError, PolicyError, ValueError) as error:
            reason = getattr(error, "reason", error)
            progress.note(f" note: the digest of {text} stays unknown: {reason}")
            return None
        trust = Trust(level="first-use", by=reference.registry)
        return CatalogImage(reference=text, digest=digest, trust=trust)

    return [image for image in run(one, references) if image is not None]


def _is_unknown(catalog: Catalog, reference: str) -> bool:
    known = catalog.image(reference)
    is_named = not reference.endswith(f":{UNKNOWN}")
    return is_named and (known is None or known.digest is None)
