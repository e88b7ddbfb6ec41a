"""The images that a locked flannel manifest names: the manifest itself says, or who read it before.

The manifest is a pinned source. It is read where it lies in the store, and else brought there. Only
where nobody has it (offline) the catalog's word is taken: it names the images of the very bytes
that are pinned.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kutterlock.adapters.disk.files import explained
from kutterlock.adapters.disk.store import Store
from kutterlock.build.rendered import named_images
from kutterlock.catalog.reader import Catalog
from kutterlock.errors import MissingInputError, NetworkError, PolicyError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import SourcePin
from kutterlock.vendor.wants import Want

LARGEST = 1 << 20
"""The manifest has 5 kB; in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlannelManifests:
    """Reads manifests; `fetch` brings files into the store, or raises."""

    store: Store
    catalog: Catalog
    fetch: Callable[[Sequence[Want]], None]

    def images(self, source: SourcePin) -> tuple[str, ...]:
        """Return the images that a manifest names, each once.

        Raises HashMismatchError when it is damaged, and as `fetch` does when nobody knows it.
        """
        try:
            if not self.store.has(source.digest):
                self.fetch([_want(source)])
        except (MissingInputError, NetworkError, PolicyError):
            known = self._known(source.digest)
            if known is None:
                raise
            return known
        return named_images(self._text(source.digest))

    def _known(self, digest: Digest) -> tuple[str, ...] | None:
        for release in self.catalog.releases("flannel"):
            file = release.file("manifest")
            if file is not None and file.digest == digest:
                return release.images
        return None

    def _text(self, digest: Digest) -> str:
        self.store.verify(digest)
        path = self.store.path(digest)
        with explained(path), path.open("rb") as file:
            return file.read(LARGEST).decode("utf-8", "replace")


def _want(source: SourcePin) -> Want:
    return Want(digest=source.digest, name=source.path, urls=source.urls, limit=LARGEST)
