"""What an upstream is asked, and the pieces that its module is made of.

An upstream answers two questions: which versions are there (`offers`), and what is known of one of
them (`release`): its files' published hashes, how each is to be trusted, and the facts that rules
read. Names and URLs come from the catalog's templates, handed in as a `Release` without hashes.
"""

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Protocol, TypeVar

from kutterlock.adapters.http.client import NOT_THE_FILE, Http
from kutterlock.adapters.signing.gpg import Gpg, Keyring
from kutterlock.catalog.types import Release, ReleaseFile
from kutterlock.errors import HashMismatchError, NetworkError
from kutterlock.model.checksums import LARGEST, Checksums, parse_checksums
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.text import text_of
from kutterlock.model.lock import Trust
from kutterlock.model.net.urls import redacted
from kutterlock.model.signing.armor import unwrapped
from kutterlock.model.version import UpstreamVersion

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A version that upstream has. `digests` are hashes that came with the list, by file name."""

    version: UpstreamVersion
    released: datetime.date | None = None
    digests: Mapping[str, Digest] = field(default_factory=lambda: MappingProxyType({}))
    trust: Trust = field(default_factory=lambda: Trust(level="checksum"))


class Upstream(Protocol):
    """One input's upstream."""

    @property
    def name(self) -> str:
        """The input's name."""

    @property
    def published(self) -> frozenset[str]:
        """Roles of files whose hash upstream publishes."""

    @property
    def first_use(self) -> frozenset[str]:
        """Roles of files for which nobody publishes a hash: they are fetched and hashed once."""

    def offers(self, http: Http) -> Sequence[Offer]:
        """Return every version that is offered. Raises NetworkError, UntrustedError."""

    def release(self, offer: Offer, blank: Release, http: Http) -> Release | None:
        """Fill in what upstream publishes about a version; None: it is not there after all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatures:
    """Checks OpenPGP signatures as far as the user named keyrings."""

    gpg: Gpg
    keyrings: Mapping[str, Keyring]

    def text(self, signer: str, data: bytes, what: str) -> tuple[str, Trust]:
        """Return the text of a clearsigned message, and how it is to be trusted.

        Without a keyring for `signer` the text counts as a checksum that was published.
        """
        keyring = self.keyrings.get(signer)
        if keyring is None:
            stated = f"{what}, signature not checked: no keyring named for {signer}"
            return _read(what, lambda: unwrapped(text_of(data))), Trust(level="checksum", by=stated)
        signed = self.gpg.clearsigned(data, keyring, what)
        by = f"{what} signed by {signed.fingerprint}"
        return _read(what, lambda: text_of(signed.data)), Trust(level="pgp", by=by)


@dataclass(frozen=True, slots=True)
class FactPlace:
    """A fact that stands in a file of the tagged tree; the last (largest) match counts."""

    fact: str
    path: str
    pattern: re.Pattern[str]

    def find(self, text: str) -> str | None:
        """Return the fact; of several matches the newest version."""
        found = [".".join(match.groups()) for match in self.pattern.finditer(text)]
        return max(found, key=_version_key, default=None)


def fetch_checksums(http: Http, url: str) -> Checksums | None:
    """Fetch an unsigned checksum file, None where there is none. Raises NetworkError."""
    response = http.get_bytes(url, limit=LARGEST, missing_ok=True)
    if response.status != 200:
        return None
    return read_checksums(redacted(url), response.body)


def read_checksums(what: str, data: bytes | str) -> Checksums:
    """Parse a checksum file. Raises NetworkError naming it."""
    return _read(what, lambda: parse_checksums(data if isinstance(data, str) else text_of(data)))


def digest_of(what: str, checksums: Checksums, name: str) -> Digest:
    """Return a file's sha256. Raises NetworkError naming the checksum file."""
    return _read(what, lambda: checksums.digest(name))


def url_name(file: ReleaseFile) -> str:
    """Return the last segment of a file's URL: what upstream calls it."""
    return file.url.rpartition("/")[2]


def filled(
    release: Release,
    digests: Mapping[str, Digest],
    trust: Trust,
    called: Callable[[ReleaseFile], str] = url_name,
) -> Release:
    """Put digests into the files that upstream calls so.

    Raises HashMismatchError when a file has another digest already: two origins contradict.
    """
    files = tuple(
        _filled(release, file, digests.get(called(file)), trust) for file in release.files
    )
    return replace(release, files=files)


def _filled(
    release: Release, file: ReleaseFile, digest: Digest | None, trust: Trust
) -> ReleaseFile:
    if digest is None:
        return file
    if file.digest is not None and file.digest != digest:
        raise HashMismatchError(
            f"upstream claims two hashes for {file.name} of {release}",
            details=[f"{file.digest} ({file.trust.by})", f"{digest} ({trust.by})"],
            hint="trust neither before you know why: the file may have been replaced",
        )
    return replace(file, digest=digest, trust=trust)


def _read(what: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError as error:
        raise NetworkError(f"{what} {error}", hint=NOT_THE_FILE) from error


def _version_key(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))
