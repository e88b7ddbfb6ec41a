"""runc: one clearsigned `runc.sha256sum` a release (script/release_sign.sh)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kutterlock.adapters.http.client import Http
from kutterlock.catalog.types import Release
from kutterlock.model.checksums import LARGEST
from kutterlock.resolve.upstreams.github import list_releases
from kutterlock.resolve.upstreams.protocol import Offer, Signatures, filled, read_checksums

REPOSITORY = "opencontainers/runc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Runc:
    """The signature is by one of the maintainers: which keys count, the user says."""

    signatures: Signatures
    name: str = "runc"
    published: frozenset[str] = frozenset({"binary"})
    first_use: frozenset[str] = frozenset({"source"})

    def offers(self, http: Http) -> Sequence[Offer]:
        """Return every proper release."""
        return list_releases(http, REPOSITORY)

    def release(self, offer: Offer, blank: Release, http: Http) -> Release | None:
        """Read the signed list and hold it against the API's digests."""
        known = replace(filled(blank, offer.digests, offer.trust), released=offer.released)
        url = f"https://github.com/{REPOSITORY}/releases/download/v{offer.version}/runc.sha256sum"
        response = http.get_bytes(url, limit=LARGEST, missing_ok=True)
        if response.status != 200:
            return known
        text, trust = self.signatures.text("runc", response.body, url)
        listed = read_checksums(url, text).named
        digests = {name: digest for (kind, name), digest in listed.items() if kind == "sha256"}
        binaries = {file.url.rpartition("/")[2] for file in blank.files if file.kind == "binary"}
        return filled(known, {name: digests[name] for name in binaries & digests.keys()}, trust)
