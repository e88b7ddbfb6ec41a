"""The whole closure: sources and packages, which the lock lists, and images, which unfold.

An index has to be here before anybody knows which manifests to fetch, and these before the blobs;
so images come in rounds of small documents, and everything large in one last round.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from kutterlock.adapters.disk.incoming import IncomingBlob
from kutterlock.adapters.disk.store import Store
from kutterlock.model.lock import Lock
from kutterlock.model.progress import Progress
from kutterlock.vendor.fetch import Downloader, FetchOptions, fetch
from kutterlock.vendor.images import ImageTree, Read, WantedImage, read_tree, wanted_images
from kutterlock.vendor.report import FetchReport
from kutterlock.vendor.wants import Want, by_name, distinct, wants_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureRequest:
    """What to have: everything of `boards` (None: all), of images all platforms if so asked."""

    lock: Lock
    boards: Sequence[str] | None = None
    all_platforms: bool = False


def fetch_closure(
    request: ClosureRequest,
    store: Store,
    http_factory: Callable[[], Downloader],
    progress: Progress,
    options: FetchOptions | None = None,
) -> FetchReport:
    """Bring the closure into the store; what could not be had is in the report.

    Raises as `fetch` does, and as `read_tree` does for an image that is not as it should be.
    """
    options = options or FetchOptions()
    images = wanted_images(request.lock, request.boards, all_platforms=request.all_platforms)
    rounds = _Rounds(store, images)
    door = _Door(http_factory)
    try:
        while wants := rounds.documents():
            rounds.note(fetch(wants, store, door, progress, options))
            if rounds.failures and not options.keep_going:
                return rounds.joined(FetchReport(present=0))
        last = distinct([*wants_of(request.lock, request.boards), *rounds.blobs()])
        report = fetch(last, store, door, progress, options)
    finally:
        door.close_at_last()
    if report.fetched and not report.failures and not rounds.failures:
        rounds.trees()  # once more, with every size compared
    return replace(rounds.joined(report), wanted=last)


class _Door:
    """One downloader for all rounds: its connections and tokens outlive each of them."""

    def __init__(self, factory: Callable[[], Downloader]) -> None:
        self._factory = factory
        self._inner: Downloader | None = None

    def __call__(self) -> Downloader:
        self._inner = self._inner or self._factory()
        return self

    def download(
        self,
        urls: Sequence[str],
        sink: IncomingBlob,
        *,
        limit: int | None = None,
        on_bytes: Callable[[int], None] | None = None,
    ) -> object:
        assert self._inner is not None
        return self._inner.download(urls, sink, limit=limit, on_bytes=on_bytes)

    def close(self) -> None:
        """Stay open: `fetch` closes what it was given, and there is another round."""

    def close_at_last(self) -> None:
        if self._inner is not None:
            self._inner.close()


class _Rounds:
    """What earlier rounds came to."""

    def __init__(self, store: Store, images: Iterable[WantedImage]) -> None:
        self._store = store
        self._images = images
        self._reports: list[FetchReport] = []
        self._last: list[ImageTree] = []
        self._known: Read = {}

    @property
    def failures(self) -> bool:
        return any(report.failures for report in self._reports)

    def note(self, report: FetchReport) -> None:
        self._reports.append(report)

    def trees(self) -> list[ImageTree]:
        return [read_tree(self._store, wanted, known=self._known) for wanted in self._images]

    def documents(self) -> tuple[Want, ...]:
        """Return the documents to fetch before more can be known; none that failed already."""
        failed = {item.want.digest for report in self._reports for item in report.failures}
        self._last = self.trees()
        wants = (tree.want(part) for tree in self._last for part in tree.unread)
        return distinct(want for want in wants if want.digest not in failed)

    def blobs(self) -> tuple[Want, ...]:
        """Return everything of the images that is known and was not asked for in vain."""
        failed = {item.want.digest for report in self._reports for item in report.failures}
        wants = (tree.want(part) for tree in self._last for part in tree.parts)
        return distinct(want for want in wants if want.digest not in failed)

    def joined(self, last: FetchReport) -> FetchReport:
        fetched = [want for report in self._reports for want in report.fetched]
        failures = [failure for report in self._reports for failure in report.failures]
        return replace(
            last,
            present=last.present - len(fetched) if last.present else 0,
            fetched=tuple(sorted([*fetched, *last.fetched], key=by_name)),
            size=last.size + sum(report.size for report in self._reports),
            failures=(*failures, *last.failures),
        )
