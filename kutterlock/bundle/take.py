"""Taking a bundle in: judged first, streamed into staging, and visible when all of it is right."""

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.workers import in_threads
from kutterlock.bundle.check import describe, merged_head, open_volumes
from kutterlock.bundle.landing import Landing
from kutterlock.bundle.presence import check_base, right_ones
from kutterlock.bundle.staging import Staging, check_digests, pinned_otherwise, unfinished
from kutterlock.bundle.volume import Head, Volume
from kutterlock.errors import (
    BundleBaseError,
    HashMismatchError,
    KutterError,
    VolumeMissingError,
    WrongVolumeError,
)
from kutterlock.model.bundle.manifest import Bundle, BundleBlob, Piece
from kutterlock.model.digest import Digest
from kutterlock.model.progress import Progress


class Taken(NamedTuple):
    """What an import did: blobs that are new here, and their bytes; where the project is."""

    bundle: Bundle
    id: Digest
    fresh: int
    size: int
    directory: Path


class Judges(NamedTuple):
    """Who decides: about the head before anything is read, about the project before it counts.

    `project` is called with a function that opens the project's files by path. Both raise.
    """

    head: Callable[[Head], None]
    project: Callable[[Callable[[str], bytes | None], Bundle], None]


def take(
    paths: Sequence[Path],
    store: Store,
    landing: Landing,
    judges: Judges,
    progress: Progress,
) -> Taken:
    """Import a bundle from its volumes.

    Raises, by what is wrong: UntrustedError, WrongVolumeError, BundleBaseError, NoSpaceError,
    HashMismatchError, VolumeMissingError. What was right of it stays, to be gone on with.
    """
    if landing.said:
        landing.require_place()
    with contextlib.ExitStack() as stack:
        volumes = open_volumes(paths, stack)
        head = merged_head(volumes)
        judges.head(head)
        check_stray(head, store)
        with store.in_use():
            return _Import(head, store, landing, judges, progress).run(volumes)


def check_stray(head: Head, store: Store) -> None:
    """Refuse a later volume of a bundle while another one waits for its volumes."""
    waiting = unfinished(store)
    if head.label.number > 1 and waiting and head.id not in waiting:
        raise WrongVolumeError(
            f"this is {describe(head)}",
            details=[f"an import waits for volumes of {other}" for other in waiting],
            hint="go on with volumes of that one, drop it with `kutterlock bundle import --abort`, "
            "or begin with volume 1 of this one",
        )


class _StoppedError(Exception):
    """The import ends before this piece does."""


class _Job:
    """One member to be taken: where its bytes come from, and what was wrong with them."""

    def __init__(self, piece: Piece, content: Callable[[], Iterator[memoryview]]) -> None:
        self.piece = piece
        self.content = content
        self.error: HashMismatchError | None = None


class _Import:
    """One import: the volumes that are at hand, into one staging area."""

    def __init__(
        self, head: Head, store: Store, landing: Landing, judges: Judges, progress: Progress
    ) -> None:
        self._head = head
        self._bundle = head.bundle
        self._pieces = head.bundle.pieces()
        self._store = store
        self._landing = landing
        self._judges = judges
        self._progress = progress
        blobs = [*self._bundle.blobs, *self._bundle.tools]
        self._blobs: Mapping[str, BundleBlob] = {blob.sha256: blob for blob in blobs}
        self._digests: dict[str, set[Digest]] = {}
        for blob in self._bundle.held:
            self._digests.setdefault(blob.sha256, set()).add(blob.digest)
        self._present: frozenset[Digest] = frozenset()
        self._faults: list[str] = []
        self._faulty: set[Path] = set()
        self._judged = False
        self._stop = threading.Event()

    def run(self, volumes: Mapping[int, Volume]) -> Taken:
        with Staging(self._store, self._head.id, self._progress) as staging:
            self._settle(staging)
            self._look(staging)
            staging.begin(self._head.manifest, self._landing.directory.absolute())
            if not staging.is_verified:
                self._stage(staging, volumes)
                staging.seal()
            elif not self._judged:
                self._judge(staging)
            taken = self._publish(staging)
            staging.drop()
        return taken

    def _settle(self, staging: Staging) -> None:
        """Decide where the project goes: where it was said, else where this import began."""
        if self._landing.said:
            return
        if staging.target and staging.target != self._landing.directory:
            self._progress.note(f" into        {staging.target}, as when this import began")
            self._landing = self._landing._replace(directory=staging.target)
        try:
            self._landing.require_place()
        except KutterError:
            staging.drop_if_new()
            raise

    def _look(self, staging: Staging) -> None:
        """Hash what is here already; a wrong blob does not count, and is replaced if carried."""
        self._present = right_ones(self._bundle.held, self._store, self._progress)
        try:
            check_base(self._bundle, self._store, self._present)
        except BundleBaseError:
            staging.drop_if_new()
            raise
        if not all(self._is_here(staging, sha256) for sha256 in self._digests):
            staging.unseal()

    def _stage(self, staging: Staging, volumes: Mapping[int, Volume]) -> None:
        staging.require_space(self._to_come(staging))
        total = sum(piece.size for number in volumes for piece in self._pieces[number - 1])
        self._progress.start("importing", total=total, unit="bytes")
        for volume in volumes.values():
            try:
                self._read(volume, staging)
            except HashMismatchError as error:
                self._note(volume, error)
        self._progress.done("")
        self._join(staging)
        self._check_complete(staging, volumes)
        if not self._judged:
            self._judge(staging)

    def _read(self, volume: Volume, staging: Staging) -> None:
        """Read a volume: what can be found again is taken by all cores, the rest as it comes.

        The project is judged as soon as it is here, while the blobs behind it arrive.
        """
        jobs: dict[str, _Job] = {}
        damage: HashMismatchError | None = None
        try:
            self._walk(volume, staging, jobs)
        except HashMismatchError as error:  # nothing after this can be found
            damage = error
        in_threads(
            lambda job: self._try(job, staging), jobs.values(), stop=self._stop,
            meanwhile=lambda: self._judge_early(staging),
        )  # fmt: skip
        for job in jobs.values():
            if job.error and not (damage and job.error.reason == damage.reason):
                self._note(volume, job.error)
        if damage:
            raise damage

    def _walk(self, volume: Volume, staging: Staging, jobs: dict[str, "_Job"]) -> None:
        for piece in volume.pieces:
            is_file = piece.name.startswith("project/")
            volume.begin(piece)
            key = f"{piece.whole}.{piece.number}"
            if staging.has(piece) or key in jobs:
                volume.skip(piece)
                self._progress.advance(piece.size, piece.name)
                continue
            place = None if is_file else volume.pass_over(piece)
            if place is not None:
                jobs[key] = _Job(piece, partial(volume.content_at, piece, place))
                continue
            if not is_file:
                self._judge_early(staging)
            job = _Job(piece, partial(volume.content, piece))
            self._try(job, staging)
            if job.error:
                if job.error.hint:  # the volume itself is damaged
                    raise job.error
                self._note(volume, job.error)
        volume.end()

    def _try(self, job: "_Job", staging: Staging) -> None:
        try:
            self._take(job, staging)
        except HashMismatchError as error:
            job.error = error
        except _StoppedError:
            pass  # whoever stopped it says why

    def _take(self, job: "_Job", staging: Staging) -> None:
        piece = job.piece
        if self._is_stored(piece.whole):
            self._compare(job)
            return
        staging.take(piece, self._pinned(piece), self._content(job))

    def _join(self, staging: Staging) -> None:
        for sha256 in self._bundle.splits:
            try:
                staging.join(self._bundle, self._blobs[sha256])
            except HashMismatchError as error:
                self._faults.append(error.reason)

    def _compare(self, job: "_Job") -> None:
        state = hashlib.sha256()
        for chunk in self._content(job):
            state.update(chunk)
        check_digests(job.piece, None, state.hexdigest(), None)

    def _content(self, job: "_Job") -> Iterator[memoryview]:
        for chunk in job.content():
            if self._stop.is_set():
                raise _StoppedError
            yield chunk
            self._progress.advance(len(chunk), job.piece.name)

    def _is_stored(self, sha256: str) -> bool:
        return self._digests[sha256] <= self._present

    def _is_here(self, staging: Staging, sha256: str) -> bool:
        return staging.has_whole(sha256) or self._is_stored(sha256)

    def _pinned(self, piece: Piece) -> Digest | None:
        blob = self._blobs.get(piece.whole)
        return pinned_otherwise(blob) if blob else None

    def _note(self, volume: Volume, error: HashMismatchError) -> None:
        reason = error.reason if error.hint else f"{volume.path}: {error.reason}"
        self._faults += [reason, *error.details]
        self._faulty.add(volume.path)

    def _to_come(self, staging: Staging) -> int:
        pieces = {
            piece.name: piece.size
            for pieces in self._pieces
            for piece in pieces
            if not staging.has(piece) and not self._is_stored(piece.whole)
        }
        largest = max((blob.size for blob in self._blobs.values() if blob.sha256
                       in self._bundle.splits), default=0)  # fmt: skip
        return sum(pieces.values()) + largest

    def _check_complete(self, staging: Staging, volumes: Iterable[int]) -> None:
        missing = [
            (number, piece)
            for number, pieces in enumerate(self._pieces, 1)
            for piece in pieces
            if not staging.has(piece) and not self._is_stored(piece.whole)
        ]
        lost = sorted({number for number, _ in missing} - set(volumes))
        if self._faults:
            raise self._damaged(missing)
        if lost:
            raise self._incomplete(lost, missing)
        self._assert_whole(staging)

    def _assert_whole(self, staging: Staging) -> None:
        for blob in self._bundle.held:
            is_here = self._is_here(staging, blob.sha256)
            assert is_here, f"{blob.name} did not arrive, and nobody noted it"

    def _damaged(self, missing: Sequence[tuple[int, Piece]]) -> HashMismatchError:
        names = ", ".join(str(path) for path in sorted(self._faulty))
        return HashMismatchError(
            f"wrong bytes in {names}",
            details=[*self._faults, *self._missing_lines(missing)],
            hint="bring these volumes once more and run the same command: what was right is kept",
        )

    def _incomplete(
        self, lost: Sequence[int], missing: Sequence[tuple[int, Piece]]
    ) -> VolumeMissingError:
        count = len(self._bundle.volumes)
        return VolumeMissingError(
            f"not here: volume {', '.join(map(str, lost))} of {count} of {self._head.id}",
            details=list(self._missing_lines(missing)),
            hint="run `kutterlock bundle import` with these volumes: what arrived is kept, "
            "and --abort drops it",
        )

    def _missing_lines(self, missing: Sequence[tuple[int, Piece]]) -> Iterable[str]:
        for number, piece in missing:
            blob = self._blobs.get(piece.whole)
            name = f"{blob.name} ({piece.name})" if blob else piece.name
            yield f"missing: volume {number}: {name}"

    def _judge_early(self, staging: Staging) -> None:
        files = self._bundle.files
        if not self._judged and all(self._is_here(staging, file.sha256) for file in files):
            self._judge(staging)

    def _judge(self, staging: Staging) -> None:
        sums = {str(file.path): file.sha256 for file in self._bundle.files}
        place = self._finder(staging)

        def open_file(path: str) -> bytes | None:
            return place(sums[path]).read_bytes() if path in sums else None

        self._judges.project(open_file, self._bundle)
        self._landing.check(self._bundle, place)
        self._judged = True

    def _finder(self, staging: Staging) -> Callable[[str], Path]:
        def place(sha256: str) -> Path:
            """Return where a file lies: staged, or in the store under its sha256."""
            is_staged = staging.has_whole(sha256)
            return (
                staging.whole(sha256) if is_staged else self._store.locate(Digest("sha256", sha256))
            )

        return place

    def _publish(self, staging: Staging) -> Taken:
        fresh = [b for b in self._blobs.values() if b.carried and b.digest not in self._present]
        for sha256, digests in self._digests.items():
            staging.publish(sha256, sorted(digests - self._present))
        self._landing.land(self._bundle, self._head.manifest, self._finder(staging))
        return Taken(
            bundle=self._bundle,
            id=self._head.id,
            fresh=len(fresh),
            size=sum(blob.size for blob in fresh),
            directory=self._landing.directory,
        )
