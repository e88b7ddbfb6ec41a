"""The kernel: releases.json, and the clearsigned sha256sums.asc of each major's directory.

The list names every tarball of a major, so that all versions of the branches which kernel.org
still shows are known by hash from three or four answers.
"""

import datetime
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kutterlock.adapters.http.client import Http
from kutterlock.catalog.types import Release
from kutterlock.errors import NetworkError
from kutterlock.model.checksums import LARGEST
from kutterlock.model.version import UpstreamVersion
from kutterlock.resolve.upstreams.protocol import Offer, Signatures, filled, read_checksums

RELEASES = "https://www.kernel.org/releases.json"
SUMS = "https://www.kernel.org/pub/linux/kernel/v{major}.x/sha256sums.asc"

_TARBALL = re.compile(r"linux-(\d+\.\d+(?:\.\d+)?)\.tar\.xz\Z")
_BRANCH = re.compile(r"(\d+)\.(\d+)(?:\.\d+)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """kernel.org. The list is signed by its checksum autosigner."""

    signatures: Signatures
    name: str = "linux"
    published: frozenset[str] = frozenset({"source"})
    first_use: frozenset[str] = frozenset()

    def offers(self, http: Http) -> Sequence[Offer]:
        """Return all versions of the stable and longterm branches."""
        dates = _newest(http.get_json(RELEASES))
        branches = {_series(version) for version in dates}
        majors = sorted({branch[0] for branch in branches})
        return [
            replace(offer, released=dates.get(offer.version.text))
            for major in majors
            for offer in self._listed(http, major)
            if _series(offer.version.text) in branches
        ]

    def release(self, offer: Offer, blank: Release, http: Http) -> Release | None:  # noqa: ARG002
        """Everything came with the list."""
        return replace(filled(blank, offer.digests, offer.trust), released=offer.released)

    def _listed(self, http: Http, major: int) -> Iterator[Offer]:
        url = SUMS.format(major=major)
        signed = "kernel" in self.signatures.keyrings
        data = http.get_bytes(url, limit=LARGEST, pinned=signed).body
        text, trust = self.signatures.text("kernel", data, url)
        for (algorithm, name), digest in read_checksums(url, text).named.items():
            match = _TARBALL.match(name)
            if match and algorithm == "sha256":
                version = UpstreamVersion.parse(match[1])
                yield Offer(version=version, digests={name: digest}, trust=trust)


def _newest(answer: Any) -> dict[str, datetime.date | None]:  # noqa: ANN401 -- JSON
    entries = answer.get("releases") if isinstance(answer, dict) else None
    if not isinstance(entries, list):
        raise NetworkError(f"{RELEASES} lists no releases")
    return {
        str(entry.get("version")): _date(entry.get("released"))
        for entry in entries
        if isinstance(entry, dict)
        and entry.get("moniker") in {"stable", "longterm"}
        and _BRANCH.match(str(entry.get("version")))
    }


def _date(released: Any) -> datetime.date | None:  # noqa: ANN401 -- JSON
    try:
        return datetime.date.fromisoformat(released["isodate"])
    except (TypeError, KeyError, ValueError):
        return None


def _series(version: str) -> tuple[int, int]:
    match = _BRANCH.match(version)
    assert match is not None, version
    return int(match[1]), int(match[2])
