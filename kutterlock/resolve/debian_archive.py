"""Reading Debian's archives of one moment: signed Release files and package lists.

Every URL is one of snapshot.debian.org; mirrors rewrite it. A machine's own mirror serves the
archive as it is now, so what arrives is judged by the date that was signed.
"""

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from kutterlock.adapters.archives.decompress import PIECE, decompressed
from kutterlock.adapters.disk.index_cache import IndexCache
from kutterlock.errors import (
    HashMismatchError,
    KutterError,
    ManifestError,
    MissingInputError,
    NetworkError,
    NoSolutionError,
    UntrustedError,
)
from kutterlock.model.debian.index import PackageIndex, Release
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.text import text_of
from kutterlock.model.progress import Progress

SNAPSHOT = "https://snapshot.debian.org/archive"
STAMP = "%Y%m%dT%H%M%SZ"

LARGEST_RELEASE = 8 << 20
LARGEST_LIST = 64 << 20
LARGEST_UNPACKED_LIST = 512 << 20


class Answer(Protocol):
    """What is asked of an answer."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def body(self) -> bytes:
        """The whole body."""


class Fetcher(Protocol):
    """What is asked of `kutterlock.adapters.http.client.Http`."""

    def get_bytes(
        self, url: str, *, limit: int, pinned: bool = False, missing_ok: bool = False
    ) -> Answer:
        """Fetch a small answer, mirrors first."""

    def request(self, method: str, url: str, *, limit: int) -> Answer:
        """Send one request, without mirrors."""


Verify = Callable[[bytes, str], bytes]
"""Returns the text inside a clearsigned message, the second argument naming it in errors.

Raises UntrustedError unless a pinned archive key signed it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One suite of one archive; an optional one may be missing."""

    archive: str
    name: str
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The time whose archives are read: now, or a snapshot that the manifest names."""

    time: datetime.datetime
    is_past: bool

    @classmethod
    def of(cls, snapshot: str, now: datetime.datetime) -> "Moment":
        """Read the manifest's `snapshot`; empty is `now`. Raises ManifestError."""
        if not snapshot:
            return cls(time=now, is_past=False)
        try:
            time = datetime.datetime.strptime(snapshot, STAMP).replace(tzinfo=datetime.UTC)
        except ValueError:
            time = now
        if time.strftime(STAMP) != snapshot:
            fault = f"build-environment.snapshot: {snapshot!r} is not of the form 20260131T000000Z"
            raise ManifestError("kutter.toml has one fault", details=[fault])
        return cls(time=time, is_past=True)

    @property
    def stamp(self) -> str:
        """The time as it stands in a snapshot's URL."""
        return self.time.strftime(STAMP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archives:
    """The archives at one moment. Without a fetcher, as they were when they were read last."""

    fetcher: Fetcher | None
    cache: IndexCache
    verify: Verify
    moment: Moment
    progress: Progress

    def release(self, suite: Suite) -> Release | None:
        """Fetch and check a suite's Release file; None for an optional suite that is not there.

        Raises NetworkError, UntrustedError; without a fetcher MissingInputError.
        """
        if self.fetcher is None:
            return self._kept_release(suite)
        url = self._url(suite, "InRelease")
        answer = self.fetcher.get_bytes(
            url, limit=LARGEST_RELEASE, pinned=True, missing_ok=suite.optional
        )
        if answer.status == 404:
            self.cache.keep_release(self._key(suite), b"", ())
            return None
        body = answer.body
        release = self._checked(body, suite)
        if self.moment.is_past and release.date > self.moment.time:
            body, release = self._from_snapshot_itself(self.fetcher, url, suite, release)
        self._judge_age(release, suite)
        lists = {digest for digest, _ in release.files.values()}
        self.cache.keep_release(self._key(suite), body, lists)
        return release

    def add_packages(self, index: PackageIndex, suite: Suite, release: Release) -> None:
        """Fetch a suite's package list into `index`. Raises HashMismatchError and others."""
        path = f"main/binary-{index.architecture}/Packages.xz"
        what = f"{path} of {suite.name}"
        if path not in release.files:
            raise NoSolutionError(
                f"Debian suite {suite.name!r} has no packages for {index.architecture}",
                hint="choose another `suite` or `architecture` in [build-environment]",
            )
        body = self._list(suite, path, *release.files[path])
        unpacked = release.files.get(path.removesuffix(".xz"))
        limit = unpacked[1] if unpacked else LARGEST_UNPACKED_LIST
        try:
            index.add_list(
                decompressed(_pieces(body), ".xz", limit=limit, what=what), suite.archive
            )
        except ValueError as error:
            raise KutterError(f"{what} cannot be read: {error}") from error

    def _kept_release(self, suite: Suite) -> Release | None:
        """Take what was fetched last; its signature is checked again, its age is the user's."""
        body = self.cache.release(self._key(suite), LARGEST_RELEASE)
        if body is None:
            raise _not_here(f"InRelease of {suite.name}")
        if not body:
            return None
        release = self._checked(body, suite)
        self.progress.note(f" {suite.name} as it was fetched last: {release.date:%Y-%m-%d %H:%M}")
        return release

    def _key(self, suite: Suite) -> str:
        time = self.moment.stamp if self.moment.is_past else "newest"
        return f"{suite.archive}/{suite.name}/{time}"

    def _url(self, suite: Suite, path: str) -> str:
        return f"{SNAPSHOT}/{suite.archive}/{self.moment.stamp}/dists/{suite.name}/{path}"

    def _checked(self, body: bytes, suite: Suite) -> Release:
        what = f"InRelease of {suite.name}"
        try:
            release = Release.parse(text_of(self.verify(body, what)))
        except ValueError as error:
            raise UntrustedError(f"{what} is signed, but cannot be read: {error}") from error
        if suite.name not in (release.codename, release.suite):
            raise UntrustedError(
                f"{what} is that of another suite: {release.codename!r}",
                hint="the mirror, or somebody before it, answers with the wrong suite",
            )
        return release

    def _from_snapshot_itself(
        self, fetcher: Fetcher, url: str, suite: Suite, newer: Release
    ) -> tuple[bytes, Release]:
        """Ask again without mirrors: they have gone on since."""
        try:
            body = fetcher.request("GET", url, limit=LARGEST_RELEASE).body
            release = self._checked(body, suite)
        except NetworkError as error:
            raise NetworkError(
                f"no mirror has {suite.name} as of {self.moment.stamp}",
                details=[f"they have it as of {newer.date.strftime(STAMP)}", error.reason],
                hint="leave `snapshot` out of kutter.toml to take what the mirrors have now",
            ) from error
        if release.date > self.moment.time:
            raise UntrustedError(
                f"{url} is dated {release.date.strftime(STAMP)}, after the snapshot"
            )
        return body, release

    def _judge_age(self, release: Release, suite: Suite) -> None:
        if release.valid_until is None or release.valid_until >= self.moment.time:
            return
        until = release.valid_until.strftime(STAMP)
        if self.moment.is_past:
            self.progress.note(f"{suite.name} was valid until {until}, before the snapshot")
            return
        raise UntrustedError(
            f"InRelease of {suite.name} was valid until {until}: it is an old one",
            hint="ask another mirror, or name the past that you mean with `snapshot`",
        )

    def _list(self, suite: Suite, path: str, digest: Digest, size: int) -> bytes:
        if size > LARGEST_LIST:
            raise KutterError(f"{path} of {suite.name} is larger than {LARGEST_LIST} bytes")
        kept = self.cache.list(self._key(suite), digest, LARGEST_LIST)
        if kept is not None:
            return kept
        if self.fetcher is None:
            raise _not_here(f"{path} of {suite.name}")
        body = self._fetched_list(self.fetcher, suite, path, digest)
        self.cache.keep_list(self._key(suite), digest, body)
        return body

    def _fetched_list(self, fetcher: Fetcher, suite: Suite, path: str, digest: Digest) -> bytes:
        by_hash = f"{path.rpartition('/')[0]}/by-hash/SHA256/{digest.hex}"
        got = Digest.of(b"")
        for name in (path, by_hash):
            url = self._url(suite, name)
            body = fetcher.get_bytes(url, limit=LARGEST_LIST, pinned=True).body
            got = Digest.of(body)
            if got == digest:
                return body
        raise HashMismatchError(
            f"{path} of {suite.name} is not what InRelease says",
            details=[f"expected {digest}", f"got      {got}"],
            hint="the mirror is being updated or damaged: try again, or name another",
        )


def _not_here(what: str) -> MissingInputError:
    return MissingInputError(
        "Debian's package lists are not here, and --offline forbids to fetch them",
        details=[what],
        hint="resolve once without --offline: afterwards they are in the cache",
    )


def _pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), PIECE):
        yield body[start : start + PIECE]
