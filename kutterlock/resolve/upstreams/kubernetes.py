"""Kubernetes: markers and SHA256SUMS of dl.k8s.io.

The markers name the newest patch of a minor; all patches before it exist, except for the few that
were skipped, which have no SHA256SUMS.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kutterlock.adapters.http.client import Http
from kutterlock.catalog.types import Release
from kutterlock.errors import NetworkError
from kutterlock.model.lock import Trust
from kutterlock.model.version import UpstreamVersion
from kutterlock.resolve.upstreams.kubeadm import image_facts
from kutterlock.resolve.upstreams.protocol import Offer, fetch_checksums, filled

BASE = "https://dl.k8s.io/release"
MINORS = 5
"""How many minors are asked for, from the newest down: three are supported at a time."""

_VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubernetes:
    """kubeadm, kubelet and kubectl.

    The tags of the images that are not named after the version are facts of the release: they stand
    in kubeadm's constants (`kutterlock.resolve.upstreams.kubeadm`).
    """

    name: str = "kubernetes"
    published: frozenset[str] = frozenset({"kubeadm", "kubelet", "kubectl"})
    first_use: frozenset[str] = frozenset()

    def offers(self, http: Http) -> Sequence[Offer]:
        """Return the versions of the newest minors."""
        major, newest, _ = _marker(http, "stable.txt", missing_ok=False)
        return [
            Offer(version=version)
            for minor in range(newest, max(newest - MINORS, 0), -1)
            for version in _patches(_marker(http, f"stable-{major}.{minor}.txt"))
        ]

    def release(self, offer: Offer, blank: Release, http: Http) -> Release | None:
        """Read the hashes of every file of the release, and the tags of kubeadm's images."""
        base = f"{BASE}/v{offer.version}/"
        checksums = fetch_checksums(http, base + "SHA256SUMS")
        if checksums is None:
            return None
        trust = Trust(level="checksum", by=base + "SHA256SUMS")
        listed = {path: digest for (kind, path), digest in checksums.named.items()
                  if kind == "sha256"}  # fmt: skip
        release = filled(blank, listed, trust, lambda file: file.url.removeprefix(base))
        return replace(release, facts=image_facts(offer.version, blank.facts, http))


def _marker(http: Http, name: str, *, missing_ok: bool = True) -> tuple[int, int, int]:
    response = http.get_bytes(f"{BASE}/{name}", limit=100, missing_ok=missing_ok)
    if response.status != 200:
        return (0, 0, -1)
    match = _VERSION.match(response.body.decode("ascii", "replace"))
    if match is None:
        raise NetworkError(f"{BASE}/{name} names no version")
    return int(match[1]), int(match[2]), int(match[3])


def _patches(newest: tuple[int, int, int]) -> Iterator[UpstreamVersion]:
    major, minor, last = newest
    for patch in range(min(last, 99), -1, -1):
        yield UpstreamVersion.parse(f"{major}.{minor}.{patch}")
