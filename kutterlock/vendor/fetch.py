"""Getting files into the store: several at once, from wherever the right bytes are to be had.

For each file in this order: the partial of an earlier run, mirror stores, mirror folders, then its
URLs (for each the user's own mirrors first: `adapters.http.client`). What is in the store is
trusted as it lies; `kutterlock.vendor.verify` re-hashes it. When nothing is missing, no connection
is made and no HTTP library imported.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kutterlock.adapters.disk.files import MORE_SPACE, free_bytes
from kutterlock.adapters.disk.incoming import IncomingBlob
from kutterlock.adapters.disk.store import Store, take_file
from kutterlock.adapters.workers import in_threads
from kutterlock.errors import (
    HashMismatchError,
    KutterError,
    NetworkError,
    NoSpaceError,
    PolicyError,
)
from kutterlock.model.digest import Digest
from kutterlock.model.progress import Progress
from kutterlock.vendor.folder import candidates
from kutterlock.vendor.report import Attempts, Failure, FetchReport
from kutterlock.vendor.wants import Want, by_name, distinct, sized


class Downloader(Protocol):
    """What fetching needs of `kutterlock.adapters.http.client.Http`."""

    def download(
        self,
        urls: Sequence[str],
        sink: IncomingBlob,
        *,
        limit: int | None = None,
        on_bytes: Callable[[int], None] | None = None,
    ) -> object:
        """Fill `sink` with the right bytes from one of `urls` or their mirrors."""

    def close(self) -> None:
        """End what is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOptions:
    """How to fetch: `jobs` at once; `folders` are plain mirrors; `offline` asks no URL.

    `sizes` tells known sizes in bytes by digest text; it is called when something is missing.
    `on_sizes` is told at the end which sizes were learnt.
    """

    jobs: int = 4
    keep_going: bool = False
    offline: bool = False
    folders: tuple[Path, ...] = ()
    sizes: Callable[[], Mapping[str, int]] = dict
    on_sizes: Callable[[Mapping[Digest, int]], object] = dict


def fetch(
    wants: Iterable[Want],
    store: Store,
    http_factory: Callable[[], Downloader],
    progress: Progress,
    options: FetchOptions | None = None,
) -> FetchReport:
    """Bring every wanted file into the store; what could not be had is in the report.

    Without `keep_going` no further file is begun after the first failure. Raises NoSpaceError
    when the files of known size will not fit, or the disk is full; KutterError when the store
    cannot be written. `http_factory` is called once, when the first URL is to be asked.
    """
    files = distinct(wants)
    absent = [want for want in files if not store.has(want.digest)]
    if not absent:
        return FetchReport(present=len(files))
    options = options or FetchOptions()
    absent = sized(absent, options.sizes())
    check_space(store, absent)
    run = _Run(store, http_factory, progress, options, absent)
    run.run()
    return run.report(present=len(files) - len(absent))


def check_space(store: Store, absent: Iterable[Want]) -> None:
    """Raise NoSpaceError when the files of known size do not fit on the store's disk."""
    lying = {digest: path.stat().st_size for path, digest in store.partials().items()}
    needed = sum(max(0, (want.size or 0) - lying.get(want.digest, 0)) for want in absent)
    place = next(path for path in (store.root, *store.root.parents) if path.exists())
    free = free_bytes(place)
    if needed > free:
        raise NoSpaceError(
            f"the files to be fetched need {needed} bytes, and {store.root} has {free} free",
            hint=MORE_SPACE,
        )


class _StoppedError(Exception):
    """The run ends: let go of what is under way."""


class _Run:
    """One call of `fetch`. Its threads share what is below the lock."""

    def __init__(
        self,
        store: Store,
        http_factory: Callable[[], Downloader],
        progress: Progress,
        options: FetchOptions,
        absent: Sequence[Want],
    ) -> None:
        self._store = store
        self._http_factory = http_factory
        self._progress = progress
        self._options = options
        self._absent = absent
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._http: Downloader | None = None
        self._fetched: dict[Want, int] = {}
        self._failures: dict[Want, Failure] = {}
        self._sizes = {want.digest: want.size for want in absent}

    def run(self) -> None:
        self._progress.start("fetching", unit="bytes")
        self._expect()
        largest_first = sorted(self._absent, key=lambda want: -(want.size or 0))
        try:
            in_threads(self._begin, largest_first, self._options.jobs, self._stop, self._close)
        finally:
            self._progress.done("")
            self._close()
            sizes = {want.digest: size for want, size in self._fetched.items() if size}
            self._options.on_sizes(sizes)

    def _expect(self) -> None:
        sizes = self._sizes.values()
        self._progress.expect(sum(size or 0 for size in sizes), at_least=None in sizes)

    def _close(self) -> None:
        if self._http is not None:
            self._http.close()

    def report(self, *, present: int) -> FetchReport:
        tried = {**self._fetched, **self._failures}
        untried = [want for want in self._absent if want not in tried]
        return FetchReport(
            present=present,
            fetched=tuple(sorted(self._fetched, key=by_name)),
            size=sum(self._fetched.values()),
            failures=tuple(self._failures[want] for want in sorted(self._failures, key=by_name)),
            untried=tuple(sorted(untried, key=by_name)),
        )

    def _begin(self, want: Want) -> None:
        if self._failures and not self._options.keep_going:
            return
        limit = want.limit if want.size is None else want.size
        attempts = Attempts()
        try:
            with self._store.receive(want.digest, limit, self._check_stop) as sink:
                self._fill(want, sink, attempts)
                self._note_end(want, sink, attempts)
        except _StoppedError:
            return

    def _fill(self, want: Want, sink: IncomingBlob, attempts: Attempts) -> None:
        if not sink.is_done:
            self._store.add_from_mirrors(sink, attempts.add)
        for folder in self._options.folders:
            if not sink.is_done:
                _fill_from_folder(folder, want, sink, attempts)
        if sink.is_done:
            self._learn(want, sink.size or want.size)
            self._advance(sink.size or want.size or 0, want)
        if want.urls and not self._options.offline and not sink.is_done:
            self._fill_from_urls(want, sink, attempts)

    def _fill_from_urls(self, want: Want, sink: IncomingBlob, attempts: Attempts) -> None:
        self._advance(sink.resume_offset, want)

        def on_bytes(count: int) -> None:
            self._learn(want, sink.expected)
            self._advance(count, want)

        try:
            self._door().download(want.urls, sink, limit=sink.limit, on_bytes=on_bytes)
            sink.commit()
        except (HashMismatchError, NetworkError, PolicyError) as error:
            # Anything else is about the store, and holds for every other file too.
            attempts.add_places(error)

    def _learn(self, want: Want, size: int | None) -> None:
        """Note a size that nobody knew before, and how much there is to do in all."""
        if size is not None and self._sizes[want.digest] is None:
            with self._lock:
                self._sizes[want.digest] = size
                self._expect()

    def _advance(self, count: int, want: Want) -> None:
        self._check_stop()
        self._progress.advance(count, self._note(want))

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise _StoppedError

    def _note(self, want: Want) -> str:
        ended = len(self._fetched) + len(self._failures)
        return f"{ended}/{len(self._absent)} files, {want.name.rpartition('/')[2]}"

    def _note_end(self, want: Want, sink: IncomingBlob, attempts: Attempts) -> None:
        if sink.is_done:
            self._fetched[want] = sink.size
            self._progress.advance(0, self._note(want))
            return
        failure = attempts.failure(want, self._otherwise())
        self._failures[want] = failure
        if self._options.keep_going:
            self._progress.note(f" {want.name}: {failure.causes[-1]}")

    def _otherwise(self) -> str:
        if not self._options.offline:
            return "no URL is known"
        return " and ".join(["not in the store", *(f"not in {f}" for f in self._options.folders)])

    def _door(self) -> Downloader:
        with self._lock:
            if self._http is None:
                self._http = self._http_factory()
            return self._http


def _fill_from_folder(folder: Path, want: Want, sink: IncomingBlob, attempts: Attempts) -> None:
    for path in candidates(folder, want):
        try:
            take_file(sink, path)
        except NoSpaceError:
            raise
        except HashMismatchError as error:
            attempts.add_file(path, want, error)
        except KutterError as error:
            attempts.add(error)
        else:
            return
