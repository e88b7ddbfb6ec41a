"""flannel: source archive and manifest of a tag. Nobody publishes their hashes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kutterlock.adapters.http.client import Http
from kutterlock.catalog.types import Release
from kutterlock.resolve.upstreams.github import list_releases
from kutterlock.resolve.upstreams.protocol import Offer

REPOSITORY = "flannel-io/flannel"

_IMAGE = re.compile(
    r"^[ \t]*(?:- )?image:[ \t]*[\"']?([A-Za-z0-9./:_@-]+)[\"']?[ \t]*\r?$", re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flannel:
    """The images that a release asks for are those that its manifest names."""

    name: str = "flannel"
    published: frozenset[str] = frozenset()
    first_use: frozenset[str] = frozenset({"manifest", "source"})

    def offers(self, http: Http) -> Sequence[Offer]:
        """Return every proper release."""
        return list_releases(http, REPOSITORY)

    def release(self, offer: Offer, blank: Release, http: Http) -> Release | None:
        """Read the manifest for the images that it names; None where the tag has none."""
        manifest = blank.file("manifest")
        assert manifest is not None, blank
        response = http.get_bytes(manifest.url, limit=1 << 20, missing_ok=True)
        if response.status != 200:
            return None
        images = sorted(set(_IMAGE.findall(response.body.decode("utf-8", "replace"))))
        return replace(blank, released=offer.released, images=tuple(images))
