"""Asking the upstreams: what is new, and whether they still say what the catalog says.

Answers become `Findings`; `kutterlock.catalog.updates` holds them against what is known and a
contradiction stops there. An upstream that cannot be reached is reported and does not keep the
others from being heard.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from kutterlock.adapters.disk.files import write_atomically
from kutterlock.adapters.http.client import Http
from kutterlock.adapters.signing.gpg import Gpg, Keyring
from kutterlock.adapters.workers import map_in_threads
from kutterlock.catalog.reader import Catalog
from kutterlock.catalog.types import CatalogImage, Release, ReleaseFile
from kutterlock.catalog.updates import Findings, SupportNews, updated_files
from kutterlock.errors import NetworkError, PolicyError, UsageError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Trust
from kutterlock.model.progress import Progress
from kutterlock.model.settings import Settings
from kutterlock.model.version import UpstreamVersion
from kutterlock.resolve.live_images import AskRegistry, ask_digests, unknown_images
from kutterlock.resolve.upstreams import cni_plugins, containerd, cri_dockerd, cri_tools
from kutterlock.resolve.upstreams.buildroot import Buildroot
from kutterlock.resolve.upstreams.endoflife import PRODUCTS, read_support
from kutterlock.resolve.upstreams.flannel import Flannel
from kutterlock.resolve.upstreams.kernel import Kernel
from kutterlock.resolve.upstreams.kubernetes import Kubernetes
from kutterlock.resolve.upstreams.protocol import Offer, Signatures, Upstream, filled
from kutterlock.resolve.upstreams.runc import Runc

LARGEST_SOURCE = 256 << 20
"""No source archive is larger, in bytes."""

TRY_AGAIN = "run the same command again where they can be reached, or name mirrors under [mirrors]"

T = TypeVar("T")
_Answer = tuple[Sequence[Release], Sequence[SupportNews], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the upstreams said, as much as could be heard.

    A question is an input's name (its releases), or `NAME (support dates)`: each was either
    `answered`, or is in `failures` with its error.
    """

    releases: tuple[Release, ...] = ()
    support: tuple[SupportNews, ...] = ()
    images: tuple[CatalogImage, ...] = ()
    answered: frozenset[str]
    failures: Mapping[str, NetworkError | PolicyError]


def signatures_of(settings: Settings, search_path: str) -> Signatures:
    """Return the keyrings that the user named, each with its pinned fingerprints. UsageError."""
    keyrings = {}
    for signer, path in settings.keyrings.items():
        fingerprints = settings.fingerprints.get(signer, ())
        if not fingerprints:
            raise UsageError(
                f"keyring {signer} is named, but no fingerprint of a key in it",
                hint=f"put the fingerprints that count under [fingerprints] {signer}",
            )
        keyrings[signer] = Keyring(path=path, fingerprints=frozenset(fingerprints))
    return Signatures(gpg=Gpg(search_path), keyrings=keyrings)


def all_upstreams(signatures: Signatures) -> tuple[Upstream, ...]:
    """Return one upstream an input."""
    return (
        Buildroot(signatures=signatures),
        Kernel(signatures=signatures),
        Kubernetes(),
        containerd.UPSTREAM,
        Runc(signatures=signatures),
        cni_plugins.UPSTREAM,
        cri_tools.UPSTREAM,
        Flannel(),
        cri_dockerd.UPSTREAM,
    )


def ask(
    catalog: Catalog,
    upstreams: Sequence[Upstream],
    http: Http,
    progress: Progress,
    ask_registry: AskRegistry | None = None,
) -> Heard:
    """Ask every upstream, side by side, and registries for digests of images that nobody knows.

    Raises HashMismatchError, UntrustedError, UsageError.
    """
    progress.start("asking", total=len(upstreams), unit="upstreams")
    answered: set[str] = set()
    failures: dict[str, NetworkError | PolicyError] = {}

    def heard(question: str, answer: Callable[[], Sequence[T]]) -> Sequence[T]:
        try:
            found = answer()
        except (NetworkError, PolicyError) as error:
            failures[question] = error
            return ()
        answered.add(question)
        return found

    def one(upstream: Upstream) -> _Answer:
        name = upstream.name
        releases = heard(name, lambda: _releases(catalog, upstream, http))
        dates = f"{name} (support dates)"
        support = heard(dates, lambda: _support(catalog, name, http)) if name in PRODUCTS else ()
        images = unknown_images(catalog, name, releases) if ask_registry else ()
        progress.advance(1, name)
        return releases, support, images

    side_by_side = partial(map_in_threads, count=len(upstreams), on_interrupt=http.close)
    answers = side_by_side(one, upstreams)
    names = dict.fromkeys(name for _, _, images in answers for name in images)
    images = (
        [] if ask_registry is None else ask_digests(side_by_side, names, ask_registry, progress)
    )
    return Heard(
        releases=tuple(release for releases, _, _ in answers for release in releases),
        support=tuple(news for _, support, _ in answers for news in support),
        images=tuple(images),
        answered=frozenset(answered),
        failures=failures,
    )


def unanswered(heard: Heard) -> NetworkError | PolicyError:
    """Word which upstreams were not heard, and why."""
    failures = sorted(heard.failures.items())
    kinds = {type(error) for _, error in failures}
    kind = kinds.pop() if len(kinds) == 1 else NetworkError
    return kind(
        "some upstreams did not answer; what the others said was kept"
        if heard.answered
        else "no upstream answered: nothing could be checked, and nothing was learnt",
        details=[
            f"{name}: {line}" for name, error in failures for line in (error.reason, *error.details)
        ],
        hint=next((error.hint for _, error in failures if error.hint), TRY_AGAIN),
    )


def learn(catalog: Catalog, findings: Findings, directory: Path) -> None:
    """Write what was learnt below `directory`. Raises HashMismatchError before anything else."""
    for name, data in updated_files(catalog, findings).items():
        write_atomically(directory / name, data)


def _releases(catalog: Catalog, upstream: Upstream, http: Http) -> list[Release]:
    known = catalog.releases(upstream.name)
    oldest = min((release.version for release in known), default=None)
    offers = sorted(upstream.offers(http), key=lambda offer: offer.version, reverse=True)
    kept = [offer for offer in offers if _is_kept(offer.version, oldest)]
    newest = kept[0].version if kept else None
    found = [
        _release(catalog, upstream, offer, http, again=offer.version == newest) for offer in kept
    ]
    return [release for release in found if release is not None]


def _is_kept(version: UpstreamVersion, oldest: UpstreamVersion | None) -> bool:
    return not version.key.is_prerelease and (oldest is None or version >= oldest)


def _release(
    catalog: Catalog, upstream: Upstream, offer: Offer, http: Http, *, again: bool
) -> Release | None:
    """Return what is to be said about a version; None when that is nothing.

    Asked about in full: what the catalog does not know or only in part, and (`again`) the newest,
    which a forger would like best.
    """
    name, text = upstream.name, offer.version.text
    known = catalog.release(name, text)
    blank = catalog.blank(name, text, known.facts if known else {})
    if known and not again and not _missing(known, upstream.published | upstream.first_use):
        release: Release | None = filled(blank, offer.digests, offer.trust)
    else:
        release = upstream.release(offer, blank, http)
    if release is None:
        return None
    if release.images == blank.images:  # those of the templates: facts may be in them
        release = replace(release, images=catalog.blank(name, text, release.facts).images)
    unknown = _missing(known or release, upstream.first_use)
    release = _hashed(release, {file.role for file in unknown}, http)
    is_news = known is None or any(file.digest for file in release.files)
    return release if is_news else None


def _missing(release: Release, roles: Iterable[str]) -> list[ReleaseFile]:
    return [file for file in release.files if file.role in roles and file.digest is None]


def _hashed(release: Release, roles: set[str], http: Http) -> Release:
    files = tuple(
        _hash_once(file, http) if file.role in roles and file.digest is None else file
        for file in release.files
    )
    return replace(release, files=files)


def _hash_once(file: ReleaseFile, http: Http) -> ReleaseFile:
    sink = _HashingSink()
    http.download([file.url], sink, limit=LARGEST_SOURCE, pinned=False)
    trust = Trust(level="first-use", by=file.url)
    return replace(file, digest=sink.digest, trust=trust, size=sink.resume_offset)


def _support(catalog: Catalog, name: str, http: Http) -> list[SupportNews]:
    known = {release.version.series for release in catalog.releases(name)}
    newest = max((release.version for release in catalog.releases(name)), default=None)
    return [
        news
        for news in read_support(http, name)
        if news.series in known or newest is None or UpstreamVersion.parse(news.series) > newest
    ]


class _HashingSink:
    """Hashes and keeps nothing: for files whose hash nobody publishes."""

    def __init__(self) -> None:
        self.restart()

    @property
    def resume_offset(self) -> int:
        return self._size

    @property
    def digest(self) -> Digest:
        return Digest("sha256", self._hash.hexdigest())

    def expect(self, size: int | None) -> None:
        """Nothing is kept: any size is fine."""

    def write(self, chunk: bytes | memoryview) -> None:
        self._hash.update(chunk)
        self._size += len(chunk)

    def restart(self) -> None:
        self._hash = hashlib.sha256()
        self._size = 0

    def check(self) -> None:
        """Nothing is known that it could be held against."""
